"""A feature is a function and the words that go with it: a word that is not known, or not given, is refused at once."""

import pytest

from features.definition import feature


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"unit": "tickets", "reason": "support_load"}, "label"),
        ({"label": "Tickets", "unit": "tickets", "reason": "support_load", "acionable": True}, "acionable"),
    ],
)
def test_the_words_of_a_feature_are_those_of_the_card(words: dict[str, object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        feature("tickets", needs=("tickets",), **words)
