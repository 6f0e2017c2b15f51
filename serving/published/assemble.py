"""One snapshot of the list: from scores, attributions and feature rows to the tables that are published.

    part by part: scores + attributions + feature rows -> reasons, gates, motion, play
    over the base: ranks, and those of the list before

A part is some accounts of the base; what can be said of an account alone is said there, so the base is never held
whole with its features, attributions and reasons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.score_change import Change, first_list
from data.errors import PublishError
from serving.published import tables
from serving.ranking import gates
from serving.ranking import rank as ranking
from serving.reasons.choose import explain
from serving.reasons.directions import Yardsticks
from serving.reasons.playbook import Playbook
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Terms:
    """What is the same for every account of one list.

    ``people``: account_id (the index), name, owner, segment, as ``known_people`` gives them. ``model_version`` and
    ``run_id`` name the model. ``users_are_daily_peaks``: there are daily counts only, so the users of a window are
    those of its busiest day. ``replaced_by``: what took the place of the model of the last list, in words; empty if
    nothing did. ``all_motions_modelled``: every motion that occurs has a propensity of its own.
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

    def manifest(self) -> dict[str, Any]:
        """What the manifest says of them."""
        return {
            "snapshot_date": self.snapshot_date.isoformat(),
            "horizon_days": self.horizon_days,
            "model_version": self.model_version,
            "run_id": self.run_id,
            "rank_by": self.settings.rank_by,
            "users_are_daily_peaks": self.users_are_daily_peaks,
            "serving": self.settings.model_dump(mode="json"),
            "plays": {code: play.model_dump(mode="json") for code, play in self.playbook.plays.items()},
        }


@dataclass(frozen=True)
class Part:
    """Some accounts of the base, all but their ranks: the tables of CONTRACT.md, sorted by account.

    ``change``: what changed since the last list. ``not_evaluated``: the codes of gates whose features are not there.
    ``all_motions_modelled``: as in Terms.
    """

    snapshot_date: date
    scores: pd.DataFrame
    attributions: pd.DataFrame
    reasons: pd.DataFrame
    exclusions: pd.DataFrame
    change: Change
    not_evaluated: tuple[str, ...] = ()
    all_motions_modelled: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The list of one day. ``scores`` and ``exclusions`` are whole; ``manifest`` says where they come from.

    ``reasons`` and ``attributions`` are None where they stay on disk, in ``folder``: ``reasons_of`` reads those of
    some accounts.
    """

    snapshot_date: date
    scores: pd.DataFrame
    exclusions: pd.DataFrame
    manifest: Mapping[str, Any]
    reasons: pd.DataFrame | None = None
    attributions: pd.DataFrame | None = None
    folder: Path | None = None

    def with_manifest(self, **entries: Any) -> "Snapshot":
        return replace(self, manifest={**self.manifest, **entries})

    def changes_of(self, accounts: Sequence[str]) -> pd.DataFrame:
        """What changed for these accounts since the last list, in any order; nothing where that was not written."""
        path = None if self.folder is None else self.folder / "changes.parquet"
        if path is None or not path.exists():
            return pd.DataFrame(columns=["account_id", "text"])
        return tables.read(path, accounts)

    def reasons_of(self, accounts: Sequence[str]) -> pd.DataFrame:
        """The reasons of these accounts, in any order."""
        if self.reasons is not None:
            return self.reasons[self.reasons["account_id"].isin(accounts)]
        assert self.folder is not None, "a snapshot has its reasons in memory or on disk"
        return tables.read(self.folder / "reasons.parquet", accounts)


def make_part(
    terms: Terms,
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    held_against: Yardsticks | None = None,
    change: Change | None = None,
) -> Part:
    """Reasons, gates, motion and play of some accounts.

    ``scores``, ``attributions`` and ``rows`` (the feature rows) have one row per account, in any order.
    ``held_against``: what attributions are held against, as in ``explain``; by default these accounts. ``change``: what
    changed since the last list, None where there is none. Raises
    PublishError where an account is twice or not in all of them, ModelError for a feature without a card.
    """
    scores, attributions, rows = _aligned(terms.snapshot_date, scores, attributions, rows)
    settings, playbook, peaks = terms.settings, terms.playbook, terms.users_are_daily_peaks
    reasons = explain(
        attributions,
        rows,
        terms.catalogue,
        playbook,
        settings.reasons,
        settings.currency,
        users_are_daily_peaks=peaks,
        held_against=held_against,
    )
    by_account = rows.set_index("account_id")
    verdict = gates.evaluate(by_account, settings.gates, users_are_daily_peaks=peaks)
    motions = ranking.choose_motion(scores.set_index("account_id", drop=False), by_account, reasons, verdict, playbook)
    plays = ranking.choose_play(motions, reasons, playbook)
    people = _of_accounts(terms.people, scores["account_id"])
    table = scores.assign(
        model_version=terms.model_version,
        run_id=terms.run_id,
        motion=motions.array,
        play=plays.array,
        eligible=verdict.eligible.array,
        not_eligible_because=verdict.because.array,
        act_by=ranking.act_by(terms.snapshot_date, plays, playbook).array,
        name=people["name"].array,
        owner=people["owner"].array,
        segment=people["segment"].array,
    )
    table = ranking.with_unknown(table)
    return Part(
        snapshot_date=terms.snapshot_date,
        scores=table[[name for name in ranking.SCORE_COLUMNS if name not in ranking.OF_THE_BASE]],
        attributions=attributions,
        reasons=reasons,
        exclusions=ranking.exclusions(table, verdict),
        change=first_list(table["account_id"]) if change is None else change,
        not_evaluated=verdict.not_evaluated,
        all_motions_modelled=terms.all_motions_modelled,
    )


def whole(
    terms: Terms,
    scores: pd.DataFrame,
    exclusions: pd.DataFrame,
    not_evaluated: Sequence[str],
    previous: Snapshot | None = None,
) -> Snapshot:
    """The list of the whole base, from what its parts say of scores and exclusions; its reasons are not in it.

    ``previous`` is the previous published snapshot.
    """
    ranked = ranking.rank(scores.sort_values("account_id", ignore_index=True), terms.settings.rank_by)
    ranked = ranking.with_previous(ranked, previous.scores if previous else None)
    return Snapshot(
        snapshot_date=terms.snapshot_date,
        scores=ranked[list(ranking.SCORE_COLUMNS)],
        exclusions=ranking.likeliest_first(exclusions),
        manifest={
            **terms.manifest(),
            "previous_snapshot_date": previous.snapshot_date.isoformat() if previous else None,
            "gates_not_evaluated": list(not_evaluated),
        },
    )


def _aligned(snapshot_date: date, *frames: pd.DataFrame) -> list[pd.DataFrame]:
    """The frames in one order of accounts. Raises PublishError where an account is twice or missing in one of them."""
    wanted = pd.Index(sorted(frames[0]["account_id"].astype("str")), name="account_id")
    aligned = []
    for name, frame in zip(("scores", "attributions", "feature rows"), frames, strict=True):
        keyed = frame.assign(account_id=frame["account_id"].astype("str")).set_index("account_id", drop=False)
        for what, found in (
            ("more than once", keyed.index[keyed.index.duplicated()]),
            ("missing", wanted.difference(keyed.index)),
            ("not scored but there", keyed.index.difference(wanted)),
        ):
            if len(found):
                raise PublishError(
                    f"Make the list of {snapshot_date}.",
                    f"account {found[0]} is {what} in the {name} ({len(found)} in all)",
                    "This is a fault of the pipeline, not of your tables; nothing was written. Please report it.",
                )
        aligned.append(keyed.loc[wanted].reset_index(drop=True).assign(snapshot_date=snapshot_date))
    return aligned


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


def _of_accounts(people: pd.DataFrame, account_ids: pd.Series) -> pd.DataFrame:
    """What is known of these accounts. An account without a name is called by its id."""
    known = people.reindex(account_ids)
    return known.assign(name=known["name"].fillna(pd.Series(known.index, index=known.index, dtype="str")))


def _one_spelling(names: pd.Series) -> pd.Series:
    """Names that differ only by case or blanks, each in its most frequent spelling; of equals the first by order."""
    if names.isna().all():
        return names
    names = names.str.split().str.join(" ")
    counts = names.value_counts().rename_axis("name").reset_index(name="count")
    counts = counts.assign(folded=counts["name"].str.casefold())
    best = counts.sort_values(["count", "name"], ascending=[False, True]).drop_duplicates("folded")
    return names.str.casefold().map(best.set_index("folded")["name"]).astype("str")
