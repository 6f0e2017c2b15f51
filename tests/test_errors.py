"""Errors speak in one voice: the task as an order, what was found, what to do. Read off the code, for all rooms."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from data import errors
from tests import house

PARTS = ("asked", "found", "todo")
PASSIVE = re.compile(r"\b(is|are) to be\b|\bis to run\b")


@cache
def families() -> set[str]:
    """The names of the errors that a user can put right, wherever they are defined."""
    names = {name for name, value in vars(errors).items() if isinstance(value, type)}
    for path in house.modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and names & {ast.unparse(base) for base in node.bases}:
                names.add(node.name)
    return names


def messages(tree: ast.AST, names: set[str]) -> Iterator[tuple[int, dict[str, ast.expr]]]:
    """The line and the parts of every message that is made of such an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names:
            given = dict(zip(PARTS, node.args, strict=False))
            yield node.lineno, given | {word.arg: word.value for word in node.keywords if word.arg in PARTS}


def prepared(tree: ast.AST) -> Iterator[tuple[int, dict[str, ast.expr]]]:
    """The line and the part of every message that is put into words before the error is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = (
                    zip(target.elts, node.value.elts, strict=True)
                    if _are_pairs(target, node.value)
                    else [(target, node.value)]
                )
                yield from (
                    (node.lineno, {name.id: value})
                    for name, value in pairs
                    if isinstance(name, ast.Name) and name.id in PARTS
                )


def _are_pairs(target: ast.expr, value: ast.expr) -> bool:
    return isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)


def ends(part: ast.expr) -> tuple[str | None, str | None]:
    """The letters that a text begins and ends with, as far as the code says; None where they are computed."""
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        return part.value[:1], part.value[-1:]
    if isinstance(part, ast.JoinedStr) and part.values:
        first, last = part.values[0], part.values[-1]
        return (
            first.value[:1] if isinstance(first, ast.Constant) else None,
            last.value[-1:] if isinstance(last, ast.Constant) else None,
        )
    return None, None


def faults(parts: dict[str, ast.expr]) -> Iterator[str]:
    """What is not as it should be in one message."""
    for name, part in parts.items():
        first, last = ends(part)
        if last is not None and last != ".":
            yield f"`{name}` ends without a full stop"
        if name != "found" and first is not None and not (first.isupper() or first in "`["):
            yield f"`{name}` is no sentence: it begins with {first!r}"
    if "asked" in parts and PASSIVE.search(ast.unparse(parts["asked"])):
        yield "`asked` is no order"


@pytest.mark.parametrize("name", sorted(house.modules()))
def test_errors_speak_in_one_voice(name: str) -> None:
    tree = ast.parse(house.modules()[name].read_text(encoding="utf-8"))
    told = [*messages(tree, families()), *prepared(tree)]
    found = [f"line {line}: {fault}" for line, parts in told for fault in faults(parts)]
    assert found == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("SourceError('The file x is to be read.', 'it is not there.', 'Write it.')", "`asked` is no order"),
        ("SourceError('Read the file x', 'it is not there.', 'Write it.')", "`asked` ends without a full stop"),
        ("ModelError(asked='load it', found='no.', todo='Train.')", "`asked` is no sentence: it begins with 'l'"),
        ("errors.ModelError('Load it.', f'no {x} there', 'Train.')", "`found` ends without a full stop"),
        ("ModelError('Load it.', 'no.', f'train {x}.')", "`todo` is no sentence: it begins with 't'"),
    ],
)
def test_another_voice_is_heard(message: str, fault: str) -> None:
    (_, parts), *others = messages(ast.parse(message), {"SourceError", "ModelError"})
    assert not others
    assert fault in list(faults(parts))


def test_every_room_has_errors_of_the_family() -> None:
    heard = {
        name.split(".")[0]
        for name, path in house.modules().items()
        if list(messages(ast.parse(Path(path).read_text(encoding="utf-8")), families()))
    }
    assert heard == set(house.ORDER)
