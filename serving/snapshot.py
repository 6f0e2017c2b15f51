"""One snapshot of the list: from scores, attributions and feature rows to the tables that are published."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from data.catalogue import FeatureCard
from data.errors import PublishError
from serving import gates, ranking
from serving.playbook import Playbook
from serving.reasons import explain
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Snapshot:
    """The output tables of one snapshot and the manifest that says where they come from.

    ``attributions`` is None where a published snapshot was read without them.
    """

    snapshot_date: date
    scores: pd.DataFrame
    reasons: pd.DataFrame
    exclusions: pd.DataFrame
    attributions: pd.DataFrame | None
    manifest: Mapping[str, Any]

    def with_manifest(self, **entries: Any) -> "Snapshot":
        return replace(self, manifest={**self.manifest, **entries})


def assemble(
    snapshot_date: date,
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    accounts: pd.DataFrame,
    *,
    catalogue: Mapping[str, FeatureCard],
    playbook: Playbook,
    settings: ServingSettings,
    model_version: str,
    run_id: str,
    horizon_days: int = 90,
    previous: Snapshot | None = None,
    users_are_daily_peaks: bool = False,
) -> Snapshot:
    """Make the list of one day.

    ``scores``, ``attributions`` and ``rows`` have one row per account of the base (any order); ``accounts`` gives
    account_id and, where known, name, owner and segment. ``previous`` is the previous published snapshot.
    ``users_are_daily_peaks``: there are daily counts only, so the users of a window are those of its busiest day.
    Raises PublishError where an account is twice or not in all of them, ModelError for a feature without a card.
    """
    scores, attributions, rows = _aligned(snapshot_date, scores, attributions, rows)
    peaks = users_are_daily_peaks
    reasons = explain(
        attributions, rows, catalogue, playbook, settings.reasons, settings.currency, users_are_daily_peaks=peaks
    )
    by_account = rows.set_index("account_id")
    verdict = gates.evaluate(by_account, settings.gates, users_are_daily_peaks=peaks)
    indexed = scores.set_index("account_id", drop=False)
    motions = ranking.choose_motion(indexed, by_account, reasons, verdict, playbook)
    plays = ranking.choose_play(motions, reasons, playbook)
    people = _people(scores["account_id"], accounts)
    table = scores.assign(
        model_version=model_version,
        run_id=run_id,
        motion=motions.array,
        play=plays.array,
        eligible=verdict.eligible.array,
        not_eligible_because=verdict.because.array,
        act_by=ranking.act_by(snapshot_date, plays, playbook).array,
        name=people["name"].array,
        owner=people["owner"].array,
        segment=people["segment"].array,
    )
    table = ranking.rank(ranking.with_unknown(table), settings.rank_by)
    table = ranking.with_previous(table, previous.scores if previous else None)
    table = table[list(ranking.SCORE_COLUMNS)]
    return Snapshot(
        snapshot_date=snapshot_date,
        scores=table,
        reasons=reasons,
        exclusions=ranking.exclusions(table, verdict),
        attributions=attributions,
        manifest={
            "snapshot_date": snapshot_date.isoformat(),
            "horizon_days": horizon_days,
            "model_version": model_version,
            "run_id": run_id,
            "rank_by": settings.rank_by,
            "previous_snapshot_date": previous.snapshot_date.isoformat() if previous else None,
            "users_are_daily_peaks": peaks,
            "gates_not_evaluated": list(verdict.not_evaluated),
            "serving": settings.model_dump(mode="json"),
            "plays": {code: play.model_dump(mode="json") for code, play in playbook.plays.items()},
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


def _people(account_ids: pd.Series, accounts: pd.DataFrame) -> pd.DataFrame:
    """Name, owner and segment of each account.

    An account without a name is called by its id, blank owners are null, and an owner has one spelling.
    """
    ids = accounts["account_id"].astype("str")
    known = accounts.assign(account_id=ids).drop_duplicates("account_id").set_index("account_id").reindex(account_ids)
    columns = {}
    for name in ("name", "owner", "segment"):
        values = known[name].astype("str") if name in known else pd.Series(None, index=known.index, dtype="str")
        values = values.str.strip()
        columns[name] = values.where(values.notna() & (values != ""), None)
    columns["name"] = columns["name"].fillna(pd.Series(known.index, index=known.index, dtype="str"))
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
