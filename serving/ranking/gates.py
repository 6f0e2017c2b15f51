"""Gates: expansion follows value. An account that fails one is not ranked; it is shown apart, with the reason.

Each gate is one small function from feature rows to the rows that fail. A comparison with a missing value does not
fail. A gate whose columns are absent (the tables cannot carry them) passes everyone and is reported as not evaluated.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.conditions import Columns, column
from data.contract.details import DETAILS
from data.contract.outputs import FIX, FUNNEL, SHOWN_UNDER, WAIT
from serving.reasons.templates import Template
from serving.settings import GateThresholds

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gate:
    """One gate. ``fails(columns, threshold, size)`` is true where an account does not pass; ``text`` says why.

    ``reads`` are the features without which the gate cannot be evaluated; ``asks`` are read, too, where the tables can
    carry them. ``choice``: the gate is on where its setting
    has this word. ``peak_text`` is said instead of ``text`` where the users of a window are those of its busiest day.
    """

    code: str
    label: str
    setting: str
    reads: tuple[str, ...]
    fails: Callable[[Columns, float, int], Mask]
    text: str
    shown_under: str = FIX
    choice: str | None = None
    peak_text: str | None = None
    asks: tuple[str, ...] = ()


def _below(name: str) -> Callable[[Columns, float, int], Mask]:
    return lambda columns, threshold, size: column(columns, name, size) < threshold


def _at_least(name: str) -> Callable[[Columns, float, int], Mask]:
    return lambda columns, threshold, size: column(columns, name, size) >= threshold


def _champion_gone_and_falling(columns: Columns, fall: float, size: int) -> Mask:
    """A champion left and use falls. A proxy: a team with a churn model brings its own score as a feature."""
    return (column(columns, "champion_left_182d", size) > 0) & (column(columns, "events_growth_91d", size) < fall)


def _no_milestone(columns: Columns, _: float, size: int) -> Mask:
    return np.isnan(column(columns, "days_to_first_value", size))


def _no_use(columns: Columns, threshold: float, size: int) -> Mask:
    """Neither a milestone nor any use: milestones are recorded only where somebody writes them down."""
    return _no_milestone(columns, threshold, size) & np.isnan(column(columns, "days_since_first_use", size))


def _ended(columns: Columns, _: float, size: int) -> Mask:
    """The last contract ended within a quarter, nothing was billed since, and no bill of what is used is to come."""
    is_open, is_billed_on = (column(columns, name, size) > 0 for name in ("lines_open", "service_goes_on"))
    ended, billed, active = (column(columns, f"days_since_{name}", size) for name in ("ended", "billed", "active"))
    return (billed >= ended) & ~is_open & (~is_billed_on | (active >= ended))


GATES: tuple[Gate, ...] = (
    Gate(
        "onboarding",
        "Still onboarding",
        "onboarding_days",
        ("tenure_days",),
        _below("tenure_days"),
        "A customer for {tenure_days:days}; onboarding takes {threshold:days}.",
    ),
    Gate(
        "no_first_value",
        "No first value yet",
        "first_value",
        ("days_since_first_use",),
        _no_use,
        "The product has not been used so far.",
        choice="use",
        asks=("days_to_first_value",),
    ),
    Gate(
        "no_first_value",
        "No first value yet",
        "first_value",
        ("days_to_first_value",),
        _no_milestone,
        "No milestone has been reached so far.",
        choice="milestone",
    ),
    Gate(
        "low_adoption",
        "Seats stand empty",
        "min_seat_utilization",
        ("seat_utilization_28d",),
        _below("seat_utilization_28d"),
        "{seat_utilization_28d:share} of the seats are in use; the list asks for {threshold:share}.",
        peak_text="{seat_utilization_28d:share} of the seats were in use on the busiest day of the last month; "
        "the list asks for {threshold:share}.",
    ),
    Gate(
        "few_features_used",
        "Little of the plan is used",
        "min_features_share",
        ("features_included_share_91d",),
        _below("features_included_share_91d"),
        "{features_included_share_91d:share} of the plan's features are used; the list asks for {threshold:share}.",
    ),
    Gate(
        "usage_falling",
        "Use is falling",
        "usage_fall",
        ("events_growth_91d",),
        _below("events_growth_91d"),
        "Use fell by {events_growth_91d:share} in the last quarter; the list stops at {threshold:share}.",
    ),
    Gate(
        "critical_ticket",
        "Critical ticket open",
        "critical_tickets",
        ("critical_tickets_open",),
        _at_least("critical_tickets_open"),
        "{critical_tickets_open:count critical ticket is/critical tickets are} open.",
    ),
    Gate(
        "low_csat",
        "Unhappy with support",
        "min_csat",
        ("csat_182d",),
        _below("csat_182d"),
        "CSAT averages {csat_182d:rating} of 5 over six months; the list asks for {threshold:rating}.",
    ),
    Gate(
        "notice_given",
        "Notice was given",
        "lines_under_notice",
        ("lines_under_notice",),
        _at_least("lines_under_notice"),
        "Notice was given for {lines_under_notice:count contract line/contract lines}.",
    ),
    Gate(
        "contract_ended",
        "Its contracts have ended",
        "ended_contracts",
        ("lines_open",),
        _ended,
        "Its last contract ended {days_since_ended:days} before this list, and nothing has been billed since.",
        asks=("days_since_active", "days_since_billed", "days_since_ended", "service_goes_on"),
    ),
    Gate(
        "invoice_overdue",
        "Invoice overdue",
        "overdue_invoices",
        ("invoices_overdue",),
        _at_least("invoices_overdue"),
        "An invoice is overdue.",
    ),
    Gate(
        "churn_risk",
        "Champion gone, use falling",
        "churn_usage_fall",
        ("champion_left_182d", "events_growth_91d"),
        _champion_gone_and_falling,
        "{champion_left_182d:count champion/champions} left in the last six months; "
        "use fell by {events_growth_91d:share} in the last quarter.",
    ),
    Gate(
        "competitor_research",
        "Looks at competitors",
        "competitor_research",
        ("competitor_research_182d",),
        _at_least("competitor_research_182d"),
        "Looked at competitors in the last six months: retention first.",
    ),
    Gate(
        "opportunity_open",
        "Opportunity already open",
        "open_opportunity",
        ("opportunity_open",),
        _at_least("opportunity_open"),
        "An expansion opportunity is already open.",
        FUNNEL,
    ),
    Gate(
        "play_open",
        "Play under way",
        "open_plays",
        ("play_open",),
        _at_least("play_open"),
        "{play_open:count play is/plays are} under way.",
        FUNNEL,
    ),
    Gate(
        "just_expanded",
        "Just expanded",
        "cooldown_days",
        ("days_since_expansion",),
        _below("days_since_expansion"),
        "Expanded {days_since_expansion:days} before this list; it can come back {threshold:days} after that.",
        WAIT,
    ),
    Gate(
        "just_won",
        "Just won",
        "cooldown_days",
        ("days_since_won",),
        _below("days_since_won"),
        "A play was won {days_since_won:days} before this list; it can come back {threshold:days} after that.",
        WAIT,
    ),
    Gate(
        "not_now",
        "Said not now",
        "not_now_days",
        ("days_since_not_now",),
        _below("days_since_not_now"),
        "Put off {days_since_not_now:days} before this list; "
        "it can come back {threshold:days} after that, at the latest.",
        WAIT,
    ),
)
ASKED_DETAILS = tuple(dict.fromkeys(name for gate in GATES for name in gate.asks if name in DETAILS))
"""What gates ask for that is no feature."""
LABELS: dict[str, str] = {gate.code: gate.label for gate in GATES}
_PRINTED_STEP = {"share": 0.001, "rating": 0.01}
"""The last digit that is printed, by format."""
_UNDER: dict[str, str] = {gate.code: gate.shown_under for gate in GATES}


def gate_label(code: str) -> str:
    """What a gate is called; its code where this version has none of it, as in a list of another version."""
    return LABELS.get(code, code)


def gates_in_use(thresholds: GateThresholds) -> list[tuple[Gate, float]]:
    """The gates that are switched on, each with its threshold (0 where the gate has none)."""
    chosen = []
    for gate in GATES:
        threshold = getattr(thresholds, gate.setting)
        if gate.choice is not None:
            if gate.choice == threshold:
                chosen.append((gate, 0.0))
        elif threshold is not None:
            chosen.append((gate, float(threshold)))
    return chosen


@dataclass(frozen=True)
class GateResult:
    """What the gates say, one entry per row: ``because`` are the codes joined by ``;`` ("" if eligible).

    ``not_evaluated`` are the codes of gates that are switched on and whose features are not there.
    """

    eligible: pd.Series
    because: pd.Series
    text: pd.Series
    shown_under: pd.Series
    cross_sell_ready: pd.Series
    not_evaluated: tuple[str, ...]


def evaluate(
    rows: pd.DataFrame,
    thresholds: GateThresholds,
    *,
    users_are_daily_peaks: bool = False,
    muted: Set[str] = frozenset(),
) -> GateResult:
    """Put feature rows (index: account_id, columns: features as float64) through the gates.

    ``users_are_daily_peaks``: the users of a window are those of its busiest day, and the sentences say so. ``muted``:
    the features that are not known of any account; no gate that reads one of them is evaluated.
    """
    size = len(rows)
    columns = {str(name): rows[name].to_numpy(np.float64) for name in rows.select_dtypes("number")}
    codes: list[list[str]] = [[] for _ in range(size)]
    texts: list[list[str]] = [[] for _ in range(size)]
    not_evaluated = []
    for gate, threshold in gates_in_use(thresholds):
        if not all(name in columns for name in gate.reads) or muted & {*gate.reads, *gate.asks}:
            not_evaluated.append(gate.code)
            continue
        where = np.flatnonzero(gate.fails(columns, threshold, size))
        failing = {name: values[where] for name, values in columns.items()}
        failing["threshold"] = np.full(len(where), threshold)
        template = Template.parse(gate.peak_text if users_are_daily_peaks and gate.peak_text else gate.text)
        sentences = template.render(_told_apart(failing, template), len(where), currency="")
        for position, sentence in zip(where.tolist(), sentences, strict=True):
            codes[position].append(gate.code)
            texts[position].append(sentence)

    def series(values: list[str]) -> pd.Series:
        return pd.Series(values, index=rows.index, dtype="str")

    return GateResult(
        eligible=pd.Series([not failed for failed in codes], index=rows.index, dtype=bool),
        because=series([";".join(failed) for failed in codes]),
        text=series([" ".join(said) for said in texts]),
        shown_under=series([_shown_under(failed) for failed in codes]),
        cross_sell_ready=pd.Series(_cross_sell_ready(columns, thresholds, size), index=rows.index, dtype=bool),
        not_evaluated=tuple(not_evaluated),
    )


def _told_apart(columns: Columns, template: Template) -> Columns:
    """The numbers of a sentence, rounded so that none below the threshold is printed as equal to it."""
    printed = dict(columns)
    forms = {placeholder.feature: placeholder.format for placeholder in template.placeholders}
    step = _PRINTED_STEP.get(forms.pop("threshold", ""))
    if step is None:
        return printed
    limit = np.round(columns["threshold"] / step)
    for name in forms:
        steps = np.round(columns[name] / step)
        printed[name] = np.where(columns[name] < columns["threshold"], np.minimum(steps, limit - 1), steps) * step
    return printed


def _shown_under(codes: list[str]) -> str:
    places = {_UNDER[code] for code in codes}
    return next((place for place in SHOWN_UNDER if place in places), "")


def _cross_sell_ready(columns: Columns, thresholds: GateThresholds, size: int) -> Mask:
    """Cross-sell waits until the first product is adopted; what is not known does not hold it back."""
    ready = np.ones(size, dtype=bool)
    if thresholds.cross_sell_seat_utilization is not None:
        ready &= ~(column(columns, "seat_utilization_28d", size) < thresholds.cross_sell_seat_utilization)
    if thresholds.cross_sell_features_share is not None:
        ready &= ~(column(columns, "features_included_share_91d", size) < thresholds.cross_sell_features_share)
    return ready
