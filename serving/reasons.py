"""Reasons: what raises or lowers an account's propensity, as sentences with the account's own numbers.

Attributions of features that tell one story are added up (the reason code of the feature's card). Only the reasons
that are kept are put into words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.catalogue import FeatureCard
from data.errors import ModelError
from serving.directions import contradicting
from serving.fallback import Values, are_known, card_sentences
from serving.playbook import Playbook, Variant
from serving.settings import ReasonSettings
from serving.wording import USERS_ARE_DAILY_PEAKS, Columns

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

KEYS = ("snapshot_date", "account_id", "base_log_odds")
FOR, AGAINST, NEUTRAL, CONTRADICTS = "for", "against", "neutral", "contradicts"
PREFIX = {FOR: "", AGAINST: "Against: ", NEUTRAL: "For context: ", CONTRADICTS: "Contradicts what is expected: "}
"""What an effect is called at the head of a sentence, so that a sentence alone is never read the wrong way round."""
COLUMNS = (
    "snapshot_date", "account_id", "position", "reason_code", "features", "shap_log_odds", "text",
    "title", "effect", "actionable", "numbers_from",
)  # fmt: skip
"""``numbers_from``: the features whose numbers the text states, comma separated."""


@dataclass(frozen=True)
class Groups:
    """The model's features by reason code: ``members[g]`` are column numbers, ``sums`` is accounts x groups."""

    codes: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    sums: Floats


def feature_columns(attributions: pd.DataFrame) -> list[str]:
    """The model features of an attributions table, in their order."""
    return [name for name in attributions.columns if name not in KEYS]


def explain(
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    catalogue: Mapping[str, FeatureCard],
    playbook: Playbook,
    settings: ReasonSettings,
    currency: str = "$",
    *,
    users_are_daily_peaks: bool = False,
) -> pd.DataFrame:
    """The ``reasons`` table: one row per account and reason kept, ``position`` 1 = strongest.

    Reasons for come first, by size; then reasons against, marked in ``effect`` and at the head of the text; then, for
    an account of which the model knows little, facts that weigh nothing; last, marked in ``effect``, what contradicts
    the declared direction of its features: kept for the data team, shown on no list. ``rows`` are the feature rows of
    the same accounts, in the same order. ``users_are_daily_peaks``: the users of a window are those of its busiest day
    (no single users are known), and the sentences say so. Raises ModelError for a feature that has no card.
    """
    features = feature_columns(attributions)
    unknown = [name for name in features if name not in catalogue]
    if unknown:
        raise ModelError(
            "Put the attributions into words.",
            f"the model has features that are not in the catalogue: {', '.join(unknown[:5])}",
            "Score with the features the model was trained on, or retrain.",
        )
    values = attributions[features].to_numpy(np.float64)
    columns = {str(name): rows[name].to_numpy(np.float64) for name in rows.select_dtypes("number")}
    texts = {name: rows[name].to_numpy(object) for name in features if name in rows and name not in columns}
    columns[USERS_ARE_DAILY_PEAKS] = np.full(len(rows), float(users_are_daily_peaks))
    groups = _groups(values, features, catalogue)
    spoken = _Spoken(groups, features, columns, texts, catalogue, playbook)
    fitting = np.where(contradicting(values, features, catalogue, columns), 0.0, values)
    chosen = _choose(groups.sums, _without_support(groups, fitting), spoken, settings)
    table = _table(chosen, groups, values, features, spoken, catalogue, playbook, currency)
    keys = attributions[["snapshot_date", "account_id"]]
    table.insert(0, "account_id", keys["account_id"].to_numpy()[chosen.row])
    table.insert(0, "snapshot_date", keys["snapshot_date"].to_numpy()[chosen.row])
    return table[list(COLUMNS)].astype({"account_id": "str"})


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


class _Spoken:
    """Which variant of each reason fits each account: its number, -1 where none does.

    ``values`` are what may be stated: the numbers, and the features that are text (no variant states those). ``own``
    are the accounts of which a value is known, for each reason that is a feature of the team's own: it can be told
    without a variant.
    """

    def __init__(
        self,
        groups: Groups,
        features: list[str],
        columns: Columns,
        texts: Values,
        catalogue: Mapping[str, FeatureCard],
        playbook: Playbook,
    ) -> None:
        self.size = len(groups.sums)
        self.columns = columns
        self.values: Values = {**columns, **texts}
        self.variants: dict[tuple[int, str], tuple[Variant, ...]] = {}
        self.fitting: dict[tuple[int, str], npt.NDArray[np.int8]] = {}
        self.own: dict[int, npt.NDArray[np.bool_]] = {}
        for number, members in enumerate(groups.members):
            names = [features[member] for member in members]
            if all(catalogue[name].is_own for name in names):
                known = [are_known(self.values[name]) for name in names if name in self.values]
                self.own[number] = np.logical_or.reduce([np.zeros(self.size, dtype=bool), *known])
        for number, code in enumerate(groups.codes):
            reason = playbook.reasons.get(code)
            for effect in (FOR, AGAINST):
                variants = reason.variants(effect) if reason else ()
                same = effect == AGAINST and reason is not None and not reason.against
                self.variants[number, effect] = variants
                self.fitting[number, effect] = self.fitting[number, FOR] if same else self._first_fit(variants)

    def _first_fit(self, variants: tuple[Variant, ...]) -> npt.NDArray[np.int8]:
        fitting = np.full(self.size, -1, dtype=np.int8)
        for number, variant in enumerate(variants):
            fits = variant.template.known(self.columns, self.size)
            if variant.condition is not None:
                fits &= variant.condition.holds(self.columns, self.size)
            fitting[fits & (fitting == -1)] = number
        return fitting

    def says(self, effect: str, groups: int) -> npt.NDArray[np.bool_]:
        """Accounts x groups: is there something to say, by a variant that fits or by a value of the team's own?"""
        fits = np.column_stack([self.fitting[number, effect] >= 0 for number in range(groups)])
        for number, known in self.own.items():
            fits[:, number] |= known
        return fits


@dataclass(frozen=True)
class _Chosen:
    """The reasons kept, one entry each, ordered by account and position."""

    row: Integers
    group: Integers
    position: Integers
    effect: npt.NDArray[np.object_]


def _choose(sums: Floats, odd: npt.NDArray[np.bool_], spoken: _Spoken, settings: ReasonSettings) -> _Chosen:
    """Strongest for, then strongest against, then whatever can be said, until there are enough; last what is odd.

    ``odd``: the reasons that contradict a declared direction, accounts x groups.
    """
    size, groups = sums.shape
    raises = (sums > 0) & ~odd & spoken.says(FOR, groups)
    lowers = (sums < 0) & ~odd & spoken.says(AGAINST, groups)
    for_order, for_count = _best(np.where(raises, sums, -np.inf), settings.keep_for)
    strong = np.sum(raises & (sums >= settings.min_log_odds), axis=1)
    for_count = np.minimum(for_count, np.maximum(strong, settings.at_least))
    wanted = np.maximum(settings.at_least - for_count, settings.keep_against)
    against_order, against_count = _best(np.where(lowers, -sums, -np.inf), groups)
    against_count = np.minimum(against_count, wanted)
    # What is left: facts without weight first, then stories for which no number is known.
    rest_order, rest_count = _best(np.where(raises | lowers | odd, -np.inf, spoken.says(FOR, groups) - 1.0), groups)
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


def _at(columns: Values, names: Iterable[str], rows: Integers) -> Values:
    return {name: columns[name][rows] for name in names if name in columns}


def _table(
    chosen: _Chosen,
    groups: Groups,
    values: Floats,
    features: list[str],
    spoken: _Spoken,
    catalogue: Mapping[str, FeatureCard],
    playbook: Playbook,
    currency: str,
) -> pd.DataFrame:
    count = len(chosen.row)
    texts, numbers_from, names = (np.full(count, "", dtype=object) for _ in range(3))
    titles = [playbook.title(catalogue[features[members[0]]]) for members in groups.members]
    able = [code in playbook.actionable for code in groups.codes]
    for group, members in enumerate(groups.members):
        here = np.flatnonzero(chosen.group == group)
        if len(here) == 0:
            continue
        order = np.argsort(-np.abs(values[np.ix_(chosen.row[here], np.array(members))]), axis=1, kind="stable")
        member_names = [features[member] for member in members]
        names[here] = [",".join([member_names[place] for place in places]) for places in order.tolist()]
        for effect in PREFIX:
            among = here[chosen.effect[here] == effect]
            side = AGAINST if effect == AGAINST else FOR
            fitting = spoken.fitting[group, side][chosen.row[among]]
            for number in np.unique(fitting):
                at = among[fitting == number]
                if number >= 0:
                    template = spoken.variants[group, side][number].template
                    said = template.render(_at(spoken.columns, template.features, chosen.row[at]), len(at), currency)
                    numbers_from[at] = ",".join(template.features)
                else:
                    known = _at(spoken.values, member_names, chosen.row[at])
                    said, used = card_sentences(names[at].tolist(), catalogue, known, currency)
                    numbers_from[at] = used
                texts[at] = [PREFIX[effect] + sentence for sentence in said]
    return pd.DataFrame(
        {
            "position": chosen.position,
            "reason_code": pd.Series([groups.codes[group] for group in chosen.group.tolist()], dtype="str"),
            "features": pd.Series(names, dtype="str"),
            "shap_log_odds": groups.sums[chosen.row, chosen.group],
            "text": pd.Series(texts, dtype="str"),
            "title": pd.Series([titles[group] for group in chosen.group.tolist()], dtype="str"),
            "effect": pd.Series(chosen.effect, dtype="str"),
            "actionable": [able[group] for group in chosen.group.tolist()],
            "numbers_from": pd.Series(numbers_from, dtype="str"),
        }
    )
