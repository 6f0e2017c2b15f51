"""What is said of an erasure: in the manifest of a list, and in the counts of what was removed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from data.checks.report import many
from data.erasure.places import total
from serving.database.snapshots import Left
from serving.published.layout import ERASED
from serving.reasons.formats import say_day

MENTIONED = "rows of its group that name it"
WARNINGS, EXPECTED_ARR = "warnings", "expected_arr"
"""What a manifest says of a list in sentences; and of the sum of its ranked accounts, with an interval."""


def told_of_erasure(manifest: Mapping[str, Any], left: Left, day: date) -> dict[str, Any]:
    """What the manifest of a list says of an erasure on a day: how many went, and no sum that would tell of them."""
    erased = {
        "accounts": int(manifest["rows_out"]["scores"]) - left.accounts,
        "ranked": int(manifest["ranked"]) - left.ranked,
    }
    days = dict(manifest.get(ERASED, {}))
    before = {_sentence(of, said) for of, said in days.items()}
    if erased["accounts"]:
        days[day.isoformat()] = {"ranked": 0, **total([days.get(day.isoformat(), {}), erased])}
    warnings = [sentence for sentence in manifest.get(WARNINGS, []) if sentence not in before]
    told: dict[str, Any] = {ERASED: days, WARNINGS: [*warnings, *(_sentence(of, said) for of, said in days.items())]}
    if erased["ranked"] and (manifest.get(EXPECTED_ARR) or {}).get("sum") is not None:
        # The interval was of all of them, and what it was made from is not kept.
        told[EXPECTED_ARR] = {"sum": float(left.expected_arr), "low": None, "high": None}
    return told


def _sentence(day: str, said: Mapping[str, int]) -> str:
    accounts = int(said.get("accounts", 0))
    verb = "was" if accounts == 1 else "were"
    return (
        f"{many(accounts, 'account')} {verb} erased from this list on {say_day(date.fromisoformat(day))}; "
        "the others keep their ranks."
    )
