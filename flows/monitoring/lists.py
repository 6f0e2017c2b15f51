"""The published lists that monitoring looks at: what each says of itself, and how much of its horizon has come."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from data.errors import PublishError
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase
from flows.run.progress import say
from flows.run.settings import Settings
from flows.stages.dates import known_until
from flows.stages.warnings import RULES
from serving.published.layout import published_dates, published_day
from serving.published.read import PublishedList, open_list


@dataclass(frozen=True)
class FrozenList:
    """A published list as its manifest has it. ``come``: days of its horizon that the tables know."""

    out: Path
    day: date
    model: dict[str, Any]
    model_version: str
    run_id: str
    horizon_days: int
    rules: ExpansionRules
    accounts: int
    ranked: int
    come: int

    @property
    def matures_on(self) -> date:
        return self.day + timedelta(days=self.horizon_days)

    @property
    def share_come(self) -> float:
        return self.come / self.horizon_days

    @property
    def is_matured(self) -> bool:
        return self.come >= self.horizon_days

    @property
    def learnt_ahead(self) -> bool:
        """Had the model learnt from days within the horizon of this list?"""
        last = self.model.get("last_snapshot")
        return last is not None and date.fromisoformat(last) + timedelta(days=self.horizon_days) > self.day

    def open(self) -> PublishedList:
        """The list, read anew: what one holds in memory goes with it."""
        return open_list(self.out, self.day)


def frozen_lists(base: KnownBase, settings: Settings) -> list[FrozenList]:
    """The lists up to the day of the base that are not too old, the earliest first; one that is damaged is told.

    Raises PublishError where there is none.
    """
    end = known_until(base)
    begin = base.snapshot_date - timedelta(days=settings.monitor.days)
    lists = []
    for day in published_dates(settings.out_folder):
        if begin <= day <= base.snapshot_date:
            try:
                lists.append(_frozen(open_list(settings.out_folder, day), end, settings))
            except PublishError as error:
                say(f"warning: the list of {day} cannot be read: {error.clause}; it is left out")
    if not lists:
        latest = published_day(settings.out_folder, None, "Monitor")
        raise PublishError(
            f"Monitor the lists of {begin} to {base.snapshot_date} in {settings.out_folder}.",
            f"none of these days can be read; the latest list is of {latest}.",
            "Run `headroom score`, or give another --snapshot-date.",
        )
    return lists


def _frozen(listing: PublishedList, end: date, settings: Settings) -> FrozenList:
    manifest, model = listing.manifest, dict(listing.manifest.get("model") or {})
    horizon = int(manifest["horizon_days"])
    learnt = {name: value for name, value in model.get(RULES, {}).items() if name in ExpansionRules.model_fields}
    rules = settings.expansion.model_copy(update={**learnt, "horizon_days": horizon})
    return FrozenList(
        out=settings.out_folder,
        day=listing.snapshot_date,
        model=model,
        model_version=str(manifest["model_version"]),
        run_id=manifest["run_id"],
        horizon_days=horizon,
        rules=rules,
        accounts=int(manifest["rows_out"]["scores"]),
        ranked=int(manifest["ranked"]),
        come=min(max((end - listing.snapshot_date).days, 0), horizon),
    )
