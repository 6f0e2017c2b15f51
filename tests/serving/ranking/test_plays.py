"""A play is given only where its facts are there; else the neutral one. Every play of the shipped playbook, drawn."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contract.details import DETAILS
from data.contract.outputs import FOR
from data.contract.vocabulary import MOTIONS
from serving.ranking import gates, plays
from serving.ranking.plays import ChosenPlays
from serving.reasons.playbook import Playbook, load
from serving.reasons.render import Facts
from serving.settings import ServingSettings
from tests.drawn import drawn as rows_drawn
from tests.serving.ranking.test_rank import assembled
from tests.serving.reasons.own_playbook import what_is_refused
from tests.serving.reasons.test_playbook import OWN_PLAY, OWN_REASON
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, SETTINGS, Drawn, drawn_reasons, scored

ALL_PLAYS = [code for code, play in PLAYBOOK.plays.items() if play.motion is not None]
COUNT = 150
SEEDS = range(12)


@cache
def drawn(seed: int) -> Drawn:
    return drawn_reasons(COUNT, seed)


def chosen(seed: int, playbook: Playbook = PLAYBOOK, settings: ServingSettings = SETTINGS) -> tuple[ChosenPlays, Facts]:
    made = drawn(seed)
    scores = scored(made.rows, seed)[0].set_index("account_id", drop=False)
    rows = made.rows.set_index("account_id", drop=False)
    facts = Facts.of(made.rows, [], False, made.details)
    passed = gates.evaluate(rows, settings.gates, users_are_daily_peaks=False)
    return plays.choose_plays(scores, rows, made.reasons, facts, passed, playbook, settings), facts


def holds(condition: str, facts: Facts, place: int) -> bool:
    """A condition of one account, by a plain reading of its text."""
    for part in condition.split(" and "):
        left, sign, right = part.removesuffix(" or missing").split(" ", 2)
        value = facts.numbers[left][place] if left in facts.numbers else np.nan
        if sign == "is":
            if not np.isnan(value):
                return False
            continue
        try:
            other = float(right)
        except ValueError:
            other = facts.numbers[right][place] if right in facts.numbers else np.nan
        if np.isnan(value) or np.isnan(other):
            if part.endswith(" or missing"):
                continue
            return False
        compared = {">": value > other, ">=": value >= other, "<": value < other, "<=": value <= other,
                    "==": value == other, "!=": value != other}  # fmt: skip
        if not compared[sign]:
            return False
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_play_is_never_given_where_its_facts_are_missing(seed: int) -> None:
    made, facts = chosen(seed)
    for place, code in enumerate(made.play):
        play = PLAYBOOK.plays[code]
        if play.requires:
            assert any(holds(condition, facts, place) for condition in play.requires), code
        assert not [bar.text for bar in play.not_when if holds(bar.when or "", facts, place)], code
        assert play.motion in (None, made.motion.iloc[place])
        said = made.opening.iloc[place]
        assert len(said) > 10
        assert "{" not in said
        fitting = [words for words in play.words if words.when is None or holds(words.when, facts, place)]
        assert fitting, code
    assert made.play.nunique() > 5
    assert PLAYBOOK.neutral_play in set(made.play)


def test_every_play_but_those_of_bases_without_contracts_is_drawn_or_its_facts_are_not() -> None:
    """The drawn rows have no logins, orders or a year of use; all other plays are given somewhere."""
    given = {code for seed in SEEDS for code in chosen(seed)[0].play}
    rare = {code for code in ALL_PLAYS if code.startswith("usage_")} | {"seat_sharing", "cross_sell_look_alikes"}
    assert set(ALL_PLAYS) - rare - given == set()


@pytest.mark.parametrize("code", ALL_PLAYS)
def test_without_any_fact_no_play_is_true_and_with_each_of_its_facts_it_is(code: str) -> None:
    play = PLAYBOOK.plays[code]
    none = Facts.of(pd.DataFrame({"seats": [np.nan]}), [], False)
    assert play.requires
    assert not plays._is_true(play, none).any()
    barred = [bar.when for bar in play.not_when]
    assert barred
    assert None not in barred  # a shipped bar is a comparison, not a text for people


@pytest.mark.parametrize("code", ALL_PLAYS)
def test_a_shipped_play_is_true_of_an_account_that_bears_it_out(code: str) -> None:
    """Values that satisfy one of `requires` and none of the bars, drawn at random: not a play that nobody can get."""
    play = PLAYBOOK.plays[code]
    draw = np.random.default_rng(7)
    size = 4_000
    numbers = {}
    for name in play.names:
        if name in CATALOGUE or name in DETAILS:
            high = 400 if "days_since" in name or "renewal" in name else 3 if name.endswith("share") else 30
            numbers[name] = np.where(draw.random(size) < 0.5, draw.uniform(-1, 2, size), draw.integers(0, high, size))
    numbers["users_are_daily_peaks"] = np.zeros(size)
    texts = {name: np.array(["x"] * size, dtype=object) for name in play.names if _is_name(name)}
    days = {name: np.full(size, 739_000.0) for name in play.names if name.endswith("_on")}
    facts = Facts(size, {k: v for k, v in numbers.items() if k not in texts} | days, texts)
    assert plays._is_true(play, facts).any()


def _is_name(name: str) -> bool:
    return name in DETAILS and DETAILS[name].kind == "name"


def test_where_no_play_is_true_the_neutral_one_is_given_and_its_words_are_true() -> None:
    nothing = {"propensity_seat": 0.3, "seat_utilization_28d": 0.6, "active_users_28d": 6}
    made = assembled(nothing, {**nothing, "events_28d": 40.0, "top_feature": "api_calls"}).scores()
    assert made["play"].tolist() == [PLAYBOOK.neutral_play] * 2
    assert made["motion"].tolist() == ["seat"] * 2  # the likeliest that is possible
    assert made["opening"].tolist() == [
        "How are things going with us, and what do you want to reach this year?",
        "You use the API calls feature. What works well, and what would you change?",
    ]


NEARLY_FULL = {"active_users_28d": 9.0}
PARTS = {"seats_free": 0.3, "seat_utilization_28d": 0.3, "mrr": 0.1, "tenure_days": 0.1}


@pytest.mark.parametrize(
    ("values", "play"),
    [
        ({}, "seat_limit"),
        ({"seat_utilization_28d": 1.0, "active_users_28d": 10.0}, "seat_full"),
        ({"seat_utilization_28d": 1.1, "active_users_28d": 11.0}, "seat_over"),
        ({"registered_users": 12.0}, "seat_over"),
        ({"seat_utilization_28d": 0.79}, "check_in"),
        ({"events_growth_91d": -0.1}, "check_in"),  # use is falling: the bar
        ({"events_growth_91d": -0.09}, "seat_limit"),
        ({"active_users_growth_28d": -0.15}, "check_in"),
        ({"days_since_contraction": 91.0}, "check_in"),  # it cut back lately
        ({"days_since_contraction": 92.0}, "seat_limit"),
        ({"days_since_ended": 91.0, "ended_product": "Analytics", "ended_on": date(2026, 7, 2)}, "check_in"),
        ({"seats": np.nan}, "check_in"),
    ],
)
def test_seats_in_use_lead_to_the_play_that_is_true(values: dict[str, float], play: str) -> None:
    made = assembled({"propensity_seat": 0.3, **NEARLY_FULL, **values}, parts=PARTS)
    assert made.scores()["play"].tolist() == [play]


@pytest.mark.parametrize(
    ("propensity", "play"), [(0.02, "seat_limit"), (0.0199, "check_in"), (0.0, "check_in"), (np.nan, "check_in")]
)
def test_a_motion_that_is_hardly_likely_is_not_shown(propensity: float, play: str) -> None:
    made = assembled({"propensity_seat": propensity, "propensity_upsell": 0.001, **NEARLY_FULL}, parts=PARTS)
    assert made.scores()["play"].tolist() == [play]


def test_the_next_motion_is_taken_where_the_likeliest_has_no_true_play() -> None:
    likely = {"propensity_seat": 0.3, "propensity_upsell": 0.4, "propensity_cross_sell": 0.1}
    made = assembled({**likely, **NEARLY_FULL}, parts=PARTS)
    assert made.scores().loc[0, ["motion", "play"]].tolist() == ["seat", "seat_limit"]


def test_of_the_true_plays_the_one_that_answers_most_of_what_is_shown_is_given() -> None:
    values = {"propensity_seat": 0.3, "teams_new_91d": 1.0, "new_team": "Sales", "new_team_users": 4.0, **NEARLY_FULL}
    weights = [({"teams_new_91d": 0.5, "seat_utilization_28d": 0.2}, "seat_new_team"),
               ({"teams_new_91d": 0.2, "seat_utilization_28d": 0.5}, "seat_limit")]  # fmt: skip
    for parts, play in weights:
        assert assembled(values, parts={**parts, "mrr": 0.1}).scores()["play"].tolist() == [play]


@pytest.mark.parametrize(
    ("peaks", "opening"),
    [
        (True, "9 of your 10 seats were in use on your busiest day. Who else would you like to bring in?"),
        (
            False,
            "9 of your 10 seats were in use in the last four weeks. How many people do you expect to add in the next "
            "two quarters?",
        ),
    ],
)
def test_the_first_words_that_hold_are_said(peaks: bool, opening: str) -> None:
    row = pd.DataFrame({"seats": [10.0], "active_users_28d": [9.0]})
    facts = Facts.of(row, [], peaks)
    codes = np.array(["seat_limit"], dtype=object)
    nobody = np.array([None], dtype=object)
    given = {"seat_limit": plays._given(PLAYBOOK.plays["seat_limit"], facts, nobody, nobody, {})}
    assert plays._openings(codes, given, facts, "$") == [opening]


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def first_words(code: str, shown: bool = False, **known: object) -> str | None:
    """What is said of an account of which this is known; None where the play has no words for it.

    ``shown``: do its reasons state what the openings of the play rest on?
    """
    numbers = {name: [value] for name, value in known.items() if name not in DETAILS}
    named = pd.DataFrame({name: [value] for name, value in known.items() if name in DETAILS})
    facts = Facts.of(pd.DataFrame({"account_id": ["acme"], **numbers}), [], False, named)
    nobody = np.array([None], dtype=object)
    stated = dict.fromkeys(PLAYBOOK.plays[code].because, np.array([shown]))
    given = {code: plays._given(PLAYBOOK.plays[code], facts, nobody, nobody, stated)}
    return plays._openings(np.array([code], dtype=object), given, facts, "$")[0] if given[code].said[0] >= 0 else None


REVIEWED = "We last met for a review on {}. What has changed for you since?"
MEET = "Our last review was on {}. Shall we find a time for the next one?"
ASK = "How are things going with us, and what do you want to reach this year?"
REACHED = "On {} you reached a milestone: go live. What do you want to reach next?"
SENT = "On {} you sent us a request about the templates feature. What would it change for you?"
NAMED_GAP = "On {} you told us what is missing: a backup each night. How urgent is that for you today?"


@pytest.mark.parametrize(
    ("fact", "days", "reviewed", "said"),
    [
        ("milestone", 182, None, REACHED),
        ("milestone", 183, None, ASK),
        ("milestone", 40, 40, REACHED),  # on the day of the review
        ("milestone", 41, 40, REVIEWED),
        ("request", 61, None, SENT),
        ("request", 62, None, ASK),
        ("request", 62, 40, REVIEWED),
        ("request", 50, 40, REVIEWED),
        ("gap", 180, None, NAMED_GAP),
        ("gap", 40, 40, NAMED_GAP),
        ("gap", 120, 28, REVIEWED),
        ("gap", 120, 91, REVIEWED),
        ("gap", 120, 92, MEET),
        ("gap", 120, 27, ASK),  # they have just met
    ],
)
def test_an_opening_names_a_fact_only_while_it_is_fresh(fact: str, days: int, reviewed: int | None, said: str) -> None:
    of_facts: dict[str, dict[str, object]] = {
        "milestone": {"milestone_on": ago(days), "milestone_name": "go_live", "days_since_milestone": float(days)},
        "request": {"requested_on": ago(days), "request_feature": "templates", "days_since_request": float(days)},
        "gap": {"gap_on": ago(days), "gap_name": "a backup each night"},
    }
    met = (
        {}
        if reviewed is None
        else {"reviewed_on": ago(reviewed), "qbr_held_182d": 1.0, "days_since_review": float(reviewed)}
    )
    told_of = ago(reviewed) if said in (REVIEWED, MEET) and reviewed is not None else ago(days)
    day = f"{told_of.day} {told_of:%B}"
    assert first_words("check_in", **of_facts[fact], **met) == said.format(day)


@pytest.mark.parametrize(
    ("is_open", "said"),
    [
        (0.0, "On {} you asked us about the templates feature, and we closed that request on {}. Did you get what"),
        (1.0, "On {} you asked us about the templates feature, and that is still open with us. How urgent is it"),
    ],
)
def test_an_opening_about_a_request_says_what_came_of_it(is_open: float, said: str) -> None:
    asked = {"request_feature": "templates", "requested_on": ago(50), "days_since_request": 50.0}
    facts = {**asked, "request_is_open": is_open}
    closed = {} if is_open else {"request_closed_on": ago(40)}
    days = (f"{day.day} {day:%B}" for day in (ago(50), ago(40)))
    words = first_words("check_in", **facts, **closed)
    assert words is not None
    assert words.startswith(said.format(*days))


def test_who_ended_a_contract_is_asked_why_before_anything_else() -> None:
    ended = {"ended_product": "Workspace", "ended_on": ago(23), "days_since_ended": 23.0}
    said = (
        f"Your Workspace contract ended on {ago(23).day} {ago(23):%B}. What led to that, and what would make you look"
    )
    words = first_words("check_in", milestone_on=ago(3), milestone_name="go_live", days_since_milestone=3.0, **ended)
    assert words is not None
    assert words.startswith(said)


OPENED = {"budget_opened_182d": 1.0, "budget_on": date(2026, 9, 15), "days_to_renewal": 90.0,
          "renews_on": date(2026, 12, 30), "cross_sell_product": "Messaging"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        (
            "tools for new teams",
            True,
            "On 15 September you set a budget aside for tools for new teams. What should it achieve, and by when?",
        ),
        (None, True, "On 15 September you opened a new budget. Shall we prepare one page on Messaging for it?"),
        ("tools for new teams", False, "Your contract renews on 30 December. When we talk about that,"),
    ],
)
def test_an_opening_speaks_of_a_budget_by_its_name_where_a_shown_reason_does(
    name: str | None, shown: bool, said: str
) -> None:
    words = first_words("cross_sell_budget", shown, budget_name=name, **OPENED)
    assert words is not None
    assert words.startswith(said)


def test_openings_that_state_a_day_that_goes_stale_ask_whether_a_review_came_after_it() -> None:
    openings = [way for play in PLAYBOOK.plays.values() for form in play.forms.values() for way in form.openings]
    asked = 0
    for way in openings:
        for day in {"milestone_on", "requested_on", "gated_asked_on", "gap_on"} & set(way.template.features):
            terms = way.condition.terms if way.condition else ()
            assert ("reviewed_on", "<= or missing", day) in terms, way.template.literals
            asked += 1
    assert asked > 8


COMPARES_QUARTERS = {
    "events_growth_91d", "active_users_growth_91d", "billed_growth_91d", "users_created_91d", "teams_new_91d",
    "seat_utilization_change_91d",
}  # fmt: skip


def test_a_quarter_is_told_as_growth_of_who_was_a_customer_in_the_one_before() -> None:
    """A first quarter, and that of who came back, is a beginning, and grows from nothing."""
    told = [way for reason in PLAYBOOK.reasons.values() for way in reason.tellings(FOR) if way.shown]
    pitched = [way for play in PLAYBOOK.plays.values() if play.motion for way in play.openings]
    asked = 0
    for way in (*told, *pitched):
        terms = {(name, sign): value for name, sign, value in (way.condition.terms if way.condition else ())}
        grown = {name for (name, sign), value in terms.items() if sign[0] == ">" and not _is_below(value)}
        if COMPARES_QUARTERS & grown:
            since = [value for (name, _), value in terms.items() if name == "tenure_days"]
            assert min(since, default=0) >= 182, way.template.literals
            assert ("days_since_returned", "is missing") in terms, way.template.literals
            asked += 1
    assert asked > 20


def _is_below(value: float | str) -> bool:
    """Is it a bar that a slight fall passes?"""
    return isinstance(value, float) and value < 0


def test_the_neutral_play_alone_may_come_first(tmp_path: Path) -> None:
    found = what_is_refused(tmp_path, OWN_REASON + OWN_PLAY + 'first_when = ["seats > 1"]\n')
    assert "`first_when` is of the neutral play alone" in found


def test_a_play_of_an_earlier_playbook_still_loads(tmp_path: Path) -> None:
    """One text as its words, and a bar that is a text for people: it needs no fact."""
    own = tmp_path / "own.toml"
    own.write_text(OWN_REASON + OWN_PLAY)
    playbook = load(CATALOGUE, own)
    play = playbook.plays["seat_own"]
    assert [words.text for words in play.words] == ["As you use it today, this would solve the queue."]
    assert [bar.text for bar in play.not_when] == ["The admin is on leave."]
    assert (play.facts, play.bars) == ((), ())
    made, _ = chosen(1, playbook)
    assert "seat_own" in set(made.play)
    assert set(made.opening[made.play == "seat_own"]) == {"As you use it today, this would solve the queue."}


def test_the_day_to_act_is_not_after_the_renewal() -> None:
    day, named = date(2026, 10, 1), pd.Series(["seat_full"] * 4)
    waits = timedelta(days=PLAYBOOK.plays["seat_full"].days_to_act)
    renewals = [None, day, day + timedelta(days=3), day + waits + timedelta(days=1)]
    by = plays.act_by(day, named, PLAYBOOK, renews_on=renewals)
    assert by.tolist() == [day + waits, day, day + timedelta(days=3), day + waits]


def test_a_contract_that_renews_every_month_brings_no_day_forward() -> None:
    day = date(2026, 10, 1)
    terms = pd.DataFrame({"contract_term_days": [79.0, 80.0, np.nan]})
    assert plays.renewals_to_meet(terms, [day] * 3) == [None, day, day]
    assert plays.renewals_to_meet(terms[[]], [day, None, day]) == [day, None, day]


def test_the_day_to_act_is_known_of_every_play() -> None:
    made, _ = chosen(2)
    by = plays.act_by(pd.Timestamp("2026-10-01").date(), made.play, PLAYBOOK)
    days = [(day - pd.Timestamp("2026-10-01").date()).days for day in by]
    assert days == [PLAYBOOK.plays[code].days_to_act for code in made.play]
    assert {play.motion for play in PLAYBOOK.plays.values()} == {None, *MOTIONS}


FORMS = """
[plays.upsell_own]
motion = "upsell"
name = "Our own upsell"
default = true
what_to_do = "Call the admin this week."
offer = "The next plan, for a year."
words = "Shall we look at {next_plan:name}?"
show = "Both plans side by side."
not_when = [{ when = "tickets_open > 3", text = "Many tickets are open." }]
owner_role = "CSM"
hand_over = "To the AE when a price is asked for."
days_to_act = 20
[plays.upsell_own.segment."Mid-Market"]
owner_role = "AE"
days_to_act = 40
[plays.upsell_own.step."Team Plus > Business"]
offer = "Business, after a trial."
words = "Business has the approvals that you miss. Shall I show you?"
not_when = [{ when = "tickets_open > 0", text = "A ticket is open." }]
days_to_act = 10
"""


@pytest.fixture(scope="module")
def with_forms(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    own = tmp_path_factory.mktemp("own") / "own.toml"
    own.write_text(FORMS)
    return load(CATALOGUE, own)


@pytest.mark.parametrize(
    ("segment", "step", "tickets", "form", "said", "days"),
    [
        ("SMB", ("starter", "team_plus"), 1.0, "", "Shall we look at team plus?", 20),
        ("mid_market", ("starter", "team_plus"), 1.0, "Mid-Market", "Shall we look at team plus?", 40),
        ("SMB", ("team_plus", "business"), 0.0, "Team Plus > Business", "Business has the approvals", 10),
        ("mid_market", ("team_plus", "business"), 0.0, "Mid-Market; Team Plus > Business", "Business has", 10),
        (None, ("team_plus", None), 1.0, None, None, None),  # the next plan is not known: the words cannot be said
        ("SMB", ("starter", "team_plus"), 4.0, None, None, None),  # many tickets are open
        ("SMB", ("team_plus", "business"), 1.0, None, None, None),  # on this step one is enough
    ],
)
def test_a_play_is_given_in_the_form_of_the_segment_and_the_step(
    with_forms: Playbook,
    segment: str | None,
    step: tuple[str, str | None],
    tickets: float,
    form: str | None,
    said: str | None,
    days: int | None,
) -> None:
    rows = pd.DataFrame({"account_id": ["acme"], "mrr": [100.0], "tiers_above": [1.0], "tickets_open": [tickets]})
    by_account = rows.set_index("account_id", drop=False)
    named = pd.DataFrame({"present_plan": [step[0]], "next_plan": [step[1]]})
    facts = Facts.of(rows, [], False, named)
    scores = by_account.assign(propensity_upsell=0.4)
    none = pd.DataFrame({"account_id": [], "effect": [], "shown": pd.Series([], dtype=bool), "reason_code": []})
    none = none.assign(numbers_from=pd.Series([], dtype="str"))
    none = none.assign(shap_log_odds=pd.Series([], dtype="float64"))
    passed = gates.evaluate(by_account, SETTINGS.gates, users_are_daily_peaks=False)
    made = plays.choose_plays(scores, by_account, none, facts, passed, with_forms, SETTINGS, [segment])
    if form is None:
        assert made.play.tolist() == ["check_in"]
        return
    assert (made.play.iloc[0], made.form.iloc[0]) == ("upsell_own", form)
    assert made.step.tolist() == [" > ".join(map(str, step))]
    assert made.opening.iloc[0].startswith(said)
    day = pd.Timestamp("2026-10-01").date()
    assert (plays.act_by(day, made.play, with_forms, made.form).iloc[0] - day).days == days


def test_a_form_says_only_what_is_otherwise(with_forms: Playbook) -> None:
    play = with_forms.plays["upsell_own"]
    both = play.forms["Mid-Market; Team Plus > Business"]
    assert (both.owner_role, both.offer, both.hand_over) == ("AE", "Business, after a trial.", play.hand_over)
    assert play.forms[""] is play
    assert len(play.forms) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('step."Team Plus > Business"', 'step."Team Plus"', 17, "`Team Plus` is no step such as `Team > Business`"),
        ('owner_role = "AE"', 'owner_rolle = "AE"', 15, "is an unknown key (there is owner_role"),
        ('owner_role = "AE"\ndays_to_act = 40\n', "", 14, "it says nothing that is otherwise"),
        ("days_to_act = 40", "days_to_act = 0", 16, "days_to_act"),
        ("Business, after a trial.", "{next_plan:name}", 18, "only `words` may state"),
        ("Business has the", "{next_plann:name} has the", 19, "`next_plann` is no feature (there is next_plan"),
        ('tickets_open > 0"', 'ticket_open > 0"', 20, "`ticket_open` is no feature"),
        ('hand_over = "To the AE', 'hand_over = "{seats:count}', 12, "only `words` may state"),
        ('offer = "The next plan, for a year."\n', "", 2, "plays.upsell_own.offer"),
    ],
)
def test_a_form_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in FORMS
    found = what_is_refused(tmp_path, FORMS.replace(old, new))
    assert told in found
    assert f"line {line}: " in found, found


@pytest.mark.parametrize(
    ("used_of_all", "plan", "words"),
    [
        (2.0, "Pro", "You have used the SSO feature, part of our Pro plan."),
        (3.0, "Plus", "You have used 2 features that our Pro plan adds."),
    ],
)
def test_an_opening_names_the_plan_that_the_play_leads_to(used_of_all: float, plan: str, words: str) -> None:
    """The feature that was used last may be one of another product's next plan."""
    used = {"next_plan_used": 2.0, "next_plan": "Pro", "gated_feature_used": "sso", "gated_used_plan": plan}
    said = first_words("upsell_features", gated_features_used_91d=used_of_all, **used)
    assert said == f"{words} Shall I show you what else that plan includes?"
    renewal = {"days_to_renewal": 30.0, "renews_on": ago(-30)}
    at_renewal = first_words("upsell_features", gated_features_used_91d=used_of_all, **used, **renewal)
    assert at_renewal is not None
    assert ("Pro plan" in at_renewal, "31 October" in at_renewal) == (True, True)


def test_above_a_plan_that_is_not_on_the_price_list_an_upsell_is_not_known_to_be_impossible() -> None:
    rows = (
        rows_drawn(
            """
        account_id | tiers_above | tier | mrr | possible
        top        | 0           | 3    | 100 | 0
        below      | 1           | 2    | 100 | 1
        unlisted   | 0           |      | 100 | 1
        ended      | 0           |      |     | 0
        """
        )
        .set_index("account_id")
        .astype("float64")
    )
    passed = gates.evaluate(rows, SETTINGS.gates)
    assert plays._possible("upsell", rows, passed, frozenset()).tolist() == (rows["possible"] == 1).tolist()


def test_every_play_says_who_takes_it_on() -> None:
    assert [code for code, play in PLAYBOOK.plays.items() if not play.hand_over] == []


def test_where_bills_are_not_known_usage_may_still_expand() -> None:
    made = drawn(1)
    scores = scored(made.rows, 1)[0].set_index("account_id", drop=False)
    scores = scores.assign(**{f"propensity_{motion}": float(motion == "usage") for motion in MOTIONS})
    rows = made.rows.set_index("account_id", drop=False).drop(columns="billed_365d")
    for muted, motions in ((frozenset({"billed_365d"}), {"usage"}), (frozenset(), {*MOTIONS} - {"usage"})):
        facts = Facts.of(made.rows, [], False, made.details, muted)
        passed = gates.evaluate(rows, SETTINGS.gates, muted=muted)
        found = plays.choose_plays(scores, rows, made.reasons, facts, passed, PLAYBOOK, SETTINGS)
        assert set(found.motion) <= motions
