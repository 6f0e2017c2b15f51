"""CONTRIBUTING.md names what is there: paths, tests, settings and the names in its examples."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from data.sources.address import SCHEMES
from tests import house

TEXT = (house.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (house.ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = (house.ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROSE = FENCED.sub("", TEXT)
PATHS = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_.0-9]+)+)`", PROSE)))
TESTS = sorted(set(re.findall(r"`(test_\w+)`", PROSE)))
EXAMPLES = [code for language, code in FENCED.findall(TEXT) if language == "python"]
IN_A_SENTENCE = sorted(set(re.findall(r"`([A-Z][A-Z_]+|\w+)` (?:of|in) `([a-z_/]+\.py)`", PROSE)))


@cache
def defined(path: str) -> frozenset[str]:
    """The names that a module, or every module of the house and its tests under a folder, defines or imports."""
    place = house.ROOT / path
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return frozenset(name for file in files for name in _names(ast.parse(file.read_text(encoding="utf-8"))))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name


def used(tree: ast.AST) -> set[str]:
    """The names that a piece of code reads and does not make."""
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return read - set(_names(tree))


def test_something_is_named() -> None:
    assert len(PATHS) > 20
    assert len(TESTS) > 3
    assert len(EXAMPLES) > 6
    assert len(IN_A_SENTENCE) > 5


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_named_is_there(path: str) -> None:
    assert (house.ROOT / path).exists()


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_is_named_is_there(name: str) -> None:
    assert name in defined("tests")


@pytest.mark.parametrize(("name", "path"), IN_A_SENTENCE)
def test_a_name_is_where_it_is_said_to_be(name: str, path: str) -> None:
    assert name in defined(path)


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_names_of_an_example_are_real(code: str) -> None:
    is_entry = re.match(r'"\w+": ', code)  # a line of a dictionary
    tree = ast.parse(f"{{{code}}}" if is_entry else code)
    known = set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__).union(
        *map(defined, [*house.ORDER, "tests"])
    )
    assert used(tree) <= known
    records = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    assert not any(isinstance(record, ast.Tuple) for record in records), "a record, not a tuple of one"


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.places])
def test_the_readme_names_every_kind_of_source(scheme: str) -> None:
    assert f"{scheme}://" in README
    assert f"`{scheme}://" in SOURCES
