"""The plain script of the bench and the figures tell of the same months; a base is copied so often that it is large."""

from pathlib import Path

import pandas as pd
import pytest

from data.simulation.base import simulate
from tests.bench import company
from tests.data.figures.drawing import E4, drawn_figures
from tests.drawn import drawn

LINES = """
    account_id | product | plan  | mrr  | seats | valid_from | valid_to
    more_seats | core    | basic | 1000 | 10    | 2024-08-01 | 2025-09-01
    more_seats | core    | basic | 1200 | 12    | 2025-09-01 |
    price_rise | core    | pro   | 2000 | 10    | 2024-08-01 | 2025-12-10
    price_rise | core    | pro   | 2100 | 10    | 2025-12-10 |
    less_seats | core    | basic | 800  | 8     | 2024-08-01 | 2025-10-01
    less_seats | core    | basic | 600  | 6     | 2025-10-01 |
    gone       | core    | basic | 500  | 5     | 2024-08-01 | 2026-02-01
    came       | core    | basic | 900  | 9     | 2025-10-15 |
    came_back  | core    | basic | 650  | 7     | 2024-08-01 | 2025-03-01
    came_back  | core    | basic | 700  | 7     | 2025-11-10 |
"""


def lines_of(text: str) -> pd.DataFrame:
    """Drawn lines with the types of a read file."""
    lines = drawn(text)
    days = {name: pd.to_datetime(lines[name]) for name in ("valid_from", "valid_to")}
    return lines.assign(mrr=lines["mrr"].astype("float64"), **days)


def test_the_script_and_the_figures_tell_of_the_same_months() -> None:
    ours = drawn_figures(subscriptions=LINES)["bridge"].query("dimension == 'all'")
    script = company.pandas_bridge(lines_of(LINES), pd.Timestamp("2026-07-01"), 12)
    assert script["month"].tolist() == ours["month"].tolist()
    expected = {
        "start": ours["mrr_start_e4"],
        "new": ours["new_e4"],
        "expansion": ours[["seat_e4", "upsell_e4", "cross_sell_e4", "price_e4"]].sum(axis=1),
        "contraction": ours["contraction_e4"],
        "churn": ours["churn_e4"],
        "reactivation": ours["reactivation_e4"],
        "end": ours["mrr_end_e4"],
    }
    for name, amounts in expected.items():
        assert (script[name] * E4).tolist() == amounts.tolist(), name
    assert script["expansion"].sum() == 200 + 100


def test_the_slices_of_the_script_add_up_to_the_whole() -> None:
    people = pd.DataFrame({"account_id": ["more_seats", "price_rise", "less_seats"], "segment": "smb"})
    lines = lines_of(LINES).merge(people, on="account_id", how="left").assign(region="EMEA", owner="Ada")
    bridges = company.pandas_bridges(lines, pd.Timestamp("2026-07-01"), 12)
    assert [name for dimension, name in bridges if dimension == "plan"] == ["core: basic", "core: pro"]
    by_plan = sum(bridge["end"].iloc[-1] for (dimension, _), bridge in bridges.items() if dimension == "plan")
    assert by_plan == bridges["all", "all"]["end"].iloc[-1] == 1200 + 2100 + 600 + 900 + 700
    assert bridges["segment", "smb"]["end"].iloc[-1] == 1200 + 2100 + 600


def test_a_base_is_copied_until_it_has_so_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LINES", 30)
    simulate(tmp_path / "one", accounts=3, months=6)
    one = pd.read_parquet(tmp_path / "one" / "subscriptions.parquet")
    company.copied(tmp_path / "one", tmp_path / "many")
    many = company.read_lines(tmp_path / "many")
    copies = -(-30 // len(one))
    assert len(many) == copies * int((one["mrr"] != 0).sum())
    assert many["account_id"].nunique() == copies * one["account_id"].nunique()
    assert many["segment"].notna().all()
