"""``headroom writeback`` as it is called: a dry run unless asked otherwise, what was refused in a table, an undo."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from starlette.responses import Response

from data.errors import PublishError
from flows.crm.pipeline import writeback
from flows.crm.writeback import MOMENT
from serving.crm.settings import HUBSPOT_TOKEN, SECRETS, WritebackSettings
from serving.published.layout import place_of
from serving.published.read import open_list
from tests import house
from tests.flows.conftest import Headroom
from tests.serving.crm.servers import ID_PROPERTY, TOKEN, Company, World, hubspot, on_port
from tests.serving.world import DAY, publish, snapshot

NEXT, AFTER_NEXT = date(2026, 11, 1), date(2026, 12, 1)
PAGE = (house.ROOT / "docs" / "writeback.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of a day. Shared: it is only read."""
    folder = tmp_path_factory.mktemp("lists")
    publish(folder, snapshot(60))
    return folder


@pytest.fixture(scope="module")
def later_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of two days after it, without its last ten accounts. Shared: they are only read."""
    folder = tmp_path_factory.mktemp("later")
    for day, previous in ((NEXT, DAY), (AFTER_NEXT, NEXT)):
        publish(folder, snapshot(50, day=day), {"previous_snapshot_date": previous.isoformat()})
    return folder


@pytest.fixture
def out(lists: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lists, tmp_path / "out"))


@pytest.fixture
def world(lists: Path) -> World:
    accounts = open_list(lists).scores("account_id")["account_id"].tolist()
    held = {account: Company(str(place), {}) for place, account in enumerate(accounts[:-2], start=1)}
    return World(held | {"somebody else's": Company("999", {"headroom_play": "theirs"})})


@pytest.fixture
def settled(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings and a secret for a HubSpot that holds the world."""
    monkeypatch.setenv("HEADROOM_HUBSPOT_TOKEN", TOKEN)
    with on_port(lambda _: hubspot(world)) as url:
        (tmp_path / "headroom.toml").write_text(
            f'[writeback]\nto = "hubspot"\nid_property = "{ID_PROPERTY}"\n[writeback.hubspot]\nurl = "{url}"\n'
        )
        yield


def test_nothing_is_sent_unless_it_is_asked_for(headroom: Headroom, settled: None, world: World, out: Path) -> None:
    ran = headroom("writeback", "--out", out)
    assert ran.code == 0, ran.err
    assert not world.sent
    assert "58 accounts would change; 0 accounts unchanged; 2 accounts not in HubSpot" in ran.out
    assert "nothing was sent: --apply sends it" in ran.out
    changes = pd.read_parquet(out / "writeback" / "dry-run" / "changes.parquet")
    assert changes["account_id"].nunique() == 58
    table = open_list(out).of("crm_writeback", ["acc-0003"]).iloc[0]
    shown = changes[changes["account_id"] == "acc-0003"].set_index("property")["after"]
    assert shown["headroom_likelihood"] == str(table["likelihood"])
    assert (shown["headroom_play"], shown["headroom_as_of"]) == (table["play"], "2026-10-01")
    assert table["play"] in ran.out


def test_what_is_deployed_writes_the_latest_list_and_only_where_it_is_to(
    settled: None, world: World, out: Path, tmp_path: Path
) -> None:
    config = tmp_path / "headroom.toml"
    assert writeback(config, out=out) == {"snapshot_date": DAY}
    assert not world.sent
    assert writeback(config, out=out, apply=True) == {"snapshot_date": DAY}
    assert len(world.sent) > 0
    with pytest.raises(PublishError, match="Write back the list of 2026-11-01"):
        writeback(config, snapshot_date="2026-11-01", out=out, apply=True)


def test_a_list_is_written_refusals_are_told_and_a_run_is_taken_back(
    headroom: Headroom, settled: None, world: World, out: Path
) -> None:
    before, world.refused = world.values(), frozenset({"acc-0004", "acc-0005"})
    ran = headroom("writeback", "--apply", "--out", out)
    assert ran.code == 1
    assert "2 accounts not taken, 56 taken" in ran.err
    [run] = [path for path in (out / "writeback").iterdir() if path.name != "dry-run"]
    rejections = pd.read_parquet(run / "rejections.parquet")
    assert list(rejections.columns) == ["account_id", "code", "message"]
    assert set(rejections["account_id"]) == {"acc-0004", "acc-0005", "acc-0058", "acc-0059"}
    world.refused = frozenset()
    assert "2 accounts written; 56 accounts unchanged" in headroom("writeback", "--apply", "--out", out).out
    world.sent.clear()
    assert "0 accounts written; 58 accounts unchanged" in headroom("writeback", "--apply", "--out", out).out
    assert not world.sent
    world.companies["acc-0003"].values["headroom_play"] = "our own"
    ran = headroom("writeback", "--undo", run.name, "--out", out)
    assert ran.code == 0, ran.err
    assert "56 accounts written; 0 accounts left as they are" in ran.out
    for account, values in world.values().items():
        if account in ("acc-0004", "acc-0005"):
            assert values["headroom_reasons"]
        elif account == "acc-0003":
            assert {name: value for name, value in values.items() if value} == {"headroom_play": "our own"}
        else:
            assert {name: value for name, value in values.items() if value} == before[account]
    assert max(world.taken.values()) == 2


def test_an_undo_leaves_what_a_later_run_wrote(headroom: Headroom, settled: None, world: World, out: Path) -> None:
    """The properties and the companies are read; the call that updates them is refused."""
    world.answers.extend([None, None, Response(status_code=403)])
    assert headroom("writeback", "--apply", "--out", out).code == 1
    [stopped] = (out / "writeback").iterdir()
    assert "58 accounts written" in headroom("writeback", "--apply", "--out", out).out
    finished = world.values()
    ran = headroom("writeback", "--undo", stopped.name, "--out", out)
    assert (ran.code, "0 accounts written; 58 accounts left as they are" in ran.out) == (0, True), ran.err
    assert world.values() == finished


def test_runs_keep_their_order_where_the_clock_was_set_back(
    headroom: Headroom, settled: None, world: World, out: Path
) -> None:
    """An undo of the first run leaves what the second one wrote, though a clock an hour ahead had dated the first."""
    world.answers.extend([None, None, Response(status_code=403)])
    headroom("writeback", "--apply", "--out", out)
    [first] = (out / "writeback").iterdir()
    ahead = f"{datetime.now(UTC) + timedelta(hours=1):{MOMENT}}-hubspot"
    first.rename(first.with_name(ahead))
    (out / "writeback" / "20261399T000000-hubspot").mkdir()  # another's: it has no thirteenth month
    headroom("writeback", "--apply", "--out", out)
    ours = [path.name for path in (out / "writeback").iterdir() if path.name != "20261399T000000-hubspot"]
    assert min(ours) == ahead
    assert "58 accounts left as they are" in headroom("writeback", "--undo", ahead, "--out", out).out


def test_an_account_that_is_no_customer_any_more_is_cleared(
    headroom: Headroom, settled: None, world: World, out: Path, later_lists: Path
) -> None:
    headroom("writeback", "--apply", "--out", out)
    add(later_lists, NEXT, out)
    ran = headroom("writeback", "--apply", "--out", out)
    assert ran.code == 0, ran.err
    gone = world.companies["acc-0055"].values
    assert gone.pop("headroom_as_of") == "2026-11-01"
    assert not any(gone.values())
    assert world.companies["acc-0003"].values["headroom_band"]


def add(later_lists: Path, day: date, out: Path) -> None:
    shutil.copytree(place_of(later_lists, day), place_of(out, day))


def shown(world: World, account: str) -> set[str]:
    """What a company shows of an account, but for the day."""
    return {name for name, value in world.companies[account].values.items() if value} - {"headroom_as_of"}


@pytest.mark.parametrize("second", ["never written", "stopped", "refused"])
def test_an_account_that_left_with_a_list_that_was_not_written_whole_is_cleared_by_the_next_one(
    second: str, headroom: Headroom, settled: None, world: World, out: Path, later_lists: Path
) -> None:
    headroom("writeback", "--apply", "--out", out)
    add(later_lists, NEXT, out)
    world.answers.extend([None, None, Response(status_code=403)] if second == "stopped" else [])
    world.refused = frozenset({"acc-0055"})
    assert second == "never written" or headroom("writeback", "--apply", "--out", out).code == 1
    assert shown(world, "acc-0055")
    world.refused = frozenset()
    add(later_lists, AFTER_NEXT, out)
    assert headroom("writeback", "--apply", "--out", out).code == 0
    assert not shown(world, "acc-0055")
    ran = headroom("writeback", "--apply", "--out", out)
    assert "0 accounts written; 50 accounts unchanged; 0 accounts not in HubSpot" in ran.out, (
        "nobody asks for them again"
    )


def test_an_account_that_an_undo_brought_back_is_cleared_again(
    headroom: Headroom, settled: None, world: World, out: Path, later_lists: Path
) -> None:
    headroom("writeback", "--apply", "--out", out)
    [first] = (out / "writeback").iterdir()
    add(later_lists, NEXT, out)
    headroom("writeback", "--apply", "--out", out)
    [run] = set((out / "writeback").iterdir()) - {first}
    assert not shown(world, "acc-0055")
    headroom("writeback", "--undo", run.name, "--out", out)
    assert shown(world, "acc-0055")
    add(later_lists, AFTER_NEXT, out)
    assert headroom("writeback", "--apply", "--out", out).code == 0
    assert not shown(world, "acc-0055")


def test_that_a_list_is_gone_from_which_an_account_may_have_left_is_told(
    headroom: Headroom, settled: None, out: Path, later_lists: Path
) -> None:
    headroom("writeback", "--apply", "--out", out)
    add(later_lists, NEXT, out)
    shutil.rmtree(place_of(out, DAY))
    ran = headroom("writeback", "--out", out)
    assert (ran.code, "accounts that are gone may be left there: the days there are 2026-11-01" in ran.err) == (0, True)


def test_what_is_missing_is_said(
    headroom: Headroom, world: World, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Set `to` under [writeback]" in headroom("writeback", "--out", out).err
    ran = headroom("writeback", "--to", "hubspot", "--out", out)
    assert (ran.code, "HEADROOM_HUBSPOT_TOKEN is not set" in ran.err) == (1, True)
    assert "My Domain" in headroom("writeback", "--to", "salesforce", "--out", out).err
    assert headroom("writeback", "--undo", "x", "--apply", "--out", out).code == 2
    assert "nothing was sent yet" in headroom("writeback", "--undo", "x", "--out", out).err
    monkeypatch.setenv("HEADROOM_WRITEBACK__HUBSPOT__URL", "http://elsewhere.example")
    assert "must begin with https://" in headroom("writeback", "--out", out).err
    monkeypatch.delenv("HEADROOM_WRITEBACK__HUBSPOT__URL")
    next(out.glob("snapshot_date=*/crm_writeback.parquet")).unlink()
    ran = headroom("writeback", "--to", "hubspot", "--out", out)
    assert (ran.code, "an earlier version published it" in ran.err) == (1, True)


@pytest.mark.parametrize(
    "spoilt", ["{}\n{}", "{}\r{}", "{} {}", "{}\t{}", "{}\u00a0{}", "{}\u00e9{}", "{}\u20ac{}", "{}\x7f{}"]
)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_cannot_be_one_is_refused_and_never_told(
    name: str, spoilt: str, headroom: Headroom, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = "hubspot" if name == HUBSPOT_TOKEN else "salesforce"
    monkeypatch.setenv("HEADROOM_WRITEBACK__SALESFORCE__URL", "https://acme.example")
    for secret in SECRETS:
        monkeypatch.setenv(secret, "whole")
    monkeypatch.setenv(name, spoilt.format("hunter", "two"))
    ran = headroom("writeback", "--to", to, "--out", out)
    assert (ran.code, f"{name} holds a blank" in ran.err) == (1, True)
    assert "Traceback" not in ran.err
    assert not {part for part in ("hunter", "two") if part in ran.err + ran.out}


def test_a_run_is_taken_back_where_it_was_sent(headroom: Headroom, settled: None, out: Path, world: World) -> None:
    headroom("writeback", "--apply", "--out", out)
    [run] = (out / "writeback").iterdir()
    assert "it wrote to hubspot" in headroom("writeback", "--undo", run.name, "--to", "salesforce", "--out", out).err
    assert "did you mean" in headroom("writeback", "--undo", run.name[:-1], "--out", out).err


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("run.json", b"{bad", "run.json.\n  found: it cannot be read, or does not say it."),
        ("run.json", b'{"to": "zzz", "url": "", "snapshot_date": ""}', "does not say it."),
        ("journal.db", b"no database" * 99, "journal.db.\n  found: it cannot be read."),
        ("journal.db", None, "journal.db.\n  found: it is not there."),
    ],
    ids=["no JSON", "another CRM", "no database", "no journal"],
)
def test_a_run_whose_folder_is_damaged_is_not_taken_back(
    headroom: Headroom, settled: None, out: Path, file: str, content: bytes | None, found: str
) -> None:
    assert headroom("writeback", "--apply", "--out", out).code in (0, 1)
    (run,) = (path.name for path in (out / "writeback").iterdir() if path.is_dir())
    damaged = out / "writeback" / run / file
    damaged.unlink() if content is None else damaged.write_bytes(content)
    ran = headroom("writeback", "--undo", run, "--out", out)
    assert (ran.code, found in ran.err, "Traceback" in ran.err) == (1, True, False), ran.err
    assert [path.name for path in (out / "writeback").iterdir() if path.is_dir()] == [run]


def test_a_list_whose_table_is_damaged_leaves_no_run(headroom: Headroom, settled: None, out: Path) -> None:
    table = place_of(out, DAY) / "crm_writeback.parquet"
    table.write_bytes(table.read_bytes()[:-40])
    ran = headroom("writeback", "--apply", "--out", out)
    assert (ran.code, "crm_writeback.parquet" in ran.err) == (1, True)
    assert not (out / "writeback").exists()


def test_what_the_page_tells_to_set_can_be_set() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert WritebackSettings(**tomllib.loads(block)["writeback"]).to in ("hubspot", "salesforce")


def test_the_query_that_the_page_hands_to_another_tool_gives_what_changed(out: Path) -> None:
    sync = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    query = sync["model"].replace("../published", str(out))
    listing = open_list(out)
    rows = duckdb.sql(query).df().set_index("account_id")
    assert sorted(rows.index) == listing.scores("account_id")["account_id"].tolist()
    assert not rows.isna().any(axis=None)
    path = listing.path("crm_writeback")
    same = pd.read_parquet(path, partitioning=None)
    same.assign(previous_values_hash=same["values_hash"].where(same.index > 0)).to_parquet(path)
    assert duckdb.sql(query).df()["account_id"].tolist() == [same["account_id"][0]]
