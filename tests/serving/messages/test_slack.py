"""The blocks of Slack: under every limit whatever the names are, each row once, and a text is never more than text."""

import json
import re
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.messages.delivery import slack
from serving.messages.delivery.words import as_html, as_text
from serving.messages.message import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Message,
    MessageRow,
    MessageSection,
    name_of,
    on_one_line,
    sentence_of,
)
from serving.messages.rows import Links
from tests.serving.messages.servers import Slack
from tests.serving.web.conftest import NAMES

DAY = date(2026, 10, 1)
WORST = (
    "&" * 300,
    "😀" * 300,
    "*_~`" * 80,
    "{{app_url}}",
    "<!channel> <@U1|x> <http://evil|Acme>",
    "\ud800\x00\u202e\u2028",
)
ids = st.one_of(st.just("&" * 300), st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
texts = st.one_of(st.sampled_from([*WORST, *NAMES.values()]), st.text(st.characters(), max_size=300))


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Up to 90 rows in four sections, made of texts as a table may hold them."""
    drawn, link = draw(st.lists(texts, min_size=3, max_size=6)), Links("https://headroom.example.com").to(draw(ids))
    rows = [
        MessageRow(
            name_of(drawn[number % len(drawn)]),
            link if number % 2 else None,
            sentence_of(drawn[(number + 1) % len(drawn)]),
            sentence_of(f"{drawn[(number + 2) % len(drawn)]} {number}"[-LONGEST_TEXT:]),
            note=sentence_of(drawn[number % len(drawn)]) if number % 3 else "",
        )
        for number in range(draw(st.integers(1, 90)))
    ]
    sizes = range(0, len(rows), draw(st.integers(3, 40)))
    cut = [tuple(rows[start : start + (sizes.step or 1)]) for start in sizes]
    sections = tuple(MessageSection(f"Heading {n} *", some, draw(st.integers(0, 2))) for n, some in enumerate(cut))
    title = f"{name_of(drawn[0])}: list of 1 Oct 2026"
    return Message("Ana", "digest", DAY, "Your list", title, (sentence_of(drawn[1]),), sections, "https://h.example/")


@given(message=messages())
@settings(max_examples=60)
def test_every_part_is_taken_and_every_row_is_told_once(message: Message) -> None:
    made = slack.parts(message, "U012AB3CD")
    for part in made:
        content = json.loads(part.written())
        assert "{{" not in part.written()
        assert len(part.written()) <= 35_000
        assert Slack("").answer({"attachments": [content]}) == (200, "ok")
        assert content["blocks"] == json.loads(json.dumps(part.blocks))
    assert [row for part in made for row in part.rows] == [row for _, row in message.rows()]
    shown = "\n".join(block["text"]["text"] for part in made for block in part.blocks[1:])
    links = {row.link.replace("&", "&amp;") for _, row in message.rows() if row.link}
    assert {found.partition("|")[0] for found in re.findall(r"<([^>]*)>", shown)} <= {
        *links,
        "@U012AB3CD",
        "https://h.example/",
    }
    assert shown.count("<@U012AB3CD>") == 1
    assert shown.count("Open the list") == 1


@pytest.mark.parametrize("of", [1, 20, 200])
def test_a_part_begins_with_the_heading_of_its_first_row(of: int) -> None:
    rows = tuple(MessageRow(f"Account {number}", None, "31% likely", "x" * LONGEST_TEXT) for number in range(of))
    sections = (MessageSection("Overdue", rows[: of // 2]), MessageSection("New", rows[of // 2 :], 7))
    made = slack.parts(Message("Ana", "digest", DAY, "", "Ana: list", ("1 new.",), sections))
    for number, part in enumerate(made):
        said = [block["text"]["text"] for block in part.blocks]
        assert said[0] == ("Ana: list" if len(made) == 1 else f"Ana: list ({number + 1} of {len(made)})")
        heading = "Overdue" if part.rows[0] in sections[0].rows else "New"
        assert said[1 if number else 2] == f"*{heading}*"
    assert said[-1] == "and 7 more"
    assert (len(made) > 1) == (of == 200)


@given(text=texts, longest=st.integers(1, 90))
@example(text="a\u202eb\tc\r\nd", longest=90)
def test_a_text_from_outside_is_one_line_that_can_be_written(text: str, longest: int) -> None:
    line = on_one_line(text, longest)
    assert len(line) <= longest
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    line.encode()
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029]", line)
    assert on_one_line(line, longest) == line


def test_a_short_text_stays_as_it_is() -> None:
    assert on_one_line("Ōsaka & Söhne \u200d👩‍💻", 80) == "Ōsaka & Söhne \u200d👩‍💻"
    assert name_of("W" * 300) == "W" * (LONGEST_NAME - 1) + "…"
    assert name_of(" \x00 ") == "(no name)"


@given(message=messages())
@settings(max_examples=15)
def test_an_e_mail_says_the_same_and_nothing_in_it_is_markup(message: Message) -> None:
    html = as_html(message)
    tags = {tag.split()[0].strip("</>") for tag in re.findall(r"<[^!>]*>", html)}
    assert tags <= {"html", "head", "meta", "title", "body", "p", "h2", "b", "a", "bdi", "br"}
    lines = list(as_text(message))
    assert sum(line.startswith("- ") and "more" not in line[:12] for line in lines) >= len(list(message.rows())) - 2


def test_an_account_has_a_link_where_pages_are_served_and_it_can_be_sent() -> None:
    links = Links("https://headroom.example.com")
    assert links.to("a/b|c>") == "https://headroom.example.com/accounts/a%2Fb%7Cc%3E"
    assert links.to("株" * 300) is None
    assert Links().to("acme") is None
