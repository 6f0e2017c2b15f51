"""Laws of the company's figures on random contracts, through the real ledger."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contract.vocabulary import MOTIONS
from data.figures.accounts.moves import AccountMoves, moves_of
from data.figures.accounts.slices import DIMENSIONS
from data.figures.figures import account_movements, figures_of
from data.figures.rebuilt import LATE, UNSETTLED, rebuilt, settled_before
from tests.properties.figures_by_hand import assert_sums_of_accounts
from tests.properties.test_movements import BASES, DAYS, FIRST, RULES, SNAPSHOTS, Base, Line, histories, on

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")]

DAY = FIRST + timedelta(days=DAYS)
PEOPLE = pd.DataFrame({"account_id": ["a", "b"], "segment": ["smb", None], "region": "EMEA", "owner": ["Ada", "Ben"]})
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    made = Base()
    yield made
    made.con.disconnect()


def moves_from(rows: Rows, day: date = DAY) -> AccountMoves:
    """The movements of accounts from rows of the ledger."""
    ledger = pd.DataFrame(rows, columns=["account_id", "product", "day", "movement_class", "delta_mrr_e4"])
    ledger = ledger[ledger["day"] < day]
    key = ["account_id", "day", "movement_class"]
    by_day = ledger.groupby(key, as_index=False).delta_mrr_e4.sum()
    by_day["day"] = pd.to_datetime(by_day["day"])
    plans = ledger.groupby("account_id", as_index=False)["product"].min().rename(columns={"product": "plan"})
    return moves_of(day, by_day, plans, PEOPLE)


def figures_from(base: Base, lines: list[Line]) -> dict[str, pd.DataFrame] | None:
    """The tables; None where nobody ever paid."""
    base.fill(lines)
    rows = base.run("ledger")
    return figures_of(moves_from(rows), RULES, 24) if rows else None


@settings(max_examples=8, deadline=None)
@given(lines=BASES)
def test_every_figure_is_the_sum_of_its_accounts(base: Base, lines: list[Line]) -> None:
    """So the bridge closes, slice by slice, for the sums of start, movements and end are made of the same rows."""
    tables = figures_from(base, lines)
    if tables is None:
        return
    assert_sums_of_accounts(tables)


@settings(max_examples=8, deadline=None)
@given(lines=BASES)
def test_the_bridge_closes_and_its_months_join(base: Base, lines: list[Line]) -> None:
    tables = figures_from(base, lines)
    if tables is None:
        return
    bridge = tables["bridge"]
    moved = [name for name in bridge if name.endswith("_e4") and not name.startswith("mrr_")]
    assert (bridge["mrr_start_e4"] + bridge[moved].sum(axis=1) == bridge["mrr_end_e4"]).all()
    ends = bridge.set_index(["dimension", "slice", "month"])
    for (dimension, name, month), row in ends.iterrows():
        following = (dimension, name, month + pd.DateOffset(months=1))
        if following in ends.index:
            assert ends.loc[following, "mrr_start_e4"] == row["mrr_end_e4"]


@settings(max_examples=8, deadline=None)
@given(lines=BASES)
def test_the_slices_of_each_dimension_add_up_to_the_whole(base: Base, lines: list[Line]) -> None:
    tables = figures_from(base, lines)
    if tables is None:
        return
    for table, key in (("bridge", ["month"]), ("retention", ["month", "months"]), ("expansion", ["month", "months"])):
        if tables[table].empty:
            continue
        amounts = [name for name in tables[table] if name.endswith("_e4") or name.startswith("accounts")]
        whole, *parts = (
            tables[table][tables[table]["dimension"] == name].groupby(key)[amounts].sum()
            for name in ("all", *DIMENSIONS)
        )
        for part in parts:
            pd.testing.assert_frame_equal(part, whole)


@settings(max_examples=8, deadline=None)
@given(lines=BASES)
def test_grr_is_at_most_100_percent_and_at_most_nrr(base: Base, lines: list[Line]) -> None:
    tables = figures_from(base, lines)
    if tables is None:
        return
    rates = tables["retention"]
    for grr, nrr in (("grr", "nrr"), ("grr_motions", "nrr_motions")):
        assert rates[grr].between(0, 1).all()
        assert (rates[grr] <= rates[nrr]).all()
    parts = rates["start_e4"] + rates["expansion_e4"] - rates["contraction_e4"] - rates["churn_e4"]
    assert (parts == rates["end_e4"]).all()
    assert np.allclose(rates["nrr_motions"] + rates["nrr_price"], rates["nrr"])
    kept = tables["expansion"]
    assert (kept["kept_arr_e4"] <= kept["expansion_arr_e4"]).all()


@settings(max_examples=15, deadline=None)
@given(lines=BASES)
def test_who_comes_back_is_never_an_expansion(base: Base, lines: list[Line]) -> None:
    base.fill(lines)
    moves = moves_from(base.run("ledger"))
    for _, rows in moves.rows.groupby("account"):
        paid, ever = 0, False
        for _, of_day in rows.groupby("day"):
            gained = set(of_day.movement[of_day.delta_mrr_e4 > 0])
            if paid == 0:
                assert gained == {"reactivation" if ever else "new"}
            paid += of_day.delta_mrr_e4.sum()
            ever |= paid > 0
            assert "churn" not in set(of_day.movement) or paid == 0


@settings(max_examples=15, deadline=None)
@given(lines=histories())
def test_a_change_of_price_alone_is_never_a_motion(base: Base, lines: list[Line]) -> None:
    alike = [replace(line, plan="pro", seats=10, account="a", product="crm", known=line.start) for line in lines]
    alike = sorted({line.start: line for line in alike}.values(), key=lambda line: line.start)
    ends = [following.start for following in alike[1:]] + [alike[-1].end]
    base.fill([replace(line, end=end) for line, end in zip(alike, ends, strict=True)])
    moves = moves_from(base.run("ledger"))
    assert not set(moves.rows.movement) & set(MOTIONS)


@settings(max_examples=15, deadline=None)
@given(lines=BASES)
def test_a_ledger_rebuilt_later_changes_no_settled_month_unless_a_row_became_known_late(
    base: Base, lines: list[Line]
) -> None:
    then, now = SNAPSHOTS[1], SNAPSHOTS[2]
    base.fill(lines)
    before, after = (account_movements(moves_from(base.run(f"as of {day}"), day)) for day in (then, now))
    late = {line.account for line in lines if on(line.start) < then <= on(line.known)}
    changed = rebuilt(before, after, then, late, RULES)
    assert set(changed["why"]) <= {LATE, UNSETTLED}
    settled = pd.Timestamp(settled_before(then, RULES)) - pd.DateOffset(months=1)
    assert set(changed["account_id"][changed["month"] <= settled]) <= late
    assert (changed["before_e4"] != changed["after_e4"]).all()


@settings(max_examples=5, deadline=None)
@given(lines=BASES, data=st.data())
def test_a_row_that_became_known_late_is_named(base: Base, lines: list[Line], data: st.DataObject) -> None:
    """A line of February of a new customer that was only known in May."""
    then, now = SNAPSHOTS[1], SNAPSHOTS[2]
    kept = [line for line in lines if line.account == "a"]
    amount = data.draw(st.sampled_from((1_000_000, 2_000_000)))
    base.fill([*kept, Line("b", "crm", "pro", amount, 5, 40, None, 130)])
    before, after = (account_movements(moves_from(base.run(f"as of {day}"), day)) for day in (then, now))
    changed = rebuilt(before, after, then, {"b"}, RULES)
    (row,) = changed[changed["account_id"] == "b"].to_dict("records")
    assert (row["month"], row["movement"]) == (pd.Timestamp("2024-02-01"), "new")
    assert (row["before_e4"], row["after_e4"], row["why"]) == (0, amount, LATE)
