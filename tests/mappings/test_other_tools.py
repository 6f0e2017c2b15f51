"""Other tools side by side: each set gives back the base that was landed in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from data.sources.known import Source
from tests.engines.comparison import features
from tests.mappings.chargebee import land_chargebee, land_chargebee_plans, of_chargebee, of_chargebee_plans
from tests.mappings.clicks import land_amplitude, land_mixpanel, land_segment
from tests.mappings.hubspot import land_hubspot, land_hubspot_with_dlt
from tests.mappings.intercom import land_intercom, of_intercom
from tests.mappings.posthog import land_posthog, land_posthog_with_fivetran, people
from tests.mappings.recurly import land_recurly, of_recurly
from tests.mappings.salesforce import land_salesforce
from tests.mappings.stripe import land_stripe_with_dlt
from tests.mappings.world import (
    END,
    Frames,
    assert_nothing_is_wrong,
    assert_the_same_ledger,
    differing,
    land,
    mapped,
    rows_of,
    simulated,
    true_source,
)
from tests.mappings.zendesk import land_zendesk
from tests.mappings.zuora import land_zuora, of_zuora

Write = Callable[[Frames], Frames]


@dataclass(frozen=True)
class ToolSet:
    """Tools that are landed together, and what of the truth they cannot tell."""

    name: str
    tools: dict[str, Write]
    lacks: tuple[str, ...] = ()
    told: tuple[Write, ...] = ()

    def of(self, truth: Frames) -> Frames:
        for told in self.told:
            truth = told(truth)
        return {name: frame for name, frame in truth.items() if name not in self.lacks}


SETS = [
    ToolSet(
        "zuora_hubspot_posthog_zendesk",
        {"zuora": land_zuora, "hubspot": land_hubspot, "posthog": land_posthog, "zendesk": land_zendesk},
        lacks=("plans",),
        told=(people, of_zuora),
    ),
    ToolSet(
        "dlt",
        {
            "stripe": land_stripe_with_dlt,
            "hubspot": land_hubspot_with_dlt,
            "zendesk": land_zendesk,
            "segment": land_segment,
        },
        told=(people,),
    ),
    ToolSet(
        "recurly_salesforce_mixpanel_intercom",
        {"recurly": land_recurly, "salesforce": land_salesforce, "mixpanel": land_mixpanel, "intercom": land_intercom},
        told=(people, of_recurly, of_intercom),
    ),
    ToolSet(
        "chargebee_salesforce_amplitude_zendesk",
        {
            "chargebee": land_chargebee,
            "salesforce": land_salesforce,
            "amplitude": land_amplitude,
            "zendesk": land_zendesk,
        },
        told=(people, of_chargebee),
    ),
    ToolSet(
        "chargebee_plans_hubspot_posthog",
        {"chargebee": land_chargebee_plans, "hubspot": land_hubspot, "posthog": land_posthog_with_fivetran},
        lacks=("tickets",),
        told=(people, of_chargebee_plans),
    ),
]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return simulated(tmp_path_factory.mktemp("simulated"), accounts=30, months=18)


@pytest.fixture(scope="module", params=SETS, ids=lambda tools: tools.name)
def both(
    request: pytest.FixtureRequest, truth: Frames, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Source, Source]]:
    tools: ToolSet = request.param
    folder, told = tmp_path_factory.mktemp(tools.name), tools.of(truth)
    for name, write in tools.tools.items():
        land(folder / "landing", name, write(told))
    source, _ = mapped(f"parquet://{folder / 'landing'}", folder / "headroom.toml")
    with source, true_source(folder / "truth", told) as true:
        yield source, true


def test_the_ledger_is_that_of_the_truth_in_every_class(both: tuple[Source, Source]) -> None:
    assert_the_same_ledger(*both)


def test_check_finds_nothing_wrong(both: tuple[Source, Source]) -> None:
    assert_nothing_is_wrong(both[0])


def test_events_are_those_of_the_truth(both: tuple[Source, Source]) -> None:
    columns = ("account_id", "occurred_on", "kind", "object_id", "known_on")
    assert differing(rows_of(both[0], "crm_events", *columns), rows_of(both[1], "crm_events", *columns)) == {}


@pytest.mark.slow
def test_features_agree(both: tuple[Source, Source]) -> None:
    dates = [date(2026, 4, 1), END]
    assert differing(features(both[1], dates), features(both[0], dates)) == {}
