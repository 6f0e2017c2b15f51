"""``make bench``: CPU seconds and peak memory, side by side in one run, written to docs/bench.md.

``make bench-large`` measures 100,000 accounts as well (minutes to an hour), ``--only explainer``, ``--only features``,
``--only company``, ``--only again`` or ``--only pages`` one part. Machines differ and are noisy, so the ratios of one
run are what counts. The figures are kept beside this file, so that a run of one part keeps the others.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.atomic import whole_folder
from data.simulation.base import simulate
from flows.pipelines.demo import demo
from flows.run.progress import say
from tests.bench import again, company, explain_page, page, serve
from tests.bench.explain import MODELS
from tests.bench.work import END, SNAPSHOTS
from tests.picture import DEMO

PAGE = Path(__file__).parents[2] / "docs" / "bench.md"
FIGURES = Path(__file__).with_name("figures.json")
SMALL, MIDDLE, LARGE, COPIES = 1_000, 10_000, 100_000, 10
FEATURETOOLS_ACCOUNTS = SMALL
MONTHS = SNAPSHOTS + 1
IDS = ("account_id", "user_id", "ticket_id", "parent_id")


def measured(name: str, folder: Path) -> dict[str, Any]:
    """A piece of work on a base: see ``run_alone``."""
    report = run_alone("work", name, folder)
    say(f"{folder.name} accounts, {name}: {report['work']:.2f} CPU s, {report['peak_mb']:,.0f} MB")
    return report


def run_alone(module: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """The work's own report, and CPU seconds and peak memory (MB) of its whole process, children included."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment})
    assert process.stdout is not None
    out = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if status:
        raise RuntimeError(f"the bench of {' '.join(map(str, arguments))} failed")
    report = json.loads(out.splitlines()[-1])
    return report | {"process": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def explained(scratch: Path) -> dict[str, Any]:
    """The explainer and its peers: the pieces of ``explain_page``, each with the rows and threads of its turn."""
    folder = scratch / "explainer"
    if not (folder / "rows.parquet").exists():
        say("explainer: growing the models and writing the rows")
        run_alone("explain", "prepare", folder)
    figures = {}
    for model, name, rows, threads in explain_page.pieces():
        key = explain_page.key(model, name, rows, threads)
        figures[key] = run_alone("explain", name, folder, model, rows, threads, OMP_NUM_THREADS=str(threads))
        say(f"{key}: {figures[key]['work']:.2f} CPU s on {figures[key]['rows']:,} rows")
    model = next(iter(MODELS))
    for name in ("parquet:float32", "parquet:float64", "one_row"):
        figures[name] = run_alone("explain", name, folder, model, 1000, 2)
    with tempfile.TemporaryDirectory() as empty:
        figures["vectors"] = run_alone("explain", "vectors", folder, model, 1, 1, NUMBA_CACHE_DIR=empty)
    with tempfile.TemporaryDirectory() as empty:
        for turn in ("first", "again"):
            for precision in ("float64", "float32"):
                report = run_alone("explain", f"first:{precision}", folder, model, 1, 1, NUMBA_CACHE_DIR=empty)
                figures[f"{turn}:{precision}"] = report
    return figures


def simulated(scratch: Path, accounts: int, months: int = MONTHS) -> Path:
    folder = scratch / (str(accounts) if months == MONTHS else f"{accounts}-{months}")
    if not folder.exists():
        say(f"simulating {accounts:,} accounts over {months} months")
        simulate(folder, accounts, months, seed=7, end=END)
    return folder


def copied(scratch: Path) -> Path:
    """The middle base ten times over, each copy with ids of its own: several Parquet files for a table."""
    import duckdb

    source, folder = simulated(scratch, MIDDLE), scratch / str(LARGE)
    if folder.exists():
        return folder
    say(f"copying {MIDDLE:,} accounts {COPIES} times")
    with whole_folder(folder) as building:
        con = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
        for file in sorted(source.glob("*.parquet")):
            columns = [row[0] for row in con.execute(f"describe select * from '{file}'").fetchall()]
            if "account_id" not in columns:
                shutil.copy(file, building / file.name)
                continue
            (building / file.stem).mkdir()
            for copy in range(COPIES):
                ids = ", ".join(f"'{copy}' || {name} as {name}" for name in IDS if name in columns)
                con.execute(
                    f"copy (select * replace ({ids}) from '{file}') to '{building}/{file.stem}/{copy}.parquet' "
                    "(format parquet, compression zstd, row_group_size 1000000)"
                )
    return folder


def demo_of(scratch: Path) -> Path:
    """The folder of the demo as ``make demo`` writes it."""
    folder = scratch / "demo"
    if not folder.exists():
        say("running the demo, whose list is copied")
        demo(folder=folder, **DEMO)
    return folder


def usual(scratch: Path) -> dict[str, Any]:
    """Everything up to 10,000 accounts."""
    small, middle = simulated(scratch, SMALL), simulated(scratch, MIDDLE)
    sample = simulated(scratch, FEATURETOOLS_ACCOUNTS)  # with fewer, its fixed cost would be scaled too
    scans = sorted((measured("scan", middle) for _ in range(3)), key=lambda report: report["work"])
    scan = scans[1] | {"work": statistics.median(report["work"] for report in scans)}
    figures = {name: measured(name, middle) for name in ("features_24", "features_1", *page.PEERS)}
    figures["featuretools_dfs"] = measured("featuretools_dfs", sample) | {"accounts": FEATURETOOLS_ACCOUNTS}
    return {**figures, "scan": scan, "features_24_small": measured("features_24", small)}


def of_the_company(scratch: Path) -> dict[str, Any]:
    """The company's figures of a million lines, and the plain script for their bridge alone."""
    folder = scratch / "company"
    if not folder.exists():
        company.copied(simulated(scratch, SMALL, company.MONTHS + 1), folder)
    return {name: measured(name, folder) for name in ("company_figures", "pandas_bridge", "pandas_bridges")}


def of_the_next_month(scratch: Path) -> dict[str, Any]:
    """A training, that of the month after it, and its list, on one thread."""
    folder = scratch / "again"
    again.prepare(demo_of(scratch), folder)
    figures = {}
    for piece in again.PIECES:
        figures[piece] = run_alone("again", folder, piece, OMP_NUM_THREADS="1")
        say(f"{piece}: {figures[piece]['process']:.1f} CPU s, {figures[piece]['peak_mb']:,.0f} MB")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--large", action="store_true", help="measure 100,000 accounts only, beside the figures kept")
    parser.add_argument("--scratch", type=Path, help="where the bases are simulated, and kept; else they are removed")
    parser.add_argument(
        "--only", choices=("features", "explainer", "company", "again", "pages"), help="one part; the others are kept"
    )
    arguments = parser.parse_args()
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        scratch = (arguments.scratch or Path(made)).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        if arguments.large:
            found["large"] = {"features_24": measured("features_24", copied(scratch))}
        else:
            if arguments.only in (None, "features"):
                found["usual"] = usual(scratch)
            if arguments.only in (None, "explainer"):
                found["explainer"] = explained(scratch)
            if arguments.only in (None, "company"):
                found["company"] = of_the_company(scratch)
            if arguments.only in (None, "again"):
                found["again"] = of_the_next_month(scratch)
            if arguments.only == "pages":
                of = str(demo_of(scratch) / "published")
                found["pages"] = serve.main(["--frames", "--of", of, "--folder", str(scratch / "lists")])
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for run, its in found.items():
        libraries = {
            "explainer": explain_page.LIBRARIES,
            "pages": page.PAGE_LIBRARIES,
            "again": page.TRAINING_LIBRARIES,
        }.get(run, page.LIBRARIES)
        figures[run] = {"date": today, "machine": page.machine(libraries), "figures": its}
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page.rendered(figures), encoding="utf-8")
    say(f"written to {PAGE.name}")


if __name__ == "__main__":
    main()
