"""The house in figures: modules per suite, longest chain of imports, circles, imports that go up.

python -m tests.house        prints the table
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]

ORDER = {
    "data": (
        "errors",
        "compiled",
        "digests",
        "sample_ratio",
        "shown",
        "locks",
        "scratch",
        "atomic",
        "conditions",
        "contract",
        "erasure",
        "kept",
        "time_cut",
        "feeds",
        "currency",
        "groups",
        "crosswalk",
        "ledger",
        "sources",
        "mappings",
        "figures",
        "record",
        "checks",
        "simulation",
        "worlds",
    ),
    "features": (
        "calendar",
        "cohort",
        "definition",
        "views",
        "passes",
        "labels",
        "cross_sell",
        "definitions",
        "details",
        "unknown_use",
        "account_facts",
        "catalogue",
        "missing_features",
        "muted",
        "build",
        "sql",
    ),
    "models": (
        "settings",
        "compiled",
        "explain",
        "venn_abers",
        "estimators",
        "scoring",
        "changes",
        "registry",
        "evaluation",
        "signals",
        "monitoring",
        "experiment",
        "training",
        "report",
    ),
    "serving": (
        "settings",
        "reasons",
        "ranking",
        "changes",
        "outcomes",
        "store",
        "experiment",
        "published",
        "database",
        "monitoring",
        "access",
        "render",
        "crm",
        "web",
        "messages",
        "publish",
        "verify",
        "privacy",
    ),
    "flows": (
        "run",
        "stages",
        "privacy",
        "monitoring",
        "experiments",
        "pipelines",
        "kept",
        "train",
        "score",
        "backtest",
        "demo",
        "record",
        "notify",
        "monitor",
        "init",
        "checks",
        "verify",
        "feature_rows",
        "outcomes",
        "crm",
        "doctor",
        "reference",
        "cli",
    ),
}
"""The suites of each room, and the modules that stand in it alone. An import goes to what stands before it."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "data": frozenset(),
    "features": frozenset({"data"}),
    "models": frozenset({"features", "data"}),
    "serving": frozenset({"data"}),
    "flows": frozenset({"serving", "models", "features", "data"}),
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the rooms by its dotted name; a package is not one."""
    paths = [path for room in ORDER for path in sorted((ROOT / room).rglob("*.py")) if path.name != "__init__.py"]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}


def imports_of(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, also inside functions: modules, and names that may be modules."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} has a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def graph() -> dict[str, frozenset[str]]:
    """Module -> the modules of ours that it imports."""
    known = modules()
    return {name: frozenset(found for found in imports_of(path) if found in known) for name, path in known.items()}


def suite_of(module: str) -> tuple[str, str]:
    """The room, and the suite in it or the module that stands in it alone."""
    room, part = module.split(".")[:2]
    return room, part


def package_of(module: str) -> str:
    """The package that a module is in."""
    return module.rpartition(".")[0]


def upward() -> list[str]:
    """Imports against the order, as ``a -> b``."""
    return sorted(
        f"{module} -> {imported}"
        for module, all_imported in graph().items()
        for imported in all_imported
        if not _goes_down(suite_of(module), suite_of(imported))
    )


def _goes_down(of: tuple[str, str], to: tuple[str, str]) -> bool:
    if of[0] != to[0]:
        return to[0] in MAY_IMPORT[of[0]]
    order = ORDER[of[0]]
    return order.index(to[1]) <= order.index(of[1])


def circle() -> list[str]:
    """The modules of a circle; empty if there is none."""
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@cache
def chain_from(module: str) -> tuple[str, ...]:
    """The longest chain of imports that begins with a module."""
    return (module, *max((chain_from(imported) for imported in graph()[module]), key=len, default=()))


def longest_chain() -> tuple[str, ...]:
    return max((chain_from(module) for module in modules()), key=len)


def sizes() -> Counter[str]:
    """How many modules each package holds; packages in it are counted apart."""
    return Counter(package_of(module) for module in modules())


def table() -> Iterator[str]:
    """The figures as a table in Markdown."""
    counts, chain = sizes(), longest_chain()
    yield from ("| counted | |", "|---|---|")
    yield f"| modules | {len(modules())} |"
    yield f"| in one package, median | {median(counts.values()):g} |"
    yield f"| in one package, most | {max(counts.values())} ({max(counts, key=lambda name: counts[name])}) |"
    yield f"| longest chain of imports | {len(chain)} ({' -> '.join(chain)}) |"
    yield f"| circles | {1 if circle() else 0} |"
    yield f"| imports that go up | {len(upward())} |"
    yield from ("", "| package | modules |", "|---|---|")
    yield from (f"| {package} | {count} |" for package, count in sorted(counts.items()))


if __name__ == "__main__":
    print("\n".join(table()))
