"""A page that stands alone: what is said where there is no list to show, or nobody to show it to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from data.shown.text import for_page
from serving.settings import ServeSettings

USUAL_TITLE = ServeSettings().title


@dataclass(frozen=True)
class WayOn:
    """Where a plain page leads: a path of this server, in words.

    With a token it is a form that is sent there, and ``fields`` with it.
    """

    path: str
    words: str
    token: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def plain_page(
    status: int,
    heading: str,
    text: str = "",
    way_on: WayOn | None = None,
    *,
    told: Mapping[str, str] | None = None,
    title: str = USUAL_TITLE,
) -> HTMLResponse:
    """A page of a heading and a sentence, or of sentences ``told`` under a name each; what is given is escaped."""
    page = _templates().get_template("plain.html.j2")
    return HTMLResponse(page.render(heading=heading, text=text, way_on=way_on, told=told or {}, title=title), status)


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=for_page
    )
