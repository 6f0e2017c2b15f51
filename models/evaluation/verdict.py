"""Is there enough to learn from, and anything to say? A model is used only if it is no leak, and beats every rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np
import pandas as pd

from data.errors import HeadroomError, NotEnoughHistoryError
from models.evaluation.backtest import Backtest
from models.evaluation.leak_probes import Leak
from models.settings import EvaluationSettings


class VerdictKind(StrEnum):
    """What a verdict says."""

    USABLE = "usable"
    LEAK = "suspected leak"
    NO_SIGNAL = "no usable signal"
    TOO_FEW = "too few past expansions"


@dataclass(frozen=True)
class Verdict:
    """What was found about a base, why, and what to do. Only ``USABLE`` lets a model be used."""

    kind: VerdictKind
    because: tuple[str, ...]
    todo: str = ""

    @property
    def usable(self) -> bool:
        return self.kind is VerdictKind.USABLE


class NotUsableError(HeadroomError):
    """A base from which no model may be used."""


def not_usable(verdict: Verdict, page: object, serving: str = "no champion was registered") -> NotUsableError:
    """The refusal of a verdict that is told on ``page``; ``serving`` says what serves now."""
    todo = verdict.todo.rstrip(".")
    return NotUsableError(
        "Train a model.",
        f"{verdict.kind}: {'; '.join(verdict.because)}.",
        f"{todo[:1].upper()}{todo[1:]}. The page {page} shows why; {serving}.",
    )


RANK_BY_RULE = 'To rank by the rule, set [training] without_model = "rule" and train again.'
MORE_THAN_A_RULE = "For a model, load older history or more tables."
SIGN_OFF = 'Or sign it off once you know it to be right: [training] signed_off = ["{name}"].'


def judge_base(backtest: Backtest, leaks: Sequence[Leak], without_model: str) -> Verdict:
    """The verdict of a backtest: leaks first, then chance, then the best rule; intervals included.

    ``without_model``: the setting of that name, which says whether a rule ranks already where no model is usable.

    Logistic regression and last month's list are no rules: they are models too, and losing to them is told on the
    bench, not here.
    """
    open_leaks = [leak for leak in leaks if not leak.signed_off]
    if open_leaks:
        todo = f"{open_leaks[0].todo}. {SIGN_OFF.format(name=open_leaks[0].name)}"
        because = tuple(f"{leak.probe}: {leak}" for leak in open_leaks)
        return Verdict(VerdictKind.LEAK, because, todo[0].upper() + todo[1:])
    value, low, high = backtest.figure("auc")
    if not low > 0.5:
        return Verdict(
            VerdictKind.NO_SIGNAL,
            (f"on past snapshots the AUC is {value:.3f} ({_range(low, high)}): no better than chance, which is 0.5",),
            "Load older history or more tables (`headroom check` says which would add signals), or come back later.",
        )
    best = backtest.best_rival("auc", rules_only=True)
    if best is not None and not best.low > 0:
        return Verdict(
            VerdictKind.NO_SIGNAL,
            (
                f"on past snapshots the model's AUC is {best.model:.3f}, that of the rule '{best.rival}' "
                f"{best.rival_value:.3f}: the difference of {best.difference:+.3f} ({_range(best.low, best.high)}) "
                "does not show that the model is better",
            ),
            MORE_THAN_A_RULE if without_model == "rule" else f"{RANK_BY_RULE} {MORE_THAN_A_RULE}",
        )
    return Verdict(VerdictKind.USABLE, (statement(backtest),))


def statement(backtest: Backtest) -> str:
    """The plain sentence: does the product beat the best of its rivals, by how much, and how sure is that?"""
    best = backtest.best_rival("auc")
    precision = backtest.best_rival("average_precision")
    if best is None or precision is None:
        return "no rival could be judged"
    said = []
    for name, line in (("AUC", best), ("average precision", precision)):
        if line.low > 0:
            verb = "beats"
        elif line.high < 0:
            verb = "loses to"
        else:
            verb = "is not shown to differ from"
        said.append(
            f"in {name} the model ({line.model:.3f}) {verb} the best of its rivals, {line.rival} "
            f"({line.rival_value:.3f}): {line.difference:+.3f} ({_range(line.low, line.high)})"
        )
    return "; ".join(said)


def _range(low: float, high: float) -> str:
    if np.isnan(low):
        return "interval not known"
    return f"95%: {low:+.3f} to {high:+.3f}" if low < 0 else f"95%: {low:.3f} to {high:.3f}"


def count_expansions(history: pd.DataFrame, label: str, horizon_days: int) -> int:
    """Distinct past expansions: positive label windows of an account that do not overlap.

    Monthly snapshots see one expansion three times with a horizon of 90 days; windows that are a horizon apart cannot
    hold the same one. This is the number of independent events, and the lower bound of what happened.
    """
    positive = history.loc[history[label] == 1, ["account_id", "snapshot_date"]].sort_values("snapshot_date")
    horizon = timedelta(days=horizon_days)
    count = 0
    closed_on: dict[str, pd.Timestamp] = {}
    for account, day in zip(positive["account_id"], positive["snapshot_date"], strict=True):
        if account not in closed_on or day >= closed_on[account]:
            count += 1
            closed_on[account] = day + horizon
    return count


def require_enough(history: pd.DataFrame, settings: EvaluationSettings) -> int:
    """The number of distinct past expansions. Raises NotEnoughHistoryError if there is too little to learn from."""
    accounts = history.account_id.nunique()
    dates = history.snapshot_date.nunique()
    expansions = count_expansions(history, "expanded", settings.horizon_days)
    events = (
        f"{expansions} distinct expansions of {history.loc[history.expanded == 1, 'account_id'].nunique()} accounts"
    )
    there = (
        f"{events}, among {accounts} accounts on {dates} snapshot dates ({int(history.expanded.sum())} positive rows)."
    )
    asked = "Train a model of expansions."
    if accounts < settings.min_accounts:
        todo = f"It takes {settings.min_accounts} accounts; until then, know each by heart."
        raise NotEnoughHistoryError(asked, there, todo)
    if not expansions:
        todo = "See with `headroom check` whether plans, seats and MRR are given as they were at each time, not today."
        raise NotEnoughHistoryError(asked, there, f"It takes {settings.min_expansions} expansions. {todo}")
    if expansions < settings.min_expansions:
        todo = (
            f"It takes {settings.min_expansions}, {settings.min_expansions - expansions} more: "
            "load older history, or come back later."
        )
        raise NotEnoughHistoryError(asked, there, todo)
    return expansions
