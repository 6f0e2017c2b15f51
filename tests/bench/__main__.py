"""``make bench``: CPU seconds and peak memory, side by side in one run, written to docs/bench.md.

Machines differ and are noisy, so the ratios of one run are what counts.
"""

import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from data.simulate import simulate
from flows.progress import say
from tests.bench.peers import END, SNAPSHOTS, WORK

PAGE = Path(__file__).parents[2] / "docs" / "bench.md"
SIZES = (1_000, 4_000)
MONTHS = SNAPSHOTS + 1
WORDS = {
    "scan": "one scan of the usage Parquet (DuckDB)",
    "features_24": "Headroom, all features, 24 snapshots",
    "features_1": "Headroom, all features, one snapshot",
    "pandas_loop": "pandas loop, 11 usage metrics, 24 snapshots",
}


def measured(name: str, warehouse: Path) -> tuple[float, float]:
    """CPU seconds and peak memory (MB) of one piece of work in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.peers", name, str(warehouse)])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the bench of {name} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    lines = [
        "# Bench",
        "",
        "Made by `make bench`. CPU seconds and peak memory of one process each, start and imports included.",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}.",
        "",
        "| accounts | work | CPU seconds | to one scan | peak MB |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for accounts in SIZES:
            warehouse = Path(scratch) / str(accounts)
            say(f"simulating {accounts:,} accounts over {MONTHS} months")
            simulate(warehouse, accounts, MONTHS, seed=7, end=END)
            scanned = 0.0
            for name in WORK:
                seconds, megabytes = measured(name, warehouse)
                scanned = seconds if name == "scan" else scanned
                say(f"{accounts:,} accounts, {name}: {seconds:.1f} CPU s, {megabytes:,.0f} MB")
                ratio = f"{seconds / scanned:.0f}"
                lines.append(f"| {accounts:,} | {WORDS[name]} | {seconds:.1f} | {ratio} | {megabytes:,.0f} |")
    PAGE.write_text("\n".join([*lines, ""]), encoding="utf-8")
    say(f"written to {PAGE}")


if __name__ == "__main__":
    main()
