"""The bench of the pages runs through, on a list that is small."""

from pathlib import Path

from serving.published.read import open_list
from serving.web.index import index_of
from tests.bench.serve import main, make_lists


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
