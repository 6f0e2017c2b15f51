"""The other sentences of a published list, told again: why an account is set apart, and why it changed."""

from collections.abc import Mapping

import pandas as pd

from data.contract.score_change import PARTS
from serving.changes.ranks import ARMS, RANK_PARTS, change_table
from serving.changes.sentences import About
from serving.changes.summary import SAME_MODEL, UNKNOWN_MODEL
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.ranking.rank import because_of_gates
from serving.verify.files_and_sums import Difference, Differences

COMPARED = ("account_id", "rank", "propensity", "expected_arr")


def check_gates(
    listing: PublishedList, rows: pd.DataFrame, details: pd.DataFrame | None, context: ListContext
) -> Differences:
    """What the gates said against recomputed feature rows: at most one difference per account.

    ``rows`` may be of more accounts than the list, or of some of them, and so may ``details``.
    """
    scores = listing.scores("account_id", "eligible", "not_eligible_because")
    exclusions = listing.exclusions("account_id", "not_eligible_because", "text", "shown_under")
    held_out = scores["account_id"].isin(listing.held_out())
    scores = scores.assign(not_eligible_because=because_of_gates(scores["not_eligible_because"], held_out))
    listed = scores[scores["account_id"].isin(rows["account_id"])].set_index("account_id")
    by_account = rows.set_index("account_id").loc[listed.index]
    passed = context.passed(by_account, details)
    derived = pd.DataFrame({"not_eligible_because": passed.because, "text": passed.text})
    derived["shown_under"] = passed.shown_under
    apart = exclusions.set_index("account_id").reindex(listed.index)[derived.columns].fillna("")
    for account in listed.index[listed["not_eligible_because"] != derived["not_eligible_because"]]:
        codes = listed["not_eligible_because"][account], derived["not_eligible_because"][account]
        yield Difference(account, "gates", *(code or "may be ranked" for code in codes))
    same_codes = listed["not_eligible_because"] == derived["not_eligible_because"]
    told = ~listed.index.isin(listing.held_out())  # who is held out stands under no heading
    for account in listed.index[same_codes & told & (apart != derived).any(axis=1)]:
        yield Difference(account, "exclusions", repr(apart["text"][account]), repr(derived["text"][account]))


def about_of(listing: PublishedList, previous: PublishedList | None, titles: Mapping[str, str]) -> About:
    """What all sentences about changes of a published list share."""
    manifest = listing.manifest
    model = manifest["changes"].get("model", SAME_MODEL)
    return About(
        previous_date=previous.snapshot_date if previous else None,
        titles=titles,
        replaced_by="" if model in (SAME_MODEL, UNKNOWN_MODEL) else model,
        rank_by=manifest["rank_by"],
        previous_rank_by=previous.manifest["rank_by"] if previous else manifest["rank_by"],
        currency=manifest["serving"]["currency"],
    )


def check_change_sentences(listing: PublishedList, previous: PublishedList | None, about: About) -> Differences:
    """The sentence of every change, told again from the tables of both lists; and what was said of the last one."""
    scores = listing.scores(*COMPARED, *ARMS, "previous_rank", "previous_propensity").set_index("account_id")
    before = None if previous is None else previous.scores(*COMPARED, "held_out").set_index("account_id")
    for changes in listing.batches("changes"):
        split = changes.rename(columns={f"{part}_log_odds": part for part in ("change", *PARTS)})
        accounts = split[["account_id", "change", *PARTS, "because"]]
        ranks = changes.set_index("account_id")[["rank_change", *RANK_PARTS]]
        reasons = listing.of("change_reasons", changes["account_id"])
        derived = change_table(listing.snapshot_date, accounts, reasons, scores, ranks, before, about)
        for place in (changes["text"] != derived["text"]).to_numpy().nonzero()[0]:
            account, text = changes["account_id"].iloc[place], changes["text"].iloc[place]
            yield Difference(account, "changes", repr(text), repr(derived["text"].iloc[place]))
    if before is not None:
        there = listing.columns("scores")  # an older list does not say who was held out before
        for name in [name for name in ("rank", "propensity", "held_out") if f"previous_{name}" in there]:
            stated = scores[f"previous_{name}"].astype("float64")
            known = said_before(before, name, scores.index)
            for account in scores.index[~((stated == known) | (stated.isna() & known.isna()))]:
                yield Difference(account, f"previous_{name}", str(stated[account]), str(known[account]))


def said_before(before: pd.DataFrame, name: str, accounts: pd.Index) -> pd.Series:
    """A column of the scores of the last list for these accounts. Whom it does not have, it did not hold out."""
    said = before[name].reindex(accounts).astype("float64")
    return said.fillna(0.0) if name == "held_out" else said
