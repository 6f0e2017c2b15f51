"""The pages over real HTTP, for a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from serving.access.settings import AccessSettings
from serving.web.app import Site, create_app
from tests.serving.access.conftest import with_secrets
from tests.serving.access.pages import ADA
from tests.serving.access.provider import CLIENT, Provider, port
from tests.serving.access.provider import served as app_served


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of the pages while they are served on this machine."""
    with port() as (opened, address), app_served(create_app(site), opened):
        yield address


@contextmanager
def served_to_ada(site: Site, owner: str) -> Iterator[str]:
    """The same, behind a provider that says of everybody to be Ada, who has the book of that owner."""
    with port() as (of_provider, issuer), port() as (of_pages, url), with_secrets():
        access = AccessSettings.model_validate(
            {
                "sign_in": "oidc",
                "public_url": url,
                "people": {ADA: {"owners": [owner], "name": "Ada"}},
                "oidc": {"issuer": issuer, "client_id": CLIENT},
            }
        )
        app = create_app(replace(site, access=access))
        with app_served(Provider(issuer).app(), of_provider), app_served(app, of_pages):
            yield url
