"""The other worlds: each has an exact truth, a base that the contract takes, and reasons of its own to buy."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.checks.check import check
from data.contract.inputs import TABLES
from data.errors import HeadroomError
from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate, written
from data.simulation.drivers import World
from data.simulation.life import Life, live
from data.simulation.oracle import USAGE_FLOOR, USAGE_UPLIFT
from data.sources.connect import connect
from data.worlds.catalogue import BUILT_ON, HELD_BACK, WORLDS, world_asked
from data.worlds.turning import TURNS

END = date(2026, 10, 1)
MONTHS = 18
OTHERS = [world for name, world in WORLDS.items() if name != "random"]


def bought(life: Life, month: int) -> np.ndarray:
    """Which accounts expanded in the three months from this one: a purchase, or bills that rose enough."""
    moved = (life.cause[month : month + 3] > 0).any(axis=0)
    before, after = life.bill[month - 3 : month].sum(axis=0), life.bill[month : month + 3].sum(axis=0)
    return moved | ((before > 0) & (after >= np.maximum(USAGE_UPLIFT * before, before + USAGE_FLOOR)))


@pytest.mark.parametrize("world", OTHERS, ids=lambda world: world.name)
def test_the_truth_of_every_world_is_what_comes(world: World) -> None:
    life = live(400, MONTHS, END, world, np.random.default_rng(11))
    first = len(life.months) - MONTHS
    said, came = [], []
    for snapshot in range(0, MONTHS - 3, 3):  # windows that do not overlap
        is_customer = life.is_customer[first + snapshot - 1]
        said.append(life.probability[snapshot][is_customer, 4])
        came.append(bought(life, first + snapshot)[is_customer])
    p, y = np.concatenate(said), np.concatenate(came)
    assert 0.03 < p.mean() < 0.25
    assert abs(p.sum() - y.sum()) < 3 * np.sqrt((p * (1 - p)).sum())
    often = p >= np.quantile(p, 0.9)
    assert abs(p[often].sum() - y[often].sum()) < 3 * np.sqrt((p[often] * (1 - p[often])).sum())
    assert y[often].mean() > 2.5 * y[~often].mean()


@pytest.mark.parametrize("name", ["self_service", "groups", "daily_counts"])
def test_a_base_of_a_world_is_one_that_the_contract_takes(name: str, tmp_path: Path) -> None:
    world = WORLDS[name]
    rows = simulate(tmp_path / "base", 120, 14, seed=3, end=END, world=world)
    assert set(written(world)) <= rows.keys()
    report = check(connect(f"parquet://{tmp_path / 'base'}"), END, ExpansionRules())
    assert [finding for finding in report.findings if finding.severity == "error"] == []


def test_counts_by_day_are_those_of_the_events(tmp_path: Path) -> None:
    world = WORLDS["daily_counts"]
    simulate(tmp_path / "base", 40, 6, seed=3, end=END, world=world)
    counts = pd.read_parquet(tmp_path / "base" / "usage_daily.parquet")
    assert not (tmp_path / "base" / "usage_events.parquet").exists()
    assert not (tmp_path / "base" / "users.parquet").exists()
    assert not counts.duplicated(list(TABLES["usage_daily"].key)).any()
    assert (counts.events >= counts.active_users).all()
    assert counts.quantity.notna().any()
    assert (counts.known_at.dropna() > counts.day[counts.known_at.notna()]).all()


def test_what_a_company_buys_its_sisters_buy_after_it() -> None:
    life = live(400, MONTHS, END, WORLDS["groups"], np.random.default_rng(5))
    likely = {True: [], False: []}
    first = len(life.months) - MONTHS
    for snapshot in range(MONTHS):
        own = (life.cause[first + snapshot - 6 : first + snapshot] > 0).sum(axis=0)
        others = np.bincount(life.group, weights=own)[life.group] - own
        there = life.is_customer[first + snapshot - 1] & (own == 0)
        for followed in likely:
            likely[followed].append(life.probability[snapshot][there & ((others > 0) == followed), 4])
    assert np.concatenate(likely[True]).mean() > 3 * np.concatenate(likely[False]).mean()


def test_worlds_differ_in_what_sells() -> None:
    sold = {}
    for world in OTHERS:
        life = live(300, MONTHS, END, world, np.random.default_rng(5))
        sold[world.name] = life.probability[:, :, :4].sum(axis=(0, 1))
    share = {name: parts / parts.sum() for name, parts in sold.items()}
    assert max(share, key=lambda name: share[name][3]) == "usage_priced"
    assert share["pressure"].argmax() == share["self_service"].argmax() == 0
    assert share["daily_counts"].argmax() == 1


def test_the_rules_of_the_turning_world_turn() -> None:
    life = live(300, 30, END, WORLDS["turning"], np.random.default_rng(5))
    seats = life.probability[:, :, 0].sum(axis=1) / life.probability[:, :, 4].sum(axis=1)
    turn = TURNS - (len(life.months) - 30)
    assert seats[: turn - 3].mean() > 2 * seats[turn:].mean()


def test_every_world_is_either_built_on_or_held_back() -> None:
    assert sorted((*BUILT_ON, *HELD_BACK, "random")) == sorted(WORLDS)


def test_a_world_that_is_not_is_refused_with_those_that_are() -> None:
    with pytest.raises(HeadroomError, match=r"There is none; there are driven: .*; pressure: "):
        world_asked("flat")
    with pytest.raises(HeadroomError, match="asks for another one"):
        world_asked("pressure", is_random=True)
    assert [world_asked(None).name, world_asked(None, is_random=True).name] == ["driven", "random"]
