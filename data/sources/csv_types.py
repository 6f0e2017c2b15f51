"""Which columns of a CSV file SQL sees as numbers and dates; everything else stays the text it is.

A text means the same whether its file is read by name, where the casts of the contract decide, or by SQL under
``[source.tables]``. So nothing is guessed: a column has a type only where each of its values is written as that type
is, to the letter. ``007``, ``1e5``, ``0x1F``, ``1,200`` and ``02/01/2024`` are text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from ibis.backends import BaseBackend

from data.sources.user_sql import identifier

SAMPLED_ROWS = 2000
"""What none of the first rows is, need not be looked for in all of them."""

_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = rf"{_DAY}([ T]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?)?"
_OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)?"


@dataclass(frozen=True)
class _Form:
    """How the values of a type are written: ``test`` of a ``{value}`` with ``{scale}`` places after the point.

    ``is_exact``: the value, written again, is the same text.
    """

    type: str
    test: str
    is_exact: bool = True


_WHOLE = "try_cast({value} as bigint)::varchar = {value}"
_FORMS = (
    _Form("BIGINT", _WHOLE),
    _Form("DECIMAL(18, {scale})", "try_cast({value} as decimal(18, {scale}))::varchar = {value}"),
    # As programs write floats: 100.0, 99.95, 1e-05 (never 1e5).
    _Form("DOUBLE", "(isfinite(try_cast({value} as double)) and try_cast({value} as double)::varchar = {value})"),
    # As people write them: 100, 99.9 and 99.90 in one column.
    _Form(
        "DOUBLE",
        r"((regexp_full_match({value}, '-?(0|[1-9]\d*)(\.\d+)?') and length({value}) <= 17) "
        "or (isfinite(try_cast({value} as double)) and try_cast({value} as double)::varchar = {value}))",
        is_exact=False,
    ),
    _Form("DATE", "try_cast({value} as date)::varchar = {value}"),
    _Form(
        "TIMESTAMP",
        f"(regexp_full_match({{value}}, '{_CLOCK}') and try_cast({{value}} as timestamp) is not null)",
        is_exact=False,
    ),
    _Form(
        "TIMESTAMP WITH TIME ZONE",
        f"(regexp_full_match({{value}}, '{_CLOCK}{_OFFSET}') and try_cast({{value}} as timestamptz) is not null)",
        is_exact=False,
    ),
)
_OF_OWN_FEATURES = (_Form("BOOLEAN", "lower({value}) in ('true', 'false')"),)
_BY_HAND = _FORMS[3]
_MISSING_NUMBER = "lower({value}) = 'nan'"
_TEXT = _Form("VARCHAR", "true")


@dataclass(frozen=True)
class CsvColumns:
    """The types of a CSV file's columns. ``respelled`` are those whose typed values are written otherwise."""

    types: Mapping[str, str]
    respelled: frozenset[str]

    def reading(self, text: str, columns: Iterable[str]) -> str:
        """The ``columns`` of a reading as ``text``, cast to their types."""
        return f"select {', '.join(map(self._column, columns))} from ({text})"  # noqa: S608

    def replaced(self, reading: str) -> str:
        """All columns of a reading, of which those known here, as text, are cast to their types."""
        return f"select * replace ({', '.join(map(self._column, self.types))}) from ({reading})"  # noqa: S608

    def _column(self, column: str) -> str:
        kind, name = self.types.get(column, _TEXT.type), identifier(column)
        return f"{name} as {name}" if kind == _TEXT.type else f"cast(nullif({name}, '') as {kind}) as {name}"


def typed_columns(con: BaseBackend, reading: str, columns: Iterable[str], *, own: Iterable[str] = ()) -> CsvColumns:
    """What the columns of a ``reading`` (SQL, all text) are; ``columns`` that are not named stay text.

    In the team's ``own`` features true and false are numbers, and a number that is missing may be written ``nan``.
    """
    names, features = list(columns), frozenset(own)
    first = f"(select * from ({reading}) limit {SAMPLED_ROWS})"  # noqa: S608  (no user input but names, which are quoted)
    scales = _one_row(con, first, [f"max(length(split_part({_value(name)}, '.', 2)))" for name in names])
    forms = {
        name: [
            _scaled(form, scale or 0, name in features)
            for form in (*_FORMS, *(_OF_OWN_FEATURES if name in features else ()))
        ]
        for name, scale in zip(names, scales, strict=True)
    }
    forms = _holding(con, first, forms)
    forms = _holding(con, f"({reading})", forms)
    chosen = {name: forms[name][0] if forms[name] else _TEXT for name in names}
    chosen |= dict.fromkeys(_merged(con, reading, [name for name in names if chosen[name] == _BY_HAND]), _TEXT)
    respelled = frozenset(name for name, form in chosen.items() if not form.is_exact)
    return CsvColumns({name: form.type for name, form in chosen.items()}, respelled)


def _scaled(form: _Form, scale: int, may_be_nan: bool) -> _Form:
    test = f"({_MISSING_NUMBER} or {form.test})" if may_be_nan and form.type == "DOUBLE" else form.test
    return _Form(
        form.type.replace("{scale}", str(min(scale, 18))), test.replace("{scale}", str(min(scale, 18))), form.is_exact
    )


def _holding(con: BaseBackend, rows: str, forms: Mapping[str, list[_Form]]) -> dict[str, list[_Form]]:
    """The forms that every value of a column has; none where it has no value."""
    tests = [
        # bool_and passes over nulls: a test that is unknown has failed.
        f"coalesce(bool_and(coalesce({form.test.replace('{value}', _value(name))}, false)) "
        f"filter (where {_value(name)} is not null), false)"
        for name, own in forms.items()
        for form in own
    ]
    holds = iter(_one_row(con, rows, tests))
    return {name: [form for form in own if next(holds)] for name, own in forms.items()}


def _merged(con: BaseBackend, reading: str, names: list[str]) -> list[str]:
    """The columns in which two texts are one number, as 1.1 and 1.10: they may be names."""
    values = [f"try_cast({_value(name)} as double)" for name in names]
    counts = [
        f"count(distinct {value}) < count(distinct {_value(name)})" for value, name in zip(values, names, strict=True)
    ]
    return [name for name, merges in zip(names, _one_row(con, f"({reading})", counts), strict=True) if merges]


def _value(name: str) -> str:
    return f"nullif({identifier(name)}, '')"


def _one_row(con: BaseBackend, rows: str, columns: list[str]) -> list[int]:
    """Aggregates of some rows."""
    if not columns:
        return []
    found = con.raw_sql(f"select {', '.join(columns)} from {rows}").fetchall()  # noqa: S608
    return list(chain.from_iterable(found))
