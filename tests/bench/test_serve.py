"""The bench of the pages runs through, on a list that is small."""

from datetime import timedelta
from pathlib import Path

import pandas as pd

from data.contract.outputs import ACCOUNT_FACTS
from serving.published.read import open_list
from serving.web.index import index_of
from tests.bench.serve import main, make_lists
from tests.serving.world import DAY, facts, feature_rows, publish, snapshot, with_context


def test_the_lists_of_the_bench_are_as_large_as_asked_and_are_shown(tmp_path: Path) -> None:
    make_lists(tmp_path, accounts=500, owners=7, snapshots=2)
    index = index_of(open_list(tmp_path))
    assert len(index) == 500
    assert len(index.owners.labels) == 7
    ranked = sorted(index.rank[index.is_ranked].tolist())
    assert ranked == list(range(1, len(ranked) + 1))
    asked = ["--folder", str(tmp_path), "--owners", "7", "--readers", "2", "--requests", "3", "--frames"]
    found = main(asked)
    assert found.keys() >= {"pages_a_second", "peak_mb", "rss_mb", "cpu_ms_a_page"}
    assert {*found["list"]} == {*found["account"]} == {"p50_ms", "p99_ms", "p100_ms", "cpu_ms"}
    assert {*found["pandas"]} == {"account", "frames_mb"}


def test_a_published_list_is_copied_as_it_is_onto_other_days(tmp_path: Path) -> None:
    of, out = tmp_path / "of", tmp_path / "out"
    publish(of, with_context(snapshot(40, facts=facts(feature_rows(40)["account_id"]))))
    make_lists(out, accounts=80, owners=7, snapshots=2, of=of)
    original, (first, last) = open_list(of), (open_list(out, DAY - timedelta(days=30)), open_list(out))
    assert not first.has(ACCOUNT_FACTS.name)
    for table in ("reasons", ACCOUNT_FACTS.name):
        once, twice = (pd.concat(listing.batches(table), ignore_index=True) for listing in (original, last))
        for copy in ("00000", "00001"):
            of_copy = twice[twice["account_id"].str.startswith(copy)].reset_index(drop=True)
            of_copy["account_id"] = of_copy["account_id"].str.removeprefix(f"{copy}-")
            pd.testing.assert_frame_equal(of_copy, once)
