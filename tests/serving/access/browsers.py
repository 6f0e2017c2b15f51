"""A server of pages with a provider beside it, and the browsers that are opened there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from tests.serving.access.provider import Provider

SHARED = httpx2.create_ssl_context()
"""Nothing here is encrypted; a browser of its own would make one each."""


@dataclass(frozen=True)
class Place:
    """A server of pages with its provider, and the browsers that are opened there."""

    url: str
    provider: Provider

    @property
    def cookie(self) -> str:
        """The name of the cookie, which is of this port alone."""
        return f"headroom-{urlsplit(self.url).port}"

    @contextmanager
    def browser(self, follows: bool = True) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=self.url, follow_redirects=follows, timeout=20, verify=SHARED) as opened:
            yield opened

    def way_back(self, browser: httpx2.Client, to: str = "/", **headers: str) -> str:
        """Begin a sign-in for a page and let the provider answer: the address that it leads the browser back to."""
        begun = browser.get("/sign-in", params={"next": to}, headers=headers, follow_redirects=False)
        assert begun.status_code == 302, begun.text
        return str(httpx2.get(begun.headers["location"], verify=SHARED).headers["location"])


def is_signed_in(browser: httpx2.Client) -> bool:
    return browser.get("/", follow_redirects=False).status_code == 200
