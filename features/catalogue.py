"""Every feature that there is, and those that a base can carry."""

from data.checks.report import Finding
from data.contract.feature_card import FeatureCard
from data.time_cut import Tables
from features.definition import REGISTRY, Feature
from features.definitions import billing, contracts, crm, groups, limits, peers, plays, seats, support, usage
from features.definitions.custom import own_card, own_features, unusable_names

AREAS = (billing, contracts, limits, peers, groups, crm, plays, usage, seats, support)
"""The business areas, in the order of the model's columns. Importing them defines the features."""

REGISTRY.arrange([area.__name__ for area in AREAS])


def available(tables: Tables, absent: frozenset[str] = frozenset()) -> list[Feature]:
    """The features that these tables can carry, the team's own last. ``absent``: the columns that the source lacks."""
    return [*REGISTRY.available(tables, absent), *own_features(tables)]


def own_findings(tables: Tables) -> list[Finding]:
    """What is wrong with the names of the team's own features, beside all those that are built in."""
    return list(unusable_names(tables))


def catalogue(tables: Tables, *, absent: frozenset[str] = frozenset()) -> dict[str, FeatureCard]:
    """The card of every feature that these tables can carry, in the order of the model's columns."""
    return {f.name: f.card for f in available(tables, absent) if f.card is not None}


def full_catalogue() -> dict[str, FeatureCard]:
    """The card of every feature that there is, whatever tables a base has; the team's own are not among them."""
    return {f.name: f.card for f in REGISTRY.features.values() if f.card is not None}


def card_of(name: str) -> FeatureCard:
    """The card of a feature of this name; what is none of ours is the team's own."""
    feature = REGISTRY.features.get(name)
    return own_card(name) if feature is None or feature.card is None else feature.card
