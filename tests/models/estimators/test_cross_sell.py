import json

import numpy as np
import pandas as pd
import pytest

from data.contract.cross_sell import CrossSellOptions
from models.estimators.cross_sell import CrossSellHistory, CrossSellModel, fit_cross_sell

PRODUCTS = ("core", "chat", "mail", "phone")
DATES = pd.date_range("2024-01-01", periods=10, freq="MS")


def drawn(accounts: int, seed: int = 0) -> tuple[pd.DataFrame, CrossSellHistory]:
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
    return rows, CrossSellHistory(
        sold, CrossSellOptions(had[["account_id", "snapshot_date", "product"]], on_offer, used)
    )


def test_shares_are_of_what_is_left() -> None:
    rows, cross_sells = drawn(40)
    offers = fit_cross_sell(rows, cross_sells)
    assert offers is not None
    shares = pd.DataFrame(offers.shares(rows, cross_sells.options), columns=offers.products)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (shares["core"] == 0).all()
    has_mail = shares["mail"] == 0
    assert 0.2 < has_mail.mean() < 0.4
    calls = (cross_sells.options.used.feature == "calls").to_numpy()
    assert shares.loc[has_mail & calls, "chat"].mean() == pytest.approx(0.9, abs=0.2)
    assert shares.loc[has_mail & ~calls, "phone"].mean() == pytest.approx(0.9, abs=0.2)
    assert shares.loc[~has_mail, "mail"].mean() == pytest.approx(0.9, abs=0.08)


def test_a_few_sales_say_little_more_than_what_is_popular() -> None:
    rows, cross_sells = drawn(1)
    offers = fit_cross_sell(rows, cross_sells)
    assert offers is not None
    assert np.abs(offers.effects).max() < 1
    shares = offers.shares(rows, cross_sells.options)
    assert shares.max() < 0.95
    assert shares.sum(axis=1) == pytest.approx(1)


def test_a_sale_seen_from_two_snapshots_counts_once() -> None:
    rows, cross_sells = drawn(30)
    offers = fit_cross_sell(rows, cross_sells)
    assert offers is not None
    assert offers.sales == pytest.approx(300)
    again = rows[rows.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    sold = cross_sells.sold[cross_sells.sold.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    options = cross_sells.options
    had = options.had[options.had.snapshot_date == DATES[0]].assign(snapshot_date=DATES[1])
    both = CrossSellOptions(pd.concat([options.had, had]), options.on_offer, options.used)
    twice = CrossSellHistory(pd.concat([cross_sells.sold, sold]), both)
    more = fit_cross_sell(pd.concat([rows, again], ignore_index=True), twice)
    assert more is not None
    assert more.sales == pytest.approx(300)


def test_nothing_left_is_nothing_offered() -> None:
    rows, cross_sells = drawn(30)
    offers = fit_cross_sell(rows, cross_sells)
    assert offers is not None
    day = rows[rows.snapshot_date == DATES[-1]]
    one = day.account_id.iloc[0]
    every = pd.DataFrame({"account_id": one, "snapshot_date": DATES[-1], "product": PRODUCTS})
    product, share = offers.best(day, CrossSellOptions(every, cross_sells.options.on_offer, cross_sells.options.used))
    assert product[0] is None
    assert np.isnan(share[0])
    assert set(product[1:]) <= set(PRODUCTS)
    nobody = CrossSellHistory(cross_sells.sold.iloc[:0], cross_sells.options)
    assert fit_cross_sell(rows, nobody) is None


def test_stored_as_json_and_read_back() -> None:
    rows, cross_sells = drawn(10)
    offers = fit_cross_sell(rows, cross_sells)
    assert offers is not None
    assert CrossSellModel.from_dict(json.loads(json.dumps(offers.to_dict()))) == offers


def turned(rows: pd.DataFrame, cross_sells: CrossSellHistory, seed: int) -> tuple[pd.DataFrame, CrossSellHistory]:
    """The same with the rows of every table in an order of its own, so that nothing can be matched by its place."""
    order = np.random.default_rng(seed)

    def mixed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[order.permutation(len(frame))]  # the index too: a row keeps its number

    options = cross_sells.options
    mixed_options = CrossSellOptions(mixed(options.had), mixed(options.on_offer), mixed(options.used))
    return mixed(rows), CrossSellHistory(mixed(cross_sells.sold), mixed_options)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_in_another_order_give_the_same(seed: int) -> None:
    rows, cross_sells = drawn(20)
    moved, otherwise = turned(rows, cross_sells, seed)
    offers, again = fit_cross_sell(rows, cross_sells), fit_cross_sell(moved, otherwise)
    assert offers is not None
    assert again == offers

    def named(rows: pd.DataFrame, options: CrossSellOptions) -> pd.DataFrame:
        product, share = offers.best(rows, options)
        said = rows.assign(product=product, share=share).sort_values(["snapshot_date", "account_id"])
        return said.reset_index(drop=True)

    pd.testing.assert_frame_equal(named(moved, otherwise.options), named(rows, cross_sells.options))
    some = moved.head(50)
    more = named(some, otherwise.options)  # of what is owned by all, what concerns these
    expected = named(rows, cross_sells.options).merge(some[["account_id", "snapshot_date"]])
    pd.testing.assert_frame_equal(more, expected)
