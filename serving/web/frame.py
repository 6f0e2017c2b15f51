"""What every page says beside its own: which list it shows, how old that is, how fresh its sources are."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from data.contract.outputs import NO_OWNER
from data.shown.text import for_page
from serving.outcomes.vocabulary import ACTIONS, REASONS
from serving.published.layout import HELD_OUT
from serving.published.read import PublishedList
from serving.ranking.amounts import say_money
from serving.reasons.formats import money, say_name
from serving.render.entries import MOTION_WORDS, say_held_out, say_range
from serving.render.html import Feed, environment, feeds
from serving.render.likelihood import RANGE_MEANING, TREND_MEANING, Band, say_band
from serving.settings import ServeSettings
from serving.web.query import COLUMN_WORDS, SORT_WORDS, account_address

TEMPLATES = Path(__file__).with_name("templates")
BANDS_TOLD = "; ".join(map(say_band, Band)).capitalize()
"""The bands with their edges."""


@dataclass(frozen=True)
class Frame:
    """What stands around a page. ``who``: the viewer's name, empty where nobody signs in. ``refused``: why a later list
    is not shown; empty where there is none. ``held_out``: how the counts sum to the base, where an experiment holds
    accounts out.
    """

    title: str
    as_of: date
    today: date
    stale_days: int
    horizon_days: int
    currency: str
    feeds: list[Feed]
    warnings: tuple[str, ...]
    model_version: str
    run_id: str
    who: str
    refused: str
    held_out: str

    @property
    def age_days(self) -> int:
        return (self.today - self.as_of).days

    @property
    def is_stale(self) -> bool:
        """Is the list older than it should be?"""
        return self.age_days > self.stale_days

    @property
    def stopped(self) -> list[Feed]:
        return [feed for feed in self.feeds if feed.stale]


def frame_of(listing: PublishedList, settings: ServeSettings, today: date, who: str, refused: str = "") -> Frame:
    manifest = listing.manifest
    return Frame(
        title=settings.title,
        as_of=listing.snapshot_date,
        today=today,
        stale_days=settings.stale_days,
        horizon_days=manifest["horizon_days"],
        currency=manifest["serving"]["currency"],
        feeds=feeds(listing),
        warnings=tuple(manifest.get("warnings", ())),
        model_version=str(manifest["model_version"]),
        run_id=manifest["run_id"],
        who=who,
        refused=refused,
        held_out=say_held_out(manifest["ranked"], manifest["excluded"], manifest.get(HELD_OUT, 0)),
    )


def say_owner_of(owner: str) -> str:
    """An owner for people."""
    return "no owner" if owner == NO_OWNER else owner


@cache
def templates(currency: str) -> Environment:
    """The templates of the pages, with amounts in a currency; the look and the words are those of the static page."""
    base = environment()
    loaders = [FileSystemLoader(TEMPLATES), *([base.loader] if base.loader else [])]
    made = base.overlay(loader=ChoiceLoader(loaders), finalize=for_page, lstrip_blocks=True)
    made.filters.update(account=account_address, whose=say_owner_of, spoken=say_name)
    made.globals.update(
        bands_told=BANDS_TOLD,
        trend_meaning=TREND_MEANING,
        range_meaning=RANGE_MEANING,
        actions=ACTIONS,
        reasons=REASONS,
        motion_words=MOTION_WORDS,
    )
    made.globals.update(columns=COLUMN_WORDS, orders=SORT_WORDS)
    made.filters["money"] = lambda value: say_money(value, currency)
    made.filters["price"] = lambda value: money(value, currency)  # what is paid is no estimate
    made.filters["between"] = lambda ends: say_range(ends[0], ends[1], currency)
    return made


def render(template: str, currency: str, **values: Any) -> str:
    """A page as HTML."""
    return templates(currency).get_template(template).render(**values)
