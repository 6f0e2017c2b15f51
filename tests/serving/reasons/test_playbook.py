import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from data.contract.details import DETAILS, DetailKind
from data.contract.feature_card import OWN_TABLE
from data.contract.outputs import AGAINST, FOR, SCORES
from data.contract.vocabulary import MOTIONS
from data.errors import SettingsError
from features.catalogue import REGISTRY
from features.definitions.custom import own_card
from serving.published.row_context import CONTACTS
from serving.ranking.gates import ASKED_DETAILS
from serving.ranking.plays import STEPS
from serving.reasons.playbook import load
from serving.reasons.render import SIDES
from serving.reasons.tellings import MOST_WORDS, Telling, sentences_of, word_count
from serving.verify.words import COUNTED, FALLS, UNNAMED
from tests.serving.reasons.own_playbook import what_is_refused
from tests.serving.world import CATALOGUE, PLAYBOOK

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = Path(__file__).parents[3] / "data" / "examples"
FEATURES = {feature.name: feature.card for feature in REGISTRY.features.values() if feature.card is not None}
NAMES = (DetailKind.NAME, DetailKind.DAY)
OWN_REASON = """
[reasons.tenure]
title = "Time with us"
texts = ["With us for {tenure_days:days}."]
"""
OWN_PLAY = """
[plays.seat_own]
motion = "seat"
name = "Our own seat play"
default = true
reasons = ["seats_in_use"]
what_to_do = "Call the admin this week."
offer = "Ten seats for the price of nine."
words = "As you use it today, this would solve the queue."
show = "The chart of seats in use."
not_when = "The admin is on leave."
owner_role = "CSM"
days_to_act = 7
"""


def test_the_shipped_playbook_tells_every_feature_of_the_product() -> None:
    playbook = load(FEATURES)
    assert {card.reason_code for card in FEATURES.values()} == set(playbook.reasons)


def test_every_motion_has_plays_and_one_play_is_neutral() -> None:
    assert min(len(PLAYBOOK.plays_of(motion)) for motion in MOTIONS) >= 2
    assert [code for code, play in PLAYBOOK.plays.items() if play.motion is None] == [PLAYBOOK.neutral_play]


def every_telling(*sides: str) -> list[tuple[str, str]]:
    """What each reason says whoever it is about, with its code."""
    return [
        (code, " ... ".join(telling.template.literals))
        for code, reason in PLAYBOOK.reasons.items()
        for side in sides or SIDES
        for telling in reason.tellings(side)
    ]


def test_texts_state_facts_and_end_like_sentences() -> None:
    for code, text in every_telling():
        assert text.endswith("."), code
        assert not re.search(r"\b(will|should|likely|because|probably)\b", text), code


def test_every_telling_and_opening_has_few_words() -> None:
    """A placeholder counts for what its format says; the openings and the texts of bars too."""
    books = [reason.tellings(side) for reason in PLAYBOOK.reasons.values() for side in SIDES]
    openings = [play.openings for play in PLAYBOOK.plays.values()]
    for telling in chain.from_iterable([*books, *openings]):
        said = telling.template.literals[0] + "".join(
            "x" * (len(placeholder.words) == 0) + (placeholder.words[-1] if placeholder.words else "") + literal
            for placeholder, literal in zip(telling.template.placeholders, telling.template.literals[1:], strict=True)
        )
        assert max(map(word_count, sentences_of(said))) <= MOST_WORDS, said


def shown_for() -> list[tuple[str, Telling, str]]:
    """What a CSM may read of each reason for: the code, the telling, and its words around numbers that are large."""
    told = []
    for code, reason in PLAYBOOK.reasons.items():
        for telling in reason.tellings(FOR):
            text = telling.template.literals[0]
            for placeholder, literal in zip(telling.template.placeholders, telling.template.literals[1:], strict=True):
                text += "99" + (f" {placeholder.words[-1]}" if placeholder.words else "") + literal
            if telling.shown:
                told.append((code, telling, text))
    return told


def test_no_sentence_for_an_account_speaks_of_a_fall() -> None:
    assert [(code, text) for code, _, text in shown_for() if FALLS.search(text)] == []


def test_what_a_sentence_for_an_account_speaks_of_it_names() -> None:
    unnamed = [
        (code, text)
        for code, telling, text in shown_for()
        if UNNAMED.search(COUNTED.sub("", text))
        and not any(DETAILS[name].kind in NAMES for name in telling.template.features if name in DETAILS)
    ]
    assert unnamed == []


def test_a_trend_is_told_by_what_may_push_it() -> None:
    """Whatever states what it grew from has a group of features of which one must push, or is of one feature alone."""
    members = {code: [name for name, card in FEATURES.items() if card.reason_code == code] for code in PLAYBOOK.reasons}
    free = [
        (code, text)
        for code, telling, text in shown_for()
        if any(placeholder.growth for placeholder in telling.template.placeholders)
        and not telling.because
        and len(members[code]) > 1
    ]
    assert free == []


def shown_tellings() -> list[tuple[str, Telling]]:
    """All that a CSM may read as a reason or as what to say first, with its code."""
    sides = [(code, reason.tellings(side)) for code, reason in PLAYBOOK.reasons.items() for side in (FOR, AGAINST)]
    openings = [(code, play.openings) for code, play in PLAYBOOK.plays.items()]
    return [(code, telling) for code, told in (*sides, *openings) for telling in told if telling.shown]


def asked_of(telling: Telling) -> dict[str, list[tuple[str, float | str]]]:
    """What a telling's condition asks of each feature: sign and what it is compared with."""
    asked: dict[str, list[tuple[str, float | str]]] = {}
    for name, sign, other in telling.condition.terms if telling.condition else ():
        asked.setdefault(name, []).append((sign, other))
    return asked


def test_a_csm_reads_no_word_of_the_tables() -> None:
    """Use is told as people tell it, and what lasts is said to have been so since."""
    odd = re.compile(r"\b(events?|tuples?|rows?|windows?)\b|\bis \w+ since\b|\bjoined you\b", re.IGNORECASE)
    texts = [(code, "x".join(telling.template.literals)) for code, telling in shown_tellings()]
    words = [(code, p.words) for code, telling in shown_tellings() for p in telling.template.placeholders]
    assert [found for found in [*texts, *words] if odd.search(str(found[1]))] == []


def test_a_slope_is_told_without_a_number() -> None:
    """Relative to a mean it is no growth a week: it would be read as one that adds up to many times as much."""
    slopes = [(code, t.template.features) for code, t in shown_tellings() if "slope" in " ".join(t.template.features)]
    assert slopes == []


def test_a_level_alone_is_told_only_where_it_is_no_low_one() -> None:
    levels = [(code, t) for code, t, _ in shown_for() if code in ("usage_level", "account_size", "billing_level")]
    assert len(levels) > 6
    for code, telling in levels:
        grew = any(placeholder.growth for placeholder in telling.template.placeholders)
        known = [asked for name, asked in asked_of(telling).items() if name.startswith("peers_below_")]
        assert grew or [asked[0] for asked in known] in (
            [(">= or missing", 0.5)],
            [(">= or missing", 0.6)],
            [(">=", 0.6)],
        ), code


WINDOW_DAYS = {"this month": 28, "this quarter": 91, "over the year": 365}


def test_what_is_compared_with_peers_is_told_of_the_time_that_they_are_compared_in() -> None:
    compared = 0
    for code, telling in shown_tellings():
        words = "".join(telling.template.literals)
        peers = [name for name in telling.template.features if name.startswith("peers_below_")]
        if peers and ";" not in words:  # a second statement has its own time
            said = {days for window, days in WINDOW_DAYS.items() if window in words}
            meant = FEATURES[peers[0]].window_days
            assert said <= {meant} or (meant == 182 and said == {91}), (code, words)  # growth is of two quarters
            compared += bool(said)
    assert compared > 4


def test_two_of_a_number_its_limit_and_their_share_are_told() -> None:
    """All three, each rounded, would not agree: 3 of 10 is not 32%."""
    for code, telling in shown_tellings():
        features = set(telling.template.features)
        assert not {"limit_pace", "limit_share_max_28d"} <= features, code


def test_one_person_more_or_less_is_no_reason() -> None:
    """Neither of the fewest people that are told, at the least change that is."""
    sides = [(side, telling) for side in (FOR, AGAINST) for telling in PLAYBOOK.reasons["user_growth"].tellings(side)]
    changed = [(side, t) for side, t in sides if t.shown and any(p.growth for p in t.template.placeholders)]
    assert len(changed) >= 8
    for side, telling in changed:
        people = telling.template.placeholders[0].feature
        growth = next(p.growth for p in telling.template.placeholders if p.growth)
        asked = asked_of(telling)
        fewest, least = (next(float(number) for _, number in asked[name]) for name in (people, growth))
        assert abs(fewest - fewest / (1 + least)) > 1, (side, telling.template.literals)


def test_a_count_of_times_is_never_one() -> None:
    for code, telling in shown_tellings():
        for placeholder in telling.template.placeholders:
            if placeholder.words == ("time", "times"):
                assert {(">", 1.0), (">", 2.0)} & set(asked_of(telling)[placeholder.feature]), code


def test_none_of_them_is_said_in_words_of_its_own() -> None:
    """A part of others is named where it is none of them: `more than none of similar accounts` is no sentence."""
    for code, reason in PLAYBOOK.reasons.items():
        for telling in chain.from_iterable(reason.tellings(side) for side in SIDES):
            for name in [p.feature for p in telling.template.placeholders if p.format == "part"]:
                asked = asked_of(telling)[name]
                assert any(sign == ">" or (sign == ">=" and float(other) > 0) for sign, other in asked), code


def test_what_is_said_first_asks_something_and_never_of_what_grew_most() -> None:
    """The feature that is named is the one that is used most, not the one that grew most."""
    for code, play in PLAYBOOK.plays.items():
        for telling in play.openings:
            text = "".join(
                literal + (f"<{p.feature}>" if p else "")
                for literal, p in zip_longest(telling.template.literals, telling.template.placeholders)
            )
            assert "?" in text, code
            assert not re.search(r"(grew|more than|as much)[^.?]*<top_feature> most", text), text


def test_nobody_is_told_of_all_of_all_features_of_a_plan() -> None:
    """Who uses 3 of 3 uses every one."""
    for code, telling in counted_and_offered("plan_features_used", "plan_features_included"):
        asked = asked_of(telling)["features_included_share_91d"]
        assert any(sign in ("<", "<=") for sign, _ in asked), code


def test_who_is_over_a_limit_is_offered_a_plan_that_allows_as_much() -> None:
    offers = list(counted_and_offered("limit_amount", "next_plan"))
    assert offers
    for code, telling in offers:
        assert telling.condition, code
        assert "next_plan_limit" in telling.condition.features, code


def test_a_feature_is_named_beside_the_next_plan_only_where_it_is_one_of_that_plan() -> None:
    """What was used last of all next tiers may be of another product's."""
    found = list(counted_and_offered("gated_feature_used", "next_plan"))
    assert found
    for code, telling in found:
        asked = asked_of(telling)["gated_features_used_91d"]
        assert ("==", "next_plan_used") in asked or ("==", 1.0) in asked, code


def counted_and_offered(*names: str) -> Iterator[tuple[str, Telling]]:
    """What is said with all of these names, whoever it is about, with the code of its reason or play."""
    reasons = {code: chain.from_iterable(map(reason.tellings, SIDES)) for code, reason in PLAYBOOK.reasons.items()}
    plays = {code: play.openings for code, play in PLAYBOOK.plays.items()}
    for code, tellings in {**reasons, **plays}.items():
        yield from ((code, telling) for telling in tellings if set(names) <= set(telling.template.features))


def test_every_detail_is_said_or_stands_beside_an_account() -> None:
    books = [reason.tellings(side) for reason in PLAYBOOK.reasons.values() for side in SIDES]
    openings = [play.openings for play in PLAYBOOK.plays.values()]
    signals = [trigger.tellings for trigger in PLAYBOOK.triggers.values()]
    said = {name for telling in chain.from_iterable([*books, *openings, *signals]) for name in telling.names}
    beside = {*said, *ASKED_DETAILS, *SCORES.names, *CONTACTS, *chain.from_iterable(STEPS.values())}
    assert {name for name in DETAILS if name not in beside and not name.startswith(("plan_", "use_week_"))} == set()


def test_what_happened_by_itself_is_no_reason_to_act() -> None:
    silent = {code for code, reason in PLAYBOOK.reasons.items() if reason.for_ == ()}
    assert {"tenure", "season", "contract_cycle", "crm_activity", "support_load", "overdue", "play_open"} <= silent


def test_every_bar_of_a_shipped_play_is_a_comparison_with_a_reason() -> None:
    for code, play in PLAYBOOK.plays.items():
        assert all(bar.when and bar.text.endswith(".") for bar in play.not_when), code
        assert bool(play.not_when) == (play.motion is not None), code


def test_plays_speak_for_the_customer() -> None:
    """What is said first is about them or from them, asks or offers, and promises nothing."""
    for code, play in PLAYBOOK.plays.items():
        for telling in play.openings:
            text = " ... ".join(telling.template.literals)
            assert re.search(r"\b(you|your|us|we|congratulations)\b", text, re.IGNORECASE), code
            assert not re.search(r"\b(will save|guarantee|best|cheap)\b", text), code


def test_a_file_of_ones_own_replaces_and_adds(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN_REASON + OWN_PLAY)
    playbook = load(CATALOGUE, own)
    assert playbook.reasons["tenure"].title == "Time with us"
    assert next(iter(playbook.plays_of("seat"))) == "seat_own"  # the first of equals
    assert playbook.neutral_play == PLAYBOOK.neutral_play
    assert playbook.reasons.keys() == PLAYBOOK.reasons.keys()
    assert "seat_limit" in playbook.plays


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reasons = 1\n[", "cannot be read"),
        ("reasons = 1\n[plays]", "line 1: `reasons` is no table, as in [reasons.NAME]"),
        ("[plays]\n[reason.tenure]", "line 2: `reason` is no part of a playbook"),
        ("[reason.tenure]", "`reason` is no part of a playbook (there is reasons: did you mean that?)"),
        (OWN_REASON + "colour = 'red'", "`reasons.tenure.colour` is an unknown key"),
        (OWN_REASON + "agianst = ['No customer.']", "`reasons.tenure.agianst` is an unknown key (there is against"),
        (OWN_REASON.replace("tenure_days", "tenure_day"), "`tenure_day` is no feature (there is tenure_days: did"),
        (OWN_REASON.replace(":days", ":weeks"), "there is no format `weeks`"),
        (OWN_REASON.replace('["With us for {tenure_days:days}."]', "[]"), "reasons.tenure.texts"),
        (OWN_REASON.replace("Time with us", "Time"), "2 to 5 words"),
        (
            OWN_REASON.replace("reasons.tenure", "reasons.tenur"),
            "told by no feature (there is tenure: did you mean that?)",
        ),
        (
            "[reasons.tenure]\ntitle='Time here'\ntexts=[{when='seats = 1', text='Customer for long.'}]",
            "`seats = 1` is no comparison",
        ),
        (
            "[reasons.tenure]\ntitle='Time here'\ntexts=[{when='seat > 1', text='Customer for long.'}]",
            "`seat` is no feature",
        ),
        (OWN_PLAY.replace('motion = "seat"', 'motion = "seats"'), "there is no motion `seats`"),
        (OWN_PLAY.replace('"seats_in_use"', '"seat_in_use"'), "`seat_in_use` is no reason code (there is seats_in_use"),
        (OWN_PLAY + "defualt = true", "`plays.seat_own.defualt` is an unknown key (there is default"),
        (OWN_PLAY.replace("days_to_act = 7", "days_to_act = 0"), "plays.seat_own.days_to_act"),
        (OWN_PLAY.replace('offer = "Ten seats for the price of nine."\n', ""), "plays.seat_own.offer"),
    ],
)
def test_a_playbook_that_cannot_be_used_is_refused_with_one_message(tmp_path: Path, text: str, said: str) -> None:
    assert said in what_is_refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("plays.mine.name = 'xxx'", 1, "plays.mine.what_to_do: Field required"),
        ("# plays.mine\n[plays]\nmine.name = 'xxx'", 3, "plays.mine.what_to_do: Field required"),
        ("[plays]\n'mine'.motion = 'seat'\n\nmine.name = 'X'", 4, "plays.mine.name: String should have at least 3"),
        ("[reasons.tenure]\ntitle = 'Time here'\ntexts = [\n  'Here for {seats}.',\n  '{x',\n]", 5, "reasons.tenure"),
        ("[plays]\n# mine\nmine = 3", 3, "`plays.mine` is no table, as in [plays.NAME]"),
        ("[reasons]\n\ntenure = 'Time here'", 3, "`reasons.tenure` is no table, as in [reasons.NAME]"),
        ("[triggers]\nfoo = 3", 2, "`triggers.foo` is no table, as in [triggers.NAME]"),
        ("[triggers.new_teams]\noff = true\npoints = 3", 3, "triggers.new_teams: it has `points`, which"),
        (
            OWN_PLAY.replace("seat_own", "upsell_value"),
            3,
            "speaks for upsell, and its play `upsell_value` is one of seat",
        ),
        ("[plays.upsell_value]\nname = 'Another'", 1, "plays.upsell_value.what_to_do: Field required"),
        (
            "[triggers.new_teams]\nplay = 'seat_full'\nwhen = 'seatz >= threshold'",
            3,
            "`seatz` is no feature (there is seats",
        ),
    ],
)
def test_what_is_wrong_is_told_of_the_file_and_the_line_it_stands_in(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    found = what_is_refused(tmp_path, text)
    assert found.startswith(f"line {line}: ")
    assert said in found


def test_the_playbooks_of_the_page_are_read_as_they_stand_there(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "playbook.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    cards = {**FEATURES, "fit_segment": own_card("fit_segment")}
    for text in (*blocks, "".join(blocks)):
        own = tmp_path / "own.toml"
        own.write_text(text)
        playbook = load(cards, own)
        assert list(playbook.plays) == list(load(FEATURES).plays)  # as they stood: none of them is one's own
    own.write_text(next(text for text in blocks if "[conditions]" in text))
    with_names, play = load(cards, own).plays["upsell_features"], playbook.plays["upsell_features"]
    assert play.model_copy(update={"segment": {}, "step": {}}) == with_names
    assert play.forms["Enterprise"].owner_role == "AE with CSM"
    assert play.forms["Team > Business"].offer.startswith("Business, after two weeks")
    assert playbook.plays["cross_sell_next_product"].forms["CRM > Analytics"].show.startswith("A board")
    assert playbook.triggers["large_account"].threshold == 500


ENTERPRISE = "[plays.upsell_limit.segment.enterprise]\nowner_role = 'AE'\n"


def test_forms_of_ones_own_are_laid_over_those_of_the_shipped_play(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(ENTERPRISE + "[plays.upsell_limit.segment.SMB]\ndays_to_act = 3\n")
    play, shipped = load(CATALOGUE, own).plays["upsell_limit"], PLAYBOOK.plays["upsell_limit"]
    assert sorted(play.segment) == ["SMB", "enterprise"]
    form = play.forms[play.form_of("Enterprise", None)]
    assert (form.owner_role, form.hand_over) == ("AE", shipped.forms["Enterprise"].hand_over)
    assert play.forms["SMB"].hand_over == shipped.hand_over


def test_a_play_that_is_written_whole_replaces_the_shipped_one_with_its_forms(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    whole = OWN_PLAY.replace("seat_own", "upsell_limit").replace('"seat"', '"upsell"').replace("seats_in_use", "tenure")
    own.write_text(whole + "[plays.upsell_limit.segment.SMB]\ndays_to_act = 3\n")
    plays = load(CATALOGUE, own).plays
    assert next(iter(plays)) == "upsell_limit"
    assert (plays["upsell_limit"].offer, list(plays["upsell_limit"].segment)) == (
        "Ten seats for the price of nine.",
        ["SMB"],
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            ENTERPRISE.replace("upsell_limit", "upsell_limits"),
            1,
            "no shipped play `upsell_limits` (there is upsell_limit",
        ),
        (ENTERPRISE.replace("owner_role", "owner_rolle"), 2, "is an unknown key (there is owner_role"),
        ("[plays.upsell_limit]\nsegment = 3", 2, "`plays.upsell_limit.segment` is no table"),
        ("[plays.upsell_limit.segment]\nSMB = 3", 2, "`plays.upsell_limit.segment.SMB` is no table"),
        ("[plays.upsell_limit]", 1, "Field required"),
    ],
)
def test_forms_that_cannot_be_laid_over_a_play_are_refused(tmp_path: Path, text: str, line: int, said: str) -> None:
    found = what_is_refused(tmp_path, text)
    assert found.startswith(f"line {line}: ")
    assert said in found


SAME = "[plays.upsell_limit.{}]\noffer = 'A talk, at first.'\n[plays.upsell_limit.{}]\noffer = 'A talk, at last.'\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (SAME.format('segment."Mid market"', "segment.mid_market"), 3, "`mid_market` is the same as `Mid market`"),
        (SAME.format("segment.ENTERPRISE", "segment.enterprise"), 3, "`enterprise` is the same as `ENTERPRISE`"),
        (SAME.format("step.'Team > Plus'", "step.'team  > PLUS'"), 3, "`team  > PLUS` is the same as `Team > Plus`"),
        (SAME.format("segment.SMB", "segment.' SMB '"), 3, "` SMB ` is the same as `SMB`"),
        (SAME.format("segment.SMB", "segment.' '"), 3, "a table of [plays.upsell_limit.segment]: a name has letters"),
        (
            SAME.format("segment.SMB", 'segment."a\\u0007"'),
            3,
            "a table of [plays.upsell_limit.segment]: a name has letters",
        ),
        (OWN_PLAY.replace("Our own seat", "Our\\nown seat"), 4, "plays.seat_own.name: a name has letters, and no line"),
        (OWN_PLAY.replace("Our own seat", "Our \\u001b[2J"), 4, "no line breaks or control characters"),
        (
            OWN_PLAY.replace("Our own seat", "x" * 81),
            4,
            "plays.seat_own.name: a name has at most 80 letters, this one 86",
        ),
        (OWN_PLAY.replace('"CSM"', '"CSM\\tAE"'), 12, "plays.seat_own.owner_role: a name has letters"),
        (OWN_PLAY.replace("seat_own", "''"), 2, "a table of [plays]: a name has letters"),
        (OWN_PLAY.replace("seat_own", "x" * 81), 2, "a table of [plays]: a name has at most 80 letters"),
        (OWN_REASON.replace("tenure]", '"a\\nb"]'), 2, "a table of [reasons]: a name has letters"),
        (OWN_REASON.replace("Time with us", "Time with\\u0000 us"), 3, "reasons.tenure.title: a name has letters"),
        ('[triggers.new_teams]\ntitle = "New\\nteams"', 2, "triggers.new_teams.title: a name has letters"),
    ],
)
def test_names_that_cannot_be_told_apart_or_read_in_a_line_are_refused(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    found = what_is_refused(tmp_path, text)
    assert found.startswith(f"line {line}: ")
    assert said in found
    assert found.isprintable()


STRANGER = replace(CATALOGUE["mrr"], name="moon_phase", reason_code="own_moon_phase")


def test_a_reason_code_without_text_is_refused() -> None:
    with pytest.raises(SettingsError, match="reason code `own_moon_phase` of the features has no text"):
        load({**CATALOGUE, "moon_phase": STRANGER})


def test_a_feature_of_the_teams_own_needs_no_text_and_may_have_one(tmp_path: Path) -> None:
    cards = {**CATALOGUE, "moon_phase": replace(STRANGER, tables=(OWN_TABLE,))}
    assert "own_moon_phase" not in load(cards).reasons
    own = tmp_path / "own.toml"
    own.write_text(OWN_REASON.replace("reasons.tenure", "reasons.own_moon_phase").replace("tenure_days", "moon_phase"))
    assert load(cards, own).reasons["own_moon_phase"].title == "Time with us"


def test_a_reason_is_actionable_where_the_catalogue_says_so_of_one_of_its_features() -> None:
    cards = {**CATALOGUE, "seats_free": replace(CATALOGUE["seats_free"], actionable=True)}
    assert load(CATALOGUE).actionable == frozenset()
    assert load(cards).actionable == {"seats_in_use"}
    shipped = load(FEATURES).actionable
    assert {"overdue", "champion_left", "critical_open", "new_users", "look_alikes_own"} <= shipped
    assert not shipped & {"tenure", "season", "account_size", "peer_spending"}


def test_the_playbook_of_the_worked_example_tells_use_as_orders() -> None:
    playbook = load(FEATURES, EXAMPLES / "online_retail_playbook.toml")
    changed = {code for code, reason in playbook.reasons.items() if reason != load(FEATURES).reasons[code]}
    assert {"usage_level", "usage_trend", "usage_regularity", "feature_breadth"} <= changed
    for code in changed:
        assert [t for side in (FOR, AGAINST) for t in playbook.reasons[code].tellings(side) if t.shown], code


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(CATALOGUE, tmp_path / "none.toml")


@pytest.mark.parametrize("likeness", [(), ("industry",), ("segment",)])
def test_the_shipped_sentences_keep_their_length_whatever_others_are_called(likeness: tuple[str, ...]) -> None:
    assert load(FEATURES, None, likeness).reasons.keys() == PLAYBOOK.reasons.keys()
