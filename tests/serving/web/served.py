"""The pages over real HTTP, for a browser."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.web.app import Site, create_app
from tests.serving.access.provider import port
from tests.serving.access.provider import served as app_served


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of the pages while they are served on this machine."""
    with port() as (opened, address), app_served(create_app(site), opened):
        yield address
