import json

import numpy as np
import pandas as pd
import pytest

from features.cross_sell import CrossSellOptions
from models.estimators.cross_sell import Offers, Sales, fit_offers

PRODUCTS = ("core", "chat", "mail", "phone")
DATES = pd.date_range("2024-01-01", periods=10, freq="MS")


def drawn(accounts: int, seed: int = 0) -> tuple[pd.DataFrame, Sales]:
    """Who has mail and makes calls buys chat in nine of ten cases, who makes none buys phone; who has not, buys mail.

    Each account is new on each day.
    """
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "account_id": [f"a{i:04d}" for i in range(accounts * len(DATES))],
            "snapshot_date": np.repeat(DATES, accounts),
            "mrr": np.exp(random.normal(6, 1, accounts * len(DATES))),
        }
    )
    has_mail = random.random(len(rows)) < 0.3
    likes_chat = random.random(len(rows)) < 0.5
    likely = np.where(has_mail, np.where(likes_chat, "chat", "phone"), "mail")
    other = np.where(has_mail, np.where(likes_chat, "phone", "chat"), random.choice(["chat", "phone"], len(rows)))
    sold = rows[["account_id", "snapshot_date"]].assign(product=np.where(random.random(len(rows)) < 0.9, likely, other))
    had = pd.concat([rows.assign(product="core"), rows[has_mail].assign(product="mail")])
    on_offer = pd.MultiIndex.from_product([DATES, PRODUCTS], names=["snapshot_date", "product"]).to_frame(index=False)
    used = rows[["account_id", "snapshot_date"]].assign(feature=np.where(likes_chat, "calls", "boards"))
    return rows, Sales(sold, CrossSellOptions(had[["account_id", "snapshot_date", "product"]], on_offer, used))


def test_shares_are_of_what_is_left() -> None:
    rows, sales = drawn(40)
    offers = fit_offers(rows, sales)
    assert offers is not None
    shares = pd.DataFrame(offers.shares(rows, sales.owned), columns=offers.products)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (shares["core"] == 0).all()
    has_mail = shares["mail"] == 0
    assert 0.2 < has_mail.mean() < 0.4
    calls = (sales.owned.used.feature == "calls").to_numpy()
    assert shares.loc[has_mail & calls, "chat"].mean() == pytest.approx(0.9, abs=0.2)
    assert shares.loc[has_mail & ~calls, "phone"].mean() == pytest.approx(0.9, abs=0.2)
    assert shares.loc[~has_mail, "mail"].mean() == pytest.approx(0.9, abs=0.08)


def test_a_few_sales_say_little_more_than_what_is_popular() -> None:
    rows, sales = drawn(1)
    offers = fit_offers(rows, sales)
    assert offers is not None
    assert np.abs(offers.effects).max() < 1
    shares = offers.shares(rows, sales.owned)
    assert shares.max() < 0.95
    assert shares.sum(axis=1) == pytest.approx(1)


def test_a_sale_seen_from_two_snapshots_counts_once() -> None:
    rows, sales = drawn(30)
    offers = fit_offers(rows, sales)
    assert offers is not None
    assert offers.sales == pytest.approx(300)
    again = rows[rows.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    sold = sales.sold[sales.sold.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    had = sales.owned.had[sales.owned.had.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    owned = CrossSellOptions(pd.concat([sales.owned.had, had]), sales.owned.on_offer, sales.owned.used)
    twice = Sales(pd.concat([sales.sold, sold]), owned)
    more = fit_offers(pd.concat([rows, again], ignore_index=True), twice)
    assert more is not None
    assert more.sales == pytest.approx(300)


def test_nothing_left_is_nothing_offered() -> None:
    rows, sales = drawn(30)
    offers = fit_offers(rows, sales)
    assert offers is not None
    day = rows[rows.snapshot_date == DATES[-1]]
    one = day.account_id.iloc[0]
    every = pd.DataFrame({"account_id": one, "snapshot_date": DATES[-1], "product": PRODUCTS})
    product, share = offers.best(day, CrossSellOptions(every, sales.owned.on_offer, sales.owned.used))
    assert product[0] is None
    assert np.isnan(share[0])
    assert set(product[1:]) <= set(PRODUCTS)
    nobody = Sales(sales.sold.iloc[:0], sales.owned)
    assert fit_offers(rows, nobody) is None


def test_stored_as_json_and_read_back() -> None:
    rows, sales = drawn(10)
    offers = fit_offers(rows, sales)
    assert offers is not None
    assert Offers.from_dict(json.loads(json.dumps(offers.to_dict()))) == offers


def turned(rows: pd.DataFrame, sales: Sales, seed: int) -> tuple[pd.DataFrame, Sales]:
    """The same with the rows of every table in an order of its own, so that nothing can be matched by its place."""
    order = np.random.default_rng(seed)

    def mixed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[order.permutation(len(frame))]  # the index too: a row keeps its number

    owned = CrossSellOptions(mixed(sales.owned.had), mixed(sales.owned.on_offer), mixed(sales.owned.used))
    return mixed(rows), Sales(mixed(sales.sold), owned)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_in_another_order_give_the_same(seed: int) -> None:
    rows, sales = drawn(20)
    moved, otherwise = turned(rows, sales, seed)
    offers, again = fit_offers(rows, sales), fit_offers(moved, otherwise)
    assert offers is not None
    assert again == offers

    def named(rows: pd.DataFrame, owned: CrossSellOptions) -> pd.DataFrame:
        product, share = offers.best(rows, owned)
        said = rows.assign(product=product, share=share).sort_values(["snapshot_date", "account_id"])
        return said.reset_index(drop=True)

    pd.testing.assert_frame_equal(named(moved, otherwise.owned), named(rows, sales.owned))
    some = moved.head(50)
    more = named(some, otherwise.owned)  # of what is owned by all, what concerns these
    expected = named(rows, sales.owned).merge(some[["account_id", "snapshot_date"]])
    pd.testing.assert_frame_equal(more, expected)
