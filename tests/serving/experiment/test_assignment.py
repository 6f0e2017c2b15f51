"""Who is held out: the share is exact, in every book too; a group is one draw; and nobody changes arms."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.errors import SettingsError
from serving.experiment.assignment import DECILES, assign
from serving.experiment.record import EXPERIMENT, described, goes_on
from serving.settings import ExperimentSettings
from tests.drawn import drawn as table

START = date(2026, 10, 1)
AUTUMN = ExperimentSettings(name="autumn", salt="s", held_out_share=0.2, start=START)


def base(count: int, seed: int = 1, groups: int = 0) -> pd.DataFrame:
    """Drawn accounts of seven owners; the first three of each of so many groups are one company's."""
    draw = np.random.default_rng(seed)
    ids = [f"a{number:05}" for number in range(count)]
    tops = [f"a{3 * (number // 3):05}" if number < 3 * groups else None for number in range(count)]
    owners = draw.choice(["Ana", "Bo", "Cy", "Di", "Ed", "Flo", None], count, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.06, 0.04])
    return pd.DataFrame(
        {"account_id": ids, "group_id": tops, "owner": owners, "propensity": draw.beta(1, 9, count), "arr": 1200.0}
    )


def test_the_share_is_exact_in_the_base_and_in_every_book_and_tenth() -> None:
    drawn = assign(base(2003), AUTUMN, START, None)
    assert len(drawn) == 2003
    assert drawn["held_out"].sum() == pytest.approx(0.2 * 2003, abs=1)
    by_owner = drawn.groupby(drawn["owner"].fillna("none"))["held_out"].agg(["sum", "size"])
    assert (abs(by_owner["sum"] - 0.2 * by_owner["size"]) < 1).all()
    strata = drawn.groupby([drawn["owner"].fillna("none"), "decile"])["held_out"].agg(["sum", "size"])
    assert len(strata) == 7 * DECILES
    assert (abs(strata["sum"] - 0.2 * strata["size"]) < 1).all()


def test_the_same_list_gives_the_same_draw_and_another_salt_another() -> None:
    scores = base(500)
    drawn = assign(scores, AUTUMN, START, None)
    pd.testing.assert_frame_equal(drawn, assign(scores.sample(frac=1, random_state=3), AUTUMN, START, None))
    other = assign(scores, AUTUMN.model_copy(update={"salt": "t"}), START, None)
    assert (drawn["held_out"] & other["held_out"]).sum() == pytest.approx(0.2 * 0.2 * 500, abs=15)


def test_every_account_has_the_same_chance() -> None:
    """Over many salts each account is held out as often as the share says, in a stratum of one as in one of many."""
    scores = base(60)
    of_salts = [AUTUMN.model_copy(update={"salt": str(salt)}) for salt in range(500)]
    held = np.array([assign(scores, experiment, START, None)["held_out"] for experiment in of_salts])
    low, high = stats.binom.ppf([0.0001, 0.9999], 500, 0.2)
    assert ((held.sum(axis=0) >= low) & (held.sum(axis=0) <= high)).all()


def test_a_group_of_companies_is_one_draw() -> None:
    drawn = assign(base(900, groups=100), AUTUMN, START, None)
    arms = drawn.groupby("unit")["held_out"].nunique()
    assert len(arms) == 900 - 200
    assert (arms == 1).all()


def test_who_comes_later_is_drawn_by_hash_and_with_the_group() -> None:
    before = assign(base(900, groups=100).iloc[1:], AUTUMN, START, None)  # of the first group two are there
    later = assign(base(4000, groups=100), AUTUMN, START + timedelta(days=7), before)
    kept = later[later["assigned_on"] == START].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept.drop(columns="snapshot_date"), before.drop(columns="snapshot_date"))
    new = later[later["assigned_on"] > START].set_index("account_id")
    assert len(new) == 4000 - 899
    assert new["held_out"]["a00000"] == before.set_index("account_id")["held_out"]["a00001"]  # one company
    assert new["held_out"].mean() == pytest.approx(0.2, abs=0.03)


def test_who_is_no_customer_any_more_stays_in_the_experiment() -> None:
    before = assign(base(100), AUTUMN, START, None)
    after = assign(base(100).iloc[50:], AUTUMN, START + timedelta(days=7), before)
    assert list(after["account_id"]) == list(before["account_id"])
    assert list(after["held_out"]) == list(before["held_out"])


def test_days_of_an_experiment() -> None:
    ends = AUTUMN.model_copy(update={"end": date(2027, 4, 1)})
    days = table("""
        day        | begun | holds
        2026-09-30 | False | False
        2026-10-01 | True  | True
        2027-03-31 | True  | True
        2027-04-01 | True  | False
    """)
    for day, begun, holds in days.itertuples(index=False):
        day = date.fromisoformat(str(day)[:10])
        assert (ends.has_begun_on(day), ends.holds_out_on(day)) == (str(begun) == "True", str(holds) == "True")
    assert not ExperimentSettings(start=START).has_begun_on(START)  # without a name there is none


@pytest.mark.parametrize(
    "given", [{"name": "x"}, {"name": "x", "start": START, "end": START}, {"held_out_share": 0.6}, {"name": ""}]
)
def test_settings_that_cannot_be(given: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ExperimentSettings(**given)


def test_what_it_began_with_stays() -> None:
    manifest = {EXPERIMENT: described(AUTUMN, START), "horizon_days": 90}
    later = START + timedelta(days=7)
    assert goes_on(AUTUMN.model_copy(update={"end": date(2027, 4, 1)}), later, 90, manifest)
    assert not goes_on(AUTUMN.model_copy(update={"name": "winter"}), later, 30, manifest)
    assert not goes_on(AUTUMN, later, 90, {})
    with pytest.raises(SettingsError, match=r"horizon_days under .expansion. is not what it began with"):
        goes_on(AUTUMN, later, 30, manifest)
    for change in ({"salt": "t"}, {"held_out_share": 0.3}, {"start": date(2026, 9, 1)}):
        with pytest.raises(SettingsError, match=f"{next(iter(change))} under .experiment. is not what it began with"):
            goes_on(AUTUMN.model_copy(update=change), later, 90, manifest)
