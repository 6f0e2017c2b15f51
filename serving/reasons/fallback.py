"""The sentence that is said where the playbook has none that fits: label, value and unit of the strongest feature."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.contract.feature_card import FeatureCard
from serving.reasons.formats import FORMATS, money, percent
from serving.reasons.templates import are_known

Values = Mapping[str, npt.NDArray[Any]]
"""Values by feature name, aligned to the same rows: float64 (missing is NaN), or object for text (missing is null)."""

SHORTEST_SENTENCE = 10
"""Letters of a sentence, at least: "Fit: 8." tells a reader nothing of what it is."""
LONGEST_TEXT = 80
"""Letters of a text value that are stated."""
_WORD = re.compile(r"[^\W\d_]{3}|[^\W\d_a-zA-Z]{2}")
SAID_BY_VALUE = ("share", "yes or no", "month")
"""Units that are seen by how a value is said."""


def card_sentences(
    features: Sequence[str],
    catalogue: Mapping[str, FeatureCard],
    values: Values,
    currency: str,
    compared: Values,
) -> tuple[list[str], list[str]]:
    """One sentence per row and the feature it states; ``features`` lists each row's features, strongest first.

    ``compared``: by feature, what a number of the team's own is against the base.
    """
    said, used = [], []
    there = {name: are_known(column) for name, column in values.items()}
    for row, listed in enumerate(features):
        names = listed.split(",")
        known = [name for name in names if name in there and there[name][row]]
        card = catalogue[known[0] if known else names[0]]
        against_base = compared[card.name][row] if card.name in compared else ""
        said.append(card_sentence(card, values[card.name][row] if known else None, currency, against_base))
        used.append(card.name)
    return said, used


def card_title(card: FeatureCard) -> str:
    """What a reason is called that the playbook does not name."""
    return capital(card.label)


def card_sentence(card: FeatureCard, value: float | str | None, currency: str, against_base: str = "") -> str:
    """``Label: value unit.``; for a missing value what its being missing means; of a text ``Its label is value.``

    The team's own features have no unit: what they gave is stated as it is, what it is against the base, and under a
    short name also whose it is.
    """
    is_short = card.is_own and len(f"{card.label}: .") < SHORTEST_SENTENCE
    label = f"Your own measure {card.label}" if is_short else capital(card.label)
    if value is None:
        return f"{label}: no value ({card.missing or 'not known'})."
    if isinstance(value, str):
        return f"{label if is_short else f'Its {card.label}'} is {_one_line(value).removesuffix('.')}."
    if card.is_own:
        return f"{label}: {_number(value)}{against_base}."
    return f"{label}: {_with_unit(float(value), card.unit, currency)}."


def are_words(values: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Which texts of the team's own say something to a CSM by themselves: a code such as ``B`` or ``T2`` does not."""
    return np.array([isinstance(value, str) and bool(_WORD.search(value)) for value in values.tolist()], dtype=bool)


def capital(label: str) -> str:
    """A label as it begins a line."""
    return label[:1].upper() + label[1:]


def _one_line(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 3].rstrip()}..."


def _number(value: float) -> str:
    """Whole numbers as such; others with one decimal, below 1 with two digits that count."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"


def say_value(value: float, unit: str, currency: str) -> str:
    """A value as it is said of its unit, without naming it: $1,250, 92%, yes, October, 12."""
    if unit.startswith("currency"):
        return money(value, currency)
    if unit == "share":
        return percent(value)
    if unit == "yes or no":
        return "yes" if value else "no"
    return FORMATS["month"](value) if unit == "month" else _number(value)


def _with_unit(value: float, unit: str, currency: str) -> str:
    said = say_value(value, unit, currency)
    if unit.startswith("currency"):
        return f"{said}{unit.removeprefix('currency').replace(' per ', ' a ')}"
    return said if unit in SAID_BY_VALUE else f"{said} {unit}".strip()
