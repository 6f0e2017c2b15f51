"""Every number of every sentence, derived by a plain loop over the rows of the tables: no Ibis, no SQL, no template."""

from datetime import date
from functools import cached_property

import ibis
import numpy as np
import pandas as pd
import pytest

from data.contract.feature_card import FeatureCard
from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from data.sources.staging import absent_columns, stage
from data.time_cut import Tables
from features.build.build import feature_rows
from features.catalogue import catalogue, full_catalogue
from features.cohort import cohort
from features.definitions import peers
from features.details import add_details
from features.views import whole_base as likeness
from features.views.whole_base import WholeBaseViews
from serving.reasons.choose import explain, measure
from serving.reasons.playbook import load
from serving.reasons.render import SIDES, ReasonContext
from serving.settings import ReasonSettings
from serving.verify.files_and_sums import Difference
from serving.verify.reasons import check_sentences
from tests.properties.by_hand import by_hand
from tests.properties.details_by_hand import details_by_hand, with_names
from tests.properties.generated import SNAPSHOTS, as_arrow, frames
from tests.properties.peers_by_hand import peers_by_hand

RULES = ExpansionRules()
SEED = 0
ACCOUNTS = 200
DAY = SNAPSHOTS[2]
EVERYTHING = ReasonSettings(keep_for=200, keep_against=200, min_log_odds=0)
TEXTS = ("fit",)
FEWEST_PEERS = 2
"""Among so few accounts hardly one has ten."""


class Told:
    """What was told of the accounts of one base on one day, and what the plain loop counts of them.

    ``daily``: its usage comes already counted by day, without who it was, and many contracts are small.
    """

    def __init__(self, day: date, *, daily: bool) -> None:
        self.base = with_names(frames(SEED, accounts=ACCOUNTS, daily=daily))
        if daily:
            self.base["usage_daily"] = self.base["usage_daily"].drop(columns="user_id")
            self.base["subscriptions"] = self.base["subscriptions"].replace({"seats": {5: 1, 10: 2}})
        self.base["subscriptions"] = _on_top(self.base["subscriptions"])
        self.day = day
        con = ibis.duckdb.connect()
        raw = {name: con.create_table(name, as_arrow(name, frame)) for name, frame in self.base.items()}
        tables = as_of({name: stage(TABLES[name], table) for name, table in raw.items()}, day)
        self.absent = absent_columns(raw)
        cards = catalogue(tables, absent=self.absent)
        self.cards: dict[str, FeatureCard] = full_catalogue() | cards
        self.features = list(cards)
        self.rows = feature_rows(tables, [day], RULES, absent=self.absent).to_pyarrow().to_pandas()
        figures = measure(self.attributions(0.1), self.rows, self.cards).figures
        self.context = ReasonContext(self.cards, load(self.cards), "$", users_are_daily_peaks=daily, figures=figures)
        self.details = self._details(tables, day)
        self.told = {weight: self._explained(weight) for weight in (0.1, -0.1)}
        self.reasons = pd.concat(self.told.values(), ignore_index=True)

    @cached_property
    def by_hand(self) -> pd.DataFrame:
        """The rows, by the plain loop over a base with an event for every use."""
        accounts = self.rows["account_id"].tolist()
        counted = pd.DataFrame([by_hand(self.base, account, self.day, RULES) for account in accounts], index=accounts)
        counted = pd.concat(
            [counted[name] if name in TEXTS else counted[name].astype("float64") for name in counted], axis=1
        )
        among = peers_by_hand(self.base, counted, self.day, FEWEST_PEERS)
        compared = pd.DataFrame([among[account] for account in accounts], index=accounts).astype("float64")
        keys = pd.DataFrame({"account_id": accounts, "snapshot_date": self.day}, index=accounts)
        return pd.concat([keys, counted, compared], axis=1).reset_index(drop=True)

    @cached_property
    def named_by_hand(self) -> pd.DataFrame:
        """What sentences name, by the plain loop."""
        named = pd.DataFrame([details_by_hand(self.base, account, self.day) for account in self.rows["account_id"]])
        return self.details.assign(**{name: named[name].array for name in named})

    def _details(self, tables: Tables, day: date) -> pd.DataFrame:
        """What sentences name, in the order of the rows."""
        views = WholeBaseViews(tables, cohort(tables, [day]), [day], RULES)
        found = views.cohort.select("account_id", "snapshot_date")
        for of_whole_base in (False, True):
            found = add_details(found, views, self.absent, of_whole_base=of_whole_base)
        return found.to_pyarrow().to_pandas().set_index("account_id").loc[self.rows["account_id"]].reset_index()

    def attributions(self, weight: float) -> pd.DataFrame:
        """Every feature of every account weighs the same, so every reason is told that can be told."""
        keys = self.rows[["snapshot_date", "account_id"]].assign(base_log_odds=-2.0)
        return pd.concat([keys, pd.DataFrame(weight, index=keys.index, columns=self.features)], axis=1)

    def _explained(self, weight: float) -> pd.DataFrame:
        parts = self.attributions(weight)
        return explain(parts, self.rows, self.context, EVERYTHING, details=self.details).reasons

    def differences(self, rows: pd.DataFrame, details: pd.DataFrame) -> list[Difference]:
        """The sentences against these rows and details."""
        return [
            difference
            for weight, reasons in self.told.items()
            for difference in check_sentences(reasons, rows, self.attributions(weight), self.context, details)
        ]


def _on_top(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines: of one account in ten they are of the highest plan of their product, where it has several."""
    highest = lines["product"].map({"core": "enterprise", "insights": "plus"})
    is_on_top = lines["account_id"].str.endswith("7") & highest.notna()
    return lines.assign(plan=lines["plan"].mask(is_on_top, highest))


@pytest.fixture(scope="module")
def of_days() -> Told:
    """Of a base whose usage comes counted by day."""
    return _told(daily=True)


@pytest.fixture(scope="module")
def told() -> Told:
    """Of a base with an event for every use."""
    return _told(daily=False)


def _told(*, daily: bool) -> Told:
    with pytest.MonkeyPatch.context() as patch:
        for module in (peers, likeness):
            patch.setattr(module, "FEWEST_PEERS", FEWEST_PEERS)
        return Told(DAY, daily=daily)


def test_every_number_of_every_reason_is_that_of_the_plain_loop(told: Told) -> None:
    assert [str(difference) for difference in told.differences(told.by_hand, told.named_by_hand)] == []
    assert told.reasons["named"].notna().sum() > 100
    assert len(told.reasons) > 1_000


@pytest.mark.parametrize("effect", ["for", "against"])
def test_every_reason_code_was_told_with_a_number(told: Told, effect: str) -> None:
    codes = set(told.context.playbook.reasons) | {card.reason_code for card in told.cards.values()}
    of = told.reasons[told.reasons["effect"] == effect]
    assert codes - set(of.loc[of["value"].notna() | of["value_text"].notna(), "reason_code"]) == set()


def test_most_sentences_of_the_playbook_were_told(told: Told, of_days: Told) -> None:
    """By what they say whoever it is about; what is left needs rare accounts."""
    templates = {
        max(telling.template.literals, key=len).strip()
        for reason in told.context.playbook.reasons.values()
        for side in SIDES
        for telling in reason.tellings(side)
    }
    said = " ".join([*told.reasons["text"], *of_days.reasons["text"]])
    assert np.mean([part in said for part in templates]) > 0.86


def test_a_number_that_is_not_the_plain_loops_is_found(told: Told) -> None:
    name = "seats"
    wrong = told.by_hand.assign(**{name: told.by_hand[name] + 1})
    found = told.differences(wrong, told.named_by_hand)
    assert found
    assert all("seats is " in difference.derived for difference in found)
    assert {"seats_in_use", "account_size"} <= {difference.where.split(" ")[0] for difference in found}


def test_a_name_that_is_not_the_plain_loops_is_found(told: Told) -> None:
    wrong = told.named_by_hand.assign(top_feature="another")
    found = told.differences(told.by_hand, wrong)
    assert found
    assert all("another" in difference.derived.lower() for difference in found)
