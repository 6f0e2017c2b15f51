"""Reasons: what raises or lowers an account's propensity, as sentences with the account's own numbers and names.

Attributions of features that tell the same are added up by the reason code of the feature's card: that is what the
table keeps. Codes that tell one fact are one story: what a CSM sees are the account's strongest different stories, each
by the sentence of one of its codes.
"""

import calendar
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.outputs import AGAINST, ATTRIBUTIONS, CONTRADICTS, FIRST, FOR, KEPT, NEUTRAL, REASONS, SPARE
from data.contract.stories import story_of
from data.errors import ModelError
from serving.reasons.directions import DirectionReferences, contradicting, direction_references
from serving.reasons.own_figures import OwnFigures, own_figures
from serving.reasons.render import SHOWABLE, Facts, ReasonContext, ReasonRenderer
from serving.reasons.told_first import states_the_fact
from serving.settings import ReasonSettings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STORIES_TRIED, CODES_TRIED, SPARES = 7, 2, 2
"""Stories that are put into words to find the few that are shown, and codes of each; and spare ones, at most."""
_NUMBER = re.compile(rf"\d+(?: (?:{'|'.join(calendar.month_name[1:])})\b)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True)
class Groups:
    """The model's features by reason code: ``members[g]`` are column numbers, ``sums`` is accounts x groups.

    ``story`` is the number of the story of each code, ``story_sums`` is accounts x stories.
    """

    codes: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    sums: Floats

    @cached_property
    def story(self) -> Integers:
        numbers, _ = pd.factorize(np.array([story_of(code) for code in self.codes], dtype=object))
        return numbers.astype(np.int64)

    @cached_property
    def story_sums(self) -> Floats:
        return np.column_stack(
            [self.sums[:, self.story == number].sum(axis=1) for number in range(self.story.max() + 1)]
        )


@dataclass(frozen=True)
class BaseReferences:
    """What accounts are compared with: the base, or a large sample of it."""

    directions: DirectionReferences
    figures: OwnFigures


@dataclass(frozen=True)
class Explained:
    """The ``reasons`` of some accounts, and the facts that their plays are chosen by."""

    reasons: pd.DataFrame
    facts: Facts


def explain(
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    context: ReasonContext,
    settings: ReasonSettings,
    references: BaseReferences | None = None,
    details: pd.DataFrame | None = None,
) -> Explained:
    """The ``reasons`` table: one row per account and reason kept, ``position`` 1 = strongest.

    Reasons for come first, by size; then reasons against, marked in ``effect`` and at the head of the text; then, for
    an account of which the model knows little, facts that weigh nothing; last, marked in ``effect``, what contradicts
    the declared direction of its features: kept for the data team, shown on no list. ``shown`` marks what a CSM sees
    of the account as long as no row above it shows the same, and ``choice`` also what would then stand in for it.
    ``rows`` are the feature rows of the same accounts, in the same order, and so are ``details``, where they are known;
    of a feature that they have not got, since its feed had fallen silent, no reason is made.
    ``references``: what ``measure`` gave for the base, which by default these accounts are. Raises ModelError for a
    feature that has no card.
    """
    features, catalogue = told_features(attributions, context.muted), context.catalogue
    unknown = [name for name in features if name not in catalogue]
    if unknown:
        raise ModelError(
            "Put the attributions into words.",
            f"the model has features that are not in the catalogue: {', '.join(unknown[:5])}.",
            "Score with the features the model was trained on, or retrain.",
        )
    values = attributions[features].to_numpy(np.float64)
    facts = Facts.of(rows, features, context.users_are_daily_peaks, details, context.muted)
    groups = _groups(values, features, catalogue)
    codes = {
        code: [features[member] for member in members]
        for code, members in zip(groups.codes, groups.members, strict=True)
    }
    compared = measure(attributions, rows, catalogue, context.muted) if references is None else references
    context = replace(context, figures=compared.figures)
    renderer = ReasonRenderer(facts, codes, context, dict(zip(features, values.T, strict=True)))
    fitting = np.where(contradicting(values, features, facts.numbers, compared.directions), 0.0, values)
    odd = _without_support(groups, fitting)
    kept = _choose(groups.sums, odd, renderer, settings)
    told = _with_tried(kept, _tried(groups, odd, renderer), groups.sums)
    table = _table(told, groups, values, features, renderer)
    named_codes, plays = np.array(groups.codes, dtype=object)[told.group], context.playbook.plays.values()
    states = states_the_fact(told.row, named_codes, table["numbers_from"].tolist(), plays, facts.holds)
    choice = _choice(told, groups, table, states, settings)
    stays = (choice != KEPT) | told.is_kept
    table = table.assign(shown=choice == FIRST, choice=pd.Series(choice, dtype="str"))[stays].reset_index(drop=True)
    row = told.row[stays]
    days = attributions["snapshot_date"].to_numpy()[row]
    table["account_id"] = attributions["account_id"].to_numpy()[row]
    table["snapshot_date"] = days
    table["as_of"] = [day - timedelta(days=1) for day in days]
    table["position"] = pd.Series(row).groupby(row).cumcount().to_numpy() + 1
    return Explained(table[list(REASONS.names)].astype({"account_id": "str"}), facts)


def told_features(attributions: pd.DataFrame, muted: Set[str]) -> list[str]:
    """The features that reasons are made of: those of the model that are not ``muted``, in its order."""
    return [name for name in ATTRIBUTIONS.features_of(attributions) if name not in muted]


def measure(
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    catalogue: Mapping[str, FeatureCard],
    muted: Set[str] = frozenset(),
) -> BaseReferences:
    """What the accounts of a base are compared with, from all of them or many; see ``explain``."""
    features = told_features(attributions, muted)
    numbers = Facts.of(rows, features, False).numbers
    values = attributions[features].to_numpy(np.float64)
    return BaseReferences(
        direction_references(values, features, catalogue, numbers), own_figures(values, features, catalogue, numbers)
    )


class References:
    """Of each set of features that is not known the references of the first accounts: a shard is drawn by chance, so
    those of the first one stand for the base.
    """

    def __init__(self) -> None:
        self._measured: dict[Set[str], BaseReferences] = {}

    def of(self, context: ReasonContext, attributions: pd.DataFrame, rows: pd.DataFrame) -> BaseReferences:
        """Those for some accounts, whose attributions and feature rows are given in case that they are the first."""
        if context.muted not in self._measured:
            self._measured[context.muted] = measure(attributions, rows, context.catalogue, context.muted)
        return self._measured[context.muted]


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
    """Reasons, one entry each. ``is_kept``: the table keeps it, shown or not."""

    row: Integers
    group: Integers
    effect: npt.NDArray[np.object_]
    is_kept: Mask


def _choose(sums: Floats, odd: npt.NDArray[np.bool_], renderer: ReasonRenderer, settings: ReasonSettings) -> _Chosen:
    """Strongest for, then strongest against, then whatever can be said, until there are enough; last what is odd.

    ``odd``: the reasons that contradict a declared direction, accounts x groups.
    """
    groups = sums.shape[1]
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
    strong_odd = odd & (np.abs(sums) >= settings.min_log_odds)
    odd_order, odd_count = _best(np.where(strong_odd, np.abs(sums), -np.inf), settings.keep_contradicting)
    parts = []
    for effect, order, count in ((FOR, for_order, for_count), (AGAINST, against_order, against_count),
                                 (NEUTRAL, rest_order, rest_count), (CONTRADICTS, odd_order, odd_count)):  # fmt: skip
        row, place = np.nonzero(np.arange(order.shape[1]) < count[:, None])
        parts.append((row, order[row, place], np.full(len(row), effect, dtype=object)))
    row, group, effects = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    # A group without a fitting text may still weigh for or against: its effect follows from its sign.
    weight = sums[row, group]
    effects = np.where((effects == NEUTRAL) & (weight > 0), FOR, effects)
    effects = np.where((effects == NEUTRAL) & (weight < 0), AGAINST, effects)
    return _Chosen(row, group, effects, np.ones(len(row), dtype=bool))


_ORDER = {FOR: 0, AGAINST: 1, NEUTRAL: 2, CONTRADICTS: 3}
"""The order of the effects in the table."""


def _tried(groups: Groups, odd: Mask, renderer: ReasonRenderer) -> list[tuple[Integers, Integers, str]]:
    """What might be shown on either side, account and reason code: of the strongest stories the strongest codes."""
    stories = groups.story_sums
    return [
        (*_strongest(side * groups.sums, side * stories, ~odd & renderer.shows(effect), groups.story), effect)
        for effect, side in ((FOR, 1.0), (AGAINST, -1.0))
    ]


def _strongest(sums: Floats, stories: Floats, able: Mask, story: Integers) -> tuple[Integers, Integers]:
    """Accounts and codes: those that weigh, of stories that weigh, by the weight of the story and then their own."""
    row, code = np.nonzero(able & (sums > 0) & (stories[:, story] > 0))
    order = np.lexsort((code, -sums[row, code], story[code], -stories[row, story[code]], row))
    row, code = row[order], code[order]
    frame = pd.DataFrame({"row": row, "story": story[code]})
    first_of_story = ~frame.duplicated()
    place_of_story = first_of_story.groupby(frame["row"]).cumsum()
    place_in_story = frame.groupby(["row", "story"]).cumcount()
    near = ((place_of_story <= STORIES_TRIED) & (place_in_story < CODES_TRIED)).to_numpy()
    return row[near], code[near]


def _with_tried(kept: _Chosen, tried: list[tuple[Integers, Integers, str]], sums: Floats) -> _Chosen:
    """What the table keeps and what might be shown, each once: by account, effect and weight."""
    there = set(zip(kept.row.tolist(), kept.group.tolist(), strict=True))
    parts = [(kept.row, kept.group, kept.effect, kept.is_kept)]
    for row, code, effect in tried:
        new = np.array([pair not in there for pair in zip(row.tolist(), code.tolist(), strict=True)], dtype=bool)
        count = int(new.sum())
        parts.append((row[new], code[new], np.full(count, effect, dtype=object), np.zeros(count, dtype=bool)))
    row, code, effects, is_kept = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    by_effect = np.array([_ORDER[effect] for effect in effects], dtype=np.int64)
    order = np.lexsort((np.arange(len(row)), -np.abs(sums[row, code]), by_effect, row))
    return _Chosen(row[order], code[order], effects[order], is_kept[order])


def _choice(
    told: _Chosen, groups: Groups, table: pd.DataFrame, states: Mask, settings: ReasonSettings
) -> npt.NDArray[np.object_]:
    """What a CSM sees of each account, and what could stand in: different stories, strongest first, no number twice.

    Of a story the strongest code, one whose sentence ``states`` the fact that a play rests on before the others.
    """
    story = groups.story[told.group]
    weight = groups.story_sums[told.row, story]
    own = np.abs(groups.sums[told.row, told.group])
    able = (
        table[SHOWABLE].to_numpy()
        & np.isin(told.effect, (FOR, AGAINST))
        & (weight * groups.sums[told.row, told.group] > 0)
        & (own >= settings.min_log_odds)
    )
    place = np.flatnonzero(able)
    order = place[np.lexsort((told.group[place], -own[place], ~states[place], -np.abs(weight[place]), told.row[place]))]
    numbers = [numbers_in(text) for text in table["text"].to_numpy(object)[order]]
    choice = np.full(len(told.row), KEPT, dtype=object)
    ends = np.flatnonzero(np.diff(told.row[order], append=-1)) + 1
    for start, end in zip([0, *ends[:-1]], ends, strict=False):
        of_account = order[start:end], numbers[start:end], told.effect, story, np.abs(weight)
        for at, chosen in _different(*of_account, settings):
            choice[at] = chosen
    return choice


def _different(
    order: Integers,
    numbers: list[frozenset[str]],
    effect: npt.NDArray[np.object_],
    story: Integers,
    weight: Floats,
    settings: ReasonSettings,
) -> Iterator[tuple[int, str]]:
    """The reasons of one account that are shown: some for, and what weighs as much against or where few speak for.

    Then those for it that could stand in for one of them.
    """
    taken: set[int] = set()
    printed: set[str] = set()
    least, count = np.inf, 0
    for side in (FOR, AGAINST):
        for at, said in zip(order.tolist(), numbers, strict=True):
            if effect[at] != side or story[at] in taken or said & printed or weight[at] < settings.min_shown_log_odds:
                continue
            if side == FOR:
                if count == settings.show_for:
                    break
                least = weight[at]
            elif count >= settings.show_for + settings.show_against or (
                count >= settings.show_for and weight[at] < least
            ):
                break
            count += 1
            taken.add(int(story[at]))
            printed |= said
            yield at, FIRST
    told = zip(order.tolist(), numbers, strict=True)
    able = ((at, said) for at, said in told if effect[at] == FOR and weight[at] >= settings.min_shown_log_odds)
    shown = len(taken)
    for at, said in able:
        if story[at] not in taken and not said & printed and len(taken) < shown + SPARES:
            taken.add(int(story[at]))
            yield at, SPARE


def numbers_in(text: str) -> frozenset[str]:
    """The numbers and days that a sentence prints."""
    return frozenset(_NUMBER.findall(_GROUPED.sub("", text)))


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
        reason_code=pd.Series(codes, dtype="str"),
        features=pd.Series(names, dtype="str"),
        shap_log_odds=groups.sums[chosen.row, chosen.group],
        story=pd.Series([story_of(code) for code in codes], dtype="str"),
        effect=pd.Series(chosen.effect, dtype="str"),
    )
