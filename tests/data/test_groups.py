"""Who is of one group of companies: up from parent to parent, to the one top; nothing hangs, nothing is guessed."""

import ibis
import pytest

from data.groups import LEVELS, goes_on, groups, parents


def tops(parent_of: dict[str, str | None]) -> dict[str, str]:
    """The top of each account that is in a group."""
    found = groups(_accounts(parent_of)).to_pandas()
    assert found["account_id"].is_unique
    return dict(zip(found["account_id"], found["group_id"], strict=True))


def endless(parent_of: dict[str, str | None]) -> set[str]:
    return set(goes_on(parents(_accounts(parent_of))).to_pandas()["account_id"])


def _accounts(parent_of: dict[str, str | None]) -> ibis.Table:
    columns = {"account_id": list(parent_of), "parent_id": list(parent_of.values())}
    return ibis.memtable(columns, schema={"account_id": "string", "parent_id": "string"})


def chain(links: int) -> dict[str, str | None]:
    """a0 at the top, and so many below it, each under the one before."""
    return {f"a{n}": f"a{n - 1}" if n else None for n in range(links + 1)}


@pytest.mark.parametrize(
    ("parent_of", "expected"),
    [
        ({"a": None, "b": None}, {}),
        ({"a": None, "b": "a", "c": "b"}, {"a": "a", "b": "a", "c": "a"}),
        ({"a": "a", "b": "a"}, {"a": "a", "b": "a"}),  # its own parent is a top
        ({"a": "a"}, {}),
        ({"a": "x", "b": "x"}, {}),  # nobody knows what x is
        ({"a": "x", "b": "a"}, {"a": "a", "b": "a"}),
        ({"a": "b", "b": "a", "c": "a"}, {}),
        ({"a": "b", "b": "c", "c": "a", "d": None, "e": "d"}, {"d": "d", "e": "d"}),
    ],
)
def test_tops(parent_of: dict[str, str | None], expected: dict[str, str]) -> None:
    assert tops(parent_of) == expected


def test_as_many_levels_as_are_promised() -> None:
    assert tops(chain(LEVELS)) == dict.fromkeys(chain(LEVELS), "a0")
    assert endless(chain(LEVELS)) == set()
    too_deep = chain(LEVELS + 1)
    assert tops(too_deep) == dict.fromkeys(chain(LEVELS), "a0")
    assert endless(too_deep) == {f"a{LEVELS + 1}"}


def test_who_is_in_a_circle_or_below_one_is_told() -> None:
    assert endless({"a": "b", "b": "a", "c": "a", "d": "d", "e": "x", "f": None, "g": "f"}) == {"a", "b", "c"}


def test_an_account_that_is_listed_twice_has_one_way_up() -> None:
    twice = ibis.memtable({"account_id": ["a", "b", "c", "c"], "parent_id": [None, None, "a", "b"]})
    assert groups(twice).order_by("account_id").to_pandas().to_numpy().tolist() == [["b", "b"], ["c", "b"]]
