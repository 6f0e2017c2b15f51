"""What stands beside an account on the list, from its details and features."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.contract.details import WEEKS
from data.contract.outputs import SCORES
from features.catalogue import full_catalogue
from serving.published.row_context import row_context, with_product
from tests.serving.world import details, feature_rows, snapshot


def context_of(rows: dict[str, list[object]], named: dict[str, list[object]]) -> dict[str, list[object]]:
    size = len(next(iter({**rows, **named}.values())))
    frames = [pd.DataFrame(columns, index=range(size)) for columns in (rows, named)]
    return {name: list(values) for name, values in row_context(*frames).items()}


@pytest.mark.parametrize(
    ("rows", "arr"),
    [
        ({"mrr": [100.0]}, 1_200.0),
        ({"mrr": [100.0], "billed_365d": [50.0]}, 1_200.0),  # a contract comes first
        ({"mrr": [0.0], "billed_365d": [50.0]}, 50.0),
        ({"mrr": [np.nan], "billed_365d": [50.0]}, 50.0),
        ({"billed_365d": [50.0]}, 50.0),
        ({"billed_365d": [0.0]}, 0.0),
        ({"mrr": [np.nan]}, np.nan),
        ({"mrr": [0.0]}, np.nan),  # what was billed is not known: its feed has fallen silent
        ({"seats": [3.0]}, np.nan),
    ],
)
def test_arr_is_that_of_the_contract_or_what_was_billed_in_a_year(rows: dict[str, list[object]], arr: float) -> None:
    assert context_of(rows, {"plan_1": [None], "plan_product_1": [None]})["arr"] == pytest.approx([arr], nan_ok=True)


def test_plans_are_named_dearest_first_with_their_products_where_there_are_several() -> None:
    named = {
        "plan_1": ["pro", "pro", None],
        "plan_2": ["basic", None, None],
        "plan_3": ["free", None, None],
        "plan_product_1": ["Core", "Core", None],
        "plan_product_2": ["Insights", None, None],
        "plan_product_3": [None, None, None],  # a line that names no product
        "renews_on": [date(2027, 1, 31), None, pd.NaT],
    }
    context = context_of({"seats": [5.0, np.nan, 7.0]}, named)
    assert [None if pd.isna(plan) else plan for plan in context["plan"]] == [
        "Core pro, Insights basic, free",
        "pro",
        None,
    ]
    assert context["renews_on"] == [date(2027, 1, 31), None, None]
    assert context["open_seats"] == pytest.approx([5.0, np.nan, 7.0], nan_ok=True)


def test_the_last_contact_is_the_later_of_ticket_and_review() -> None:
    named = {
        "ticket_on": [date(2026, 9, 1), date(2026, 7, 2), None, pd.NaT],
        "reviewed_on": [date(2026, 8, 1), date(2026, 9, 3), date(2026, 6, 4), None],
    }
    days = [date(2026, 9, 1), date(2026, 9, 3), date(2026, 6, 4), None]
    assert context_of({"seats": [1.0] * 4}, named)["last_contact_on"] == days
    of_reviews = {"reviewed_on": named["reviewed_on"]}
    assert context_of({"seats": [1.0] * 4}, of_reviews)["last_contact_on"] == [
        date(2026, 8, 1), date(2026, 9, 3), date(2026, 6, 4), None,
    ]  # fmt: skip


def test_use_by_week_is_told_oldest_first() -> None:
    named = {f"use_week_{week}": [float(week), np.nan] for week in range(1, WEEKS + 1)}
    first, second = context_of({"seats": [1.0, 1.0]}, named)["use_by_week"]
    assert first == [float(week) for week in range(WEEKS, 0, -1)]
    assert second is None


def test_what_no_table_tells_is_null() -> None:
    context = context_of({"tenure_days": [1.0, 2.0]}, {"account_id": ["a", "b"]})
    days = {"renews_on", "last_contact_on"}
    assert set(context) == {"plan", "open_seats", "arr", *days, "use_by_week", "group_id", "group_name"}
    for values in context.values():
        assert [value is None or pd.isna(value) for value in values] == [True, True]


def test_the_group_of_each_account_is_named() -> None:
    context = context_of({"seats": [1.0, 1.0]}, {"group_id": ["a1", None], "group_name": ["Acme", None]})
    for name, value in (("group_id", "a1"), ("group_name", "Acme")):
        assert context[name][0] == value
        assert pd.isna(context[name][1])


def test_the_likeliest_product_comes_from_the_scores() -> None:
    named, scores = pd.DataFrame({"account_id": ["a"]}), pd.DataFrame({"cross_sell_product": ["Chat"]}, index=["a"])
    assert with_product(named, scores)["cross_sell_product"].tolist() == ["Chat"]
    assert "cross_sell_product" not in with_product(named, pd.DataFrame({"x": [1]}))


def test_a_list_has_it_beside_each_account_in_its_order() -> None:
    rows = feature_rows(30)
    named = details(rows)
    order = np.random.default_rng(0).permutation(30)
    scores = snapshot(30, rows=rows.iloc[order], details=named.iloc[order[::-1]]).scores()
    by_account = named.set_index("account_id").loc[scores["account_id"]]
    for place, week in enumerate(scores["use_by_week"]):
        expected = by_account["use_week_1"].iloc[place]
        assert (week is None and np.isnan(expected)) or week[-1] == expected
    assert scores["open_seats"].tolist() == rows.set_index("account_id")["seats"].loc[scores["account_id"]].tolist()
    assert scores["plan"].notna().sum() == by_account["plan_1"].notna().sum()


def test_no_column_of_the_scores_is_called_as_a_feature() -> None:
    """Scores and attributions are joined by account: a column of one name would hide the attribution."""
    assert set(SCORES.names) & set(full_catalogue()) == set()
