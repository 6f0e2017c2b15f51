"""Where likelihood and money, or the model and the CSM, disagree."""

import pandas as pd

from serving.outcomes.at_odds import AtOdds, of_list
from serving.outcomes.vocabulary import DISQUALIFIED, LOST, TAKEN, WON


def twenty() -> pd.DataFrame:
    """a00 is the likeliest of twenty with the least at stake, a19 the other way round; a20 is set apart."""
    ids = [f"a{number:02}" for number in range(21)]
    return pd.DataFrame(
        {
            "account_id": ids,
            "name": [name.upper() for name in ids],
            "owner": "Ana",
            "rank": pd.array([*range(1, 21), None], dtype="Int64"),
            "listed": [number < 5 for number in range(21)],
            "propensity": [0.9 - number / 40 for number in range(21)],
            "expected_arr": [100.0 + number for number in range(21)],
            "log_odds": 0.0,
        }
    )


def told(scores: pd.DataFrame, **done: str) -> dict[str, str]:
    return dict(of_list(scores, done)[["account_id", "at_odds"]].itertuples(index=False))


def test_the_first_tenth_of_one_order_and_the_second_half_of_the_other() -> None:
    likely, stake = AtOdds.LIKELY, AtOdds.STAKE
    assert told(twenty()) == {"a00": likely, "a01": likely, "a18": stake, "a19": stake}
    assert told(twenty().assign(expected_arr=None)) == {}  # amounts are not known


def test_what_a_csm_did_against_the_model() -> None:
    done = {"a02": DISQUALIFIED, "a03": TAKEN, "a07": DISQUALIFIED, "a12": TAKEN, "a20": WON, "a13": LOST, "gone": WON}
    found = told(twenty(), **done)
    assert {account: kind for account, kind in found.items() if account in done} == {
        "a02": AtOdds.REFUSED,  # on the short list
        "a12": AtOdds.TAKEN,  # the thirteenth of twenty
        "a20": AtOdds.TAKEN,  # set apart
    }
