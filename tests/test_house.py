"""The house keeps its own rules: imports go down only, suites stay small, and some libraries live in one place."""

import ast
import re
import sys
import tomllib
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest

from tests import house

ONLY_IN = {
    "apprise": "serving.messages.delivery.channels",
    "prefect": ("flows.run.under_prefect", "flows.run.scheduled", "flows.doctor.schedules"),
    "mlflow": "models.registry.mlflow_store",
    "shap": "models.report.shap_plot",
    "lightgbm": "models.estimators.boosting",
    "optuna": "models.evaluation.tuning",
    "numba": "data.compiled",
}
LARGEST_SUITE, MEDIAN_SUITE, LONGEST_CHAIN = 12, 6, 14


def libraries(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    return {name.partition(".")[0] for name in house.imports_of(path)}


def test_every_module_stands_in_the_order() -> None:
    there = {
        room: {house.suite_of(name)[1] for name in house.modules() if name.startswith(f"{room}.")}
        for room in house.ORDER
    }
    assert there == {room: set(order) for room, order in house.ORDER.items()}


def test_imports_go_down_only() -> None:
    assert house.upward() == []


def test_no_imports_in_a_circle() -> None:
    assert house.circle() == []


def test_rooms_import_neither_tests_nor_relatively() -> None:
    strangers = [name for name, path in house.modules().items() if "tests" in libraries(path)]
    assert strangers == []


def test_suites_stay_small() -> None:
    counts: Counter[str] = house.sizes()
    assert {package: count for package, count in counts.items() if count > LARGEST_SUITE} == {}
    assert median(counts.values()) <= MEDIAN_SUITE


def test_the_longest_chain_of_imports_stays_short() -> None:
    assert len(house.longest_chain()) <= LONGEST_CHAIN, " -> ".join(house.longest_chain())


def test_one_class_name_has_one_meaning() -> None:
    """No two public classes of one name in the five rooms: a name is searched for, and read without its module."""
    places: dict[str, list[str]] = {}
    for module, path in house.modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_lives_in_one_place(library: str) -> None:
    users = [name for name, path in house.modules().items() if library in libraries(path)]
    assert [name for name in users if not name.startswith(ONLY_IN[library])] == []
    assert users, f"nobody imports {library}: take it off the list"


def test_packages_hold_nothing_but_a_sentence() -> None:
    """A package's ``__init__`` says what the suite is; a second way to a name would be a second definition."""
    packages = [path for room in house.ORDER for path in sorted((house.ROOT / room).rglob("__init__.py"))]
    assert len(packages) > len(house.ORDER)
    allowed = {Path("flows/__init__.py")}  # prepares the environment before any library is imported
    loud = [
        path
        for path in packages
        if path.relative_to(house.ROOT) not in allowed and len(path.read_text().strip().splitlines()) > 1
    ]
    assert loud == []


def test_no_module_beside_the_flows_has_the_name_of_a_room() -> None:
    """A worker of Prefect, which has the flow's folder first on its path, would import it in place of the room."""
    assert not {path.stem for path in (house.ROOT / "flows").iterdir()} & house.ORDER.keys()


HELD_FOR_OTHERS = {"itsdangerous"}
"""Declared for the sake of a library that fails with their newest releases, or needs them and does not ask."""


def declared(*extras: str) -> set[str]:
    """The distributions that pyproject.toml asks for."""
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.match(r"[\w.-]+", line)[0].lower() for line in asked}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    names = set().union(*map(libraries, house.modules().values())) - set(sys.stdlib_module_names) - house.ORDER.keys()
    providers = packages_distributions()
    provided = {name: {other.lower() for other in providers.get(name, [name])} for name in names}
    assert {name for name, of in provided.items() if not of & declared("spark", "salesforce")} == set()
    assert declared() - set().union(*provided.values()) == HELD_FOR_OTHERS


def test_the_client_of_postgresql_brings_its_own_library() -> None:
    """Without the extra psycopg takes libpq from the system, which slim images and Macs lack."""
    asked = tomllib.loads((house.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert [line.partition(">")[0] for line in asked if line.startswith("psycopg")] == ["psycopg[binary]"]
    pins = (house.ROOT / "constraints.txt").read_text(encoding="utf-8")
    of_both = dict(re.findall(r"^(psycopg(?:-binary)?)==(\S+)", pins, re.MULTILINE))
    assert of_both.keys() == {"psycopg", "psycopg-binary"}
    assert len(set(of_both.values())) == 1, "one works with the other of the same version alone"
