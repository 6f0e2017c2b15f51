import numpy as np
import pytest

from serving.reasons.templates import Condition, Template


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
        ("{x:percent}", 0.924, "92%"),
        ("{x:percent}", 0.004, "0.4%"),
        ("{x:percent}", 0, "0%"),
        ("{x:change}", 0.35, "+35%"),
        ("{x:change}", -0.35, "-35%"),
        ("{x:change}", 0.001, "0%"),
        ("{x:size}", -0.35, "35%"),
        ("{x:size}", 12.5, "1,250%"),
        ("{x:points}", -0.12, "12 points"),
        ("{x:points}", 0.01, "1 point"),
        ("{x:days}", 1, "1 day"),
        ("{x:span}", 45, "45 days"),
        ("{x:span}", 612, "612 days (20 months)"),
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
    ],
)
def test_a_condition_holds_row_by_row_and_never_for_a_missing_value(condition: str, holds: list[bool]) -> None:
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
