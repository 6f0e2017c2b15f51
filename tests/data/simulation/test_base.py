"""The simulated base: whole, the same for a seed, messy as real bases are, and with a truth that holds."""

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.contract.inputs import TABLES
from data.contract.vocabulary import CRM_KINDS, MOTIONS, MOVEMENT_CLASSES
from data.errors import HeadroomError
from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.simulation import base as room
from data.simulation.base import schema, simulate, written
from data.simulation.drivers import DRIVEN, LINE_MOTIONS, RANDOM, TERMS
from data.simulation.life import live
from data.sources.connect import connect
from data.sources.known import as_of
from features.cohort import cohort
from features.labels import labels

ACCOUNTS, MONTHS, END = 60, 12, date(2026, 10, 1)
HORIZON_DAYS = 90


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "base"
    simulate(folder, ACCOUNTS, MONTHS, seed=3, end=END)
    return folder


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough accounts for the rare cases, few months."""
    folder = tmp_path_factory.mktemp("simulated") / "larger"
    simulate(folder, 400, 6, seed=3, end=END)
    return folder


def _read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def test_every_table_of_the_contract_is_written_with_its_columns_and_types(base: Path) -> None:
    assert set(written(DRIVEN)) == set(TABLES) - {"usage_daily", "product_succession", "account_ids", "fx_rates"}
    for name in written(DRIVEN):
        parquet = pq.read_schema(base / f"{name}.parquet")
        assert parquet.names == schema(name).names
        assert [c.name for c in TABLES[name].columns] == parquet.names[: len(TABLES[name].columns)]
        assert parquet.types == schema(name).types
        assert len(_read(base, name)) > 0


def test_required_columns_are_full_and_keys_unique(base: Path) -> None:
    for name in written(DRIVEN):
        rows, table = _read(base, name), TABLES[name]
        assert rows[list(table.required_columns)].notna().all().all(), name
        if table.unique:
            assert not rows.duplicated(list(table.key)).any(), name


def test_nothing_happens_on_or_after_the_end(base: Path) -> None:
    end = pd.Timestamp(END)
    for name in written(DRIVEN):
        happened = TABLES[name].happened
        if happened is not None:
            assert (_read(base, name)[happened] < end).all(), name
        for column in TABLES[name].ends:
            assert not (_read(base, name)[column] >= end).any(), name


def test_lines_end_after_they_begin_and_use_begins_with_the_contract(base: Path) -> None:
    lines, events, users = _read(base, "subscriptions"), _read(base, "usage_events"), _read(base, "users")
    ended = lines[lines.valid_to.notna()]
    assert (ended.valid_to > ended.valid_from).all()
    assert (lines.mrr > 0).all()
    began = lines.groupby("account_id").valid_from.min()
    assert (events.occurred_at >= events.account_id.map(began)).all()
    assert events.user_id.dropna().isin(users.user_id).all()
    gone = users[users.deactivated_at.notna()]
    assert (gone.deactivated_at > gone.created_at).all()


def test_people_work_by_day_and_a_few_user_ids_are_used_by_several(larger: Path) -> None:
    events = _read(larger, "usage_events").dropna(subset=["user_id"])
    hours = events.occurred_at.dt.hour
    of_day = hours.groupby([events.user_id, events.occurred_at.dt.date]).agg(["min", "max"])
    long_days = (of_day["max"] - of_day["min"] >= 16).groupby("user_id").sum()
    assert 0 < (long_days >= 2).mean() < 0.01
    assert hours[~events.user_id.isin(long_days[long_days > 0].index)].between(7, 18).mean() > 0.99


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(base: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", ACCOUNTS, MONTHS, seed=3, end=END)
    simulate(tmp_path / "other", ACCOUNTS, MONTHS, seed=4, end=END)
    assert _hashes(tmp_path / "again") == _hashes(base)
    assert _hashes(tmp_path / "other") != _hashes(base)


def test_the_truth_is_a_probability_and_any_is_at_least_the_largest_and_at_most_the_sum(base: Path) -> None:
    truth = _read(base, "oracle/truth")
    parts = truth[[f"p_{motion}" for motion in MOTIONS]]
    assert truth.drop(columns=["account_id", "snapshot_date"]).apply(lambda p: p.between(0, 1)).all().all()
    assert (truth.p_any >= parts.max(axis=1) - 1e-12).all()
    assert (truth.p_any <= parts.sum(axis=1) + 1e-12).all()
    assert not truth.duplicated(["account_id", "snapshot_date"]).any()
    assert truth.snapshot_date.nunique() == MONTHS + 1


def test_drivers_are_known_terms_that_act_in_favour(base: Path) -> None:
    found = _read(base, "oracle/drivers")
    assert set(zip(found.motion, found.driver, strict=True)) <= set(TERMS)
    assert set(found.motion) == set(LINE_MOTIONS)
    assert (found.contribution > 0).all()


def test_every_class_of_movement_occurs(larger: Path) -> None:
    tables = as_of(connect(f"parquet://{larger}").tables, END)
    moves = ledger(tables, ExpansionRules(), today=END).to_pandas()
    # Nobody agrees on steps ahead here.
    assert set(moves.movement_class) == set(MOVEMENT_CLASSES) - {"ramp"}


def test_real_disorder_is_there(larger: Path) -> None:
    accounts, lines, users = (_read(larger, name) for name in ("accounts", "subscriptions", "users"))
    assert 0.01 < accounts.owner.isna().mean() < 0.08
    assert accounts.segment.isna().any()
    assert accounts.employees.isna().any()
    assert accounts.name.str.contains("[<&\"']").any()
    assert (~accounts.name.map(str.isascii)).any()
    assert accounts.name.duplicated().any()
    assert users.team.isna().any()
    open_lines = lines[lines.valid_to.isna()]
    assert open_lines.duplicated(["account_id", "product"]).any()  # two contracts of one product
    core = lines[lines["product"] == "Workspace"].sort_values(["account_id", "valid_from"])
    gap_days = (core.valid_from - core.groupby("account_id").valid_to.shift()).dt.days
    assert gap_days.between(1, 25).any()  # late renewals
    events = _read(larger, "usage_events")
    assert 0.02 < (events.known_at > events.occurred_at).mean() < 0.04
    for name, clock in (("subscriptions", "valid_from"), ("crm_events", "occurred_at")):
        rows = _read(larger, name)
        assert (rows.known_at > rows[clock]).any()
    assert set(_read(larger, "crm_events").kind) == set(CRM_KINDS)
    assert set(_read(larger, "outcomes").status) == {"open", "won", "lost", "not_now"}


def test_the_truth_agrees_with_the_labels_of_the_ledger(larger: Path) -> None:
    tables = as_of(connect(f"parquet://{larger}").tables, END)
    days = [date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)]
    found = labels(tables, cohort(tables, days), ExpansionRules(horizon_days=HORIZON_DAYS)).to_pandas()
    truth = _read(larger, "oracle/truth")
    for frame in (found, truth):
        frame["snapshot_date"] = pd.to_datetime(frame.snapshot_date)
    joined = found.merge(truth, on=["account_id", "snapshot_date"])
    assert len(joined) > 0.97 * len(found)
    # Overlapping windows count one expansion up to three times: the spread is that of a third of the rows.
    spread = np.sqrt(3 * (joined.p_any * (1 - joined.p_any)).sum())
    assert abs(joined.p_any.sum() - joined.expanded.sum()) < 3 * spread
    often = joined.p_any >= joined.p_any.quantile(0.9)
    assert joined.expanded[often].mean() > 3 * joined.expanded[~often].mean()


def test_purchases_are_predicted_month_by_month_as_often_as_they_happen() -> None:
    life = live(500, 8, END, DRIVEN, np.random.default_rng(5))
    kept = len(life.months) - 8
    forecast = realised = spread = 0.0
    for snapshot in range(0, 6, 3):  # windows that do not overlap
        p = life.probability[snapshot][:, :3].sum(axis=1)
        bought = (life.cause[kept + snapshot : kept + snapshot + 3] > 0).any(axis=0)
        was_customer = life.is_customer[kept + snapshot - 1]
        forecast, realised = forecast + p[was_customer].sum(), realised + bought[was_customer].sum()
        spread += (p * (1 - p)).sum()
    assert abs(forecast - realised) < 3 * np.sqrt(spread)


def test_in_a_random_world_every_customer_has_the_same_chance(tmp_path: Path) -> None:
    simulate(tmp_path / "base", ACCOUNTS, MONTHS, seed=3, end=END, world=RANDOM)
    truth = _read(tmp_path / "base", "oracle/truth")
    customers = truth[truth.p_any > 0]
    assert customers.p_any.std() < 0.005
    assert 0.05 < customers.p_any.mean() < 0.15
    assert _read(tmp_path / "base", "oracle/drivers").empty


def test_a_folder_with_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(HeadroomError, match="something else"):
        simulate(tmp_path, 5, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("accounts", "months", "end"), [(0, 12, END), (5, 0, END), (5, 2, date(2026, 10, 2))])
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, accounts: int, months: int, end: date) -> None:
    with pytest.raises(HeadroomError):
        simulate(tmp_path / "base", accounts, months, end=end)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(HeadroomError, match="Give another folder with --out"):
        simulate(tmp_path / "file" / "base", accounts=10, months=6)


def test_a_failure_leaves_nothing_and_keeps_the_earlier_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(tmp_path / "base", 5, 2, end=END)
    earlier = _hashes(tmp_path / "base")

    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(room, "tickets", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        simulate(tmp_path / "base", 6, 2, end=END)
    assert _hashes(tmp_path / "base") == earlier
    assert [p.name for p in tmp_path.iterdir()] == ["base"]


def test_progress_is_told_and_a_base_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK_ACCOUNTS", 4)
    told: list[tuple[int, int]] = []
    simulate(tmp_path / "base", 5, 2, end=END)
    counts = simulate(tmp_path / "base", 6, 1, end=END, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 6), (6, 6)]
    assert counts["accounts"] == len(_read(tmp_path / "base", "accounts")) == 6
