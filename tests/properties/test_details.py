"""Laws of what sentences name: the future, other dates and the order of rows change nothing; a plain loop agrees."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date

import pandas as pd
import pytest

from data.contract.details import DETAILS, DetailKind
from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from features.catalogue import full_catalogue
from features.cohort import cohort
from features.details import add_details, detail_needs
from features.views import whole_base as likeness
from features.views.whole_base import WholeBaseViews
from tests.properties.details_by_hand import details_by_hand, groups_by_hand, with_names
from tests.properties.generated import SNAPSHOTS, frames, known_before
from tests.properties.test_laws import KEY, Engine, Frames, as_rows, at, differences

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
MADE_ELSEWHERE = {"cross_sell_product"}
"""What the scores say."""
WITHOUT_A_LOOP = {"unowned_product", "second_unowned_product", "look_alike_product"}
"""So far; every other detail is counted a second time."""


@pytest.fixture(scope="module", autouse=True)
def few_peers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "FEWEST_PEERS", 2)
        yield


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with closing(Engine()) as engine:
        yield engine


def details(engine: Engine, base: Frames, dates: Sequence[date] = SNAPSHOTS) -> pd.DataFrame:
    tables = engine.tables(base)
    views = WholeBaseViews(tables, cohort(tables, dates), dates, ExpansionRules())
    rows = views.cohort.select(*KEY)
    for of_whole_base in (False, True):
        rows = add_details(rows, views, frozenset(), of_whole_base=of_whole_base)
    return as_rows(rows.to_pyarrow())


@pytest.fixture(scope="module")
def base() -> Frames:
    return with_names(frames(3, accounts=24))


@pytest.fixture(scope="module")
def found(engine: Engine, base: Frames) -> pd.DataFrame:
    return details(engine, base)


def test_every_detail_is_made_and_none_has_the_name_of_a_feature() -> None:
    assert detail_needs(dict.fromkeys(TABLES)).keys() == DETAILS.keys() - MADE_ELSEWHERE  # type: ignore[arg-type]
    assert not DETAILS.keys() & full_catalogue().keys()


@pytest.mark.parametrize("day", SNAPSHOTS)
def test_the_future_changes_nothing(engine: Engine, base: Frames, found: pd.DataFrame, day: date) -> None:
    assert differences(at(found, day), at(details(engine, known_before(base, day)), day)) == []


def test_other_dates_and_the_order_of_rows_change_nothing(engine: Engine, base: Frames, found: pd.DataFrame) -> None:
    day = SNAPSHOTS[1]
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in base.items()}
    assert differences(at(found, day), details(engine, shuffled, [day])) == []


def test_a_plain_loop_finds_the_same(base: Frames, found: pd.DataFrame) -> None:
    odd = []
    days = found.index.get_level_values("snapshot_date").unique()
    of_groups = {day: groups_by_hand(base, list(at(found, day.date()).index.droplevel(1)), day.date()) for day in days}
    for (account, day), row in found.iterrows():  # type: ignore[misc]
        by_hand = details_by_hand(base, account, day.date()) | of_groups[day][account]
        assert by_hand.keys() == set(found) - WITHOUT_A_LOOP
        for name, value in by_hand.items():
            there = row[name]
            is_day = DETAILS[name].kind is DetailKind.DAY
            there = None if pd.isna(there) else pd.Timestamp(there).date() if is_day else there
            if value != there and not (isinstance(value, float) and there == pytest.approx(value, rel=1e-12)):
                odd.append((name, account, day.date(), value, there))
    assert odd == []


def test_the_generated_bases_bring_every_detail_to_life(found: pd.DataFrame) -> None:
    dead = [name for name in found if found[name].isna().all()]
    assert dead == []
