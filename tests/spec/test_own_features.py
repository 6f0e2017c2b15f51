"""The team's own features, as last known before the 1st of July 2026."""

from math import isnan

import ibis
import numpy as np
import pandas as pd
import pytest

from data.errors import ContractError
from features.catalogue import catalogue
from features.definitions.custom import TAKEN, own_numbers
from features.labels import FLAGS
from models.estimators import boosting
from models.settings import Params
from tests.drawn import base, row_of, rows_of

LINES = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2026-01-01
    newcomer   | core    | team | 100 | 2026-01-01
"""


def test_the_latest_row_known_before_the_snapshot_counts_as_a_whole() -> None:
    own = """
        account_id | known_at         | health | fit
        acme       | 2026-05-01       | 50     | core
        acme       | 2026-06-30 09:00 | 71     | edge
        acme       | 2026-06-30 08:00 | 60     | core
        acme       | 2026-07-01       | 99     | far
    """
    row = row_of(subscriptions=LINES, account_features=own)
    assert row.health == "71"  # drawn tables are text; a number stays a number
    assert row.fit == "edge"
    silent = row_of(subscriptions=LINES, account_features=own + "    acme | 2026-06-30 10:00 | | edge\n")
    assert silent.health is None or isnan(silent.health)
    assert row_of("newcomer", subscriptions=LINES, account_features=own).isna()[["health", "fit"]].all()


def test_the_numbers_of_rows_that_pandas_writes_are_no_feature() -> None:
    own = "account_id | known_at | __index_level_0__ | health\nacme | 2026-05-01 | 7 | 50"
    row = row_of(subscriptions=LINES, account_features=own)
    assert "__index_level_0__" not in row
    assert row.health == "50"


def test_each_column_has_a_card_of_its_own() -> None:
    cards = catalogue(base(subscriptions=LINES, account_features="account_id | known_at | days_since_audit"))
    assert cards["days_since_audit"].label == "days since audit"
    assert cards["days_since_audit"].reason_code == "own_days_since_audit"
    assert cards["days_since_audit"].tables == ("account_features",)


def test_a_name_that_a_feature_has_is_refused() -> None:
    with pytest.raises(ContractError, match=r"mrr, tier: features of these names are built in\."):
        rows_of(base(subscriptions=LINES, account_features="account_id | known_at | mrr | tier"))


@pytest.mark.parametrize(
    "name", ["MRR", "Peak_Users_28d", "expanded", "segment", "snapshot_date", "renews_on", "KNOWN_ON", "snapshot date"]
)
def test_a_name_that_stands_beside_the_features_is_refused_in_any_case(name: str) -> None:
    with pytest.raises(ContractError, match=rf"{name}: (features of these names|these names say something else)"):
        rows_of(base(subscriptions=LINES, account_features=f"account_id | known_at | {name}"))


@pytest.mark.parametrize("name", ["fit", "nps", "arr", "icp", "日本", "a", "propensity", "owner", "count", "select"])
def test_a_short_name_and_a_name_of_another_table_are_names(name: str) -> None:
    own = f"""
        account_id | known_at   | {name}
        acme       | 2026-06-30 | 88
    """
    assert row_of(subscriptions=LINES, account_features=own)[name] == "88"


def test_white_space_and_signs_that_no_list_of_names_can_hold_are_left_out() -> None:
    own = """
        account_id | known_at   | Health Score | Fit [0-100] | plan: size, {m\u00b2} | NPS (last) | 100%
        acme       | 2026-06-30 | 1            | 2           | 3                | 4          | 5
    """
    names = ["Health_Score", "Fit_0-100", "plan_size_m\u00b2", "NPS_(last)", "100%"]
    tables = base(subscriptions=LINES, account_features=own)
    assert row_of(subscriptions=LINES, account_features=own)[names].tolist() == ["1", "2", "3", "4", "5"]
    assert [catalogue(tables)[name].label for name in names[:3]] == ["Health Score", "Fit 0-100", "plan size m\u00b2"]
    known = pd.DataFrame(np.eye(4, len(names)), columns=names)
    booster = boosting.fit(known, np.array([0, 0, 1, 1]), Params(min_child_samples=1), 1)
    assert boosting.feature_names(booster) == names


def test_which_of_them_are_numbers_is_told_by_the_names_of_the_features() -> None:
    own = ibis.memtable({"account_id": ["a"], "known_at": ["2026-06-30"], "Health Score": [0.5], "Tier": ["A"]})
    assert own_numbers({"account_features": own}) == {"Health_Score"}


def test_names_that_become_one_are_refused() -> None:
    with pytest.raises(ContractError, match=r"Fit Score, fit_score: these make one name"):
        rows_of(base(subscriptions=LINES, account_features="account_id | known_at | Fit Score | fit_score"))


def test_no_measure_can_be_called_as_a_label() -> None:
    assert {*FLAGS, "expanded", "expansion_arr"} <= TAKEN
