"""Words that a whole code shares are spelled in one place."""

import ast
from pathlib import Path

import pytest

import data.contract.vocabulary
from data.contract.vocabulary import LINE_MOTIONS, MOTIONS
from serving.render.entries import MOTION_WORDS

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "features", "models", "serving", "flows")


def lists_of(words: tuple[str, ...], text: str) -> list[int]:
    """The lines of a module in which all these words stand in one tuple, list, set or call."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.Call):
            parts = node.args
        else:
            continue
        if set(words) <= {part.value for part in parts if isinstance(part, ast.Constant)}:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("words", [MOTIONS, LINE_MOTIONS], ids=["all motions", "motions of a line"])
def test_the_motions_are_listed_in_one_place(words: tuple[str, ...]) -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    listed = [path for path in modules if lists_of(words, path.read_text(encoding="utf-8"))]
    assert set(listed) <= {Path(data.contract.vocabulary.__file__)}


@pytest.mark.parametrize(
    "text",
    [
        "M = ('seat', 'upsell', 'cross_sell', 'usage')",
        "M = ['usage', 'cross_sell', 'upsell', 'seat']",
        "M = {'any', 'seat', 'upsell', 'cross_sell', 'usage'}",
        "def f(): return dict.fromkeys(('seat', 'upsell', 'cross_sell', 'usage'), '')",
        "total('seat', 'upsell', 'cross_sell', 'usage')",
        "M: Literal['seat', 'upsell', 'cross_sell', 'usage']",
    ],
)
def test_a_second_list_is_found(text: str) -> None:
    four = ("seat", "upsell", "cross_sell", "usage")
    assert lists_of(four, text) == [1]
    assert lists_of(four, text.replace("'seat'", "'seats'")) == []


def test_every_motion_has_its_words() -> None:
    assert tuple(MOTION_WORDS) == MOTIONS
