"""Every number of every sentence, derived by a plain loop over the rows of the tables: no Ibis, no SQL, no template."""

from collections.abc import Iterator
from datetime import date
from itertools import chain

import ibis
import numpy as np
import pandas as pd
import pytest

from data.contract.feature_card import FeatureCard
from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from data.sources.staging import stage
from features.build.build import feature_rows
from features.catalogue import catalogue, full_catalogue
from features.definitions import peers
from features.views import whole_base as likeness
from serving.reasons.choose import explain
from serving.reasons.playbook import load
from serving.reasons.render import ReasonContext
from serving.settings import ReasonSettings
from serving.verify.reasons import check_sentences
from tests.properties.by_hand import by_hand
from tests.properties.generated import SNAPSHOTS, as_arrow, frames
from tests.properties.peers_by_hand import peers_by_hand

RULES = ExpansionRules()
SEED = 0
ACCOUNTS = 36
DAY = SNAPSHOTS[2]
EVERYTHING = ReasonSettings(keep_for=200, keep_against=200, min_log_odds=0)
TEXTS = ("fit",)


class Told:
    """What was told of the accounts of one base on one day, and what the plain loop counts of them."""

    def __init__(self, day: date) -> None:
        base = frames(SEED, accounts=ACCOUNTS)
        con = ibis.duckdb.connect()
        raw = {name: con.create_table(name, as_arrow(name, frame)) for name, frame in base.items()}
        tables = as_of({name: stage(TABLES[name], table) for name, table in raw.items()}, day)
        self.cards: dict[str, FeatureCard] = full_catalogue() | catalogue(tables)
        self.features = list(catalogue(tables))
        self.context = ReasonContext(self.cards, load(self.cards), "$")
        self.rows = feature_rows(tables, [day], RULES).to_pyarrow().to_pandas()
        self.reasons = pd.concat([self._explained(weight) for weight in (0.1, -0.1)], ignore_index=True)
        accounts = self.rows["account_id"].tolist()
        counted = pd.DataFrame([by_hand(base, account, day, RULES) for account in accounts], index=accounts)
        counted = pd.concat(
            [counted[name] if name in TEXTS else counted[name].astype("float64") for name in counted], axis=1
        )
        among = peers_by_hand(base, counted, day, peers.FEWEST_PEERS)
        compared = pd.DataFrame([among[account] for account in accounts], index=accounts).astype("float64")
        keys = pd.DataFrame({"account_id": accounts, "snapshot_date": day}, index=accounts)
        self.by_hand = pd.concat([keys, counted, compared], axis=1).reset_index(drop=True)

    def _explained(self, weight: float) -> pd.DataFrame:
        """Every feature of every account weighs the same, so every reason is told that can be told."""
        keys = self.rows[["snapshot_date", "account_id"]].assign(base_log_odds=-2.0)
        parts = pd.DataFrame(weight, index=keys.index, columns=self.features)
        return explain(pd.concat([keys, parts], axis=1), self.rows, self.context, EVERYTHING)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (peers, likeness):
            patch.setattr(module, "FEWEST_PEERS", 2)  # among so few accounts hardly one has ten
        yield Told(DAY)


def test_every_number_of_every_reason_is_that_of_the_plain_loop(told: Told) -> None:
    found = check_sentences(told.reasons, told.by_hand, told.features, told.context)
    assert [str(difference) for difference in found] == []
    assert len(told.reasons) > 1_000


@pytest.mark.parametrize("effect", ["for", "against"])
def test_every_reason_code_was_told_with_a_number(told: Told, effect: str) -> None:
    codes = set(told.context.playbook.reasons) | {card.reason_code for card in told.cards.values()}
    of = told.reasons[told.reasons["effect"] == effect]
    assert codes - set(of.loc[of["value"].notna() | of["value_text"].notna(), "reason_code"]) == set()


def test_most_sentences_of_the_playbook_were_told(told: Told) -> None:
    """By what they say whoever it is about; what is left needs rare accounts."""
    templates = {
        variant.template.literals[0] or variant.template.literals[1]
        for reason in told.context.playbook.reasons.values()
        for variant in chain(reason.texts, reason.against)
    }
    said = " ".join(told.reasons["text"])
    assert np.mean([part in said for part in templates]) > 0.8


def test_a_number_that_is_not_the_plain_loops_is_found(told: Told) -> None:
    name = "seats"
    wrong = told.by_hand.assign(**{name: told.by_hand[name] + 1})
    found = list(check_sentences(told.reasons, wrong, told.features, told.context))
    assert found
    assert all("seats is " in difference.derived for difference in found)
    assert {"seats_in_use", "account_size"} <= {difference.where.split(" ")[0] for difference in found}
