"""What would change: a CRM that took a change needs none, and shows no more than its property holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.contract.outputs import CRM_WRITEBACK
from serving.crm.client import CrmProperty, CrmRecord, RecordChange, Value
from serving.crm.hubspot import _sent
from serving.crm.plan import Target, fitted_to, restored, same
from serving.crm.settings import GO_ALONG, SHOWN, WritebackSettings

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False) | st.integers(-(10**12), 10**12)
VALUES = st.none() | st.text(max_size=40) | NUMBERS
PROPERTIES = st.builds(
    CrmProperty, name=st.just("p"), longest=st.none() | st.integers(1, 30), decimals=st.none() | st.integers(0, 6)
)


def as_texts(value: Value) -> Value:
    """A value as a CRM gives it back that knows texts alone, and none that is empty."""
    return _sent(value) or None


@given(VALUES, PROPERTIES)
def test_what_was_taken_is_held(value: Value, each: CrmProperty) -> None:
    fitted = fitted_to(each, value)
    assert same(fitted, fitted or None if isinstance(fitted, str) else fitted)
    assert same(fitted, as_texts(fitted))
    assert fitted_to(each, fitted) == fitted
    if isinstance(fitted, str):
        assert fitted.isprintable() or fitted == ""
        assert each.longest is None or len(fitted) <= each.longest


@given(NUMBERS)
def test_a_number_is_sent_without_an_exponent_and_loses_nothing(number: float) -> None:
    text = _sent(number)
    assert "e" not in text.lower()
    assert float(text) == float(number)


@pytest.mark.parametrize(
    ("ours", "theirs", "is_same"),
    [
        (None, "", True), (None, None, True), ("", None, True), (0.0, None, False), (0, "0", True), (None, "0", False),
        (0.42, "0.420", True), (0.42, "0.421", False), (12, "twelve", False), ("12", "12.0", False), ("a", "A", False),
    ],
)  # fmt: skip
def test_drawn_values(ours: Value, theirs: Value, is_same: bool) -> None:
    assert same(ours, theirs) is is_same


ROWS = st.fixed_dictionaries(dict.fromkeys((*SHOWN, "snapshot_date"), VALUES))


@given(ROWS, ROWS, st.sets(st.sampled_from(SHOWN)))
def test_a_change_brings_a_record_to_what_is_wanted_and_is_taken_back_where_nobody_touched_it(
    wanted: dict[str, Value], held: dict[str, Value], touched: set[str]
) -> None:
    target = Target({column: CrmProperty(name) for column, name in WritebackSettings().names("hubspot").items()})
    before = {target.of[column].name: as_texts(value) for column, value in held.items()}
    change = target.change("a", wanted, CrmRecord("1", before))
    if change is None:
        assert all(same(fitted_to(target.of[name], wanted[name]), before[target.of[name].name]) for name in SHOWN)
        return
    now = before | {name: as_texts(value) for name, value in change.values.items()}
    assert target.change("a", wanted, CrmRecord("1", now)) is None
    others = {target.of[name].name: "somebody else was here" for name in touched}
    after = now | others
    back = next(restored({"a": change}, {"a": CrmRecord("1", after)}), RecordChange("a", "1", {}, {}))
    end = after | {name: as_texts(value) for name, value in back.values.items()}
    assert end == before | others


def test_columns_can_be_named_left_out_and_added() -> None:
    settings = WritebackSettings(properties={"rank": "", "play": "next_play", "model_version": "headroom_model"})
    names = settings.names("hubspot")
    assert {*SHOWN, *GO_ALONG} <= set(CRM_WRITEBACK.names)
    assert "rank" not in names
    assert (names["play"], names["model_version"], names["snapshot_date"]) == (
        "next_play",
        "headroom_model",
        "headroom_as_of",
    )
    assert settings.names("salesforce")["likelihood"] == "headroom_likelihood__c"


@pytest.mark.parametrize("properties", [{"account_id": "x"}, {"nothing": "x"}, {"rank": "x", "play": "X"}])
def test_what_cannot_be_sent_is_refused(properties: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        WritebackSettings(properties=properties)


@pytest.mark.parametrize(
    "properties",
    [{"rank": "headroom_band"}, {"rank": "Headroom_Band__c"}, {"rank": "one", "play": "ONE"}],
    ids=["a usual name", "one of Salesforce", "two that are set"],
)
def test_no_two_columns_have_one_property(properties: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="two columns have one property"):
        WritebackSettings(properties=properties)
    assert (
        WritebackSettings(properties={"rank": "headroom_band", "band": ""}).names("hubspot")["rank"] == "headroom_band"
    )
