"""``python -m tests.operations.year``: a year of weekly lists in simulated time, and what grows by it.

Every run is a process of its own whose clock libfaketime sets (``apt install libfaketime``): the base is a year longer
than what the first run knows, models are trained each month or once, and old lists go as ``[retention]`` says. With
``--scratch`` a year that was stopped goes on after its last list.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from data.simulation.base import simulate
from serving.published.layout import published_dates
from tests.flows.conftest import QUICK
from tests.operations.faults import FAKETIME
from tests.operations.processes import Home, registry_faults, working_folder

END, MONTHS = date(2026, 10, 1), 30
WEEKS, ACCOUNTS = 52, 2_000
SETTINGS = """
[source]
url = "parquet://./warehouse"
[retention]
lists_days = 120
runs_days = 120
messages_days = 366
outcomes_days = 366
"""
MOST_TIMES_THE_FIRST = 1.2
"""The CPU seconds that a run may take, by those of the first one that found everything warm."""
FIRST_WARM = 1
WEEKS_SO_FAR = "weeks.jsonl"


@dataclass(frozen=True)
class Week:
    """A run of ``score``: CPU seconds, its most memory (MB), what lies on the disk after it (MB), and leftovers."""

    day: date
    cpu: float
    peak_mb: float
    lists_mb: float
    models_mb: float
    lists: int
    leftovers: int

    def row(self) -> str:
        sizes = f"{self.lists_mb:,.1f} | {self.models_mb:,.1f}"
        return f"| {self.day} | {self.cpu:.1f} | {self.peak_mb:,.0f} | {self.lists} | {sizes} | {self.leftovers} |"


HEAD = "| list | CPU s | peak MB | lists | lists MB | models MB | leftovers |\n|---|---|---|---|---|---|---|"


def run(home: Home, day: date, *arguments: object) -> tuple[float, float]:
    """Run ``headroom ARGUMENTS`` in the morning of a day; CPU seconds and peak memory (MB) of its process."""
    clock = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"@{day} 05:00:00", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}
    command, environment = home.alone(*arguments, **clock)
    with (home.folder / "said.txt").open("w") as said:
        process = subprocess.Popen(command, cwd=home.folder, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{arguments} on {day} ended with {process.returncode}: {home.said()[-2000:]}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def weeks(home: Home, count: int, *, monthly: bool) -> Iterator[Week]:
    """The runs of a year, the first one first: each week the list, before the first of each month a training."""
    made, first = weeks_so_far(home), END - timedelta(days=7 * (count - 1))
    yield from made
    month = made[-1].day.month if made else None
    for number in range(len(made), count):
        day = first + timedelta(days=7 * number)
        if month is None or (monthly and day.month != month):
            run(home, day, "train", "--snapshot-date", day)
            month = day.month
        cpu, peak = run(home, day, "score", "--snapshot-date", day)
        sizes = megabytes(home.out), megabytes(home.mlruns)
        week = Week(day, cpu, peak, *sizes, len(published_dates(home.out)), len(home.leftovers()))
        with (home.folder / WEEKS_SO_FAR).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(week), default=str) + "\n")
        yield week


def require_same_year(folder: Path, asked: str) -> None:
    """Note what is asked for; stop where the folder holds the weeks of another year."""
    note = folder / "asked.txt"
    if note.exists() and note.read_text(encoding="utf-8") != asked:
        sys.exit(f"{folder} holds a year of other arguments ({note.read_text(encoding='utf-8')}): give an empty folder")
    note.write_text(asked, encoding="utf-8")


def weeks_so_far(home: Home) -> list[Week]:
    """Those of an earlier run in the same folder."""
    file = home.folder / WEEKS_SO_FAR
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Week(**{**told, "day": date.fromisoformat(told["day"])}) for told in map(json.loads, lines)]


def slope(values: list[float]) -> float:
    """What is added by a week, by least squares."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0]) if len(values) > 1 else 0.0


def summary(made: list[Week], home: Home) -> Iterator[str]:
    """What a year comes to, in lines."""
    warm = made[FIRST_WARM:]
    most = max(week.cpu for week in warm) / warm[0].cpu
    verdict = "as promised" if most <= MOST_TIMES_THE_FIRST else f"more than {MOST_TIMES_THE_FIRST} times"
    yield f"CPU: the first warm run took {warm[0].cpu:.1f} s, the dearest {most:.2f} times as much ({verdict})"
    yield f"memory: {slope([week.peak_mb for week in warm]):+.2f} MB a week, of {warm[0].peak_mb:,.0f} MB"
    kept = [week for number, week in enumerate(made, start=1) if week.lists < number]
    if kept:
        yield f"disk of lists, once old ones go: {slope([week.lists_mb for week in kept]):+.2f} MB a week"
    yield f"disk of models: {slope([week.models_mb for week in made]):+.2f} MB a week"
    yield f"leftovers: {sum(week.leftovers for week in made)}; faults of the registry: {registry_faults(home.mlruns)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.year", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--monthly", action="store_true", help="train each month, and not only once")
    parser.add_argument("--quick", action="store_true", help="small trainings")
    parser.add_argument("--scratch", type=Path, help="a folder for base, models and lists, which is kept")
    asked = parser.parse_args()
    if not Path(FAKETIME).exists():
        sys.exit(f"libfaketime is not there ({FAKETIME}): apt install libfaketime")
    with working_folder(asked.scratch) as scratch:
        home = Home(scratch, QUICK if asked.quick else {})
        require_same_year(scratch, f"{asked.accounts} {asked.weeks} {asked.monthly} {asked.quick}")
        if not (home.folder / "warehouse").exists():
            simulate(home.folder / "warehouse", asked.accounts, MONTHS, seed=7, end=END)
        (home.folder / "headroom.toml").write_text(SETTINGS, encoding="utf-8")
        made: list[Week] = []
        print(HEAD)
        for week in weeks(home, asked.weeks, monthly=asked.monthly):
            made.append(week)
            print(week.row(), flush=True)
        print(*summary(made, home), sep="\n")


if __name__ == "__main__":
    main()
