"""The pages: every link leads somewhere, the site builds, and what a page tells to copy works."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import typer
from mkdocs.commands.build import build
from mkdocs.config import load_config

from data.checks.check import check
from data.sources.connect import connect
from flows.cli import app
from tests import house

QUESTIONS = (house.ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)")
README = (house.ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [house.ROOT / "README.md", house.ROOT / "CONTRIBUTING.md", *sorted((house.ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app).commands
COMMAND = re.compile(r"(?:^|[\s/`(;])headroom ([a-z][^`#|;\n]*)", re.MULTILINE)
OF_MLFLOW = "`headroom lists`"
"""An experiment, and no command."""


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    config = load_config(str(house.ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True)
    build(config)
    pages = {path.stem for path in (house.ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in tmp_path.glob("*.html")}
    assert not re.findall(
        r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//", (tmp_path / "index.html").read_text()
    )


def test_every_page_is_reached_from_the_first() -> None:
    docs = house.ROOT / "docs"
    linked = {*LINK.findall((docs / "index.md").read_text(encoding="utf-8")), "index.md"}
    assert {path.name for path in docs.glob("*.md")} <= linked


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_what_a_page_at_the_top_links_to_is_there(page: str) -> None:
    links = LINK.findall((house.ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (house.ROOT / link).exists()] == []


def test_the_glossary_has_one_meaning_for_each_term() -> None:
    terms = re.findall(r"^\| \*\*(.+?)\*\* \|", (house.ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.M)
    assert len(terms) > 60
    assert len(terms) == len(set(terms))


def told(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command that a page tells, with its options; one of a group is told by both names."""
    for words in COMMAND.findall(text.replace(OF_MLFLOW, "")):
        name, *rest = (word.strip(".,:)\"'") for word in words.split())
        if rest and rest[0] in getattr(COMMANDS.get(name), "commands", {}):
            name = f"{name} {rest[0]}"
        yield name, [word for word in rest if word.startswith("--")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_tells_is_one(page: Path) -> None:
    for name, options in told(page.read_text(encoding="utf-8")):
        first, *of_group = name.split()
        assert first in COMMANDS, name
        command = COMMANDS[first].commands[of_group[0]] if of_group else COMMANDS[first]
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert set(options) <= known, name


def test_the_readme_names_every_command() -> None:
    assert {name.split()[0] for name, _ in told(README)} == COMMANDS.keys()
    sentence = next(line for line in README.splitlines() if "need no Prefect" in line).partition(" need no Prefect")[0]
    under_prefect = {
        name for name, command in COMMANDS.items() for parameter in command.params if "--prefect" in parameter.opts
    }
    assert set(re.findall(r"`(\w+)`", sentence)) == under_prefect


def test_init_is_told_where_no_settings_are() -> None:
    """It writes over no file, and the folder of the repository has one."""
    assert (house.ROOT / "headroom.toml").is_file()
    block = next(text for _, text in BLOCK.findall(README) if "headroom init" in text)
    assert re.match(r"mkdir (\S+) && cd \1\n", block)
    assert "headroom init" not in README.replace(block, "")


def test_the_export_of_a_crm_is_read_as_the_page_tells(tmp_path: Path) -> None:
    blocks = BLOCK.findall(QUESTIONS)
    deals = next(text for _, text in blocks if text.startswith("Deal ID,"))
    queries = tomllib.loads(next(text for language, text in blocks if language == "toml"))["source"]["tables"]
    others = {
        "accounts": "account_id,name,created_at\n42,Acme,2025-01-01\n77,Bolt,2025-01-01\n",
        "subscriptions": "account_id,product,plan,mrr,valid_from,valid_to\n42,Core,team,100,2025-01-01,\n",
        "usage_events": "account_id,occurred_at,feature,user_id\n42,2026-04-30,export,u1\n",
    }
    for name, text in {"deals": deals, **others}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with connect(f"csv://{tmp_path}", queries) as source:
        report = check(source, date(2026, 5, 1))
        events = source.tables["crm_events"].order_by("occurred_on").to_pandas()
    assert not report.errors
    assert not [
        finding for finding in report.findings if finding.table == "crm_events" and finding.rule == "words:kind"
    ]
    begun, ended = "expansion_opportunity_opened", "expansion_opportunity_closed"
    assert list(zip(events.kind, events.object_id, strict=True)) == [(begun, "D-2"), (ended, "D-2"), (begun, "D-1")]
    assert list(pd.to_datetime(events.occurred_on).dt.date) == [date(2026, 1, 10), date(2026, 2, 20), date(2026, 3, 2)]
