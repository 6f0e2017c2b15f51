"""The secrets that every server of these tests starts with, and the servers of a sign-in with a provider."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serving.access.settings import OIDC_SECRET, SESSION_SECRET
from tests.serving.access.browsers import Place
from tests.serving.access.pages import PEOPLE, SECRET, protected
from tests.serving.access.provider import CLIENT, Provider, port, served


@contextmanager
def with_secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(SESSION_SECRET, SECRET)
        environment.setenv(OIDC_SECRET, "of the client")
        yield


@pytest.fixture(autouse=True)
def _secrets() -> Iterator[None]:
    with with_secrets():
        yield


@pytest.fixture(scope="module")
def servers() -> Iterator[Place]:
    with port() as (of_provider, issuer), port() as (of_pages, url), with_secrets():
        provider = Provider(issuer)
        app = protected(sign_in="oidc", public_url=url, people=PEOPLE, oidc={"issuer": issuer, "client_id": CLIENT})
        with served(provider.app(), of_provider), served(app, of_pages):
            yield Place(url, provider)


@pytest.fixture
def place(servers: Place) -> Place:
    """The servers, with a provider as it should be."""
    servers.provider.begin_anew()
    return servers
