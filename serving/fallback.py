"""The sentence that is said where the playbook has none that fits: label, value and unit of the strongest feature."""

from collections.abc import Mapping, Sequence

from data.catalogue import FeatureCard
from serving.wording import FORMATS, Columns, money, percent


def card_sentences(
    features: Sequence[str], catalogue: Mapping[str, FeatureCard], columns: Columns, currency: str
) -> tuple[list[str], list[str]]:
    """One sentence per row and the feature it states; ``features`` lists each row's features, strongest first."""
    said, used = [], []
    for row, names in enumerate(features):
        known = [name for name in names.split(",") if name in columns and columns[name][row] == columns[name][row]]
        card = catalogue[known[0] if known else names.split(",")[0]]
        value = float(columns[card.name][row]) if known else None
        said.append(card_sentence(card, value, currency))
        used.append(card.name)
    return said, used


def card_sentence(card: FeatureCard, value: float | None, currency: str) -> str:
    """``Label: value unit.``; for a missing value what its being missing means."""
    if value is None:
        return f"{card.label}: no value ({card.missing or 'not known'})."
    return f"{card.label}: {_with_unit(value, card.unit, currency)}."


def _with_unit(value: float, unit: str, currency: str) -> str:
    if unit.startswith("currency"):
        return f"{money(value, currency)}{unit.removeprefix('currency').replace(' per ', ' a ')}"
    if unit == "share":
        return percent(value)
    if unit == "yes or no":
        return "yes" if value else "no"
    if unit == "month":
        return FORMATS["month"](value)
    number = f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
    return f"{number} {unit}".strip()
