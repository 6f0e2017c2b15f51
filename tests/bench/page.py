"""The page docs/bench.md, from the figures of the runs."""

import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench import explain_page
from tests.bench.again import PIECES
from tests.bench.company import BRIDGE, LINES, MONTHS
from tests.bench.work import FEATURETOOLS_SNAPSHOTS, MEMORY_LIMIT, SNAPSHOTS, THREADS

PEERS = {
    "pandas_loop": "pandas, a groupby for each window and date",
    "polars_lazy": "polars, a group_by with filters for each date",
    "distinct_sql": "DuckDB, range join and COUNT(DISTINCT)",
}
FEATURETOOLS = "featuretools, DFS with cut-off times"
LIBRARIES = ("duckdb", "ibis-framework", "pandas", "polars", "featuretools", "woodwork")
TRAINING_LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "scikit-learn", "pandas", "numpy")
PAGE_LIBRARIES = ("pyarrow", "pandas", "numpy", "fastapi", "jinja2", "uvicorn")
ACCOUNTS, SMALL, LARGE = 10_000, 1_000, 100_000
MOST_SCANS, STRETCH_SCANS = 70, 40
PEAK_MB = 2_000
COMPANY_CPU, COMPANY_MB, COMPANY_TIMES = 15, 1_500, 5
"""Goals of the company's figures: CPU seconds and megabytes of the process; how many times the script costs a slice."""
PAGES, PAGES_WITHIN, PAGES_MB = {"list": 150, "account": 200}, 600, 400
"""Goals of the pages: milliseconds of each kind at the median, of all at the 99th percentile, and megabytes."""
EXPONENT = 1.1
NEXT_MONTH = 0.33
"""Goal of a training after the first, as a share of it."""


def machine(libraries: tuple[str, ...] = LIBRARIES) -> str:
    """Processor, cores, memory and versions; no name of the machine."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB; Python {platform.python_version()}, {versions}"


def rendered(figures: dict[str, Any]) -> str:
    """The whole page."""
    lines = [
        "# Bench",
        "",
        "Made by `make bench`, and the row of 100,000 accounts by `make bench-large`. Each piece of work runs in a",
        "process of its own, one after the other. *CPU seconds* are user and system time of the work itself; *process*",
        "adds the start of Python and the imports. *Peak* is the largest resident memory of the process. Seconds",
        "depend on the machine and on what else it does; the ratios of one run are what counts.",
        f"The base is simulated over {SNAPSHOTS + 1} months.",
        f"Headroom runs with {THREADS} threads and `memory_limit` {MEMORY_LIMIT}.",
        "",
    ]
    for run, title in (("usual", "`make bench`"), ("large", "`make bench-large`")):
        if run in figures:
            lines.append(f"- {title}: {figures[run]['date']}, {figures[run]['machine']}")
    if "usual" in figures:
        usual = figures["usual"]["figures"]
        lines += _against_a_scan(usual) + _one_date(usual) + _peers(usual)
    lines += _growth(figures)
    if "explainer" in figures:
        lines += explain_page.section(figures["explainer"])
    if "company" in figures:
        lines += _company(figures["company"])
    if "again" in figures:
        lines += _again(figures["again"])
    if "pages" in figures:
        lines += _pages(figures["pages"])
    return "\n".join([*lines, ""])


def _against_a_scan(usual: dict[str, Any]) -> list[str]:
    scan, build = usual["scan"], usual["features_24"]
    times = build["work"] / scan["work"]
    return [
        "",
        f"## How many scans is a build of {SNAPSHOTS} snapshots?",
        "",
        f"{ACCOUNTS:,} accounts, {build['columns']} features, {build['rows']:,} feature rows.",
        "",
        "| work | CPU seconds | process | peak MB | scans |",
        "|---|---|---|---|---|",
        _row("one scan of the usage Parquet (DuckDB; median of 3)", scan, "1"),
        _row(f"Headroom, all features, {SNAPSHOTS} snapshots", build, f"{times:.0f}"),
        "",
        f"Goal, at most {MOST_SCANS} scans: {_met(times <= MOST_SCANS)}. Stretch, {STRETCH_SCANS}: "
        f"{_met(times <= STRETCH_SCANS)}.",
    ]


def _one_date(usual: dict[str, Any]) -> list[str]:
    one, many = usual["features_1"], usual["features_24"]
    share = one["work"] / many["work"]
    return [
        "",
        f"## What does one scoring date cost, against {SNAPSHOTS}?",
        "",
        "| work | CPU seconds | process | peak MB | share |",
        "|---|---|---|---|---|",
        _row(f"{SNAPSHOTS} snapshots", many, "1"),
        _row("one snapshot", one, f"{share:.2f}"),
        "",
        f"Goal, at most a fifth: {_met(share <= 0.2)}.",
    ]


def _peers(usual: dict[str, Any]) -> list[str]:
    ours, loop = usual["features_24"], usual["pandas_loop"]
    column = ours["work"] / ours["columns"]
    tools = usual["featuretools_dfs"]
    sampled = tools["accounts"]
    scale = ACCOUNTS * SNAPSHOTS / (sampled * FEATURETOOLS_SNAPSHOTS)
    scaled = tools | {"work": tools["work"] * scale}
    rows = [_peer(f"Headroom, {ours['columns']} features", ours, column)]
    rows += [_peer(f"{words}, {usual[name]['columns']} metrics", usual[name], column) for name, words in PEERS.items()]
    rows += [_peer(f"{FEATURETOOLS}, {tools['columns']} metrics (scaled, see below)", scaled, column)]
    loop_share = column / (loop["work"] / loop["columns"])
    times = scaled["work"] / tools["columns"] / column
    return [
        "",
        "## How do others do it?",
        "",
        f"{ACCOUNTS:,} accounts, {SNAPSHOTS} snapshots. The peers compute eleven usage metrics, the same ones: a test",
        "compares them with Headroom's own. Headroom also cuts by `known_at`, and most features read other tables too.",
        "",
        "| work | CPU seconds | peak MB | CPU seconds per column | to Headroom |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"featuretools ran on {sampled} accounts and {FEATURETOOLS_SNAPSHOTS} snapshots: {tools['work']:.1f} CPU"
        f" seconds, and the peak of that run. Its seconds are that, times {scale:,.0f}: scaled by accounts and dates."
        " It runs on pandas 3 only with an accessor that is kept, as pandas 2 did (`tests/bench/peers.py`).",
        "",
        f"Goal, at most half the CPU of the pandas loop per column: {_met(loop_share <= 0.5)} ({loop_share:.2f}). "
        f"Goal, at least 100 times less than featuretools per column: {_met(times >= 100)} ({times:,.0f} times).",
    ]


def _growth(figures: dict[str, Any]) -> list[str]:
    rows = []
    if "usual" in figures:
        usual = figures["usual"]["figures"]
        rows = [(SMALL, usual["features_24_small"], "usual"), (ACCOUNTS, usual["features_24"], "usual")]
    if "large" in figures:
        rows.append((LARGE, figures["large"]["figures"]["features_24"], "large"))
    lines = [
        "",
        "## How does it grow?",
        "",
        f"All features, {SNAPSHOTS} snapshots. The base of {LARGE:,} accounts is ten copies of that of {ACCOUNTS:,}",
        "with other ids, ten Parquet files for each table. *Features*: those of the release of the day that a row was",
        "measured on; rows that differ in them are of two releases. *Exponent*: of CPU seconds in accounts, from the",
        "row above, where that has as many features.",
        "",
        "| accounts | features | CPU seconds | peak MB | exponent | measured |",
        "|---|---|---|---|---|---|",
    ]
    before: tuple[int, dict[str, Any]] | None = None
    verdicts = []
    for accounts, report, run in rows:
        shown = ""
        if before is not None:
            fewer, above = before
            goal = f"exponent to {accounts:,} accounts at most {EXPONENT}"
            if report["columns"] == above["columns"]:
                exponent = math.log(report["work"] / above["work"]) / math.log(accounts / fewer)
                shown = f"{exponent:.2f}"
                verdicts.append(f"{goal}: {_met(exponent <= EXPONENT)}")
            else:
                verdicts.append(f"{goal}: not known, {report['columns']} features against {above['columns']}")
        verdicts.append(f"peak at {accounts:,} accounts under 2 GB: {_met(report['peak_mb'] < PEAK_MB)}")
        cells = (f"{accounts:,}", report["columns"], f"{report['work']:.1f}", f"{report['peak_mb']:,.0f}", shown)
        lines.append(f"| {' | '.join(map(str, cells))} | {figures[run]['date']} |")
        before = (accounts, report)
    if "large" not in figures:
        verdicts.append(f"{LARGE:,} accounts: not measured yet")
    return [*lines, "", "Goals: " + "; ".join(verdicts) + "."]


def _row(words: str, report: dict[str, Any], last: str) -> str:
    return f"| {words} | {report['work']:.2f} | {report['process']:.2f} | {report['peak_mb']:,.0f} | {last} |"


def _peer(words: str, report: dict[str, Any], ours: float) -> str:
    column = report["work"] / report["columns"]
    peak = f"{report['peak_mb']:,.0f}"
    return f"| {words} | {report['work']:,.1f} | {peak} | {column:,.2f} | {column / ours:,.1f} times |"


def _met(is_met: bool) -> str:
    return "met" if is_met else "not met"


def _company(run: dict[str, Any]) -> list[str]:
    """The part about `headroom figures`."""
    of = run["figures"]
    ours = of["company_figures"]
    cost = {name: report["work"] / report["columns"] for name, report in of.items()}
    words = {
        "company_figures": "Headroom, every figure of every slice",
        "pandas_bridge": "pandas, the bridge of the whole company",
        "pandas_bridges": "pandas, the bridge of one slice after the other",
    }
    times = cost["pandas_bridge"] / cost["company_figures"]
    is_small = ours["process"] <= COMPANY_CPU and ours["peak_mb"] <= COMPANY_MB
    return [
        "",
        "## What do the company's figures cost?",
        "",
        f"Measured {run['date']}, {run['machine']}.",
        "",
        f"{LINES:,} subscription lines, copies of those of a simulated base with other ids; {MONTHS} months.",
        "Headroom tells, without a page, of bridge, retention, expansion, cohorts, time to expansion and what came",
        "after it, down to the accounts, from lines as they were known. The script (`tests/bench/company.py`) computes",
        f"the monthly bridge alone, in {len(BRIDGE)} classes; the goal is of the one of the whole company.",
        "",
        "| work | CPU seconds | process | peak MB | slices | CPU seconds per slice | to Headroom |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {told} | {of[name]['work']:.2f} | {of[name]['process']:.2f} | {of[name]['peak_mb']:,.0f} | "
            f"{of[name]['columns']} | {cost[name]:.2f} | {cost[name] / cost['company_figures']:.1f} times |"
            for name, told in words.items()
        ),
        "",
        f"Goals: the process at most {COMPANY_CPU} CPU seconds and {COMPANY_MB:,} MB: {_met(is_small)}; the script at "
        f"least {COMPANY_TIMES} times as much per slice: {_met(times >= COMPANY_TIMES)} ({times:.0f} times).",
    ]


def _again(run: dict[str, Any]) -> list[str]:
    """The part about what the store saves."""
    found = run["figures"]
    share = {piece: report["process"] / found["first"]["process"] for piece, report in found.items()}
    return [
        "",
        "## What does the next month cost?",
        "",
        f"Measured {run['date']}, {run['machine']}.",
        "",
        "`headroom train` of the demo's 2,000 accounts, that of a month later with what the first has kept",
        "([store](store.md)), and `headroom score`, each on one thread: CPU seconds of the whole process.",
        "",
        "| run | CPU seconds | peak MB | to the first |",
        "|---|---|---|---|",
        *(
            f"| {words} | {found[piece]['process']:.1f} | {found[piece]['peak_mb']:,.0f} | {share[piece]:.2f} |"
            for piece, (_, _, words) in PIECES.items()
        ),
        "",
        f"Goal, the next training at most {NEXT_MONTH} of the first: {_met(share['next'] <= NEXT_MONTH)}.",
    ]


def _pages(run: dict[str, Any]) -> list[str]:
    """The part about `headroom serve`."""
    found = run["figures"]
    frames = found["pandas"]
    slowest = max(found[kind]["p99_ms"] for kind in PAGES)
    medians = all(found[kind]["p50_ms"] <= most for kind, most in PAGES.items())
    return [
        "",
        "## How fast do the pages answer?",
        "",
        f"Measured {run['date']}, {run['machine']}.",
        "",
        f"The list of `make demo`, copied to {found['accounts']:,} accounts, {found['owners']} owners and "
        f"{found['snapshots']} lists. {found['readers']} readers ask at once, each for {2 * found['requests']}",
        "pages in turn. *CPU* is that of the server for a page when one reader asks. Milliseconds on the clock count",
        "what else ran on the machine.",
        "",
        "| page | median ms | 99% within ms | CPU ms |",
        "|---|---|---|---|",
        *(_page_row(kind, found[kind]) for kind in PAGES),
        "",
        f"The server holds {found['peak_mb']} MB at most and answers {found['pages_a_second']:.0f} pages a second.",
        f"In pandas frames of the same tables, which hold {frames['frames_mb']:,} MB, looking up what the page",
        f"of one account says takes {frames['account']:.0f} CPU ms, before anything is drawn.",
        "",
        f"Goals: median at most {PAGES['list']} ms for the list, {PAGES['account']} ms for an account: "
        f"{_met(medians)}; 99% within {PAGES_WITHIN} ms: {_met(slowest <= PAGES_WITHIN)}; memory under {PAGES_MB} MB: "
        f"{_met(found['peak_mb'] < PAGES_MB)}.",
    ]


def _page_row(kind: str, of: dict[str, float]) -> str:
    return f"| {kind} | {of['p50_ms']:.0f} | {of['p99_ms']:.0f} | {of['cpu_ms']:.1f} |"
