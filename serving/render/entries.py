"""The list as people read it: one entry an account, in words, shared by the page, the Excel file and the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NO_OWNER
from serving.published.read import PublishedList
from serving.ranking.gates import LABELS
from serving.reasons.formats import money

WEIGHING = (FOR, AGAINST)
KNOWS_LITTLE = "The model knows little about this account: look at it yourself before you act."
ARR_IF_EXPANDS = ("arr_if_expands", "arr_if_expands_low", "arr_if_expands_high")
EXPECTED_RANGE = ("expected_arr_low", "expected_arr_high")
_WHY = ("account_id", "position", "title", "text", "effect", "actionable")
MOTION_WORDS = {"seat": "Seats", "upsell": "Upsell", "cross_sell": "Cross-sell", "usage": "Usage"}


@dataclass(frozen=True)
class Why:
    """One reason in words; ``effect`` is ``for``, ``against`` or ``neutral``."""

    title: str
    text: str
    effect: str
    actionable: bool


@dataclass(frozen=True)
class Entry:
    """One ranked account. ``previous_rank`` is None where it was not ranked in the previous list.

    ``since``: why its place changed since then, in one sentence; empty where it did not, or there was no list.
    ``motion`` in words, with the product of a cross-sell. ``arr_if_expands``: the mean amount if it does, and the low
    and high between which four in five lie; ``expected_range``: the low and high of expected ARR; NaN where it is not
    known. ``enough_reasons``: how many are asked for.
    """

    rank: int
    owner_rank: int
    account_id: str
    name: str
    owner: str | None
    segment: str | None
    motion: str
    play_code: str
    play: str
    propensity: float
    expected_arr: float
    arr_if_expands: tuple[float, ...]
    expected_range: tuple[float, ...]
    act_by: date
    previous_rank: int | None
    change: str
    since: str
    reasons: tuple[Why, ...]
    enough_reasons: int

    @property
    def knows_little(self) -> bool:
        """Do fewer reasons weigh anything than are asked for, or is there none among them that a CSM can act on?"""
        weighing = [why for why in self.reasons if why.effect in WEIGHING]
        return len(weighing) < self.enough_reasons or not any(why.actionable for why in weighing)


@dataclass(frozen=True)
class Totals:
    """The accounts of a list: all, those that are ranked and their expected ARR, and those without an owner.

    ``expected_range``: between which what comes of the ranked lies, four times in five; NaN where it is not known.
    """

    base: int
    ranked: int
    expected_arr: float
    without_owner: int
    expected_range: tuple[float, float]


@dataclass(frozen=True)
class Excluded:
    """One account that is not ranked, and why."""

    account_id: str
    name: str
    owner: str | None
    because: tuple[str, ...]
    text: str
    shown_under: str
    propensity: float


def ranked(listing: PublishedList, limit: int | None = None) -> list[Entry]:
    """The first ``limit`` ranked accounts of a list, or of an owner's book, best first."""
    scores = listing.scores("account_id", "rank").dropna(subset="rank").sort_values("rank")
    return entries(listing, scores["account_id"].head(len(scores) if limit is None else limit).tolist())


def entries(listing: PublishedList, accounts: Sequence[str]) -> list[Entry]:
    """The entries of some ranked accounts, in their order."""
    scores = listing.of("scores", accounts).set_index("account_id", drop=False).loc[list(accounts)]
    why = _whys(listing.of("reasons", accounts, _WHY))
    moved = listing.of("changes", accounts, ("account_id", "text")).set_index("account_id")["text"].to_dict()
    plays = listing.manifest["plays"]
    since = listing.manifest["previous_snapshot_date"]
    enough_reasons = listing.manifest["serving"]["reasons"]["at_least"]
    made = []
    for row in _records(scores):
        before = None if pd.isna(row["previous_rank"]) else int(row["previous_rank"])
        known_before = not pd.isna(row["previous_propensity"])
        made.append(
            Entry(
                rank=int(row["rank"]),
                owner_rank=int(row["owner_rank"]),
                account_id=row["account_id"],
                name=row["name"],
                owner=_text(row["owner"]),
                segment=_text(row["segment"]),
                motion=say_motion(row["motion"], row["cross_sell_product"]),
                play_code=row["play"],
                play=plays[row["play"]]["name"],
                propensity=float(row["propensity"]),
                expected_arr=float(row["expected_arr"]),
                arr_if_expands=tuple(float(row[name]) for name in ARR_IF_EXPANDS),
                expected_range=tuple(float(row[name]) for name in EXPECTED_RANGE),
                act_by=row["act_by"],
                previous_rank=before,
                change=_change(int(row["rank"]), before, known_before) if since else "",
                since=moved.get(row["account_id"], "") if since and before != int(row["rank"]) else "",
                reasons=tuple(why.get(row["account_id"], ())),
                enough_reasons=enough_reasons,
            )
        )
    return made


def excluded(exclusions: pd.DataFrame) -> list[Excluded]:
    """These rows of a snapshot's exclusions, in their order."""
    return [
        Excluded(
            account_id=row["account_id"],
            name=row["name"],
            owner=_text(row["owner"]),
            because=tuple(LABELS[code] for code in row["not_eligible_because"].split(";")),
            text=row["text"],
            shown_under=row["shown_under"],
            propensity=float(row["propensity"]),
        )
        for row in _records(exclusions)
    ]


def owners(listing: PublishedList) -> pd.DataFrame:
    """One row per owner's book: ``owner, accounts, ranked, expected_arr`` (of the ranked), by name; no owner last."""
    scores = listing.scores("account_id", "owner", "eligible", "expected_arr")
    arr = scores["expected_arr"].where(scores["eligible"], 0.0)
    books = scores.assign(owner=scores["owner"].fillna(NO_OWNER), expected_arr=arr).groupby("owner", as_index=False)
    table = books.agg(accounts=("account_id", "size"), ranked=("eligible", "sum"), expected_arr=("expected_arr", "sum"))
    last = (table["owner"] == NO_OWNER).astype("int64")
    return table.assign(last=last).sort_values(["last", "owner"]).drop(columns="last").reset_index(drop=True)


def best_of_owners(listing: PublishedList, owners: Sequence[str], limit: int) -> dict[str, list[Entry]]:
    """The first ``limit`` ranked accounts of each of these owners' books, best first."""
    scores = listing.scores("account_id", "owner", "owner_rank").sort_values("owner_rank")
    scores = scores[scores["owner_rank"].le(limit).fillna(False)]
    books = scores["account_id"].groupby(scores["owner"].fillna(NO_OWNER)).agg(list).to_dict()
    made = entries(listing, [account for owner in owners for account in books[owner]])
    by_account = {entry.account_id: entry for entry in made}
    return {owner: [by_account[account] for account in books[owner]] for owner in owners}


def totals(listing: PublishedList) -> Totals:
    """The accounts of a list, counted."""
    scores = listing.scores("owner", "eligible", "expected_arr")
    ranked = scores["eligible"]
    arr = float(scores.loc[ranked, "expected_arr"].sum())
    told = listing.manifest.get("expected_arr") or {}  # older lists have none
    low, high = (float("nan") if told.get(name) is None else float(told[name]) for name in ("low", "high"))
    return Totals(len(scores), int(ranked.sum()), arr, int(scores["owner"].isna().sum()), (low, high))


def best_reasons(entry: Entry, limit: int = 3) -> list[Why]:
    """The reasons to show where room is short: the strongest for; others only where too few speak for it.

    If there is none among them that a CSM can act on, the strongest such reason that weighs takes the last place.
    """
    raising = [why for why in entry.reasons if why.effect == FOR]
    ordered = raising + [why for why in entry.reasons if why.effect != FOR]
    chosen = ordered[:limit]
    if not any(why.actionable for why in chosen):
        able = (why for why in ordered[limit:] if why.actionable and why.effect in WEIGHING)
        chosen[-1:] = next(([why] for why in able), chosen[-1:])
    return chosen


def say_motion(motion: str, product: object = None) -> str:
    """A motion for people; of a cross-sell also the likeliest product, where it is known."""
    named = motion == "cross_sell" and isinstance(product, str)
    return f"{MOTION_WORDS[motion]}: {product}" if named else MOTION_WORDS[motion]


def say_range(low: float, high: float, currency: str) -> str:
    """Two amounts for people; nothing where they are not known."""
    return "" if pd.isna(low) or pd.isna(high) else f"{say_money(low, currency)} to {say_money(high, currency)}"


def say_money(value: float, currency: str) -> str:
    """An expected amount: it is an estimate, so thousands from 10,000 on."""
    if pd.isna(value):
        return "not known"
    if abs(value) >= 999_500:
        return f"{currency}{value / 1e6:,.1f}M"
    return f"{currency}{value / 1e3:,.0f}k" if abs(value) >= 10_000 else money(round(value), currency)


def _change(rank: int, before: int | None, known_before: bool) -> str:
    if before is None:
        return "was set apart" if known_before else "new"
    if before == rank:
        return "same"
    return f"{'up' if rank < before else 'down'} from {before}"


def _whys(reasons: pd.DataFrame) -> dict[str, list[Why]]:
    """The reasons of each account, strongest first, without what contradicts a declared direction."""
    why: dict[str, list[Why]] = {}
    shown = reasons[reasons["effect"] != CONTRADICTS]
    for row in _records(shown.sort_values(["account_id", "position"])):
        reason = Why(row["title"], row["text"], row["effect"], bool(row["actionable"]))
        why.setdefault(row["account_id"], []).append(reason)
    return why


def _records(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    for values in zip(*(frame[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _text(value: object) -> str | None:
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]
