"""The table that a CRM is written from, account by account, once the list is ranked."""

import hashlib
import json

import numpy as np
import pandas as pd

from data.contract.outputs import CRM_WRITEBACK
from serving.crm.settings import SHOWN
from serving.published import tables
from serving.published.checks import fitted
from serving.published.read import PublishedList
from serving.render.entries import motion_of
from serving.render.likelihood import Band, bands

PREVIOUS = {"likelihood": "previous_likelihood", "band": "previous_band", "values_hash": "previous_values_hash"}
REASONS_AT_MOST = 3
_SCORES = ("account_id", "snapshot_date", "model_version", "run_id", "propensity", "motion", "cross_sell_product",
           "play", "act_by", "expected_arr", "rank", "eligible", "not_judged")  # fmt: skip


def write_crm_table(listing: PublishedList, previous: PublishedList | None) -> None:
    """Write ``crm_writeback``; all other tables are in the folder of ``listing`` already."""
    accounts = listing.scores("account_id")["account_id"]
    with tables.TableWriter(listing.path(CRM_WRITEBACK.name)) as file:
        for start in range(0, len(accounts), tables.ROWS_AT_ONCE):
            rows = crm_rows(listing, accounts.iloc[start : start + tables.ROWS_AT_ONCE])
            file.add(fitted(listing.snapshot_date, _with_previous(rows, previous), CRM_WRITEBACK))


def crm_rows(listing: PublishedList, accounts: pd.Series) -> pd.DataFrame:
    """``crm_writeback`` of some accounts, by account, without what it says of the previous list.

    An account that is not eligible has its gates as reasons, and nothing that would lead to a sale: in a view of the
    CRM it must not stand among those that are to be called.
    """
    asked = set(accounts)
    scores = listing.scores(*_SCORES)
    scores = scores[scores["account_id"].isin(asked)].reset_index(drop=True)
    plays, eligible = listing.manifest["plays"], scores["eligible"].to_numpy(bool)
    said = zip(scores["play"], scores["motion"], scores["cross_sell_product"], strict=True)
    words = np.array([band.value for band in Band])
    rows = scores[["account_id", "snapshot_date", "model_version", "run_id"]].assign(
        likelihood=scores["propensity"].round(3),
        band=words[bands(scores["propensity"].to_numpy(np.float64))],
        motion=[motion_of(plays[play], motion, product) for play, motion, product in said],
        play=[plays[play]["name"] for play in scores["play"]],
        act_by=scores["act_by"],
        expected_arr=scores["expected_arr"].round(),
        rank=scores["rank"],
    )
    sellable = [name for name in SHOWN if name != "reasons"]
    rows.loc[~eligible, sellable] = None
    rows["reasons"] = _reasons(listing, scores).array
    return rows.assign(values_hash=[_hash(values) for values in rows[list(SHOWN)].itertuples(index=False)])


def _reasons(listing: PublishedList, scores: pd.DataFrame) -> pd.Series:
    """What a CSM reads first of each account of ``scores``, as one text; null where there is nothing.

    What is not known of it comes before: a text that is too long for its property loses its end.
    """
    reasons = listing.of("reasons", scores["account_id"], ("account_id", "position", "text", "shown"))
    shown = reasons[reasons["shown"].fillna(value=False).astype(bool)].sort_values(["account_id", "position"])
    first = shown.groupby("account_id").head(REASONS_AT_MOST)
    why = first.groupby("account_id")["text"].agg(" ".join)
    gates = listing.exclusions("account_id", "text").set_index("account_id")["text"]
    of = scores["account_id"]
    told = of.map(why).where(scores["eligible"].astype(bool), of.map(gates))
    parts = zip(scores["not_judged"], told, strict=True)
    texts = [" ".join(part for part in both if isinstance(part, str)) or None for both in parts]
    return pd.Series(texts, index=scores.index, dtype="object")


def _hash(values: tuple[object, ...]) -> str:
    plain = [None if pd.isna(value) else value for value in values]  # type: ignore[call-overload]
    plain = [float(value) if isinstance(value, int | float) else value for value in plain]
    return hashlib.sha256(json.dumps(plain, default=str).encode()).hexdigest()


def _with_previous(rows: pd.DataFrame, previous: PublishedList | None) -> pd.DataFrame:
    if previous is None:
        return rows.assign(**dict.fromkeys(PREVIOUS.values()))
    earlier = previous.of(CRM_WRITEBACK.name, rows["account_id"], ("account_id", *PREVIOUS))
    return rows.merge(earlier.rename(columns=PREVIOUS), on="account_id", how="left")
