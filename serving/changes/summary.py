"""The changes of a whole base in a few figures, for the data team: added up shard by shard."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from data.contract.score_change import PARTS, REST, RETRAINED, NotSplit
from serving.changes.ranks import MANY_PLACES
from serving.changes.sentences import RANKED_BY, About
from serving.reasons.formats import say_day

TOP_REASONS = 10
SAME_MODEL, UNKNOWN_MODEL = "the same", "not known"
"""What is said of the model where nothing is known to have taken its place."""
SIZES = ("change", *PARTS)
_WITHOUT_BEFORE = {"", NotSplit.NEW.value, NotSplit.FIRST.value}


@dataclass(frozen=True)
class Tally:
    """What is counted of some accounts; tallies of shards are added up.

    ``because``: accounts by why their change is not split (empty: it is). ``sizes`` and ``reasons``: absolute changes,
    summed, in log-odds, by part and by reason code.
    """

    because: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            dict(Counter(self.because) + Counter(other.because)),
            _sum(self.sizes, other.sizes),
            _sum(self.reasons, other.reasons),
        )


def tally(changes: pd.DataFrame, reasons: pd.DataFrame) -> Tally:
    """Count some accounts. ``changes`` and ``reasons`` as published."""
    split = changes[changes["because"] == ""]
    sizes = {part: float(split[f"{part}_log_odds"].abs().sum()) for part in SIZES}
    codes = reasons["log_odds"].abs().groupby(reasons["reason_code"]).sum()
    by_code = {str(code): float(size) for code, size in codes.items()}
    return Tally(dict(Counter(changes["because"].tolist())), sizes, by_code)


def summary(
    counted: Tally, about: About, *, previous_accounts: int, moved: int | None, not_asked: str = ""
) -> dict[str, Any]:
    """Figures and sentences for the manifest, as JSON values.

    ``previous_accounts``: accounts of the last list. ``moved``: ranked accounts that the new model moved by more than
    MANY_PLACES, None where that is not known. ``not_asked``: why the old model could not be asked.
    """
    if about.previous_date is None:
        return {"previous_snapshot_date": None, "text": "This is the first list: there is nothing to compare with."}
    split, new = counted.because.get("", 0), counted.because.get(NotSplit.NEW.value, 0)
    compared = sum(counted.because.values()) - new
    means = {part: counted.sizes[part] / split for part in SIZES} if split else {}
    strongest = sorted(counted.reasons.items(), key=lambda item: (-item[1], item[0]))
    figures: dict[str, Any] = {
        "previous_snapshot_date": about.previous_date.isoformat(),
        "compared": compared,
        "new": new,
        "left_the_base": previous_accounts - compared,
        "not_split": {code: count for code, count in sorted(counted.because.items()) if code not in _WITHOUT_BEFORE},
        "not_asked": not_asked,
        "mean_absolute_log_odds": means,
        "reasons": [
            {"reason_code": code, "title": about.titles[code], "total_absolute_log_odds": size}
            for code, size in strongest
            if code != REST
        ][:TOP_REASONS],
        "model": about.replaced_by or (UNKNOWN_MODEL if not_asked else SAME_MODEL),
        "moved_by_model": {"more_than_places": MANY_PLACES, "accounts": moved},
    }
    return {**figures, "text": " ".join(_sentences(figures, about))}


def _sentences(figures: Mapping[str, Any], about: About) -> list[str]:
    assert about.previous_date is not None
    day = say_day(about.previous_date)
    sentences = [
        f"Since {day}: {_accounts(figures['new'], 'new account')}, {figures['left_the_base']:,} left the base, "
        f"{figures['compared']:,} in both lists."
    ]
    if figures["not_asked"]:
        why = figures["not_asked"]
        sentences += ["Why their likelihoods changed is not known.", f"{why[:1].upper()}{why[1:]}."]
    if about.rank_by != about.previous_rank_by:
        sentences.append(f"The list is now ranked by {RANKED_BY[about.rank_by]}: its places cannot be compared.")
    if figures["reasons"]:
        sentences.append(
            f"The facts that changed likelihoods most: {', '.join(r['title'] for r in figures['reasons'][:3])}."
        )
    if about.replaced_by and figures["moved_by_model"]["accounts"] is not None:
        mover = "the retrain" if about.replaced_by == RETRAINED else about.replaced_by
        places, count = figures["moved_by_model"].values()
        sentences.append(f"{mover.capitalize()} moved {_accounts(count, 'account')} by more than {places} places.")
    return sentences


def _accounts(count: int, one: str) -> str:
    return f"{count:,} {one}{'s' * (count != 1)}"


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in [*one, *(n for n in other if n not in one)]}
