from datetime import date

import numpy as np
import pytest

from data.conditions import Condition
from serving.reasons.formats import FORMATS
from serving.reasons.templates import Template


@pytest.mark.parametrize(
    ("placeholder", "value", "said"),
    [
        ("{x:count}", 1250, "1,250"),
        ("{x:count}", 2.5, "3"),
        ("{x:count seat/seats}", 1, "1 seat"),
        ("{x:count seat/seats}", 0, "0 seats"),
        ("{x:count seat was/seats were}", 2, "2 seats were"),
        ("{x:word was/were}", 1, "was"),
        ("{x:word was/were}", 0, "were"),
        ("{x:money}", 1250.4, "£1,250"),
        ("{x:money}", 9.9, "£9.90"),
        ("{x:money}", 12, "£12"),
        ("{x:money}", -1250, "-£1,250"),
        ("{x:round}", 14_177.0, "£14,200"),
        ("{x:round}", 1_065.0, "£1,070"),
        ("{x:round}", 999.6, "£1,000"),
        ("{x:round}", 400.4, "£400"),
        ("{x:round}", 91.26, "£91"),
        ("{x:round}", 9.9, "£9.90"),
        ("{x:round}", -2_346, "-£2,350"),
        ("{x:round}", 0, "£0"),
        ("{x:near}", 10_098, "10,100"),
        ("{x:near}", 498.4, "498"),
        ("{x:near}", 0, "0"),
        ("{x:percent}", 0.924, "92%"),
        ("{x:percent}", 0.004, "under 1%"),
        ("{x:percent}", 0.01, "1%"),
        ("{x:percent}", 0.99, "99%"),
        ("{x:percent}", 0.996, "over 99%"),
        ("{x:percent}", 1.0, "100%"),
        ("{x:percent}", 1.004, "100%"),
        ("{x:percent}", 19.9, "1,990%"),
        ("{x:part}", 0, "none of"),
        ("{x:part}", 0.0099, "hardly any"),
        ("{x:part}", 0.01, "1% of"),
        ("{x:part}", 0.99, "99% of"),
        ("{x:part}", 0.991, "almost all"),
        ("{x:part}", 1, "almost all"),
        ("{x:percent}", 0, "0%"),
        ("{x:change}", 0.35, "+35%"),
        ("{x:change}", -0.35, "-35%"),
        ("{x:change}", 0.001, "0%"),
        ("{x:size}", -0.35, "35%"),
        ("{x:size}", 12.5, "1,250%"),
        ("{x:points}", -0.12, "12 points"),
        ("{x:points}", 0.01, "1 point"),
        ("{x:days}", 1, "1 day"),
        ("{x:span}", 0, "0 days"),
        ("{x:span}", 1, "1 day"),
        ("{x:span}", 20, "20 days"),
        ("{x:span}", 21, "3 weeks"),
        ("{x:span}", 45, "6 weeks"),
        ("{x:span}", 60, "9 weeks"),
        ("{x:span}", 61, "2 months"),
        ("{x:span}", 612, "20 months"),
        ("{x:span}", 729, "24 months"),
        ("{x:span}", 730, "2 years"),
        ("{x:span}", 1461, "4 years"),
        ("{x:day}", date(2026, 8, 3).toordinal(), "3 August"),
        ("{x:day}", date(2024, 2, 29).toordinal(), "29 February"),
        ("{x:day}", date(2026, 12, 31).toordinal(), "31 December"),
        ("{x:number}", 4.25, "4.2"),
        ("{x:rating}", 2.96, "2.96"),
        ("{x:rating}", 3, "3"),
        ("{x:share}", -0.4, "40%"),
        ("{x:share}", 0.246, "24.6%"),
        ("{x:month}", 10, "October"),
        ("{x:times}", 2, "2 times"),
        ("{x:times}", 2.39, "2.3 times"),
        ("{x:times}", 2.3, "2.3 times"),
        ("{x:times}", 21.99, "21 times"),
        ("{x:times}", 1200, "1,200 times"),
    ],
)
def test_a_number_is_said(placeholder: str, value: float, said: str) -> None:
    template = Template.parse(f"So {placeholder}.")
    assert template.render({"x": np.array([value], dtype=float)}, 1, "£") == [f"So {said}."]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("api_calls", "API calls"),
        ("add_on_demo", "add-on demo"),
        ("add_ons", "add-ons"),
        ("load_once", "load once"),
        ("reports", "reports"),
        ("sso", "SSO"),
        ("pdf-export", "PDF-export"),
        ("SSO", "SSO"),
        ("Field Service", "Field Service"),
        ("Show it to us - EU", "Show it to us - EU"),  # written for people
        ("show_it", "show it"),
        ("_crm__sync_", "CRM sync"),
        ("acme.it", "acme.it"),
        ("Core", "Core"),
        ("field service", "field service"),
        ("Api_Calls", "Api Calls"),
        ("x", "x"),
    ],
)
def test_a_name_is_said_as_people_write_it(code: str, said: str) -> None:
    assert FORMATS["name"](code) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("documents", "the documents feature"),
        ("calendar", "the calendar feature"),
        ("guest_access", "the guest access feature"),
    ],
)
def test_a_feature_that_is_said_aloud_has_its_article(code: str, said: str) -> None:
    assert FORMATS["feature"](code) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("storage_gb", "Storage: 17 GB."),
        ("Disk TB", "Disk: 17 TB."),
        ("api_calls", "API calls: 17."),
        ("gb", "GB: 17."),
    ],
)
def test_the_unit_in_a_name_is_said_behind_the_amount(code: str, said: str) -> None:
    columns = {"x": np.array([code], dtype=object), "y": np.array([17.0])}
    assert Template.parse("{x:noun}: {y:count}{x:unit}.").render(columns, 1, "£") == [said]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("api_calls", "34 API calls"),
        ("search", "34 searches"),
        ("export", "34 exports"),
        ("ai_query", "34 AI queries"),
        ("survey", "34 surveys"),
        ("sms", "34 SMS"),
        ("storage", "34 units of storage"),
        ("file-storage", "34 units of file-storage"),
        ("export_gb", "34 GB of export"),
        ("lead_scoring", "34 units of lead scoring"),
        ("storage_used", "34 units of storage used"),
        ("people", "34 people"),
        ("Social media", "34 Social media"),
        ("接続", "34 接続"),
    ],
)
def test_an_amount_of_what_people_count_is_told_in_the_plural(code: str, said: str) -> None:
    columns = {"x": np.array([code], dtype=object), "y": np.array([34.0])}
    assert Template.parse("{y:count}{x:of} {x:noun}").render(columns, 1, "$") == [said]


def test_a_name_in_a_sentence_is_on_one_line_and_not_longer_than_needed() -> None:
    template = Template.parse("{x:name} is used.")
    names = np.array(["n" * 40, "n" * 41, "two\nlines of  it", "api_calls"], dtype=object)
    assert template.render({"x": names}, 4, "£") == [
        f"N{'n' * 39} is used.",
        f"N{'n' * 36}... is used.",
        "Two lines of it is used.",
        "API calls is used.",
    ]
    assert template.known({"x": np.array(["a", "", "  ", None], dtype=object)}, 4).tolist() == [True] + [False] * 3


@pytest.mark.parametrize(
    "text", ["{x:share of}", "{x}", "{x:money a/b}", "{x:weight}", "{x:word}", "open {", "{x:count seat}"]
)
def test_a_placeholder_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|format|words"):
        Template.parse(text)


COLUMNS = {"seats": np.array([10.0, 1.0, np.nan]), "users": np.array([12.0, 1.0, 3.0])}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("seats > 1", [True, False, False]),
        ("users > seats", [True, False, False]),
        ("seats is missing", [False, False, True]),
        ("seats != 10", [False, True, False]),
        ("seats <= 10 and users < 5", [False, True, False]),
        ("users >= -0.5", [True, True, True]),
        ("unknown > 1", [False, False, False]),
        ("unknown is missing", [True, True, True]),
        ("seats > 1 or missing", [True, False, True]),
        ("users > seats or missing and users < 5", [False, False, True]),
        ("unknown > 1 or missing", [True, True, True]),
    ],
)
def test_a_condition_holds_row_by_row_and_for_a_missing_value_only_where_it_says_so(
    condition: str, holds: list[bool]
) -> None:
    assert Condition.parse(condition).holds(COLUMNS, 3).tolist() == holds


@pytest.mark.parametrize(
    "text", ["seats", "seats > ", "seats = 1", "__import__('os')", "seats > 1 or users > 1", "1 < seats"]
)
def test_a_condition_that_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no comparison"):
        Condition.parse(text)


def test_a_sentence_is_known_where_every_number_is() -> None:
    template = Template.parse("{users:count} of {seats:count}")
    assert template.features == ("users", "seats")
    assert template.known(COLUMNS, 3).tolist() == [True, True, False]


def test_amounts_that_are_compared_both_have_cents_or_neither_has() -> None:
    template = Template.parse("{mrr:money}, up from {mrr before mrr_growth_365d:money}")
    mrr = np.array([117.0, 99.5, 117.0])
    was = np.array([72.31, 72.31, 0.4])
    columns = {"mrr": mrr, "mrr_growth_365d": mrr / was - 1}
    said = ["$117, up from $72", "$99.50, up from $72.31", "$117, up from $0.40"]
    assert template.render(columns, 3, "$") == said
