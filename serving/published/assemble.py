"""From scores, attributions and feature rows to the tables that are published.

    batch by batch: scores + attributions + feature rows -> reasons, gates, motion, play
    over the base:  ranks, and those of the list before

A batch is some accounts of the base; what can be said of an account alone is said there, so the base is never held
whole with its features, attributions and reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from data.contract.expected_arr import ArrDoubt
from data.contract.outputs import ACCOUNT_FACTS, ACCOUNT_PLAYS, ASSIGNMENTS, CHANGE_REASONS, SCORES, TRIGGERS
from data.contract.score_change import Change, first_list
from data.errors import PublishError
from data.sample_ratio import require_ratio
from serving.experiment.assignment import assign
from serving.published import tables
from serving.published.context import ListContext
from serving.published.layout import HELD_OUT
from serving.published.read import PublishedList
from serving.published.row_context import beside_scores, with_product
from serving.ranking import plays, short_list
from serving.ranking import rank as ranking
from serving.reasons.choose import BaseReferences, explain
from serving.reasons.triggers import fired


@dataclass(frozen=True)
class AccountBatch:
    """Some accounts of the base, all but their ranks: rows of the published tables, sorted by account.

    ``triggers``: those that fire, without since when; ``account_plays``: for whom the plays are meant;
    ``account_facts``: what their pages show piece by piece. ``change``: what changed since the last list.
    ``not_evaluated``: the codes of gates whose features are not there.
    """

    context: ListContext
    scores: pd.DataFrame
    attributions: pd.DataFrame
    reasons: pd.DataFrame
    exclusions: pd.DataFrame
    triggers: pd.DataFrame
    account_plays: pd.DataFrame
    account_facts: pd.DataFrame
    change: Change
    not_evaluated: tuple[str, ...] = ()

    @property
    def snapshot_date(self) -> date:
        return self.context.snapshot_date

    def tables(self) -> dict[str, pd.DataFrame]:
        """The rows by the table they are of."""
        return {
            "scores": self.scores,
            "exclusions": self.exclusions,
            "attributions": self.attributions,
            "reasons": self.reasons,
            CHANGE_REASONS.name: self.change.reasons.assign(snapshot_date=self.snapshot_date),
            TRIGGERS.name: self.triggers,
            ACCOUNT_PLAYS.name: self.account_plays,
            ACCOUNT_FACTS.name: self.account_facts,
        }


@dataclass(frozen=True)
class RankedBase:
    """The tables that are of the whole base, and what the manifest says of them."""

    scores: pd.DataFrame
    exclusions: pd.DataFrame
    assignments: pd.DataFrame
    manifest: dict[str, Any]


def assemble_batch(
    context: ListContext,
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    details: pd.DataFrame | None = None,
    references: BaseReferences | None = None,
    change: Change | None = None,
    facts: pd.DataFrame | None = None,
) -> AccountBatch:
    """Reasons, gates, motion, play and triggers of some accounts.

    ``scores``, ``attributions``, ``rows`` (the feature rows) and ``details`` (what sentences name; None: nothing) have
    one row per account, in any order.
    ``references``: what attributions are compared with, as in ``explain``; by default these accounts. ``change``: what
    changed since the last list, None where there is none. ``facts``: rows of ``account_facts``, in any order. Raises
    PublishError where an account is twice or not in all of them, ModelError for a feature without a card.
    """
    details = scores[["account_id"]] if details is None else details
    scores, attributions, rows, details = _aligned(context.snapshot_date, scores, attributions, rows, details)
    settings, playbook = context.settings, context.playbook
    details = with_product(details, scores)
    explained = explain(attributions, rows, context.reasons, settings.reasons, references, details)
    by_account, by_score = (frame.set_index("account_id", drop=False) for frame in (rows, scores))
    passed = context.passed(by_account, details)
    beside = beside_scores(context.people, rows, details)
    chosen = plays.choose_plays(
        by_score, by_account, explained.reasons, explained.facts, passed, playbook, settings, beside["segment"]
    )
    table = scores.assign(
        model_version=context.model_version,
        run_id=context.run_id,
        motion=chosen.motion.array,
        play=chosen.play.array,
        opening=chosen.opening.array,
        eligible=passed.eligible.array,
        not_eligible_because=passed.because.array,
        act_by=plays.act_by(
            context.snapshot_date,
            chosen.play,
            playbook,
            chosen.form,
            plays.renewals_to_meet(rows, beside["renews_on"]),
        ).array,
        not_judged=context.not_judged(scores["account_id"].astype("str")),
        **beside,
    )
    table = ranking.with_unknown(table)
    return AccountBatch(
        context=context,
        scores=table[list(SCORES.of_accounts)],
        attributions=attributions,
        reasons=explained.reasons,
        exclusions=ranking.exclusions(table, passed),
        triggers=fired(scores["account_id"], explained.facts, playbook, settings.currency).assign(
            snapshot_date=context.snapshot_date
        ),
        account_plays=table[["snapshot_date", "account_id", "play"]].assign(
            step=chosen.step.array, form=chosen.form.array
        ),
        account_facts=tables.without_rows(ACCOUNT_FACTS) if facts is None else in_order(facts, context.snapshot_date),
        change=first_list(table["account_id"]) if change is None else change,
        not_evaluated=passed.not_evaluated,
    )


def in_order(facts: pd.DataFrame, day: date) -> pd.DataFrame:
    """Rows of ``account_facts`` in the order of the table, on its day."""
    return facts.assign(snapshot_date=day).sort_values([*ACCOUNT_FACTS.order], ignore_index=True)


def assemble_base(
    context: ListContext,
    scores: pd.DataFrame,
    exclusions: pd.DataFrame,
    not_evaluated: Sequence[str],
    previous: PublishedList | None = None,
    recorded: pd.DataFrame | None = None,
) -> RankedBase:
    """The tables of the whole base, from what its batches say of scores and exclusions; ``previous``: the last list.

    ``recorded``: who has come into the experiment before; None where this is its first list.
    """
    scores = scores.sort_values("account_id", ignore_index=True)
    assigned = _assigned(scores, context, recorded)
    held_out = _held_out(assigned, context)
    ranked = ranking.rank(ranking.hold_out(scores, held_out), context.settings.rank_by)
    last = previous.scores("account_id", "rank", "propensity", "held_out") if previous else None
    ranked = ranking.with_previous(ranked, last)
    in_one_order = previous is not None and previous.manifest["rank_by"] == context.settings.rank_by
    before = previous.on_short_lists() if previous and in_one_order else None
    before = None if before is None else before - held_out
    shown = ranked[~ranked["held_out"]]
    ranked = ranked.assign(listed=ranked["account_id"].isin(_listed(shown, context, before or frozenset())))
    ranked = ranked.assign(listed_since=_listed_since(ranked, context.snapshot_date, previous if before else None))
    return RankedBase(
        scores=ranked[list(SCORES.names)],
        exclusions=ranking.likeliest_first(ranking.exclusions_with_held_out(exclusions, ranked)),
        assignments=assigned,
        manifest={
            **context.manifest(),
            "previous_snapshot_date": previous.snapshot_date.isoformat() if previous else None,
            "gates_not_evaluated": list(not_evaluated),
            "expected_arr": _expected_arr(ranked[ranked["rank"].notna()], context.arr_doubt),
            "short_lists": None if before is None else short_list.came_and_went(ranked[~ranked["held_out"]], before),
            HELD_OUT: int(ranked["held_out"].sum()),
        },
    )


def _assigned(scores: pd.DataFrame, context: ListContext, recorded: pd.DataFrame | None) -> pd.DataFrame:
    """The assignments of the experiment on that day: no new ones once it is over; no row before it, and without one."""
    experiment, day = context.experiment, context.snapshot_date
    if experiment.holds_out_on(day):
        drawn = assign(scores, experiment, day, recorded)
        units = drawn.drop_duplicates("unit")
        asked = f"Hold accounts out of the list of {day}."
        todo = "Give the experiment another name under [experiment], which draws anew, or let it end on that day."
        require_ratio(asked, int(units["held_out"].sum()), len(units), experiment.held_out_share, todo)
        return drawn
    return tables.without_rows(ASSIGNMENTS) if recorded is None else recorded.assign(snapshot_date=day)


def _held_out(assigned: pd.DataFrame, context: ListContext) -> frozenset[str]:
    """Who is held out of the list of that day."""
    goes_on = context.experiment.holds_out_on(context.snapshot_date)
    return frozenset(assigned.loc[assigned["held_out"].astype(bool), "account_id"]) if goes_on else frozenset()


def _listed(ranked: pd.DataFrame, context: ListContext, before: frozenset[str]) -> frozenset[str]:
    settings, by = context.settings, short_list.ORDER_OF[context.settings.rank_by]
    check_ins = [code for code, play in context.playbook.plays.items() if not play.motion]
    ordered = short_list.in_order(ranked, by, check_ins)
    return short_list.listed(ordered, by, settings.model_dump(), settings.top, before)


def _listed_since(ranked: pd.DataFrame, day: date, previous: PublishedList | None) -> pd.Series:
    """Since which list each account has been on a short list with its play; None where it is on none."""
    before = pd.DataFrame() if previous is None else previous.scores("account_id", "listed_since", "play")
    known = before.dropna().itertuples(index=False)
    since = {(account, play): first for account, first, play in known}
    rows = zip(ranked["account_id"], ranked["play"], ranked["listed"], strict=True)
    days = [since.get((account, play), day) if is_listed else None for account, play, is_listed in rows]
    return pd.Series(days, index=ranked.index, dtype="object")


def _expected_arr(ranked: pd.DataFrame, doubt: ArrDoubt | None) -> dict[str, float | None]:
    """What the ranked accounts are expected to add, and the interval of what comes of them; null where not known."""
    expected, amount = (ranked[name].to_numpy(np.float64) for name in ("expected_arr", "arr_if_expands"))
    if np.isnan(expected).any():
        return dict.fromkeys(("sum", "low", "high"))
    low, high = (None, None) if doubt is None or np.isnan(amount).any() else doubt.of_sum(expected, amount)
    return {"sum": float(expected.sum()), "low": low, "high": high}


def _aligned(snapshot_date: date, *frames: pd.DataFrame) -> list[pd.DataFrame]:
    """The frames in one order of accounts. Raises PublishError where an account is twice or missing in one of them."""
    wanted = pd.Index(sorted(frames[0]["account_id"].astype("str")), name="account_id")
    aligned = []
    for name, frame in zip(("scores", "attributions", "feature rows", "details"), frames, strict=True):
        keyed = frame.assign(account_id=frame["account_id"].astype("str")).set_index("account_id", drop=False)
        for what, accounts in (
            ("more than once", keyed.index[keyed.index.duplicated()]),
            ("missing", wanted.difference(keyed.index)),
            ("not scored but there", keyed.index.difference(wanted)),
        ):
            if len(accounts):
                raise PublishError(
                    f"Make the list of {snapshot_date}.",
                    f"account {accounts[0]} is {what} in the {name} ({len(accounts)} in all).",
                    "This is a fault of the pipeline, not of your tables; nothing was written. Please report it.",
                )
        aligned.append(keyed.loc[wanted].reset_index(drop=True).assign(snapshot_date=snapshot_date))
    return aligned
