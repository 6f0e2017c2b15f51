"""An account or a user that is taken out of a history: nothing of it is left, the days are as they were, and go on."""

import shutil
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.atomic import aside_of, unfinished_of
from data.contract.vocabulary import Personal
from data.erasure.places import ACCOUNT, USER, Subject
from data.errors import SourceError
from data.record import erasure
from data.record.days import ERASED, History
from data.record.erasure import HistoryPlace
from tests.data.record.shown import drawn_source, recorded, served

DAY = date(2026, 11, 29)
ACCOUNTS = """
    account_id | name         | created_at | owner   | parent_id
    zorro      | Zorro Lumber | 2025-01-01 | Quetzal |
    child      | Acme         | 2025-01-01 | Ana     | zorro
"""
LINES = """
    account_id | product | plan | mrr   | valid_from
    zorro      | core    | team | {mrr} | 2026-01-01
    child      | core    | team | 90    | 2026-01-01
"""
EVENTS = """
    account_id | occurred_at | feature | user_id
    zorro      | 2026-09-01  | login   | u-zorro
    child      | 2026-09-01  | login   | u-1
    child      | 2026-09-02  | login   | u-2
"""
USERS = """
    user_id | account_id | email_domain  | created_at
    u-zorro | zorro      | zorro.example | 2026-01-01
    u-1     | child      | acme.example  | 2026-01-01
    u-2     | child      | other.example | 2026-01-01
"""
ZORRO, USER_ONE = Subject(ACCOUNT, "zorro"), Subject(USER, "u-1")


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Two days, on the second of which a line costs more."""
    for day, mrr in (("2026-10-01", 100), ("2026-10-02", 120)):
        recorded(tmp_path / "history", source(tmp_path, mrr), day)
    return tmp_path / "history"


def source(folder: Path, mrr: int = 120, lines: str = LINES) -> Path:
    tables = {"accounts": ACCOUNTS, "usage_events": EVENTS, "users": USERS}
    return drawn_source(folder / "source", **tables, subscriptions=lines.format(mrr=mrr))


def told(folder: Path) -> str:
    """All that stands in the files."""
    parts = [str(pq.read_table(path, partitioning=None).to_pylist()) for path in sorted(folder.rglob("*.parquet"))]
    files = [path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()]
    return "\n".join([*parts, *files])


def test_an_account_is_in_no_part_of_no_day(history: Path) -> None:
    others = served(history, "subscriptions")
    place = HistoryPlace(history)
    counts = place.found(ZORRO)
    assert counts == {
        "accounts": 1, "subscriptions": 2, "usage_events": 1, "users": 1, "accounts: rows of others that name it": 1,
    }  # fmt: skip
    assert "zorro" in told(history)
    assert place.erase(ZORRO, DAY) == counts
    for word in ("zorro", "Zorro Lumber", "Quetzal"):
        assert word not in told(history)
    assert served(history, "subscriptions") == [row for row in others if "zorro" not in row]
    assert served(history, "accounts", ["account_id", "parent_id"]) == [("child", None)]
    assert place.erase(ZORRO, DAY) == {}
    assert [day.day for day in History(history).days] == [date(2026, 10, 1), date(2026, 10, 2)]


def test_a_user_goes_and_its_account_stays(history: Path) -> None:
    assert HistoryPlace(history).erase(USER_ONE, DAY) == {"usage_events": 1, "users": 1}
    assert "acme.example" not in told(history)
    assert [row[0] for row in served(history, "users", ["user_id"])] == ["u-2", "u-zorro"]
    assert ("child", "Acme") in served(history, "accounts", ["account_id", "name"])


def test_recording_goes_on(history: Path, tmp_path: Path) -> None:
    HistoryPlace(history).erase(ZORRO, DAY)
    without = "\n".join(line for line in LINES.splitlines() if "zorro" not in line)
    recorded(history, source(tmp_path, lines=without), "2026-10-03", largest_loss=1)
    assert {row[0] for row in served(history, "subscriptions", ["account_id"])} == {"child"}


def test_an_erasure_that_is_broken_off_is_finished_by_the_next(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(history, whole)
    HistoryPlace(whole).erase(ZORRO, DAY)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "put_in_place", _first_day_alone)
        HistoryPlace(history).erase(ZORRO, DAY)
    with pytest.raises(SourceError, match="an erasure is being put in place"):
        History(history)
    copy = tmp_path / "copy"
    shutil.copytree(history, copy)
    recorded(copy, source(tmp_path), "2026-10-03")
    assert served(copy, "accounts", ["account_id"]) == [("child",), ("zorro",)]  # the source has it still
    assert HistoryPlace(history).erase(ZORRO, DAY) == {}
    assert told(history) == told(whole)


def test_what_a_recorder_left_that_was_killed_goes(history: Path) -> None:
    for left in (unfinished_of, aside_of):  # before its day was in place, and before the old one of an erasure was gone
        shutil.copytree(history / "2026-10-02", left(history / "2026-10-02"))
    HistoryPlace(history).erase(ZORRO, DAY)
    assert "zorro" not in told(history)
    assert sorted(path.name for path in history.iterdir()) == ["2026-10-01", "2026-10-02"]


def _first_day_alone(folder: Path) -> None:
    for made in sorted((folder / ERASED).glob("*"))[:1]:
        shutil.copytree(made, folder / made.name, dirs_exist_ok=True)


def test_what_lies_there_is_told_from_the_contract(history: Path, tmp_path: Path) -> None:
    holdings = {holding.what: holding for holding in HistoryPlace(history).holdings()}
    assert holdings["users"].kinds == (Personal.ACCOUNT, Personal.USER, Personal.DOMAIN)
    assert (holdings["subscriptions"].rows, holdings["subscriptions"].files) == (3, 2)
    assert list(HistoryPlace(tmp_path / "nothing").holdings()) == []
    assert HistoryPlace(tmp_path / "nothing").erase(ZORRO, DAY) == {}
