import numpy as np
import pandas as pd
import pytest

from models.evaluation.evaluation import evaluate
from models.evaluation.leak_probes import IDENTITY, SHUFFLED_TIME, _beyond_chance, _identity
from models.evaluation.splits import origins
from models.evaluation.verdict import VerdictKind
from tests.models.planted import FEATURES, QUICK, history

SETTINGS = QUICK.model_copy(update={"origins": 4})


def today_of(rows: pd.DataFrame) -> pd.DataFrame:
    last = rows[rows.snapshot_date == rows.snapshot_date.max()]
    return last.assign(snapshot_date=last.snapshot_date + pd.DateOffset(months=3)).drop(columns="expanded")


def named(rows: pd.DataFrame, *more: str, today: pd.DataFrame | None = None) -> dict[str, str]:
    found = evaluate(rows, [*FEATURES, *more], SETTINGS, today=today)
    assert (found.verdict.kind is VerdictKind.LEAK) == bool(found.leaks)
    if found.leaks:
        assert found.leaks[0].name in " ".join(found.verdict.because)
        assert "signed_off" in found.verdict.todo
    return {leak.name: leak.probe for leak in found.leaks}


def test_an_honest_base_passes() -> None:
    rows = history()
    assert named(rows, today=today_of(rows)) == {}


def test_a_column_that_knows_the_label_is_named_and_can_be_signed_off() -> None:
    rows = history(accounts=400)
    rows["next_mrr"] = rows.expanded + np.random.default_rng(9).normal(0, 0.5, len(rows))
    assert named(rows, "next_mrr") == {"next_mrr": "single feature"}
    signed = evaluate(rows, [*FEATURES, "next_mrr"], SETTINGS.model_copy(update={"signed_off": ("next_mrr",)}))
    assert signed.verdict.usable
    assert [leak.signed_off for leak in signed.leaks] == [True]


def test_ids_that_know_who_expands() -> None:
    """Ids are given out anew when an account expands: the late numbers are those that did."""
    rows = history()
    often = rows.groupby("account_id").expanded.mean()
    place = often.rank(method="first").astype("int64")
    rows["account_id"] = "acct-" + rows.account_id.map(place).astype("str")
    assert named(rows) == {IDENTITY: "identity"}


def test_ids_that_tell_nothing_are_hardly_ever_named() -> None:
    """Some accounts expand often, whatever their id; in four of these bases ids rank them, by two standard errors."""
    dates, accounts = pd.date_range("2024-01-01", periods=14, freq="MS"), [f"a{number:04d}" for number in range(200)]
    found = []
    for seed in range(20):
        draw = np.random.default_rng(seed)
        often = np.tile(draw.beta(0.5, 3, len(accounts)).clip(0, 0.9), len(dates))
        rows = pd.DataFrame({"snapshot_date": dates.repeat(len(accounts)), "account_id": accounts * len(dates)})
        rows["expanded"] = (draw.random(len(rows)) < often).astype("int8")
        reported = origins(dates, SETTINGS.horizon_days, count=4, min_train_dates=3)
        found += _identity(rows, reported, SETTINGS.model_copy(update={"resamples": 100}))
    assert found == []


def test_ids_in_the_order_of_sign_up_know_the_tenure_and_no_more() -> None:
    rows = history(accounts=300)
    first_day = rows.groupby("account_id").tenure_days.first()
    joined = rows.account_id.map(first_day.rank(method="first", ascending=False)).astype("int64")
    months = (rows.snapshot_date - rows.snapshot_date.min()).dt.days
    rows["tenure_days"] = rows.account_id.map(first_day) + months
    random = np.random.default_rng(99)  # not the draw that the features come from
    rows["expanded"] = (random.random(len(rows)) < 0.35 * np.exp(-rows.tenure_days / 500)).astype("int8")
    rows["expanded_seat"], rows["expanded_upsell"] = rows.expanded, np.int8(0)
    rows["account_id"] = "A" + joined.astype("str").str.zfill(6)
    assert named(rows) == {}


def test_a_column_without_history_is_a_suspect() -> None:
    """The plan of today, told of every past month: it knows who, and the right month adds nothing."""
    rows = history(accounts=400)
    random = np.random.default_rng(99)
    growing = rows.account_id.str[-1].isin(["0", "1"])  # a fifth of the accounts keeps growing
    rows["expanded"] = (random.random(len(rows)) < np.where(growing, 0.5, 0.03)).astype("int8")
    rows["expanded_seat"], rows["expanded_upsell"] = rows.expanded, np.int8(0)
    rows["plan_of_today"] = rows.groupby("account_id").expanded.transform("mean")
    found = named(rows, "plan_of_today")
    assert found[SHUFFLED_TIME] == "shuffled time"


@pytest.mark.parametrize("change", ["filled in later", "stopped"])
def test_a_column_that_looks_otherwise_today(change: str) -> None:
    rows = history()
    today = today_of(rows)
    today["noise"] = np.nan if change == "stopped" else today.noise + 3
    assert named(rows, today=today) == {"noise": "train and score"}


def test_two_values_that_differ_are_chance_and_fifty_are_not() -> None:
    rows = history()
    rows["rare"] = np.nan
    known = rows.groupby("snapshot_date").cumcount()
    now = today_of(rows)
    for count, expected in ((2, {}), (50, {"rare": "train and score"})):
        rows.loc[known < count, "rare"] = known[known < count].astype(float)
        today = now.assign(rare=np.where(np.arange(len(now)) < count, 100.0 + np.arange(len(now)), np.nan))
        assert named(rows, "rare", today=today) == expected


def test_a_column_that_no_past_snapshot_knew_taught_nothing() -> None:
    """A comparison with last year begins on the day that the history is long enough."""
    rows = history()
    rows["against_last_year"] = np.nan
    today = today_of(rows).assign(against_last_year=1.0)
    assert named(rows, "against_last_year", today=today) == {}


def test_a_season_is_no_leak() -> None:
    """The month of the year is another one every month, on past days as today."""
    rows = history()
    rows["month_of_year"] = rows.snapshot_date.dt.month.astype(float)
    today = today_of(rows).assign(month_of_year=5.0)
    assert named(rows, "month_of_year", today=today) == {}


@pytest.mark.parametrize(("swelled_before", "probe"), [(True, None), (False, "train and score")])
def test_what_a_season_did_the_year_before_too_is_no_leak(swelled_before: bool, probe: str | None) -> None:
    """More use each May, than in February: the pair of a year ago has seen it, those of the last months have not."""
    rows = history()
    is_may = rows.snapshot_date == "2024-05-01"
    rows["use"] = rows.noise + 3 * (is_may & swelled_before)
    today = today_of(rows).assign(use=lambda frame: frame.noise + 3)
    assert set(today.snapshot_date) == {pd.Timestamp("2025-05-01")}
    assert named(rows, "use", today=today) == ({"use": probe} if probe else {})


@pytest.mark.parametrize(("by_account", "probe"), [(0.0, None), (1e-6, "train and score")])
def test_what_the_day_alone_tells_is_no_leak(by_account: float, probe: str | None) -> None:
    """The first October of a short history: no pair of past days has seen the budget window open."""
    rows = history()
    rows["window"] = by_account * rows.account_id.rank()
    today = today_of(rows).assign(window=lambda frame: 1.0 + by_account * frame.account_id.rank())
    assert named(rows, "window", today=today) == ({"window": probe} if probe else {})


def test_the_distance_of_two_samples_is_the_greatest_difference_of_their_shares() -> None:
    """Counted value by value: with ties, one value, sizes far apart, infinite values and yes or no."""
    draw = np.random.default_rng(0)
    pairs = [(draw.normal(size=one).round(digits), draw.normal(0.3, 1, other)) for one, other, digits in
             [(1, 1, 3), (5, 200, 0), (80, 80, 1), (300, 7, 4)]]  # fmt: skip
    pairs += [(np.array([np.inf, 1, 2]), np.array([-np.inf, 1])), (np.zeros(9), np.ones(4)), (np.ones(3), np.ones(8))]
    pairs.append(((draw.random(50) < 0.4).astype(float), np.zeros(70)))
    for one, other in pairs:
        shares = [abs((one <= at).mean() - (other <= at).mean()) for at in np.concatenate([one, other])]
        assert _beyond_chance(one, other, strictness=0.0) == max(shares)
    assert _beyond_chance(np.array([]), np.ones(3), strictness=0.0) == 0
