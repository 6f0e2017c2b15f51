from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.contract.outputs import CHANGES
from data.errors import PublishError
from serving.changes.ranks import (
    ARMS,
    RANK_PARTS,
    change_table,
    moved_by_model,
    not_exact,
    split_ranks,
)
from serving.ranking.rank import RANK_KEYS, rank
from tests.drawn import drawn
from tests.serving.world import about_list

BEFORE, DAY = date(2026, 9, 1), date(2026, 10, 1)
ABOUT = about_list(BEFORE, {"seats_in_use": "Seats in use"})


def ranked(frame: pd.DataFrame, rank_by: str = "propensity") -> pd.DataFrame:
    """The accounts with their ranks; a key that is not given is 0, and who is not said to be set apart is ranked."""
    keys = {name: frame.get(name, pd.Series(0.0, index=frame.index)) for name in RANK_KEYS}
    eligible = frame.get("eligible", pd.Series(True, index=frame.index)).astype(bool)
    return rank(frame.assign(**keys, eligible=eligible, owner=None, **dict.fromkeys(ARMS, False)), rank_by)


def listed(**propensities: float) -> pd.DataFrame:
    """The ranked accounts of a list, by propensity."""
    return ranked(pd.DataFrame({"account_id": list(propensities), "propensity": list(propensities.values())}))


def counted(previous: pd.DataFrame, scores: pd.DataFrame, rank_by: str = "propensity") -> pd.DataFrame:
    return split_ranks(previous, scores, rank_by=rank_by, previous_rank_by=rank_by)


def by_id(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("account_id")


def parts(row: pd.Series) -> list[int]:
    return row[["rank_change", *RANK_PARTS]].tolist()


def test_a_change_of_rank_in_its_parts() -> None:
    """Acme went from rank 4 to 3. Its own 70% would have been rank 2 of the old list (own: -2), bird left from ahead
    of it (left: -1), cook came in ahead of it (came: 1), and dune overtook it (moved: 1)."""
    then = listed(bird=0.9, elk=0.6, dune=0.5, acme=0.4)
    now = listed(cook=0.95, dune=0.8, acme=0.7, elk=0.6)
    told = counted(then, now)
    assert parts(told.loc["acme"]) == [-1, -2, 1, -1, 1]
    assert parts(told.loc["elk"]) == [2, 0, 1, -1, 2]
    assert told.loc["cook"].isna().all()  # it was not ranked then
    assert told.index.tolist() == now["account_id"].tolist()
    assert (told.dtypes == "Int64").all()


def test_who_is_set_apart_left_the_list_and_who_comes_back_came() -> None:
    then, now = listed(bird=0.9, acme=0.4), listed(bird=0.9, acme=0.4)
    apart = now.assign(rank=pd.Series([None, 1], dtype="Int64"))
    assert parts(counted(then, apart).loc["acme"]) == [-1, 0, 0, -1, 0]
    assert counted(then, apart).loc["bird"].isna().all()
    assert parts(counted(apart, now).loc["acme"]) == [1, 0, 1, 0, 0]


def test_nothing_changes_where_nothing_changed() -> None:
    then = listed(bird=0.9, acme=0.4, cook=0.4)
    assert (counted(then, then) == 0).all(axis=None)


def test_a_level_that_moves_for_all_shows_in_own_and_opposite_in_moved() -> None:
    then, now = listed(bird=0.9, acme=0.5, cook=0.4), listed(bird=0.45, acme=0.3, cook=0.2)
    assert parts(counted(then, now).loc["acme"]) == [0, 1, 0, 0, -1]  # bird and cook were ahead of 30%, bird still is


def test_lists_by_different_columns_have_a_change_and_no_parts() -> None:
    then, now = listed(bird=0.9, acme=0.4), listed(bird=0.3, acme=0.4)
    told = split_ranks(then, now, rank_by="propensity", previous_rank_by="expected_arr")
    assert told["rank_change"].tolist() == [1, -1]
    assert told[list(RANK_PARTS)].isna().all(axis=None)


def test_a_last_list_that_is_not_in_its_order_is_refused() -> None:
    then = listed(bird=0.9, acme=0.4, cook=0.3)
    with pytest.raises(PublishError, match="account acme has rank 3 in the last list, and 1 accounts come before it"):
        counted(then.assign(rank=pd.Series([1, 3, 2], dtype="Int64")), then)


VALUES = st.sampled_from([0.1, 0.2, 0.3, np.nan])
ACCOUNTS = st.lists(st.tuples(st.integers(0, 12), VALUES, VALUES, VALUES, st.booleans()), unique_by=lambda row: row[0])


def base(accounts: list[tuple[int, float, float, float, bool]], rank_by: str) -> pd.DataFrame:
    """A base whose values tie often; its ids in no order."""
    ids, *columns, eligible = zip(*accounts, strict=True) if accounts else ([],) * 5
    keys = {name: np.array(column, dtype=float) for name, column in zip(RANK_KEYS, columns, strict=True)}
    frame = pd.DataFrame({"account_id": pd.Series([f"a{n:02d}" for n in ids], dtype="str"), **keys})
    return ranked(frame.assign(eligible=np.array(eligible, dtype=bool)), rank_by)


def key(row: pd.Series, rank_by: str) -> tuple[object, ...]:
    """What an account is ranked by, smaller = earlier; missing values are last."""
    names = (rank_by, *(name for name in RANK_KEYS[:2] if name != rank_by), "log_odds")
    return (*((pd.isna(row[name]), 0.0 if pd.isna(row[name]) else -row[name]) for name in names), row["account_id"])


@given(ACCOUNTS, ACCOUNTS, st.sampled_from(["propensity", "expected_arr"]))
def test_the_parts_are_those_of_plain_counting_and_sum_to_the_change(
    then: list[tuple[int, float, float, float, bool]], now: list[tuple[int, float, float, float, bool]], rank_by: str
) -> None:
    previous, scores = base(then, rank_by), base(now, rank_by)
    told = counted(previous, scores, rank_by)
    old, new = (
        {row["account_id"]: (row["rank"], key(row, rank_by)) for _, row in frame.dropna(subset="rank").iterrows()}
        for frame in (previous, scores)
    )
    both = old.keys() & new.keys()
    for account in scores["account_id"]:
        if account not in both:
            assert told.loc[account].isna().all()
            continue
        (rank_then, _), (rank_now, own) = old[account], new[account]
        ahead = sum(other != account and old[other][1] < own for other in old)
        came = sum(new[other][1] < own for other in new.keys() - both)
        left = sum(old[other][1] < own for other in old.keys() - both)
        moved = sum(new[other][1] < own for other in both) - sum(old[o][1] < own for o in both - {account})
        assert parts(told.loc[account]) == [rank_now - rank_then, ahead + 1 - rank_then, came, -left, moved]
        assert told.loc[account, list(RANK_PARTS)].sum() == rank_now - rank_then


@given(st.lists(st.tuples(st.integers(0, 30), VALUES, VALUES, VALUES, st.booleans()), unique_by=lambda row: row[0]),
       st.randoms(use_true_random=False))  # fmt: skip
def test_the_moves_of_a_retrain_by_plain_counting(
    accounts: list[tuple[int, float, float, float, bool]], random
) -> None:
    scores = base(accounts, "propensity")
    as_before = scores[["account_id", *RANK_KEYS]].assign(propensity=[random.random() for _ in accounts])
    again = rank(as_before.assign(eligible=scores["eligible"], held_out=False, owner=None), "propensity")
    far = ((scores["rank"] - again["rank"]).abs() > 2).sum()
    mixed = as_before.sample(frac=1, random_state=1)
    assert moved_by_model(scores, mixed, "propensity", places=2) == far
    assert moved_by_model(scores, scores, "propensity", places=0) == 0


WORDS = ["account_id", "because", "reason_code"]


def drawn_table(text: str) -> pd.DataFrame:
    """A drawn table: words as they are (none: empty), everything else numbers (none: missing)."""
    made = drawn(text)
    return made.assign(**{n: made[n].fillna("") if n in WORDS else made[n].astype("float64") for n in made})


SPLIT = """
    account_id | change | data | model | calibration | because
    acme       | 0.5    | 0.3  | 0.15  | 0.05        |
    elk        | 0.0    | 0.0  | 0.0   | 0.0         |
    cook       |        |      |       |             | new
"""
REASONS = """
    account_id | reason_code  | log_odds
    acme       | seats_in_use | 0.31
    acme       | rest         | -0.01
"""


def made(split: str = SPLIT, reasons: str = REASONS) -> tuple[pd.DataFrame, pd.DataFrame]:
    then, now = listed(bird=0.9, acme=0.4, elk=0.3), listed(acme=0.5, elk=0.3, cook=0.2)
    given = drawn_table(split), drawn_table(reasons)
    return change_table(DAY, *given, by_id(now), counted(then, now), by_id(then), ABOUT), given[1]


def test_one_row_per_account_of_the_scores() -> None:
    changes, reasons = made()
    assert tuple(changes.columns) == CHANGES.names
    assert changes["account_id"].tolist() == ["acme", "elk", "cook"]
    assert changes["rank_change"].tolist() == [-1, -1, pd.NA]
    assert set(changes["snapshot_date"]) == {DAY}
    assert set(changes["previous_snapshot_date"]) == {BEFORE}
    assert changes["text"].tolist()[1:] == [
        "Up from 3: likelihood unchanged (30%), an account above it left.",
        "New since 1 Sep 2026.",
    ]
    assert list(not_exact(changes, reasons)) == []


def test_a_shard_gives_the_rows_that_the_base_gives() -> None:
    whole, _ = made()
    part, _ = made(split="\n".join(SPLIT.splitlines()[:2] + SPLIT.splitlines()[3:4]), reasons=REASONS)
    pd.testing.assert_frame_equal(part, whole.iloc[1:2].reset_index(drop=True))


def test_the_first_list_has_rows_that_say_so() -> None:
    now = listed(acme=0.5)
    split = drawn_table("account_id | change | data | model | calibration | because\nacme | | | | | first_list")
    nothing = drawn_table(REASONS).head(0)
    changes = change_table(DAY, split, nothing, by_id(now), None, None, about_list(None, {}))
    assert changes["previous_snapshot_date"].isna().all()
    assert changes["text"].tolist() == ["This is the first list: there is no earlier one to compare with."]
    assert changes["rank_change"].dtype == "Int64"
    assert list(not_exact(changes, nothing)) == []


def test_frames_that_would_silently_match_nobody_are_refused() -> None:
    now = listed(acme=0.5, elk=0.3)
    with pytest.raises(ValueError, match="not indexed by account_id"):
        change_table(DAY, drawn_table(SPLIT), drawn_table(REASONS), now, None, None, ABOUT)
    with pytest.raises(ValueError, match="not asked of every ranked account"):
        moved_by_model(now, now.head(1), "propensity")


@pytest.mark.parametrize(
    ("column", "by", "said"),
    [
        ("model_log_odds", 1e-8, "the parts of its change do not sum to it, by 1e-08 in log-odds"),
        ("change_log_odds", np.nan, "the parts of its change do not sum to it, by nan in log-odds"),
        ("rank_own", 1, "the parts of its change of rank do not sum to it"),
    ],
)
def test_parts_that_do_not_sum_are_named(column: str, by: float, said: str) -> None:
    changes, reasons = made()
    changes.loc[0, column] += by
    assert list(not_exact(changes, reasons)) == [("acme", said)]


def test_reasons_that_do_not_sum_are_named() -> None:
    changes, reasons = made()
    said = "the reasons of its change do not sum to it, by 0.01 in log-odds"
    assert list(not_exact(changes, reasons[reasons["reason_code"] != "rest"])) == [("acme", said)]


def test_who_was_erased_from_the_last_list_left_it() -> None:
    """As in the first test, without bird, of whom nobody knows any more but that a rank is missing."""
    then = listed(bird=0.9, elk=0.6, dune=0.5, acme=0.4)
    now, rest = listed(cook=0.95, dune=0.8, acme=0.7, elk=0.6), then[then["account_id"] != "bird"]
    whole = counted(then, now)
    told = split_ranks(rest, now, rank_by="propensity", previous_rank_by="propensity", erased=1)
    assert told.equals(whole)
    with pytest.raises(PublishError, match="has rank 2 in the last list, and 0 accounts come before it"):
        counted(rest, now)


@given(st.lists(st.integers(0, 99), min_size=3, max_size=12, unique=True), st.data())
def test_parts_sum_whoever_was_erased(numbers: list[int], data: st.DataObject) -> None:
    then = listed(**{f"a{number}": (number + 1) / 200 for number in numbers})
    gone = data.draw(st.sets(st.sampled_from(list(then["account_id"])), max_size=3))
    moved = {name: data.draw(st.integers(1, 199)) / 200 for name in then["account_id"] if name not in gone}
    if not moved:
        return
    rest, now = then[~then["account_id"].isin(gone)], listed(**moved)
    told = split_ranks(rest, now, rank_by="propensity", previous_rank_by="propensity", erased=len(gone))
    assert (told[list(RANK_PARTS)].sum(axis=1) == told["rank_change"]).all()
    assert told[["rank_came", "rank_moved"]].equals(counted(then, now)[["rank_came", "rank_moved"]])
