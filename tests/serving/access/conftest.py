"""The secrets that every server of these tests starts with."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serving.access.settings import OIDC_SECRET, SESSION_SECRET
from tests.serving.access.pages import SECRET


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
