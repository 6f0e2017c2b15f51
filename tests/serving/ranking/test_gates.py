import re

import numpy as np
import pandas as pd
import pytest

from serving.ranking.gates import GATES, LABELS, Gate, evaluate, gates_in_use
from serving.settings import GateThresholds

GOOD = {
    "tenure_days": 400, "days_since_first_use": 390, "days_to_first_value": 20, "seat_utilization_28d": 0.8,
    "features_included_share_91d": 0.6, "events_growth_91d": 0.1, "critical_tickets_open": 0, "csat_182d": 4.5,
    "invoices_overdue": 0, "lines_under_notice": 0,
    "lines_open": 1, "days_since_billed": 20, "days_since_ended": np.nan,
    "service_goes_on": np.nan,
    "champion_left_182d": 0, "competitor_research_182d": 0, "opportunity_open": 0,
    "play_open": 0, "days_since_expansion": 200, "days_since_not_now": 200,
    "days_since_won": 200,
}  # fmt: skip


def account(**values: float) -> pd.DataFrame:
    """One account that passes every gate but for what is given, beside one that passes them all."""
    return pd.DataFrame([{**GOOD, **values}, GOOD], index=["this", "other"]).astype(float)


DRAWN: list[tuple[dict[str, float], str, str]] = [
    ({}, "", ""),
    ({"tenure_days": 89}, "onboarding", "A customer for 89 days; onboarding takes 90 days."),
    ({"tenure_days": 90}, "", ""),
    (
        {"days_since_first_use": np.nan, "days_to_first_value": np.nan},
        "no_first_value",
        "The product has not been used so far.",
    ),
    ({"days_to_first_value": np.nan}, "", ""),
    ({"seat_utilization_28d": 0.2}, "low_adoption", "20% of the seats are in use; the list asks for 25%."),
    (
        {"features_included_share_91d": 0.05},
        "few_features_used",
        "5% of the plan's features are used; the list asks for 10%.",
    ),
    ({"events_growth_91d": -0.5}, "usage_falling", "Use fell by 50% in the last quarter; the list stops at 40%."),
    ({"events_growth_91d": -0.4}, "", ""),
    ({"critical_tickets_open": 1}, "critical_ticket", "1 critical ticket is open."),
    ({"critical_tickets_open": 2}, "critical_ticket", "2 critical tickets are open."),
    ({"csat_182d": 2.96}, "low_csat", "CSAT averages 2.96 of 5 over six months; the list asks for 3."),
    ({"lines_under_notice": 1}, "notice_given", "Notice was given for 1 contract line."),
    (
        {"lines_open": 0, "days_since_ended": 23, "days_since_billed": 36},
        "contract_ended",
        "Its last contract ended 23 days before this list, and nothing has been billed since.",
    ),
    (
        {"lines_open": 0, "days_since_ended": 23, "days_since_billed": 23},
        "contract_ended",
        "Its last contract ended 23 days before this list, and nothing has been billed since.",
    ),
    ({"lines_open": 0, "days_since_ended": 23, "days_since_billed": 22}, "", ""),  # another product is billed for use
    ({"lines_open": 1, "days_since_ended": 23, "days_since_billed": 36}, "", ""),
    ({"lines_open": 0, "days_since_ended": 11, "days_since_billed": 30, "service_goes_on": 1}, "", ""),  # not due yet
    (
        {
            "lines_open": 0,
            "days_since_ended": 11,
            "days_since_billed": 30,
            "days_since_active": 11,
            "service_goes_on": 1,
        },
        "contract_ended",
        "Its last contract ended 11 days before this list, and nothing has been billed since.",
    ),
    ({"lines_open": 0, "days_since_ended": 11, "days_since_billed": np.nan}, "", ""),  # no bills are known
    ({"lines_open": 0}, "", ""),  # billed for use alone
    ({"invoices_overdue": 1}, "invoice_overdue", "An invoice is overdue."),
    (
        {"champion_left_182d": 1, "events_growth_91d": -0.2},
        "churn_risk",
        "1 champion left in the last six months; use fell by 20% in the last quarter.",
    ),
    ({"champion_left_182d": 1}, "", ""),
    (
        {"competitor_research_182d": 2},
        "competitor_research",
        "Looked at competitors in the last six months: retention first.",
    ),
    ({"opportunity_open": 1}, "opportunity_open", "An expansion opportunity is already open."),
    ({"play_open": 1}, "play_open", "1 play is under way."),
    (
        {"days_since_expansion": 59},
        "just_expanded",
        "Expanded 59 days before this list; it can come back 60 days after that.",
    ),
    ({"days_since_expansion": np.nan}, "", ""),
    (
        {"days_since_won": 59},
        "just_won",
        "A play was won 59 days before this list; it can come back 60 days after that.",
    ),
    ({"days_since_won": np.nan}, "", ""),
    (
        {"days_since_not_now": 89},
        "not_now",
        "Put off 89 days before this list; it can come back 90 days after that, at the latest.",
    ),
]
"""What an account has beside GOOD, the gate that it fails, and the sentence."""


@pytest.mark.parametrize(("values", "code", "sentence"), DRAWN)
def test_a_gate(values: dict[str, float], code: str, sentence: str) -> None:
    passed = evaluate(account(**values), GateThresholds())
    assert passed.because["this"] == code
    assert passed.text["this"] == sentence
    assert passed.eligible.tolist() == [code == "", True]
    assert passed.not_evaluated == ()


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.code)
def test_a_gate_speaks_in_short_sentences_and_of_plain_time(gate: Gate) -> None:
    for text in (gate.text, gate.peak_text or ""):
        words = re.sub(r"\{[^}]*\}", "9", text)
        assert len(words.split()) <= 22
        assert not re.search(r"\b(28|91|182|365)\b", words)


def test_each_gate_is_drawn_and_what_it_reads_is_there() -> None:
    assert {code for _, code, _ in DRAWN} - {""} == set(LABELS)
    assert {name for gate in GATES for name in gate.reads} <= set(GOOD), "GOOD needs a value that passes"


def test_several_gates_are_joined_and_what_is_to_be_fixed_decides_where_it_is_shown() -> None:
    passed = evaluate(account(opportunity_open=1, critical_tickets_open=1, days_since_expansion=5), GateThresholds())
    assert passed.because["this"] == "critical_ticket;opportunity_open;just_expanded"
    assert passed.shown_under.tolist() == ["fix first", ""]
    assert evaluate(account(opportunity_open=1), GateThresholds()).shown_under["this"] == "in the funnel"
    assert evaluate(account(days_since_not_now=5), GateThresholds()).shown_under["this"] == "not now"


def test_a_gate_can_be_switched_off() -> None:
    passed = evaluate(account(csat_182d=1), GateThresholds(min_csat=None))
    assert passed.eligible.all()


def test_first_value_can_mean_a_milestone() -> None:
    passed = evaluate(account(days_to_first_value=np.nan), GateThresholds(first_value="milestone"))
    assert passed.because["this"] == "no_first_value"


def test_a_gate_whose_column_is_absent_passes_everyone_and_is_reported() -> None:
    passed = evaluate(account().drop(columns=["seat_utilization_28d", "csat_182d"]), GateThresholds())
    assert passed.eligible.all()
    assert passed.not_evaluated == ("low_adoption", "low_csat")
    nothing = evaluate(pd.DataFrame(index=["a"]), GateThresholds())
    assert nothing.eligible.all()
    assert set(nothing.not_evaluated) == set(LABELS)


def test_a_column_that_is_there_is_evaluated_though_nobody_has_a_value() -> None:
    rated = evaluate(account().assign(csat_182d=np.nan), GateThresholds())
    assert rated.eligible.all()
    unused = evaluate(account().assign(days_since_first_use=np.nan, days_to_first_value=np.nan), GateThresholds())
    assert unused.because.tolist() == ["no_first_value"] * 2
    assert rated.not_evaluated == unused.not_evaluated == ()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seat_utilization_28d": 0.2499}, "24.9% of the seats are in use; the list asks for 25%."),
        ({"seat_utilization_28d": 0.24999999}, "24.9% of the seats are in use; the list asks for 25%."),
        ({"features_included_share_91d": 0.0996}, "9.9% of the plan's features are used; the list asks for 10%."),
        ({"events_growth_91d": -0.4001}, "Use fell by 40.1% in the last quarter; the list stops at 40%."),
        ({"csat_182d": 2.9996}, "CSAT averages 2.99 of 5 over six months; the list asks for 3."),
    ],
)
def test_what_falls_short_is_never_printed_as_the_threshold(values: dict[str, float], sentence: str) -> None:
    assert evaluate(account(**values), GateThresholds()).text["this"] == sentence


def test_an_odd_threshold_is_told_apart_too() -> None:
    limits = GateThresholds(min_seat_utilization=0.3004)
    said = evaluate(account(seat_utilization_28d=0.3002), limits).text["this"]
    assert said == "29.9% of the seats are in use; the list asks for 30%."


def test_where_only_daily_counts_are_known_the_busiest_day_is_named() -> None:
    passed = evaluate(account(seat_utilization_28d=0.2), GateThresholds(), users_are_daily_peaks=True)
    assert passed.because["this"] == "low_adoption"
    assert passed.text["this"] == (
        "20% of the seats were in use on the busiest day of the last month; the list asks for 25%."
    )


def test_first_value_is_one_choice_of_two_gates() -> None:
    chosen = {word: [gate.choice for gate, _ in gates_in_use(GateThresholds(first_value=word)) if gate.choice]
              for word in ("use", "milestone")}  # fmt: skip
    assert chosen == {"use": ["use"], "milestone": ["milestone"]}
    assert not any(gate.choice for gate, _ in gates_in_use(GateThresholds(first_value=None)))


def test_cross_sell_waits_until_the_first_product_is_adopted() -> None:
    passed = evaluate(account(seat_utilization_28d=0.4), GateThresholds())
    assert passed.cross_sell_ready.tolist() == [False, True]
    assert passed.eligible.all()


def test_every_gate_reads_a_setting_that_exists() -> None:
    assert {gate.setting for gate in GATES} <= GateThresholds.model_fields.keys()


@pytest.mark.parametrize("muted", ["days_since_first_use", "days_to_first_value"])
def test_a_gate_that_reads_what_is_not_known_is_not_evaluated(muted: str) -> None:
    rows = account(days_since_first_use=np.nan, days_to_first_value=np.nan).drop(columns=muted)
    passed = evaluate(rows, GateThresholds(), muted=frozenset({muted}))
    assert (passed.because["this"], passed.not_evaluated) == ("", ("no_first_value",))
    without_crm = evaluate(rows.drop(columns="days_to_first_value", errors="ignore"), GateThresholds())
    assert without_crm.because["this"] == ("no_first_value" if muted == "days_to_first_value" else "")
