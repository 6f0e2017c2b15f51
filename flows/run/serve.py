"""``headroom serve``: the published lists as web pages on this machine."""

import socket
from contextlib import suppress
from ipaddress import ip_address

import uvicorn

from data.errors import SettingsError
from flows.run.progress import say
from flows.run.settings import Settings
from serving.published.read import open_list
from serving.web.app import Site, create_app

LOOPBACK = "localhost"


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until it is interrupted. ``port`` 0: any that is free.

    Raises SettingsError for a host that other machines reach and for a port that is taken, PublishError where there is
    no list.
    """
    require_loopback(host)
    listing = open_list(settings.out_folder, verb="Serve")
    app = create_app(Site(settings.out_folder, settings.reports_folder, settings.serve))
    with listening(host, port) as listener:
        at = listener.getsockname()[1]
        say(f"http://{host}:{at}/ has the list of {listing.snapshot_date}, and what is published later; Ctrl+C ends it")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False)).run([listener])


def require_loopback(host: str) -> None:
    """Raise SettingsError unless this machine alone reaches that host: nobody signs in."""
    if not is_loopback(host):
        raise SettingsError(
            f"Serve the pages on {host}.",
            "other machines reach it, and no sign-in is configured: everyone there would see every customer.",
            "Leave out --host, so that this machine alone is served.",
        )


def is_loopback(host: str) -> bool:
    """Is it a name or an address of this machine alone?"""
    try:
        return host == LOOPBACK or ip_address(host).is_loopback
    except ValueError:  # any other name
        return False


def listening(host: str, port: int) -> socket.socket:
    """The open port. Raises SettingsError where it cannot be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SettingsError(
            f"Serve the pages on port {port} of {host}.", f"{error.strerror}.", "Give another --port."
        ) from error
