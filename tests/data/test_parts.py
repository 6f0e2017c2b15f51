"""Parts of the use that stop at once are found and told apart from what winds down, pauses or is one account's."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from data.checks.coverage import stopped_parts
from data.contract.inputs import TABLES
from data.feeds.accounts import stopped_dead
from data.feeds.parts import SilentPart, silent_parts
from data.sources.known import KnownBase
from data.sources.staging import stage
from data.time_cut import Tables
from tests.drawn import table_of

DAY = date(2026, 7, 1)
FIRST = DAY - timedelta(days=150)
ACCOUNTS = [f"a{number:02}" for number in range(24)]
REGIONS = {account: "EMEA" if number < 8 else "APAC" for number, account in enumerate(ACCOUNTS)}
FEATURES = ("boards", "exports", "search")


def events(users: int = 4) -> pd.DataFrame:
    """Every user of every account uses every feature on every weekday."""
    days = [str(day.date()) for day in pd.bdate_range(FIRST, DAY - timedelta(days=1))]
    every = pd.MultiIndex.from_product([ACCOUNTS, days, FEATURES, range(users)])
    frame = every.to_frame(index=False, name=["account_id", "occurred_at", "feature", "user_id"])
    return frame.assign(user_id=frame["account_id"] + "-" + frame["user_id"].astype(str))


def based_on(frame: pd.DataFrame) -> Tables:
    people = pd.DataFrame({"account_id": ACCOUNTS, "name": ACCOUNTS, "created_at": "2020-01-01"})
    people["region"] = people["account_id"].map(REGIONS)
    frames = {"accounts": people, "usage_events": frame}
    return {name: stage(TABLES[name], table_of(table.astype(str))) for name, table in frames.items()}


def told(frame: pd.DataFrame, day: date = DAY) -> dict[str, SilentPart]:
    return {f"{part.column}={part.value}": part for part in silent_parts(based_on(frame), [day])[day]}


def since(frame: pd.DataFrame, days: int) -> pd.Series:
    """Which rows are of the last so many days."""
    return frame["occurred_at"] >= str(DAY - timedelta(days=days))


ALL = events()
OF_EMEA = ALL["account_id"].map(REGIONS) == "EMEA"
IS_EXPORT = ALL["feature"] == "exports"


def test_on_quiet_days_nothing_has_stopped() -> None:
    days = [DAY - timedelta(days=back) for back in range(0, 28, 3)]
    tables = based_on(ALL)
    assert not any(silent_parts(tables, days).values())
    assert stopped_dead(tables, DAY) == {}


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_region_is_no_part(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = ALL[~(OF_EMEA & since(ALL, 20))]
    assert set(told(frame)) == {"region=EMEA"}
    for account in ACCOUNTS[:8]:
        monkeypatch.setitem(REGIONS, account, blank)
    assert told(frame) == {}


def test_what_was_asked_of_a_day_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []

    def counting(tables: Tables, days: list[date]) -> dict[date, tuple[SilentPart, ...]]:
        asked.extend(days)
        return silent_parts(tables, days)

    monkeypatch.setattr("data.sources.known.silent_parts", counting)
    tables, before = based_on(ALL[~(OF_EMEA & since(ALL, 20))]), DAY - timedelta(days=7)
    base = KnownBase(DAY, tables, engine=None)  # type: ignore[arg-type]
    assert [part.value for part in base.parts] == ["EMEA"]
    assert base.silent_parts([before, DAY])[DAY] == base.parts
    assert sorted(asked) == [before, DAY]


@pytest.mark.parametrize(("days", "is_found"), [(5, False), (9, True), (30, True), (56, True), (66, False)])
def test_a_region_that_stopped_is_found_after_two_of_its_own_pauses(days: int, is_found: bool) -> None:
    """A weekend is a pause of three days; what has been quiet for eight weeks is given up."""
    found = told(ALL[~(OF_EMEA & since(ALL, days))])
    assert set(found) == ({"region=EMEA"} if is_found else set())
    if is_found:
        assert found["region=EMEA"].accounts == tuple(ACCOUNTS[:8])


def test_the_check_tells_of_it_and_of_how_many_accounts() -> None:
    (finding,) = stopped_parts(based_on(ALL[~(OF_EMEA & since(ALL, 9))]), DAY)
    assert (finding.table, finding.rule, finding.count) == ("usage_events", "stopped", 8)
    assert "usage_events.region = EMEA: it stopped at once after 2026-06-19, 11 days before" in finding.message


def test_it_is_silent_since_its_last_day_with_use() -> None:
    (part,) = told(ALL[~(OF_EMEA & since(ALL, 9))]).values()  # the 22nd of June is a Monday
    assert (part.last_day, part.days, part.table) == (date(2026, 6, 19), 11, "usage_events")
    assert part.subject == "use (region EMEA stopped)"


def test_a_value_that_is_no_name_is_said_on_one_line() -> None:
    part = SilentPart("usage_events", "region", f"E\x1b[31m\nMEA{'x' * 300}", DAY, 9, ())
    for said in (part.name, part.subject):
        assert said.isprintable()
        assert len(said) < 230
    assert part.name.startswith("usage_events.region = E [31m MEAxxx")


def test_an_account_that_is_loaded_another_way_keeps_its_use() -> None:
    several = ACCOUNTS[:12]
    is_of_these = ALL["account_id"].isin(several)
    frame = ALL[~(is_of_these & (ALL["account_id"] != "a00") & since(ALL, 12))]
    tables = based_on(frame)
    tables["accounts"] = tables["accounts"].mutate(region=tables["accounts"].account_id.isin(several).ifelse("E", "W"))
    (part,) = silent_parts(tables, [DAY])[DAY]
    assert part.accounts == tuple(several[1:])


def test_a_product_feature_that_stopped_for_everybody_is_found_with_those_who_used_it() -> None:
    users = ALL[~(IS_EXPORT & ~ALL["account_id"].isin(ACCOUNTS[:6]))]
    found = told(users[~((users["feature"] == "exports") & since(users, 12))])
    assert set(found) == {"feature=exports"}
    assert found["feature=exports"].accounts == tuple(ACCOUNTS[:6])


def test_what_is_given_up_slowly_has_not_stopped() -> None:
    weeks_ago = (pd.Timestamp(DAY) - pd.to_datetime(ALL["occurred_at"])).dt.days // 7
    drawn = np.random.default_rng(1).random(len(ALL))
    fades = IS_EXPORT & (drawn > (weeks_ago - 2) / 8)  # eight weeks to nothing, two weeks ago
    assert told(ALL[~fades]) == {}


def test_one_large_account_is_no_part() -> None:
    large = (ALL["feature"] == "exports") & (ALL["account_id"] == "a00")
    others = IS_EXPORT & ~large & (ALL["occurred_at"].str[-2:] != "01")
    assert told(ALL[~others & ~(IS_EXPORT & since(ALL, 20))]) == {}


def test_what_comes_once_a_month_and_a_holiday_of_all_are_no_outage() -> None:
    monthly = ALL[~(IS_EXPORT & (ALL["occurred_at"].str[-2:] > "02"))]
    assert told(monthly, DAY - timedelta(days=3)) == {}
    assert told(ALL[~since(ALL, 14)]) == {}


def test_it_is_judged_by_what_was_known_on_the_day() -> None:
    """The rows of an outage that came in later hide it on later days, not on its own."""
    lost = OF_EMEA & since(ALL, 26) & ~since(ALL, 12)
    late = ALL.assign(known_at=ALL["occurred_at"].where(~lost, str(DAY - timedelta(days=5))))
    assert set(told(late, DAY - timedelta(days=12))) == {"region=EMEA"}
    assert told(late) == {}


def test_an_account_that_stopped_from_one_day_to_the_next_is_told_and_is_no_part() -> None:
    frame = ALL[~((ALL["account_id"] == "a20") & since(ALL, 9))]
    assert told(frame) == {}
    assert stopped_dead(based_on(frame), DAY) == {"a20": date(2026, 6, 19)}
    assert stopped_dead(based_on(ALL[~((ALL["account_id"] == "a20") & since(ALL, 5))]), DAY) == {}


@pytest.mark.parametrize("kept", ["winds down", "two people"])
def test_a_customer_who_winds_down_and_two_on_holiday_have_not_stopped_dead(kept: str) -> None:
    own = ALL["account_id"] == "a20"
    if kept == "two people":
        gone = own & (since(ALL, 9) | ~ALL["user_id"].str[-1].isin(["0", "1"]))
    else:
        gone = own & (since(ALL, 9) | (since(ALL, 16) & (ALL["user_id"].str[-1] != "0")))
    assert stopped_dead(based_on(ALL[~gone]), DAY) == {}
