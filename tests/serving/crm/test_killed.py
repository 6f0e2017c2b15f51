"""Killed at any moment: the next run sends no account twice, loses none, and names every one that was refused."""

import json
import random
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from serving.crm.client import Crm
from serving.crm.hubspot import HubSpotCrm
from serving.crm.journal import REJECTED, Journal
from serving.crm.run import take_back
from serving.crm.settings import HubSpotSettings
from tests.serving.crm import child, servers
from tests.serving.crm.servers import ID_PROPERTY, TOKEN, World
from tests.serving.crm.test_clients import accounts, companies

ACCOUNTS, KILLS = 10_000, 20
MOST_CALLS = 25
"""A run of all accounts makes two hundred."""


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_is_finished_by_the_next_one(tmp_path: Path) -> None:
    draw = random.Random(5)
    wanted = accounts(ACCOUNTS)
    world = World(companies(wanted), refused=frozenset(draw.sample(sorted(wanted), ACCOUNTS * 3 // 100)))
    before, file = world.values(), tmp_path / "wanted.json"
    file.write_text(json.dumps(wanted))
    processes = get_context("forkserver")
    processes.set_forkserver_preload([child.__name__])
    with servers.on_port(lambda _: servers.hubspot(world)) as url:
        for number in range(KILLS):
            running = processes.Process(target=child.run, args=(url, file, tmp_path / f"{number:02}"))
            due, ends = world.calls + draw.randint(1, MOST_CALLS), time.monotonic() + 60
            running.start()
            while world.calls < due:
                assert running.is_alive(), "it ended before it was killed"
                assert time.monotonic() < ends
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.02))
            running.kill()
            running.join()
            assert running.exitcode == -signal.SIGKILL
        child.run(url, file, tmp_path / "last")
        with Journal(tmp_path / "last") as last:
            rejected = {row.account_id for row in last.rows() if row.state == REJECTED}
        assert rejected == world.refused
        assert set(world.taken) == set(wanted) - world.refused
        assert max(world.taken.values()) == 1
        values_of(world)
        world.sent.clear()
        child.run(url, file, tmp_path / "again")
        assert {account for account, _ in world.sent} == world.refused, "what is there is not sent again"
        changed = sorted(set(wanted) - world.refused)[::500]
        for account in changed:
            world.companies[account].values["headroom_play"] = "our own play"
        crm = HubSpotCrm(HubSpotSettings(url=url, calls_in_ten_seconds=100_000), TOKEN, ID_PROPERTY)
        undone(crm, [*(tmp_path / f"{number:02}" for number in range(KILLS)), tmp_path / "last"], tmp_path)
        crm.close()
    for account, values in world.values().items():
        if account in changed:
            assert values.pop("headroom_play") == "our own play"
        assert not any(values.values()), account
    assert not any(any(values.values()) for values in before.values())


def values_of(world: World) -> None:
    """Every account that was taken shows what was wanted of it."""
    for account, values in accounts(ACCOUNTS).items():
        if account not in world.refused:
            held = world.companies[account].values
            assert held["headroom_reasons"] == values["reasons"]
            assert held.get("headroom_rank") == (None if values["rank"] is None else str(values["rank"]))


def undone(crm: Crm, runs: list[Path], folder: Path) -> None:
    """Take back runs, the last one first."""
    for place, run in enumerate(reversed(runs)):
        with Journal(run) as past, Journal(folder / f"undo-{place}") as journal:
            take_back(crm, past.written(), journal)
