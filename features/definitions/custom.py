"""The team's own features: every column of ``account_features``, as last known at the snapshot. No code is needed."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

import ibis.expr.types as ir

from data.checks.report import Finding, Severity
from data.contract.details import DETAILS
from data.contract.feature_card import OWN_TABLE, Direction, FeatureCard
from data.contract.inputs import TABLES
from data.contract.likeness import LIKENESS
from data.contract.outputs import ATTRIBUTIONS
from data.contract.vocabulary import KEY, MOTIONS
from data.errors import ContractError
from data.sources.staging import KNOWN_SECOND
from features.definition import REGISTRY, Feature

_NOT_IN_NAMES = re.compile(r'[\s\[\]{}":,]+')
"""LightGBM takes none of these, and a list of features is told with commas."""
STAGED = frozenset({column.staged_name for column in TABLES[OWN_TABLE].columns} | {KNOWN_SECOND})
TAKEN = frozenset(
    (
        *KEY,
        *(column.name for column in ATTRIBUTIONS.columns),
        "expanded",
        *(f"expanded_{motion}" for motion in MOTIONS),
        "expansion_arr",
        *(part.name for part in LIKENESS),
        *DETAILS,
    )
)
"""What stands beside the features somewhere on the way from the tables to a list."""


def own_features(tables: dict[str, ir.Table]) -> list[Feature]:
    """One feature per own column, numbers and strings. Raises ``ContractError`` for what ``unusable_names`` finds."""
    for unusable in unusable_names(tables):
        raise ContractError(f"Join the team's own features ({OWN_TABLE}).", unusable.message, unusable.todo)
    return [
        Feature(name, "own_values", partial(_value, name=column), (OWN_TABLE,), own_card(name))
        for column, name in _names(tables).items()
    ]


def unusable_names(tables: dict[str, ir.Table]) -> Iterator[Finding]:
    """The own columns that cannot be called so beside the features: at most one finding, which names all of them.

    Upper and lower case are one, as they are to the engines.
    """
    names = _names(tables)
    times = Counter(name.lower() for name in names.values())
    built_in = [column for column, name in names.items() if name.lower() in REGISTRY.features]
    reserved = [column for column, name in names.items() if name.lower() in TAKEN | STAGED and column not in built_in]
    alike = [column for column, name in names.items() if times[name.lower()] > 1]
    told = [
        *[f"{', '.join(built_in)}: features of these names are built in."] * bool(built_in),
        *[f"{', '.join(reserved)}: these names say something else beside the features."] * bool(reserved),
        *[f'{", ".join(alike)}: these make one name: case, blanks and []{{}}":, do not count.'] * bool(alike),
    ]
    if told:
        message = f"{OWN_TABLE}: {' '.join(told)}"
        todo = f"Rename them in {OWN_TABLE}, or under [source.tables]."
        yield Finding(Severity.ERROR, OWN_TABLE, "names", message, todo, len({*built_in, *reserved, *alike}))


def own_numbers(tables: dict[str, ir.Table]) -> frozenset[str]:
    """The names of the team's own features that are numbers."""
    return frozenset(name for column, name in _names(tables).items() if tables[OWN_TABLE][column].type().is_numeric())


def _names(tables: dict[str, ir.Table]) -> dict[str, str]:
    """By own column what its feature is called."""
    columns = tables[OWN_TABLE].columns if OWN_TABLE in tables else ()
    return {column: own_name(column) for column in columns if column not in STAGED}


def own_name(column: str) -> str:
    """What the feature of an own column is called: without the white space and signs that no list of names can hold.

    ``Health Score`` is ``Health_Score``; any other name stays as it is.
    """
    return "_".join(filter(None, _NOT_IN_NAMES.split(column))) or "_"


def _value(t: ir.Table, name: str) -> ir.Value:
    return t[name].max()


def own_card(name: str) -> FeatureCard:
    """The card of one of the team's own features."""
    return FeatureCard(
        name=name,
        label=name.replace("_", " "),
        unit="as the team gave it",
        direction=Direction.UNKNOWN,
        missing="not given in the latest row",
        reason_code=f"own_{name}",
        actionable=False,
        tables=(OWN_TABLE,),
    )
