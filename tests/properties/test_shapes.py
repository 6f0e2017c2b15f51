"""One base written in many shapes has one ledger: a line per version, per contract, per quarter; bills with periods."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.connect import connect
from data.time_cut import before_day
from features.cohort import cohort

RULES, END = ExpansionRules(), date(2026, 10, 1)
SEEDS = (11, 23)
OF_LINE = ["account_id", "product"]
TERMS = [*OF_LINE, "plan", "mrr", "seats", "contract_id"]
MOVED = ["account_id", "product", "day", "movement_class", "delta_mrr_e4", "seats_after", "plan_after"]
MONEY = ["account_id", "product", "day", "delta_mrr_e4"]


def by_contract(lines: pd.DataFrame) -> pd.DataFrame:
    """Versions of a contract say when they begin; only the contract says when it ends."""
    lines = lines.sort_values([*OF_LINE, "contract_id", "valid_from"])
    begins = lines.groupby([*OF_LINE, "contract_id"]).valid_from.shift(-1)
    return lines.assign(valid_to=lines.valid_to.where(lines.valid_to != begins))


def by_version(lines: pd.DataFrame) -> pd.DataFrame:
    """Nobody says which contract a line belongs to."""
    return lines.drop(columns="contract_id")


def by_quarter(lines: pd.DataFrame) -> pd.DataFrame:
    """Every line is renewed each 91 days on the same terms."""
    parts = []
    for line in lines.to_dict("records"):
        last = pd.Timestamp(END) if line["valid_to"] is pd.NaT else line["valid_to"]
        starts = list(pd.date_range(line["valid_from"], last, freq="91D", inclusive="left"))
        ends = [*starts[1:], line["valid_to"]]
        parts += [line | {"valid_from": start, "valid_to": end} for start, end in zip(starts, ends, strict=True)]
    return pd.DataFrame(parts, columns=lines.columns)


def merged(lines: pd.DataFrame) -> pd.DataFrame:
    """Renewals on the same terms are no lines of their own."""
    lines = lines.sort_values([*TERMS, "valid_from"], ignore_index=True)
    same = pd.Series(list(lines[TERMS].fillna(0).itertuples(index=False, name=None)))
    goes_on = (same == same.shift()) & (lines.valid_from == lines.valid_to.shift())
    first = lines.groupby((~goes_on).cumsum(), as_index=False).first()
    ends = lines.groupby((~goes_on).cumsum()).valid_to.agg(lambda days: days.iloc[-1])
    return first.assign(valid_to=ends.to_numpy())


SHAPES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "by contract": by_contract,
    "by version": by_version,
    "by quarter": by_quarter,
    "merged": merged,
}


@pytest.fixture(scope="module", params=SEEDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    simulate(folder, accounts=100, months=20, seed=request.param, end=END)
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "subscriptions.parquet")


def write(folder: Path, written: Path, **tables: pd.DataFrame) -> None:
    """Some tables, beside the accounts, the use and the price list of the base."""
    for name in ("accounts", "plans", "usage_events"):
        (written / f"{name}.parquet").write_bytes((folder / f"{name}.parquet").read_bytes())
    for name, table in tables.items():
        table.to_parquet(written / f"{name}.parquet")


def moves(folder: Path, written: Path, columns: list[str], **tables: pd.DataFrame) -> list[tuple[object, ...]]:
    """The ledger of a base so written."""
    write(folder, written, **tables)
    with connect(f"parquet://{written}") as source:
        known = {name: before_day(name, table, END) for name, table in source.tables.items()}
        rows = ledger(known, RULES, END).select(columns).to_pandas()
    rows = rows.astype("object").where(rows.notna(), None)
    return sorted(rows.itertuples(index=False, name=None), key=str)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ledger_is_the_same_in_every_shape(folder: Path, lines: pd.DataFrame, tmp_path: Path, shape: str) -> None:
    (as_it_is := tmp_path / "as_it_is").mkdir()
    (other := tmp_path / "other").mkdir()
    rewritten = SHAPES[shape](lines)
    assert not rewritten.equals(lines)
    found = moves(folder, other, MOVED, subscriptions=rewritten)
    assert len(found) > len(lines) / 4
    assert found == moves(folder, as_it_is, MOVED, subscriptions=lines)


def customers(written: Path) -> set[str]:
    """The customers of a base at its end. Before it, they would differ in when their ends became known."""
    with connect(f"parquet://{written}") as source:
        return set(cohort(source.tables, [END]).to_pandas().account_id)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_customers_are_the_same_in_every_shape(
    folder: Path, lines: pd.DataFrame, tmp_path: Path, shape: str
) -> None:
    for name, written in (("as_it_is", lines), ("other", SHAPES[shape](lines))):
        (tmp_path / name).mkdir()
        write(folder, tmp_path / name, subscriptions=written)
    found = customers(tmp_path / "other")
    assert len(found) < lines.account_id.nunique()
    assert found == customers(tmp_path / "as_it_is")


def test_bills_with_periods_make_the_same_money(folder: Path, lines: pd.DataFrame, tmp_path: Path) -> None:
    """Lines that begin and end with months, and a bill for each of their months."""
    (subscribed := tmp_path / "subscribed").mkdir()
    (billed := tmp_path / "billed").mkdir()
    lines = lines.assign(
        **{side: lines[side].dt.to_period("M").dt.to_timestamp() for side in ("valid_from", "valid_to")}
    )
    lines = lines[lines.valid_from != lines.valid_to].drop(columns=["contract_id", "notice_at", "renews_on"])
    lines = lines.sort_values([*OF_LINE, "valid_from"])
    gone_on = lines.groupby(OF_LINE).valid_from.shift(-1)
    has_gap = (lines.valid_to.notna() & gone_on.notna() & (gone_on != lines.valid_to)).groupby(
        [lines.account_id, lines["product"]]
    )
    lines = lines[~has_gap.transform("any")]
    bills = []
    for line in lines.itertuples():
        last = END if line.valid_to is pd.NaT else line.valid_to
        starts = pd.date_range(line.valid_from, last, freq="MS", inclusive="left")
        bills += [(line.account_id, line.product, day, line.mrr, day, day + pd.offsets.MonthBegin()) for day in starts]
    columns = [*OF_LINE, "billed_at", "amount", "period_start", "period_end"]
    of_bills = moves(folder, billed, MONEY, invoices=pd.DataFrame(bills, columns=columns))
    assert len(of_bills) > len(lines) / 4
    assert of_bills == moves(folder, subscribed, MONEY, subscriptions=lines)
