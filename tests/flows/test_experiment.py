"""From a published list with accounts held out and the tables of a year to what is known, as the ledger has it."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.errors import ExperimentError, SettingsError
from flows.pipelines.experiment import experiment, plan
from flows.pipelines.summary import of_experiment, of_plan
from serving.published.read import open_list
from serving.settings import ExperimentSettings
from tests.serving.world import accounts, publish, snapshot

COUNT, START, LAST = 80, date(2026, 1, 1), date(2026, 9, 30)
WINDOWS = 3  # of 90 days, between the start and the day after the last
SETTINGS = f"""
[source]
url = "csv://warehouse"
[experiment]
name = "winter"
held_out_share = 0.25
start = {START}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts that add five seats in each window: of those that are listed every second, of the others two in five."""
    place = tmp_path_factory.mktemp("experiment")
    (place / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
    winter = ExperimentSettings(name="winter", held_out_share=0.25, start=START)
    publish(place / "published", snapshot(COUNT, day=START, experiment=winter))
    drawn = open_list(place / "published").of_all("assignments")
    lines = [
        row for account, grows in zip(drawn["account_id"], _grows(drawn), strict=True) for row in _lines(account, grows)
    ]
    warehouse = place / "warehouse"
    warehouse.mkdir()
    lines.append({**lines[0], "account_id": "late", "valid_from": LAST, "valid_to": None})  # so far the lines are known
    people = pd.concat([accounts(COUNT), pd.DataFrame([{"account_id": "late", "name": "Late"}])])
    people.assign(created_at="2025-01-01").to_csv(warehouse / "accounts.csv", index=False)
    pd.DataFrame(lines).to_csv(warehouse / "subscriptions.csv", index=False)
    days = pd.date_range("2025-10-01", LAST, freq="7D").strftime("%Y-%m-%d")
    used = pd.DataFrame([(a, day, "reports", 5) for a in people["account_id"] for day in days])
    used.set_axis(["account_id", "day", "feature", "events"], axis=1).to_csv(warehouse / "usage_daily.csv", index=False)
    return place


def _grows(drawn: pd.DataFrame) -> list[bool]:
    number = drawn.groupby("held_out").cumcount()
    return ((number % 2 == 0) & ~drawn["held_out"] | (number % 5 < 2) & drawn["held_out"]).tolist()


def _lines(account: str, grows: bool) -> list[dict[str, object]]:
    """Its versions: 10 seats since 2025, and five more on the tenth day of each window where it grows."""
    begins = [date(2025, 1, 1), *(START + timedelta(days=90 * window + 10) for window in range(WINDOWS) if grows)]
    ends = [*begins[1:], None]
    return [
        {
            "account_id": account,
            "product": "core",
            "plan": "team",
            "seats": 10 + 5 * version,
            "mrr": 100 + 50 * version,
            "valid_from": begin,
            "valid_to": end,
        }
        for version, (begin, end) in enumerate(zip(begins, ends, strict=True))
    ]


def test_what_is_known_is_what_the_ledger_has(folder: Path) -> None:
    result = experiment(folder / "headroom.toml")
    state = result["state"]
    assert (state.accounts, state.units, state.units_held_out, state.windows) == (COUNT, COUNT, 20, WINDOWS)
    assert (state.rows, state.rows_held_out, state.expansions) == (COUNT * WINDOWS, 20 * WINDOWS, 8 * WINDOWS)
    arr, share = state.effects
    assert (share.listed, share.held_out) == (0.5, 0.4)
    assert (arr.listed, arr.held_out) == (0.5 * 50 * 12, 0.4 * 50 * 12)
    page = result["page"].read_text(encoding="utf-8")
    lines = [*of_experiment(result)]
    assert all(line in page.replace("&#39;", "'") for line in lines[:-1])
    assert "not known yet whether being listed changes it" in lines[2]
    assert "acc-0" not in page  # it names nobody


def test_an_end_that_is_set_later_changes_no_interval(folder: Path, tmp_path: Path) -> None:
    """The windows that are over end before it."""
    linked(folder, tmp_path, SETTINGS + f"end = {START + timedelta(days=WINDOWS * 90)}\n")
    ended, open_ended = (experiment(place / "headroom.toml")["state"] for place in (tmp_path, folder))
    assert ended == open_ended


def test_what_was_set_otherwise_than_when_it_began_is_refused(folder: Path, tmp_path: Path) -> None:
    linked(folder, tmp_path, SETTINGS.replace("0.25", "0.3"))
    with pytest.raises(SettingsError, match="held_out_share under"):
        experiment(tmp_path / "headroom.toml")


def test_an_owner_whom_lists_write_in_two_ways_is_one_book(folder: Path, tmp_path: Path) -> None:
    linked(folder, tmp_path, SETTINGS + 'clusters = "owner"\n')
    (tmp_path / "published").unlink()
    shutil.copytree(folder / "published", tmp_path / "published")
    file = tmp_path / "published" / f"snapshot_date={START}" / "assignments.parquet"
    rows = pd.read_parquet(file)
    rows.assign(owner=rows["owner"].where(rows.index % 2 == 0, rows["owner"].str.upper())).to_parquet(file)
    with pytest.raises(ExperimentError, match=rf"\b{rows['owner'].fillna('').nunique()} books of owners are too few"):
        experiment(tmp_path / "headroom.toml")


def linked(folder: Path, place: Path, settings: str) -> None:
    """The same lists and tables under other settings."""
    (place / "headroom.toml").write_text(settings, encoding="utf-8")
    for name in ("published", "warehouse"):
        (place / name).symlink_to(folder / name)


def test_before_the_start_it_is_told_what_could_be_seen(folder: Path) -> None:
    lines = [*of_plan(plan(folder / "headroom.toml"))]
    assert lines[0].startswith(f"{COUNT} accounts, 25% of them held out, by the year before 2026-10-01")
    assert len(lines) == 1 + 2 * 3  # in the first of the four windows nobody expanded
    assert "in 12 months you will see +" in lines[-1]
    assert all("months you will see roughly +$" in line for line in lines[1:4])  # of expansion ARR


def test_accounts_that_an_arm_lost_are_told(folder: Path, tmp_path: Path) -> None:
    """The source forgot those that are held out, but for one."""
    (tmp_path / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "published").symlink_to(folder / "published")
    (tmp_path / "warehouse").mkdir()
    gone = set(sorted(open_list(folder / "published").held_out())[1:])
    for file in (folder / "warehouse").iterdir():
        table = pd.read_csv(file, dtype=str)
        table[~table["account_id"].isin(gone)].to_csv(tmp_path / "warehouse" / file.name, index=False)
    with pytest.raises(ExperimentError, match="1 of 61 units are held out where 15 are due"):
        experiment(tmp_path / "headroom.toml")
    assert not (tmp_path / "reports" / "experiment.html").exists()


@pytest.mark.parametrize(
    ("changed", "day", "found"),
    [
        (('name = "winter"', ""), None, "none is set"),
        (('name = "winter"', 'name = "spring"'), None, "it has not begun: .* is the list of 2026-01-01 .of winter."),
        (("", ""), date(2025, 12, 31), "it has not begun: the latest up to 2025-12-31 is no list"),
        (("", ""), date(2026, 3, 31), "no window of 90 days is over yet"),
    ],
)
def test_what_cannot_be_judged_is_said(
    folder: Path, tmp_path: Path, changed: tuple[str, str], day: date | None, found: str
) -> None:
    linked(folder, tmp_path, SETTINGS.replace(*changed))
    with pytest.raises(ExperimentError, match=found):
        experiment(tmp_path / "headroom.toml", snapshot_date=day)
