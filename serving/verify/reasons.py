"""Published sentences against the feature rows that somebody recomputed: every number of every one of them.

A sentence is told again from the recomputed numbers, and what it prints is derived again by a judge of its own.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.outputs import REASONS
from data.contract.stories import story_of
from serving.reasons.choose import told_features
from serving.reasons.playbook import Playbook
from serving.reasons.render import NAMED, SIDES, WORDS, Facts, ReasonContext, ReasonRenderer
from serving.verify.files_and_sums import Difference
from serving.verify.printed_numbers import underived


def stories_of(features: list[str], catalogue: Mapping[str, FeatureCard]) -> dict[str, list[str]]:
    """The model's features by reason code, in its order."""
    stories: dict[str, list[str]] = {}
    for name in features:
        stories.setdefault(catalogue[name].reason_code, []).append(name)
    return stories


def check_sentences(
    reasons: pd.DataFrame,
    rows: pd.DataFrame,
    attributions: pd.DataFrame,
    context: ReasonContext,
    details: pd.DataFrame | None = None,
) -> Iterator[Difference]:
    """Published reasons against recomputed feature rows of their accounts: at most one difference per reason.

    Each stored number is the recomputed one, bit for bit; each sentence is told again, and every number and name it
    prints is derived from what it rests on by a judge that knows no template. ``attributions`` are the published ones;
    ``details`` are of the rows of ``rows``, in their order.
    """
    features = told_features(attributions, context.muted)
    stories = stories_of(features, context.catalogue)
    row = pd.Index(rows["account_id"]).get_indexer(pd.Index(reasons["account_id"]))
    known = (row >= 0) & reasons["reason_code"].isin(stories).to_numpy()
    for account, code in reasons.loc[~known, ["account_id", "reason_code"]].itertuples(index=False):
        yield Difference(account, code, "a reason", "no such customer on that day, or no such reason of the model")
    reasons, row = reasons[known].reset_index(drop=True), row[known]
    if reasons.empty:
        return
    code, effect, listed = (reasons[name].to_numpy(object) for name in ("reason_code", "effect", "features"))
    facts = Facts.of(rows, features, context.users_are_daily_peaks, details, context.muted)
    of_rows = attributions.set_index("account_id")[features].reindex(rows["account_id"].astype("str"))
    pushes = {name: of_rows[name].to_numpy(np.float64) for name in features}
    renderer = ReasonRenderer(facts, stories, context, pushes)
    derived = renderer.render(row, code, effect, listed)
    same = np.logical_and.reduce([_equal(reasons[name], derived[name]) for name in REASONS.of_sentence])
    same &= (reasons["story"] == [story_of(one) for one in code]).to_numpy()
    same &= np.array([sorted(names.split(",")) == sorted(stories[c]) for names, c in zip(listed, code, strict=True)])
    as_of = rows["snapshot_date"].to_numpy()[row] - timedelta(days=1)
    same &= pd.to_datetime(reasons["as_of"]).to_numpy() == pd.to_datetime(pd.Series(as_of)).to_numpy()
    pairs = grown(context.playbook)
    stated = [derived[name].tolist() for name in ("text", WORDS, "numbers_from", "numbers", NAMED)]
    for place, (text, words, names, values, named) in enumerate(zip(*stated, strict=True)):
        if not same[place]:
            yield _difference(reasons.iloc[place], derived.iloc[place], stories[code[place]])
            continue
        numbers = dict(zip(names.split(","), values.tolist(), strict=False))
        odd = underived(text, words, numbers, pairs.get(code[place], ()), named)
        if odd:
            account, printed = reasons["account_id"].iloc[place], f"{', '.join(odd)} in: {text}"
            yield Difference(account, code[place], printed, f"from {_stated(numbers)} it does not follow")


def grown(playbook: Playbook) -> dict[str, set[tuple[str, str]]]:
    """The features of each reason of which a sentence states what they grew from, each with its growth."""
    return {
        code: {
            (placeholder.feature, placeholder.growth)
            for side in SIDES
            for telling in reason.tellings(side)
            for placeholder in telling.template.placeholders
            if placeholder.growth is not None
        }
        for code, reason in playbook.reasons.items()
    }


def _equal(published: pd.Series, derived: pd.Series) -> npt.NDArray[np.bool_]:
    """Where two columns hold the same, bit for bit; missing equals missing."""
    if derived.name == "numbers":
        pairs = zip(published, derived, strict=True)
        return np.array([np.array_equal(np.asarray(a, np.float64), b, equal_nan=True) for a, b in pairs], dtype=bool)
    if derived.dtype.kind in "fb":
        a, b = published.to_numpy(np.float64), derived.to_numpy(np.float64)
        return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))
    a, b = published.to_numpy(object), derived.to_numpy(object)
    return np.asarray((a == b) | (pd.isna(a) & pd.isna(b)), dtype=bool)


def _difference(published: pd.Series, derived: pd.Series, story: list[str]) -> Difference:
    account, code = published["account_id"], published["reason_code"]
    before = dict(zip(str(published["numbers_from"]).split(","), published["numbers"], strict=False))
    now = dict(zip(derived["numbers_from"].split(","), derived["numbers"], strict=False))
    moved = [name for name in now if name in before and not _same(before[name], now[name])]
    if moved:
        values = "; ".join(f"{name} is {float(before[name])} and recomputed {float(now[name])}" for name in moved)
        return Difference(account, f"{code} ({moved[0]})", repr(published["text"]), f"{derived['text']!r} ({values})")
    if published["text"] != derived["text"]:
        return Difference(account, code, repr(published["text"]), repr(derived["text"]))
    for name in REASONS.of_sentence:
        if not _same(published[name], derived[name]):
            return Difference(account, f"{code} ({name})", repr(published[name]), repr(derived[name]))
    if published["story"] != story_of(code):
        return Difference(account, f"{code} (story)", repr(published["story"]), repr(story_of(code)))
    if sorted(published["features"].split(",")) != sorted(story):
        return Difference(account, f"{code} (features)", published["features"], ",".join(story))
    return Difference(account, f"{code} (as_of)", str(published["as_of"]), "the day before the snapshot")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return bool(one == other) or bool(pd.isna(one) and pd.isna(other))


def _stated(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.10g}" for name, value in numbers.items()) or "no number"
