"""Why ranks changed since the last published list, counted exactly, and the tables that tell of every change."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import CHANGES
from data.contract.score_change import EXACT, PARTS
from data.errors import PublishError
from serving.changes.sentences import About, sentences
from serving.ranking.rank import RANK_KEYS, order

Integers = npt.NDArray[np.int64]

RANK_PARTS = CHANGES.parts_of("rank_change")
"""The parts of a change of rank; they sum to it."""

ARMS = ("held_out", "previous_held_out")
"""Is it held out of this list, and was it of the last one; older lists do not say."""

MANY_PLACES = 10
"""A move by more than that counts when a retrain is summed up."""


def split_ranks(
    previous: pd.DataFrame, scores: pd.DataFrame, *, rank_by: str, previous_rank_by: str, erased: int = 0
) -> pd.DataFrame:
    """Split the change of rank of every account that is ranked in both lists. Up the list is a change below 0.

    Both tables have one row per account of the whole base: account_id, rank (null where not ranked) and ``RANK_KEYS``.
    Returned are, for each row of ``scores``, whole numbers (null where not ranked in both), indexed by account_id:

        rank_change  rank - previous rank
        rank_own     the rank that its new key would have had in the old list, all else as it was, - previous rank
        rank_came    accounts ahead of it that are ranked now and were not then
        rank_left    - accounts that were ranked then and are not now, and would be ahead of it
        rank_moved   of those ranked in both: how many more are ahead of it by their new keys than by their old ones

    Where all propensities move, by a season say, ``own`` and ``moved`` are large and opposite. The parts are null where
    the two lists are ranked by different columns. ``erased``: ranked accounts that were taken out of the last list,
    whose ranks nobody has any more; they left. Raises PublishError where the last list is not in its own order.
    """
    then, now = (frame[frame["rank"].notna()] for frame in (previous, scores))
    place = pd.Index(then["account_id"].astype("str")).get_indexer(pd.Index(now["account_id"].astype("str")))
    both = place >= 0
    before = then["rank"].to_numpy(np.int64)[place[both]]
    parts = {"rank_change": now["rank"].to_numpy(np.int64)[both] - before}
    if rank_by == previous_rank_by:
        parts |= _rank_parts(then, now, both, place[both], rank_by, erased)
    counted = pd.DataFrame(parts, index=now.index[both]).reindex(columns=["rank_change", *RANK_PARTS])
    return counted.reindex(scores.index).astype("Int64").set_axis(pd.Index(scores["account_id"].astype("str")))


def _rank_parts(
    then: pd.DataFrame, now: pd.DataFrame, both: npt.NDArray[np.bool_], place: Integers, rank_by: str, erased: int
) -> dict[str, Integers]:
    """Of the accounts in both lists, by counting along the old and the new keys in one order.

    ``both``: which rows of ``now`` are in ``then`` too, and ``place`` is where.
    """
    keys = ["account_id", *RANK_KEYS]
    sequence = order(pd.concat([then[keys], now[keys]], ignore_index=True), rank_by)
    at = np.empty(len(sequence), dtype=np.int64)
    at[sequence] = np.arange(len(sequence))
    at_then, at_now = at[: len(then)], at[len(then) :]
    nobody_then, nobody_now = np.zeros(len(then), dtype=bool), np.zeros(len(now), dtype=bool)
    stayed = nobody_then.copy()
    stayed[place] = True

    def ahead(old: npt.NDArray[np.bool_], new: npt.NDArray[np.bool_], places: Integers) -> Integers:
        """How many of these old and new keys stand before each place."""
        inside = np.concatenate([old, new])[sequence]
        counts: Integers = (np.cumsum(inside) - inside)[places]
        return counts

    gone = _places_of_gaps(then["rank"].to_numpy(np.int64), at_then)[:erased]

    def gone_ahead(places: Integers) -> Integers:
        """How many of those that were erased stood before each place."""
        return np.searchsorted(gone, places, side="left").astype(np.int64)

    _check_order(then, ahead(~nobody_then, nobody_now, at_then) + gone_ahead(at_then))
    here, before = at_now[both], at_then[place]
    itself = before < here  # its own old key stands ahead of its new one, and is no other account
    rank_then = then["rank"].to_numpy(np.int64)[place]
    moved_ahead = ahead(nobody_then, both, here) - (ahead(stayed, nobody_now, here) - itself)
    return {
        "rank_own": ahead(~nobody_then, nobody_now, here) + gone_ahead(here) - itself + 1 - rank_then,
        "rank_came": ahead(nobody_then, ~both, here),
        "rank_left": -ahead(~stayed, nobody_now, here) - gone_ahead(here),
        "rank_moved": moved_ahead,
    }


def _places_of_gaps(ranks: Integers, places: Integers) -> Integers:
    """For each rank that nobody has, the place of the account before it (-1: none): it stood right behind that."""
    in_order = np.argsort(ranks, kind="stable")
    missing = np.maximum(np.diff(ranks[in_order], prepend=0) - 1, 0)
    return np.sort(np.repeat(np.concatenate([[-1], places[in_order]])[: len(ranks)], missing))


def _check_order(listed: pd.DataFrame, ahead: Integers) -> None:
    wrong = np.flatnonzero(listed["rank"].to_numpy(np.int64) != ahead + 1)
    if len(wrong):
        first = listed.iloc[wrong[0]]
        raise PublishError(
            "Say why each rank changed since the last published list.",
            f"account {first['account_id']} has rank {first['rank']} in the last list, and {ahead[wrong[0]]} accounts "
            "come before it by what that list is ranked by.",
            "Put the last list back as it was published, or move it out of the output folder.",
        )


def moved_by_model(scores: pd.DataFrame, as_before: pd.DataFrame, rank_by: str, places: int = MANY_PLACES) -> int:
    """How many ranked accounts the new model moved by more than ``places``: its ranks against the old model's.

    ``scores``: account_id and rank of the whole base; ``as_before``: account_id and ``RANK_KEYS`` by the old model and
    its calibration on the same day. Those that may be ranked are the same.
    """
    listed = scores[scores["rank"].notna()]
    place = pd.Index(as_before["account_id"].astype("str")).get_indexer(pd.Index(listed["account_id"].astype("str")))
    if (place < 0).any():
        raise ValueError("the old model was not asked of every ranked account")
    ranks = np.empty(len(listed), dtype=np.int64)
    ranks[order(as_before.iloc[place], rank_by)] = np.arange(1, len(listed) + 1)
    return int((np.abs(listed["rank"].to_numpy(np.int64) - ranks) > places).sum())


def change_table(
    snapshot_date: date,
    accounts: pd.DataFrame,
    reasons: pd.DataFrame,
    scores: pd.DataFrame,
    ranks: pd.DataFrame | None,
    previous: pd.DataFrame | None,
    about: About,
) -> pd.DataFrame:
    """``changes`` of some accounts: those of one shard, once all ranks are known.

    ``accounts`` and ``reasons`` are the split of their scores: account_id, change, data, model, calibration, because;
    account_id, reason_code, log_odds. ``scores`` (rank, propensity, expected_arr, ``ARMS``), ``ranks`` (of
    ``split_ranks``) and ``previous`` (rank, propensity, expected_arr, as published last) are indexed by account_id and
    may be of the whole base; the last two are None where nothing was published before.
    """
    ids = pd.Index(accounts["account_id"].astype("str"))
    counted = ["rank_change", *RANK_PARTS]
    facts = accounts.set_axis(ids).join(_of(ids, scores, ["rank", "propensity", "expected_arr", *ARMS]))
    facts = facts.join(_of(ids, previous, ["rank", "propensity", "expected_arr"]).add_prefix("previous_"))
    facts = facts.join(_of(ids, ranks, counted)).reset_index(drop=True)
    whole = dict.fromkeys(["rank", "previous_rank", *counted], "Int64")
    facts = facts.astype(whole).assign(**{name: facts[name].fillna(value=False).astype(bool) for name in ARMS})
    log_odds = {part: f"{part}_log_odds" for part in ("change", *PARTS)}
    changes = facts.rename(columns=log_odds).assign(
        snapshot_date=snapshot_date,
        previous_snapshot_date=about.previous_date,
        text=pd.Series(sentences(facts, reasons, about), dtype="str"),
    )
    return changes[list(CHANGES.names)]


def _of(ids: pd.Index, frame: pd.DataFrame | None, columns: list[str]) -> pd.DataFrame:
    if frame is None:
        return pd.DataFrame(np.nan, index=ids, columns=columns)
    if frame.index.name != "account_id":
        raise ValueError("the frame is not indexed by account_id")
    return frame[columns].reindex(ids)


def not_exact(changes: pd.DataFrame, reasons: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Accounts whose parts do not sum to their change, and how. ``changes`` and ``reasons`` as published."""
    split = changes[changes["because"] == ""]
    parts = split[[f"{part}_log_odds" for part in PARTS]]
    by_code = reasons.groupby("account_id")["log_odds"].sum().reindex(split["account_id"], fill_value=0.0).to_numpy()
    for what, gap in (
        ("the parts of its change", parts.sum(axis=1, skipna=False) - split["change_log_odds"]),
        ("the reasons of its change", split["data_log_odds"] - by_code),
    ):
        for account, off in zip(split["account_id"], gap.abs(), strict=True):
            if not off <= EXACT:
                yield account, f"{what} do not sum to it, by {off:.3g} in log-odds"
    ranked = changes.dropna(subset=["rank_change", *RANK_PARTS])
    gap = ranked[list(RANK_PARTS)].sum(axis=1) - ranked["rank_change"]
    for account in ranked.loc[gap != 0, "account_id"]:
        yield account, "the parts of its change of rank do not sum to it"
