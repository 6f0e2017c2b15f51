"""The team's own features: every column of ``account_features``, as last known at the snapshot. No code is needed."""

from functools import partial

import ibis.expr.types as ir

from data.contract.details import DETAILS
from data.contract.feature_card import OWN_TABLE, Direction, FeatureCard
from data.contract.inputs import TABLES
from data.contract.likeness import LIKENESS
from data.contract.outputs import ATTRIBUTIONS
from data.contract.vocabulary import KEY, MOTIONS
from data.errors import ContractError
from data.sources.staging import KNOWN_SECOND
from features.definition import REGISTRY, Feature

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
    """One feature per own column, numbers and strings. Raises ``ContractError`` for names that are taken.

    Upper and lower case are one, as they are to the engines.
    """
    if OWN_TABLE not in tables:
        return []
    staged = {column.staged_name for column in TABLES[OWN_TABLE].columns} | {KNOWN_SECOND}
    names = [name for name in tables[OWN_TABLE].columns if name not in staged]
    built_in = [name for name in names if name.lower() in REGISTRY.features]
    reserved = [name for name in names if name.lower() in TAKEN | staged and name not in built_in]
    if built_in or reserved:
        raise ContractError(
            f"Join the team's own features ({OWN_TABLE}).",
            " ".join(
                [f"{', '.join(built_in)}: features of these names are built in."] * bool(built_in)
                + [f"{', '.join(reserved)}: these names say something else beside the features."] * bool(reserved)
            ),
            f"Rename them in {OWN_TABLE}, or under [source.tables].",
        )
    return [Feature(name, "own_values", partial(_value, name=name), (OWN_TABLE,), own_card(name)) for name in names]


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
