"""What is the same for every account of one list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.expected_arr import ArrDoubt
from data.contract.feature_card import FeatureCard
from data.contract.stories import story_of
from data.feeds.parts import SilentPart
from data.feeds.rhythm import Silence
from serving.changes.sentences import About, titles
from serving.experiment.record import EXPERIMENT, described
from serving.published.read import PublishedList
from serving.ranking.gates import ASKED_DETAILS, GateResult, evaluate
from serving.reasons.formats import say_day
from serving.reasons.playbook import ListTrigger, Playbook
from serving.reasons.render import ReasonContext
from serving.settings import NO_EXPERIMENT, ExperimentSettings, ServingSettings

STOPPED_DEAD = (
    "Nothing has come in since {}, when all use stopped at once: check the integration first. "
    "If it works, the customer may be leaving."
)
"""Said of an account whose whole use stopped at once: a feed that broke, or a customer who left."""


@dataclass(frozen=True)
class ListContext:
    """What is the same for every account of one list.

    ``people``: account_id (the index), name, owner, segment, as ``known_people`` gives them. ``model_version`` and
    ``run_id`` name the model. ``users_are_daily_peaks``: there are daily counts only, so the users of a window are
    those of its busiest day. ``replaced_by``: what took the place of the model of the last list, in words; empty if
    nothing did. ``all_motions_modelled``: every motion that occurs has a propensity of its own. ``arr_doubt``: how
    wrong expected ARR may be, where it is known. ``silent``: the feeds whose features are not known on the day, and
    ``muted`` these features, whether the model asks for them or not. ``experiment``: that which holds accounts out.
    ``parts``: of the use that had stopped, and ``of_use`` the features that are not known of their accounts.
    ``stopped_dead``: by account the last day of its use, where all of it stopped at once.
    """

    snapshot_date: date
    people: pd.DataFrame
    catalogue: Mapping[str, FeatureCard]
    playbook: Playbook
    settings: ServingSettings
    model_version: str
    run_id: str
    horizon_days: int
    users_are_daily_peaks: bool = False
    replaced_by: str = ""
    all_motions_modelled: bool = False
    arr_doubt: ArrDoubt | None = None
    silent: tuple[Silence, ...] = ()
    muted: frozenset[str] = frozenset()
    experiment: ExperimentSettings = NO_EXPERIMENT
    parts: tuple[SilentPart, ...] = ()
    of_use: frozenset[str] = frozenset()
    stopped_dead: Mapping[str, date] = field(default_factory=dict)

    def groups(self, accounts: pd.Series) -> Iterator[tuple["ListContext", npt.NDArray[np.bool_]]]:
        """Which of the accounts the same is known of, with what is the same for these; without an empty group."""
        of_part = {part: accounts.isin(part.accounts).to_numpy() for part in self.parts}
        stopped = [tuple(part for part in self.parts if of_part[part][row]) for row in range(len(accounts))]
        for own in dict.fromkeys(stopped):
            is_own = np.array([parts == own for parts in stopped])
            if not own:
                yield replace(self, parts=()), is_own
            else:
                yield replace(self, parts=own, muted=self.muted | self.of_use), is_own

    def not_judged(self, accounts: pd.Series) -> pd.Series:
        """What is not known of accounts of one group, or is to be looked at first, in words; null where nothing is."""
        silent: tuple[Silence | SilentPart, ...] = (*self.silent, *self.parts)
        since = [f"{silence.subject} since {say_day(silence.last_day)}" for silence in silent]
        of_all = f"Not known and not judged: {', '.join(since)}." if since else None
        if self.parts:  # that all use of theirs stopped is no news
            return pd.Series(of_all, index=accounts.index, dtype="str")
        stopped = {name: STOPPED_DEAD.format(say_day(day)) for name, day in self.stopped_dead.items()}
        own = {name: f"{of_all} {text}" if of_all else text for name, text in stopped.items()}
        return pd.Series([own.get(name, of_all) for name in accounts], index=accounts.index, dtype="str")

    def told(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The feature rows that gates, reasons and plays may rest on: without what is not known on the day."""
        return rows.drop(columns=[*self.muted])

    def passed(self, rows: pd.DataFrame, details: pd.DataFrame | None = None) -> GateResult:
        """What the gates say of feature rows (index: account_id). ``details``: of the same accounts, in any order."""
        peaks = self.users_are_daily_peaks
        if details is not None:
            asked = [name for name in ASKED_DETAILS if name in details]
            rows = rows.assign(**details.set_index("account_id")[asked].reindex(rows.index))
        return evaluate(rows, self.settings.gates, users_are_daily_peaks=peaks, muted=self.muted)

    @cached_property
    def reasons(self) -> ReasonContext:
        """What its reasons are put into words with."""
        currency, peaks = self.settings.currency, self.users_are_daily_peaks
        return ReasonContext(self.catalogue, self.playbook, currency, peaks, muted=self.muted)

    def about(self, previous: PublishedList | None) -> About:
        """What all sentences about changes since the ``previous`` list share."""
        return About(
            previous_date=previous.snapshot_date if previous else None,
            titles=titles(self.catalogue, self.playbook),
            replaced_by=self.replaced_by,
            rank_by=self.settings.rank_by,
            previous_rank_by=previous.manifest["rank_by"] if previous else self.settings.rank_by,
            currency=self.settings.currency,
        )

    def manifest(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "snapshot_date": self.snapshot_date.isoformat(),
            "horizon_days": self.horizon_days,
            "model_version": self.model_version,
            "run_id": self.run_id,
            "rank_by": self.settings.rank_by,
            "users_are_daily_peaks": self.users_are_daily_peaks,
            "silent_feeds": {
                silence.table: {
                    "last_day": silence.last_day.isoformat(),
                    "silent_days": silence.days,
                    "usual_gap_days": silence.usual_gap,
                }
                for silence in self.silent
            },
            "silent_parts": {
                part.name: {
                    "last_day": part.last_day.isoformat(),
                    "silent_days": part.days,
                    "accounts": len(part.accounts),
                }
                for part in self.parts
            },
            "serving": self.settings.model_dump(mode="json"),
            EXPERIMENT: described(self.experiment, self.snapshot_date),
            "plays": {code: play.model_dump(mode="json") for code, play in self.playbook.plays.items()},
            "triggers": {
                code: {**trigger.model_dump(mode="json"), "story": self._story(trigger)}
                for code, trigger in self.playbook.triggers.items()
            },
        }

    def _story(self, trigger: ListTrigger) -> str:
        """The story that what it asks about is part of; a number of the list's own is one of its own."""
        card = self.catalogue.get(trigger.condition.subject)
        return trigger.condition.subject if card is None else story_of(card.reason_code)


def known_people(accounts: pd.DataFrame) -> pd.DataFrame:
    """Name, owner and segment by account_id (the index), where they are known; ``accounts`` has account_id and these.

    Blank values are null, and an owner has one spelling.
    """
    ids = accounts["account_id"].astype("str")
    known = accounts.assign(account_id=ids).drop_duplicates("account_id").set_index("account_id")
    columns = {}
    for name in ("name", "owner", "segment"):
        values = known[name].astype("str") if name in known else pd.Series(None, index=known.index, dtype="str")
        values = values.str.strip()
        columns[name] = values.where(values.notna() & (values != ""), None)
    columns["owner"] = _one_spelling(columns["owner"])
    return pd.DataFrame(columns)


def _one_spelling(names: pd.Series) -> pd.Series:
    """Names that differ only by case or blanks, each in its most frequent spelling; of equals the first by order."""
    if names.isna().all():
        return names
    names = names.str.split().str.join(" ")
    counts = names.value_counts().rename_axis("name").reset_index(name="count")
    counts = counts.assign(folded=counts["name"].str.casefold())
    best = counts.sort_values(["count", "name"], ascending=[False, True]).drop_duplicates("folded")
    return names.str.casefold().map(best.set_index("folded")["name"]).astype("str")
