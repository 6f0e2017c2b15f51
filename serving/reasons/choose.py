"""Reasons: what raises or lowers an account's propensity, as sentences with the account's own numbers.

Attributions of features that tell one story are added up (the reason code of the feature's card). Only the reasons
that are kept are put into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.outputs import AGAINST, ATTRIBUTIONS, CONTRADICTS, FOR, NEUTRAL, REASONS
from data.errors import ModelError
from serving.reasons.directions import DirectionReferences, contradicting, direction_references
from serving.reasons.render import Facts, ReasonContext, ReasonRenderer
from serving.settings import ReasonSettings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """The model's features by reason code: ``members[g]`` are column numbers, ``sums`` is accounts x groups."""

    codes: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    sums: Floats


def explain(
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    context: ReasonContext,
    settings: ReasonSettings,
    references: DirectionReferences | None = None,
) -> pd.DataFrame:
    """The ``reasons`` table: one row per account and reason kept, ``position`` 1 = strongest.

    Reasons for come first, by size; then reasons against, marked in ``effect`` and at the head of the text; then, for
    an account of which the model knows little, facts that weigh nothing; last, marked in ``effect``, what contradicts
    the declared direction of its features: kept for the data team, shown on no list. ``rows`` are the feature rows of
    the same accounts, in the same order. ``references``: what ``measure`` gave for the base, which by default these
    accounts are. Raises ModelError for a feature that has no card.
    """
    features, catalogue = ATTRIBUTIONS.features_of(attributions), context.catalogue
    unknown = [name for name in features if name not in catalogue]
    if unknown:
        raise ModelError(
            "Put the attributions into words.",
            f"the model has features that are not in the catalogue: {', '.join(unknown[:5])}.",
            "Score with the features the model was trained on, or retrain.",
        )
    values = attributions[features].to_numpy(np.float64)
    facts = Facts.of(rows, features, context.users_are_daily_peaks)
    groups = _groups(values, features, catalogue)
    stories = {
        code: [features[member] for member in members]
        for code, members in zip(groups.codes, groups.members, strict=True)
    }
    renderer = ReasonRenderer(facts, stories, context)
    compared = measure(attributions, rows, catalogue) if references is None else references
    fitting = np.where(contradicting(values, features, facts.numbers, compared), 0.0, values)
    chosen = _choose(groups.sums, _without_support(groups, fitting), renderer, settings)
    table = _table(chosen, groups, values, features, renderer)
    days = attributions["snapshot_date"].to_numpy()[chosen.row]
    table["account_id"] = attributions["account_id"].to_numpy()[chosen.row]
    table["snapshot_date"] = days
    table["as_of"] = [day - timedelta(days=1) for day in days]
    return table[list(REASONS.names)].astype({"account_id": "str"})


def measure(
    attributions: pd.DataFrame, rows: pd.DataFrame, catalogue: Mapping[str, FeatureCard]
) -> DirectionReferences:
    """What the attributions of a base are compared with, from its accounts or many of them; see ``explain``."""
    features = ATTRIBUTIONS.features_of(attributions)
    return direction_references(
        attributions[features].to_numpy(np.float64), features, catalogue, Facts.of(rows, features, False).numbers
    )


def _groups(values: Floats, features: list[str], catalogue: Mapping[str, FeatureCard]) -> Groups:
    members: dict[str, list[int]] = {}
    for number, name in enumerate(features):
        members.setdefault(catalogue[name].reason_code, []).append(number)
    sums = np.column_stack([values[:, numbers].sum(axis=1) for numbers in members.values()])
    return Groups(tuple(members), tuple(tuple(numbers) for numbers in members.values()), sums)


def _without_support(groups: Groups, fitting: Floats) -> npt.NDArray[np.bool_]:
    """Accounts x groups: would the reason not have its sign without the attributions that contradict a direction?"""
    kept = np.column_stack([fitting[:, list(numbers)].sum(axis=1) for numbers in groups.members])
    return (groups.sums != 0) & (groups.sums * kept <= 0)


@dataclass(frozen=True)
class _Chosen:
    """The reasons kept, one entry each, ordered by account and position."""

    row: Integers
    group: Integers
    position: Integers
    effect: npt.NDArray[np.object_]


def _choose(sums: Floats, odd: npt.NDArray[np.bool_], renderer: ReasonRenderer, settings: ReasonSettings) -> _Chosen:
    """Strongest for, then strongest against, then whatever can be said, until there are enough; last what is odd.

    ``odd``: the reasons that contradict a declared direction, accounts x groups.
    """
    size, groups = sums.shape
    raises = (sums > 0) & ~odd & renderer.says(FOR)
    lowers = (sums < 0) & ~odd & renderer.says(AGAINST)
    for_order, for_count = _best(np.where(raises, sums, -np.inf), settings.keep_for)
    strong = np.sum(raises & (sums >= settings.min_log_odds), axis=1)
    for_count = np.minimum(for_count, np.maximum(strong, settings.at_least))
    wanted = np.maximum(settings.at_least - for_count, settings.keep_against)
    against_order, against_count = _best(np.where(lowers, -sums, -np.inf), groups)
    against_count = np.minimum(against_count, wanted)
    # What is left: facts without weight first, then stories for which no number is known.
    rest_order, rest_count = _best(np.where(raises | lowers | odd, -np.inf, renderer.says(FOR) - 1.0), groups)
    rest_count = np.minimum(rest_count, np.maximum(settings.at_least - for_count - against_count, 0))
    odd &= np.abs(sums) >= settings.min_log_odds
    odd_order, odd_count = _best(np.where(odd, np.abs(sums), -np.inf), settings.keep_contradicting)
    parts = []
    starts = np.zeros(size, dtype=np.int64)
    for effect, order, count in ((FOR, for_order, for_count), (AGAINST, against_order, against_count),
                                 (NEUTRAL, rest_order, rest_count), (CONTRADICTS, odd_order, odd_count)):  # fmt: skip
        row, place = np.nonzero(np.arange(order.shape[1]) < count[:, None])
        parts.append((row, order[row, place], starts[row] + place + 1, np.full(len(row), effect, dtype=object)))
        starts += count
    row, group, position, effects = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    # A group without a fitting text may still weigh for or against: its effect follows from its sign.
    weight = sums[row, group]
    effects = np.where((effects == NEUTRAL) & (weight > 0), FOR, effects)
    effects = np.where((effects == NEUTRAL) & (weight < 0), AGAINST, effects)
    order = np.lexsort((position, row))
    return _Chosen(row[order], group[order], position[order], effects[order])


def _best(weights: Floats, keep: int) -> tuple[Integers, Integers]:
    """For each row the columns by weight, largest first (equal: the earlier column), and how many are not -inf."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :keep]
    return order, np.minimum(np.isfinite(weights).sum(axis=1), keep)


def _table(
    chosen: _Chosen, groups: Groups, values: Floats, features: list[str], renderer: ReasonRenderer
) -> pd.DataFrame:
    """The columns of the table but its keys. The features of a reason are listed by weight, strongest first."""
    names = np.full(len(chosen.row), "", dtype=object)
    for group, members in enumerate(groups.members):
        here = np.flatnonzero(chosen.group == group)
        weights = np.abs(values[np.ix_(chosen.row[here], np.array(members))])
        order = np.argsort(-weights, axis=1, kind="stable")
        names[here] = [",".join([features[members[place]] for place in places]) for places in order.tolist()]
    codes = np.array(groups.codes, dtype=object)[chosen.group]
    return renderer.render(chosen.row, codes, chosen.effect, names).assign(
        position=chosen.position,
        reason_code=pd.Series(codes, dtype="str"),
        features=pd.Series(names, dtype="str"),
        shap_log_odds=groups.sums[chosen.row, chosen.group],
        story=pd.Series(codes, dtype="str"),
        shown=chosen.effect != CONTRADICTS,
        effect=pd.Series(chosen.effect, dtype="str"),
    )
