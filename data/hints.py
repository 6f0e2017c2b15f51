"""Hints for names that are almost right."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_name(name: str, there: Iterable[str]) -> str | None:
    """The closest of the names that are there, whatever its case."""
    by_lower = {other.lower(): other for other in there}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    return by_lower[near[0]] if near else None


def hint(name: str, there: Iterable[str]) -> str:
    """`` (did you mean accounts?)`` where a name that is there comes close, or nothing."""
    near = near_name(name, there)
    return f" (there is {near}: did you mean that?)" if near else ""
