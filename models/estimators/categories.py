"""Text-valued features as numbers: each value the model has seen gets its place in the alphabet of those values.

A tree can set any of them apart by two comparisons. A value that training has not seen, or saw too rarely to be among
the most frequent, is missing, as no value is.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

MOST_VALUES = 64
"""More values than that make an id, not a category."""

TEXT = ("string",)
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")
"""What pandas calls the values of a column of text, and of one of numbers that came as objects."""

Categories = Mapping[str, tuple[str, ...]]


def learn_categories(rows: pd.DataFrame, features: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values of each text-valued feature, the most frequent ones, in alphabetical order."""
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(rows[name])]
    counts = {name: rows[name].dropna().astype("str").value_counts() for name in texts}
    # Of equally frequent values the first in the alphabet: the same in any order of the rows.
    return {
        name: tuple(sorted(count.sort_index().sort_values(ascending=False, kind="stable").index[:MOST_VALUES]))
        for name, count in counts.items()
    }


def encode(rows: pd.DataFrame, categories: Categories) -> pd.DataFrame:
    """The rows with each text-valued feature as the number of its value, from 0; missing where it is not known."""
    codes = {
        name: rows[name].map({value: float(code) for code, value in enumerate(values)}).astype("float64")
        for name, values in categories.items()
        if name in rows.columns
    }
    return rows.assign(**codes) if codes else rows


def decode(rows: pd.DataFrame, categories: Categories) -> pd.DataFrame:
    """The opposite of ``encode``: each number of a text-valued feature as its value."""
    texts = {
        name: rows[name].map(dict(enumerate(values))).astype("str").where(rows[name].notna())
        for name, values in categories.items()
        if name in rows.columns
    }
    return rows.assign(**texts) if texts else rows


def other_kind(rows: pd.DataFrame, features: Sequence[str], categories: Categories) -> dict[str, str]:
    """The features that are text where numbers were learnt, or the other way, each with a clause that says so.

    They would be scored as if nothing were known. A column without any value, today or when it was learnt, fits both.
    """
    told = {}
    for name in features:
        values, is_text = rows[name], name in categories
        was_empty = is_text and not categories[name]
        if was_empty or (pd.api.types.is_numeric_dtype(values) and not is_text) or values.isna().all():
            continue
        kind = pd.api.types.infer_dtype(values.astype(object), skipna=True)
        if kind not in (TEXT if is_text else NUMBERS):
            told[name] = f"{name} is {kind}, and {'text' if is_text else 'a number'} when the model was trained"
    return told


def recode(rows: pd.DataFrame, known: Categories, wanted: Categories) -> pd.DataFrame:
    """Rows that were encoded by one model's categories, as another model encodes them."""
    return encode(decode(rows, known), wanted) if known.keys() & set(rows.columns) else rows
