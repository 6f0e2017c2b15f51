"""What a list must have before the pages show it: asked once, when it is opened, so that no page fails half-way."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from data.contract.outputs import ACCOUNT_FACTS, SIGNALS, TABLES
from data.contract.vocabulary import MOTIONS
from data.errors import some
from serving.published.layout import MANIFEST, damaged
from serving.published.read import PublishedList
from serving.render.firing import FIRING

OF_AN_ACCOUNT: Mapping[str, tuple[str, ...]] = {
    "scores": (),
    "reasons": ("title", "text", "effect", "actionable", "shown", "shap_log_odds", "story", "reason_code"),
    "triggers": FIRING,
    "account_plays": ("step", "form"),
    ACCOUNT_FACTS.name: (),
    SIGNALS.name: ("reason_code", "day", "feature", "value"),
}
"""What is read for the page of an account, by table; nothing: all columns."""
OF_ITS_PAST: Mapping[str, tuple[str, ...]] = {
    "scores": ("rank", "propensity", "owner", "model_version", "arr", "open_seats", "use_by_week"),
    "changes": ("text",),
}
"""What is read for it of each list that it looks back at."""
_MOST = 5
"""So many faults of a manifest are told."""


class _Play(BaseModel):
    name: str
    owner_role: str
    what_to_do: Any
    offer: Any
    show: Any
    not_when: Any


class _Trigger(BaseModel):
    title: str
    when: str
    motion: Literal[*MOTIONS] | None  # type: ignore[valid-type]


class _Signal(BaseModel):
    label: str
    unit: str


class _Serving(BaseModel):
    currency: str
    workbook_rows: int


class _Model(BaseModel):
    name: str
    version: str | int
    snapshots: int
    first_snapshot: str
    last_snapshot: str
    accounts: int
    rows: int
    expansions: int
    verdict: str


class _Manifest(BaseModel):
    """What the pages read of a manifest; what has a default, an older list need not say."""

    horizon_days: int
    model_version: str | int
    run_id: str
    rank_by: Literal["propensity", "expected_arr"]
    serving: _Serving
    plays: dict[str, _Play] = Field(min_length=1)
    triggers: dict[str, _Trigger] = {}
    warnings: list[str] = []
    stopped_feeds: list[str] = []
    silent_feeds: dict[str, Any] = {}
    input_watermarks: dict[str, date | None] = {}
    gates_not_evaluated: list[str] = []
    signals: dict[str, _Signal] = {}
    withheld: dict[str, str] = {}
    library_versions: dict[str, str] = {}
    model: _Model | None = None


def require_shown(listing: PublishedList) -> None:
    """Raise PublishError unless the manifest and the tables have what the pages need; the values are not read."""
    try:
        _Manifest.model_validate(dict(listing.manifest))
    except ValidationError as error:
        found = f"has not what the pages need: {some([*_faults(error)], _MOST)}"
        raise damaged(listing.folder / MANIFEST, found) from error
    shown = (table for table in TABLES.values() if table.on_pages)
    listing.require(*(table.name for table in shown if listing.has(table.name) or not table.later))


def require_told(listing: PublishedList, entry: str, codes: Iterable[object]) -> None:
    """Raise PublishError where accounts have a play or a trigger that ``plays`` or ``triggers`` does not tell of."""
    untold = sorted({str(code) for code in codes} - listing.manifest.get(entry, {}).keys())
    if untold:
        raise damaged(listing.folder / MANIFEST, f"does not tell of the {entry} {some(untold)}, which accounts have")


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join(map(str, fault["loc"]))
        yield f"{place} is missing" if fault["type"] == "missing" else f"{place} is not as it should be"
