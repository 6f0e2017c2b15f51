"""A list in compact form: what every row of every page says, for all accounts, in a few bytes each.

A request reads no table of the whole base. What is long, an account's reasons, is read from the row groups that hold
it; of each account the one sentence that a list shows is kept here.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.contract.outputs import CONTRADICTS, FOR, NO_OWNER, SHOWN_UNDER
from data.contract.vocabulary import MOTIONS, folded
from serving.published.read import PublishedList
from serving.published.tables import by_whole_accounts
from serving.ranking.rank import RANK_KEYS, order
from serving.ranking.short_list import CHECK_IN, due_on
from serving.reasons.tellings import PREFIX
from serving.render.entries import LIKELY_RANGE, MARKS, say_motion
from serving.render.leading import READ, leading
from serving.render.likelihood import bands, trends
from serving.render.orders import are_check_ins
from serving.web.ready import require_shown, require_told

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CHECK_IN_CODE = "check_in"
KINDS = (*MOTIONS, CHECK_IN_CODE)
"""The motions, and the check-in of a play without one."""
NOT_KNOWN = np.iinfo(np.int32).min
"""The day of an account that has none."""
_WHY = (*READ, "text")
_COLUMNS = (
    *("account_id", "name", "owner", "segment", "motion", "play", "cross_sell_product", "eligible", "rank"),
    *(
        "previous_rank",
        "stake_rank",
        "previous_propensity",
        "not_eligible_because",
        "act_by",
        "renews_on",
        "last_contact_on",
        "listed_since",
        "not_judged",
        *RANK_KEYS,
        *LIKELY_RANGE,
    ),
)


@dataclass(frozen=True)
class Coded:
    """A column of few values: of each row the place of its value in ``labels``; -1 where it has none."""

    codes: Codes
    labels: tuple[str, ...]

    def at(self, place: int) -> str | None:
        code = int(self.codes[place])
        return None if code < 0 else self.labels[code]

    def among(self, seen: Mask) -> list[str]:
        """The values that stand in one of these rows, in their order."""
        counts = np.bincount(self.codes[seen] + 1, minlength=len(self.labels) + 1)
        return [label for label, count in zip(self.labels, counts[1:].tolist(), strict=True) if count]

    def equals(self, label: str) -> Mask:
        """The rows that have this value; none where no row has it."""
        return self.codes == (self.labels.index(label) if label in self.labels else len(self.labels))


@dataclass(frozen=True)
class Top:
    """The sentence that a list shows of each account, with the mark of its effect; of those set apart why."""

    texts: pa.Array
    marks: Coded


@dataclass(frozen=True)
class ListIndex:
    """The accounts of a list, one row each: the ranked in the order of the list, then the others, likeliest first.

    ``act_by``, ``renews_on``, ``last_contact_on``, ``listed_since``, ``due_on`` (of a task): days since 1970, or
    NOT_KNOWN. ``rank``, ``previous_rank``, ``stake_rank`` (by expected ARR): 0 where there is none.
    ``names_folded``: name and id as they are searched. ``owners``: without an owner NO_OWNER. ``gates``: the codes that
    it did not pass, separated by `;`. ``not_judged``: what is not known of it, or is to be looked at first.
    ``by_id``: the rows by account id. ``orders``: the rows in every order of a list, by its name in the address.
    ``firing``: the rows of each trigger that fires, by its code.
    """

    listing: PublishedList
    ids: pa.Array
    names: pa.Array
    names_folded: pa.Array
    owners: Coded
    segments: Coded
    kinds: Coded
    motions: Coded
    plays: Coded
    gates: Coded
    under: Coded
    not_judged: Coded
    top: Top
    is_ranked: Mask
    rank: Codes
    previous_rank: Codes
    stake_rank: Codes
    propensity: Floats
    low: Floats
    high: Floats
    expected_arr: Floats
    act_by: Codes
    renews_on: Codes
    last_contact_on: Codes
    listed_since: Codes
    due_on: Codes
    band: npt.NDArray[np.int8]
    trend: npt.NDArray[np.int8]
    by_id: Codes
    orders: Mapping[str, Codes]
    firing: Mapping[str, Places]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def places(self) -> int:
        """How many places its ranks were dealt: those of accounts that were erased since are nobody's."""
        return int(self.is_ranked.sum()) + self.listing.erased_ranks

    def place(self, account_id: str) -> int | None:
        """The row of an account; None where the list has no such account."""
        at = bisect_left(self.by_id, account_id, key=self._id_of)
        return int(self.by_id[at]) if at < len(self) and self._id_of(self.by_id[at]) == account_id else None

    def _id_of(self, place: int) -> str:
        return str(self.ids[int(place)].as_py())

    def owner_named(self, asked: str) -> str:
        """An owner as the list writes the name, whatever its case and blanks; as asked where there is none."""
        return next((owner for owner in self.owners.labels if folded(owner) == folded(asked)), asked)

    def holding(self, text: str) -> Mask:
        """The rows whose name or id has this text in it, whatever its case."""
        held = pc.match_substring(self.names_folded, folded(text))
        return np.asarray(held.to_numpy(zero_copy_only=False), dtype=bool)

    def day(self, days: Codes, place: int) -> date | None:
        """A day of ``act_by`` or ``renews_on``."""
        known = int(days[place])
        return None if known == NOT_KNOWN else day_of(known)


_EPOCH = date(1970, 1, 1).toordinal()


def number_of(day: date) -> int:
    """Days since 1970, as an index has them."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The day that is so many after the first of 1970."""
    return date.fromordinal(_EPOCH + number)


def index_of(listing: PublishedList) -> ListIndex:
    """Read a list into its compact form. Raises PublishError where it has not what the pages need."""
    require_shown(listing)
    scores = _in_order(pd.concat(listing.batches("scores", _COLUMNS), ignore_index=True))
    require_told(listing, "plays", scores["play"].unique())
    ranked = scores["eligible"].to_numpy(bool)
    propensity = _floats(scores["propensity"])
    ids, names = _texts(scores["account_id"]), _texts(scores["name"])
    checks_in = are_check_ins(listing, scores["play"])
    owners = _coded(scores["owner"].fillna(NO_OWNER))
    trend = trends(propensity, _floats(scores["previous_propensity"]))
    return ListIndex(
        listing,
        ids,
        names,
        _texts(map(_searched, scores["name"], scores["account_id"])),
        owners=owners,
        segments=_coded(scores["segment"]),
        kinds=_coded(scores["motion"].where(~checks_in, CHECK_IN_CODE), KINDS),
        motions=_coded(_motion_words(scores, checks_in)),
        plays=_coded(scores["play"]),
        gates=_coded(scores["not_eligible_because"].where(~ranked)),
        under=_coded(scores["account_id"].map(_under(listing)), SHOWN_UNDER),
        not_judged=_coded(scores["not_judged"]),
        top=_top(listing, scores.set_index("account_id")["play"]),
        is_ranked=ranked,
        rank=_whole(scores["rank"]),
        previous_rank=_whole(scores["previous_rank"]),
        stake_rank=_stake_ranks(scores),
        propensity=propensity,
        low=_floats(scores[LIKELY_RANGE[0]]),
        high=_floats(scores[LIKELY_RANGE[1]]),
        expected_arr=_floats(scores["expected_arr"]),
        act_by=_days(scores["act_by"]),
        renews_on=_days(scores["renews_on"]),
        last_contact_on=_days(scores["last_contact_on"]),
        listed_since=_days(scores["listed_since"]),
        due_on=_days(due_on(scores.assign(snapshot_date=listing.snapshot_date))),
        band=bands(propensity),
        trend=trend,
        by_id=_places(scores["account_id"].to_numpy(object)),
        orders=_orders(scores, owners, trend),
        firing=_firing(listing, scores["account_id"]),
    )


def _in_order(scores: pd.DataFrame) -> pd.DataFrame:
    rank = _whole(scores["rank"])
    places = np.lexsort((scores["account_id"], -scores["propensity"], rank, rank == 0))
    return scores.iloc[places].reset_index(drop=True)


def _motion_words(scores: pd.DataFrame, checks_in: pd.Series) -> list[str]:
    """The motion as a row says it, with the product of a cross-sell."""
    told = zip(scores["motion"], scores["cross_sell_product"], checks_in, strict=True)
    return [CHECK_IN if neutral else say_motion(motion, product) for motion, product, neutral in told]


def _under(listing: PublishedList) -> pd.Series:
    """The heading of each account that is set apart."""
    return pd.concat(listing.batches("exclusions", ("account_id", "shown_under"))).set_index("account_id")[
        "shown_under"
    ]


def _top(listing: PublishedList, play_of: pd.Series) -> Top:
    """The first reason that a CSM sees of each account; of those set apart the sentence that says why.

    ``play_of``: the play of each account, in the order of the rows.
    """
    parts = [*_first_reasons(listing, play_of), *listing.batches("exclusions", ("account_id", "text"))]
    # What is said of those set apart comes last, and wins.
    first = pd.concat([part.assign(effect=part.get("effect", "")) for part in parts])
    first = first.drop_duplicates("account_id", keep="last").set_index("account_id").reindex(play_of.index)
    marks = first["effect"].map({**MARKS, "": ""}).fillna("")
    return Top(_texts(first["text"].fillna("")), _coded(marks))


def _first_reasons(listing: PublishedList, play_of: pd.Series) -> Iterator[pd.DataFrame]:
    """The reason that leads of each account, or the first that is shown."""
    for shown in by_whole_accounts(map(_shown, listing.batches("reasons", _WHY))):
        leads = leading(shown, listing.manifest["plays"], play_of)
        first = pd.concat([shown[leads], shown[~leads]]).drop_duplicates("account_id")
        texts = [text.removeprefix(PREFIX[effect]) for text, effect in zip(first["text"], first["effect"], strict=True)]
        yield first.assign(text=texts)[["account_id", "text", "effect"]]


def _shown(reasons: pd.DataFrame) -> pd.DataFrame:
    """Those that a CSM sees."""
    told = reasons["shown"].fillna(reasons["effect"] == FOR).astype(bool) & (reasons["effect"] != CONTRADICTS)
    return reasons[told]


def _firing(listing: PublishedList, accounts: pd.Series) -> dict[str, Places]:
    """The rows of each trigger that fires, by its code in the order of the playbook."""
    rows, found = pd.Index(accounts), dict[str, list[Places]]()
    for batch in listing.batches("triggers", ("account_id", "trigger_code")):
        for code, fired in batch.groupby("trigger_code")["account_id"]:
            found.setdefault(str(code), []).append(rows.get_indexer(pd.Index(fired)))
    require_told(listing, "triggers", found)
    order = listing.manifest.get("triggers", {})
    return {code: np.concatenate(found[code]) for code in order if code in found}


def _coded(values: pd.Series | list[str], labels: Iterable[str] | None = None) -> Coded:
    """A column of few values; their order is that of the labels, or of the alphabet with NO_OWNER at the end."""
    series = pd.Series(values)
    known = tuple(labels or sorted(series.dropna().unique(), key=_by_name))
    return Coded(pd.Categorical(series, categories=list(known)).codes.astype(np.int32), known)


def _searched(name: str, account_id: str) -> str:
    """What a search looks in; no text that is looked for has the end of a line in it."""
    return f"{folded(name)}\n{folded(account_id)}"


def _by_name(label: str) -> tuple[bool, str, str]:
    return label == NO_OWNER, folded(label), label


def _texts(values: Iterable[str]) -> pa.Array:
    return pa.array([str(value) for value in values], pa.large_string())


def _floats(values: pd.Series) -> Floats:
    return values.to_numpy(np.float64, na_value=np.nan)


def _whole(values: pd.Series) -> Codes:
    return values.fillna(0).to_numpy(np.int32)


def _days(values: pd.Series) -> Codes:
    days = pd.to_datetime(values).to_numpy("datetime64[D]")
    return np.where(np.isnat(days), NOT_KNOWN, days.astype(np.int64)).astype(np.int32)


def _orders(scores: pd.DataFrame, owners: Coded, trend: npt.NDArray[np.int8]) -> dict[str, Codes]:
    """The rows in each order; what is not known comes last, and of equals the one that is ranked first."""
    return {
        "likelihood": order(scores, "propensity").astype(np.int32),
        "stake": order(scores, "expected_arr").astype(np.int32),
        "name": _places(scores["name"].map(folded).to_numpy(object)),
        "owner": _places(owners.codes),
        "renewal": _places(_unknown_last(_days(scores["renews_on"]))),
        "act_by": _places(_unknown_last(_days(scores["act_by"]))),
        "trend": _places(trend),
    }


def _places(keys: npt.NDArray[Any]) -> Codes:
    """The rows in the order of their keys, of equals the first."""
    return np.argsort(keys, kind="stable").astype(np.int32)


def _stake_ranks(scores: pd.DataFrame) -> Codes:
    """The place of each of the ranked by the amount at stake, as published, counted for a list that is older than it;
    0 of the others.
    """
    if scores["stake_rank"].notna().any():
        return _whole(scores["stake_rank"])
    ordered, is_ranked = order(scores, "expected_arr"), scores["eligible"].to_numpy(bool)
    listed, ranks = ordered[is_ranked[ordered]], np.zeros(len(ordered), dtype=np.int32)
    ranks[listed] = np.arange(1, len(listed) + 1, dtype=np.int32)
    return ranks


def _unknown_last(days: Codes) -> Codes:
    return np.where(days == NOT_KNOWN, np.iinfo(np.int32).max, days)
