"""Amounts in several currencies: converted at one rate, or an error that names them."""

from datetime import date
from pathlib import Path

import pytest

from data.checks.check import check
from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from data.sources.known import Source, known_before

TODAY = date(2026, 7, 1)
RATES = """currency,month,rate
EUR,2026-01-01,1.10
EUR,2026-06-01,1.20
EUR,2026-07-01,9.99
USD,2026-01-01,1
"""
LINES = """account_id,product,plan,mrr,valid_from,valid_to,currency
acme,core,team,100,2025-01-01,2026-03-01,EUR
acme,core,team,100,2026-03-01,,EUR
bolt,core,team,100.01,2025-01-01,,USD
cask,core,team,50,2025-01-01,,
"""


def base(folder: Path, **tables: str) -> Source:
    accounts = "account_id,name,created_at\nacme,Acme,2025-01-01\nbolt,Bolt,2025-01-01\ncask,Cask,2025-01-01\n"
    events = "account_id,occurred_at,feature,user_id\nacme,2026-06-30,export,u1\n"
    for name, text in {"accounts": accounts, "usage_events": events, "subscriptions": LINES, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return connect(f"csv://{folder}")


def amounts(source: Source, day: date) -> dict[str, set[int]]:
    lines = known_before(source, day, TODAY).tables["subscriptions"].to_pandas()
    return {account: set(of_account.mrr_e4) for account, of_account in lines.groupby("account_id")}


def test_all_of_history_is_converted_at_the_last_rate_that_is_known(tmp_path: Path) -> None:
    with base(tmp_path, fx_rates=RATES) as source:
        assert amounts(source, TODAY) == {"acme": {120_0000}, "bolt": {100_0100}, "cask": {50_0000}}
        assert amounts(source, date(2026, 4, 1)) == {"acme": {110_0000}, "bolt": {100_0100}, "cask": {50_0000}}


def test_what_a_currency_gained_is_no_movement(tmp_path: Path) -> None:
    with base(tmp_path, fx_rates=RATES) as source:
        tables = known_before(source, TODAY, TODAY).tables
        moves = ledger(tables, ExpansionRules(), TODAY).to_pandas()
        assert sorted(moves.movement_class) == ["new", "new", "new"]


def test_amounts_in_several_currencies_without_rates_are_an_error(tmp_path: Path) -> None:
    with base(tmp_path) as source:
        errors = [finding.message for finding in check(source, TODAY).errors]
    assert [error.rpartition(": ")[2] for error in errors] == ["EUR (2 rows), USD (1 row), no currency (1 row)."]


def test_one_currency_needs_no_rate(tmp_path: Path) -> None:
    with base(
        tmp_path, subscriptions=LINES.replace("USD", "EUR").replace("2025-01-01,,\n", "2025-01-01,,EUR\n")
    ) as source:
        assert not check(source, TODAY).errors


@pytest.mark.parametrize("bills", ["amount\nacme,api,2026-06-01,5\n", "amount,currency\nacme,api,2026-06-01,5,\n"])
def test_a_table_that_says_no_currency_is_in_that_of_the_other(tmp_path: Path, bills: str) -> None:
    euros = "".join(line for line in LINES.splitlines(keepends=True) if not line.startswith(("bolt", "cask")))
    invoices = f"account_id,product,billed_at,{bills}"
    with base(tmp_path, subscriptions=euros, invoices=invoices) as source:
        assert not check(source, TODAY).errors
    with base(tmp_path, subscriptions=euros, invoices=f"{invoices.replace('5,', '5,USD')}") as source:
        errors = [finding.message.rpartition(": ")[2] for finding in check(source, TODAY).errors]
    assert errors == (["EUR (2 rows), USD (1 row)."] if "currency" in bills else [])


def test_an_amount_without_a_currency_is_no_euro(tmp_path: Path) -> None:
    with base(tmp_path, subscriptions=LINES.replace("USD", "EUR")) as source:
        (error,) = [finding.message for finding in check(source, TODAY).errors]
    assert error.endswith(": EUR (3 rows), no currency (1 row).")


def test_a_currency_without_a_rate_is_an_error(tmp_path: Path) -> None:
    with base(tmp_path, fx_rates=RATES.replace("USD", "GBP")) as source:
        errors = [finding.message for finding in check(source, TODAY).errors]
    assert errors == ["fx_rates has no rate for USD (1 row): such amounts are not known."]


def test_before_its_first_rate_a_currency_is_converted_at_that_one(tmp_path: Path) -> None:
    rates = RATES.replace("EUR,2026-01-01,1.10\nEUR,2026-06-01,1.20\n", "").replace("9.99", "1.25")
    with base(tmp_path, fx_rates=rates) as source:
        assert amounts(source, date(2026, 4, 1))["acme"] == {125_0000}
        assert not check(source, TODAY).errors


def test_any_day_of_a_month_stands_for_it(tmp_path: Path) -> None:
    with base(tmp_path, fx_rates=RATES.replace("2026-06-01", "2026-06-30")) as source:
        assert amounts(source, date(2026, 6, 15))["acme"] == {120_0000}


@pytest.mark.parametrize("rate", ["0", "-1.2"])
def test_a_rate_that_is_not_above_nothing_is_an_error(tmp_path: Path, rate: str) -> None:
    with base(tmp_path, fx_rates=RATES.replace("9.99", rate)) as source:
        (error,) = [finding.message for finding in check(source, TODAY).errors]
    assert error == "fx_rates: 1 rate not above 0: no amount can be converted at it."
