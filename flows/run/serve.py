"""``headroom serve``: the published lists as web pages on this machine."""

import socket
from contextlib import suppress
from errno import EACCES, EADDRINUSE

import uvicorn

from data.errors import SettingsError
from flows.run.ending import as_before
from flows.run.progress import say
from flows.run.settings import Settings
from serving.access.names import listened_on
from serving.access.protect import SERVER_OPTIONS
from serving.access.start import require_ready
from serving.store.outcomes import open_store
from serving.store.views import ViewStore
from serving.web.app import Site, create_app
from serving.web.lists import PublishedLists


def serve(settings: Settings, host: str | None, port: int) -> None:
    """Serve until it is interrupted. ``host``: in place of the one of the settings; ``port`` 0: any that is free.

    Raises SettingsError for a host that other machines reach without a sign-in and for a port that is taken,
    PublishError where there is no list that can be shown, OutcomeError or SourceError where what is done cannot be
    recorded.
    """
    access = settings.serve.model_copy(update={"host": listened_on(host) if host else settings.serve.host})
    require_ready(access)
    lists = PublishedLists(settings.out_folder)
    listing = lists.latest().listing
    lists.looked_back_at()  # laid down before the first page asks
    with open_store(settings.outcomes_url, settings.root) as store, listening(access.host, port) as listener:
        opened = listener.getsockname()[1]
        site = Site(
            settings.out_folder,
            settings.reports_folder,
            settings.serve,
            store,
            access,
            port=opened,
            views=ViewStore(store),
        )
        app = create_app(site, lists)
        name = f"[{access.host}]" if ":" in access.host else access.host
        at = access.public_url or f"http://{name}:{opened}"
        say(f"{at}/ has the list of {listing.snapshot_date}, and what is published later; Ctrl+C ends it")
        with as_before(), suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(app, log_level="warning", **SERVER_OPTIONS)).run([listener])


def listening(host: str, port: int) -> socket.socket:
    """The open port. Raises SettingsError where it cannot be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        todo = "Give another --port." if error.errno in (EADDRINUSE, EACCES) else "Give another --host."
        raise SettingsError(f"Serve the pages on port {port} of {host}.", f"{error.strerror}.", todo) from error
