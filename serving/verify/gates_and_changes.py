"""The other sentences of a published list, told again: why an account is set apart, and why it changed."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from data.contract.score_change import PARTS
from serving.changes.ranks import RANK_PARTS, change_tables
from serving.changes.sentences import About
from serving.changes.summary import SAME_MODEL, UNKNOWN_MODEL
from serving.ranking import gates
from serving.thresholds import GateThresholds
from serving.verify.files_and_sums import Difference, Differences, Published


def check_gates(
    scores: pd.DataFrame,
    exclusions: pd.DataFrame,
    rows: pd.DataFrame,
    thresholds: GateThresholds,
    *,
    users_are_daily_peaks: bool = False,
) -> Differences:
    """Published verdicts against recomputed feature rows of the same accounts: at most one difference per account.

    ``scores``: account_id, eligible, not_eligible_because; ``exclusions``: account_id, not_eligible_because, text,
    shown_under. ``rows`` may be of more accounts.
    """
    listed = scores[scores["account_id"].isin(rows["account_id"])].set_index("account_id")
    by_account = rows.set_index("account_id").loc[listed.index]
    verdict = gates.evaluate(by_account, thresholds, users_are_daily_peaks=users_are_daily_peaks)
    derived = pd.DataFrame({"not_eligible_because": verdict.because, "text": verdict.text})
    derived["shown_under"] = verdict.shown_under
    apart = exclusions.set_index("account_id").reindex(listed.index)[derived.columns].fillna("")
    for account in listed.index[listed["not_eligible_because"] != derived["not_eligible_because"]]:
        codes = listed["not_eligible_because"][account], derived["not_eligible_because"][account]
        yield Difference(account, "gates", *(code or "may be ranked" for code in codes))
    same_codes = listed["not_eligible_because"] == derived["not_eligible_because"]
    for account in listed.index[same_codes & (apart != derived).any(axis=1)]:
        yield Difference(account, "exclusions", repr(apart["text"][account]), repr(derived["text"][account]))


def about_of(published: Published, previous: Published | None, titles: Mapping[str, str]) -> About:
    """What all sentences about changes of a published list share."""
    manifest = published.manifest
    model = manifest["changes"].get("model", SAME_MODEL)
    return About(
        previous_date=previous.snapshot_date if previous else None,
        titles=titles,
        replaced_by="" if model in (SAME_MODEL, UNKNOWN_MODEL) else model,
        rank_by=manifest["rank_by"],
        previous_rank_by=previous.manifest["rank_by"] if previous else manifest["rank_by"],
        currency=manifest["serving"]["currency"],
    )


def previous_day(published: Published) -> date | None:
    """The day of the list that this one was compared with."""
    day = published.manifest["changes"]["previous_snapshot_date"]
    return None if day is None else date.fromisoformat(day)


def check_change_sentences(published: Published, previous: Published | None, about: About) -> Differences:
    """The sentence of every change, told again from the tables of both lists; and what was said of the last one."""
    columns = ["account_id", "rank", "propensity", "expected_arr"]
    scores = published.read("scores", [*columns, "previous_rank", "previous_propensity"]).set_index("account_id")
    then = None if previous is None else previous.read("scores", columns).set_index("account_id")
    for changes in published.batches("changes"):
        split = changes.rename(columns={f"{part}_log_odds": part for part in ("change", *PARTS)})
        accounts = split[["account_id", "change", *PARTS, "because"]]
        ranks = changes.set_index("account_id")[["rank_change", *RANK_PARTS]]
        reasons = published.of("change_reasons", changes["account_id"])
        told, _ = change_tables(published.snapshot_date, accounts, reasons, scores, ranks, then, about)
        for place in (changes["text"] != told["text"]).to_numpy().nonzero()[0]:
            account, text = changes["account_id"].iloc[place], changes["text"].iloc[place]
            yield Difference(account, "changes", repr(text), repr(told["text"].iloc[place]))
    if then is not None:
        for name in ("rank", "propensity"):
            stated, known = scores[f"previous_{name}"], then[name].reindex(scores.index)
            for account in scores.index[~((stated == known) | (stated.isna() & known.isna()))]:
                yield Difference(account, f"previous_{name}", str(stated[account]), str(known[account]))
