"""``headroom store``: a training keeps, the next one reads back, and both are what one from nothing is."""

import re
from pathlib import Path

import pytest

from tests.data.sources.test_connect import csv_base
from tests.flows.conftest import QUICK, Headroom


def test_a_store_is_shown_and_cleared(tmp_path: Path, headroom: Headroom) -> None:
    (tmp_path / "headroom.toml").write_text("model = 'ours'\n")
    (tmp_path / "kept" / "boosters").mkdir(parents=True)
    (tmp_path / "kept" / "boosters" / ("ab" * 32)).write_bytes(bytes(1_500_000))
    config = ("--config", tmp_path / "headroom.toml")
    shown = headroom("store", *config).out
    assert re.search(r"boosters +1 +1\.5 ", shown)
    assert f"{tmp_path / 'kept'}: 1 value, 0.00 of 5 GB, for 100 days" in shown
    assert headroom("store", "--clear", *config).out == "1 value removed: the next training makes everything anew\n"
    assert "0 values" in headroom("store", *config).out
    assert headroom("store", "--clear", "--from-nothing", *config).code == 2


def test_a_training_from_nothing_is_asked_for_by_either_command(
    tmp_path: Path, headroom: Headroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.kept import from_nothing

    monkeypatch.setattr(from_nothing, "differing", lambda *_: iter(["model: bundle.json"]))
    config = ("--source", f"csv://{csv_base(tmp_path)}", "--snapshot-date", "2024-03-01")
    for command in ("store", "verify"):
        ran = headroom(command, "--from-nothing", *config)
        assert (ran.code, ran.out) == (1, "model: bundle.json\n"), ran.err
    assert headroom("verify", "--from-nothing", "--words", *config).code == 2


@pytest.mark.slow
def test_a_training_with_what_is_kept_is_one_from_nothing(
    warehouse: Path, tmp_path: Path, headroom: Headroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "headroom.toml").write_text(f"[source]\nurl = 'parquet://{warehouse}'\n")
    config = ("--config", tmp_path / "headroom.toml")
    headroom("backtest", *config, "--snapshot-date", "2025-12-01")
    ran = headroom("store", "--from-nothing", *config)
    assert (ran.code, ran.out) == (0, "the same bits with the store and from nothing\n"), ran.err
    assert "snapshots are as they were" in ran.err
    _, rest = ran.err.split("the same from nothing")
    assert "features: shard" in rest
    assert len(list((tmp_path / "kept" / "boosters").iterdir())) > 4
