"""The house keeps its own rules: imports go down only, and some libraries live in one room."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "data": set(),
    "features": {"data"},
    "models": {"features", "data"},
    "serving": {"data"},
    "flows": {"serving", "models", "features", "data"},
}
ONLY_IN = {
    "prefect": "flows/",
    "mlflow": "models/registry.py",
    "shap": "models/attribution.py",
    "lightgbm": "models/boosting.py",
    "numba": "models/quadrature.py",
}
MODULES = sorted(path for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add("a relative import")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    ours = imported(path) & (MAY_IMPORT.keys() | {"tests", "a relative import"})
    assert ours <= MAY_IMPORT[room] | {room}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_some_libraries_live_in_one_room(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    strangers = [name for name in imported(path) & ONLY_IN.keys() if not place.startswith(ONLY_IN[name])]
    assert strangers == []


HELD_FOR_OTHERS = {"fastapi", "sqlalchemy"}
"""Declared for the sake of a library that does not work with their newest releases."""


def declared(*extras: str) -> set[str]:
    """The distributions that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.match(r"[\w.-]+", line)[0].lower() for line in asked}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    names = set().union(*map(imported, MODULES)) - set(sys.stdlib_module_names) - MAY_IMPORT.keys()
    providers = packages_distributions()
    provided = {name: {other.lower() for other in providers.get(name, [name])} for name in names}
    assert {name for name, of in provided.items() if not of & declared("spark")} == set()
    assert declared() - set().union(*provided.values()) == HELD_FOR_OTHERS
