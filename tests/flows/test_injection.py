"""Letters of the base that a terminal, a page or a file would obey: none of them gets there."""

from pathlib import Path

import pandas as pd
import pytest

from serving.render.html import LONGEST_NAME, render_page
from tests.flows.conftest import END, Headroom
from tests.serving.world import accounts, snapshot

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
OBEYED = ("\x1b", "\x07", "\x00", "\x9b", "\u202e")


def test_no_message_about_a_table_moves_the_cursor(headroom: Headroom, spoilt: Path) -> None:
    frame = pd.read_parquet(spoilt / "accounts.parquet").rename(columns={"name": f"na{ESCAPE}me"})
    frame.to_parquet(spoilt / "accounts.parquet", index=False)
    refused = headroom("check", "--source", spoilt)
    assert refused.code == 1
    assert "column accounts.name" in refused.err
    assert not any(letter in refused.err + refused.out for letter in OBEYED)


@pytest.mark.parametrize("where", ["name", "owner"])
def test_no_finding_about_a_value_moves_the_cursor(where: str, headroom: Headroom, spoilt: Path) -> None:
    frame = pd.read_parquet(spoilt / "subscriptions.parquet")
    frame["account_id"] = frame["account_id"].where(frame.index > 3, f"{ESCAPE}{where}\u202e")
    frame.to_parquet(spoilt / "subscriptions.parquet", index=False)
    checked = headroom("check", "--source", spoilt)
    assert "not in accounts" in checked.out
    assert not any(letter in checked.err + checked.out for letter in OBEYED)


def test_a_file_is_named_without_its_controls(headroom: Headroom, spoilt: Path) -> None:
    (spoilt / f"us{ESCAPE[:3]}ers.parquet").write_bytes(b"no parquet")
    ran = headroom("features", "--source", spoilt / ESCAPE, "--out", "rows.parquet", "--snapshot-date", END)
    assert ran.code == 1
    assert not any(letter in ran.err + ran.out for letter in OBEYED)


def test_a_page_holds_no_controls_sets_names_apart_and_cuts_them() -> None:
    people = accounts(40)
    people["name"] = [f"A\x00c\x1bme {'x' * 10_000}" if row % 2 else "שלום (5) Ltd" for row in range(len(people))]
    people["owner"] = "\u202eOwner"
    page = render_page(snapshot(40, accounts=people))
    assert not any(letter in page for letter in ("\x00", "\x1b"))
    assert "<bdi>שלום (5) Ltd</bdi>" in page
    assert "<bdi>\u202eOwner</bdi>" in page
    assert "x" * (LONGEST_NAME + 1) not in page
    assert "<bdi>Acme xxx" in page
