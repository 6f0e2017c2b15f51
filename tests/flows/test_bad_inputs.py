"""Bad tables: each gives its one message (or warning) and exit code, and leaves no output behind."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import END, Headroom

Frames = Callable[[str], pd.DataFrame]


def change(name: str, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    """A spoiler that edits one table of the base."""

    def spoil(folder: Path) -> None:
        path = folder / f"{name}.parquet"
        edit(pd.read_parquet(path)).to_parquet(path, index=False)

    return spoil


def first(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The first row with other values."""
    return frame.head(1).assign(**values)


def with_row(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    return pd.concat([frame, first(frame, **values)], ignore_index=True)


def some_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(mrr=frame["mrr"].astype("str").where(frame.index > 0, "lots"))


def gzipped_with_a_bad_row(folder: Path) -> None:
    """The plans as a compressed CSV file whose third line has a column too many."""
    lines = pd.read_parquet(folder / "plans.parquet").to_csv(index=False).splitlines()
    lines[2] += ",one too many"
    (folder / "plans.parquet").unlink()
    with gzip.open(folder / "plans.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Refused:
    what: str
    spoil: Callable[[Path], None]
    says: tuple[str, ...]


@dataclass(frozen=True)
class Warned:
    what: str
    spoil: Callable[[Path], None]
    says: str


REFUSED = [
    Refused(
        "a missing required column",
        change("subscriptions", lambda t: t.rename(columns={"mrr": "MRR"})),
        ("missing: column subscriptions.mrr", "did you mean"),
    ),
    Refused("a wrong type", change("subscriptions", some_text), ("subscriptions.mrr", "1 row", "lots")),
    Refused("duplicate keys", change("accounts", with_row), ("accounts", "account_id", "2 rows")),
    Refused("an empty table", change("subscriptions", lambda t: t.head(0)), ("subscriptions: the table is empty",)),
    Refused(
        "a line that ends before it begins",
        change("subscriptions", lambda t: with_row(t, valid_to=t["valid_from"].iloc[0] - pd.Timedelta(days=3))),
        ("subscriptions", "valid_to", "1 row"),
    ),
    Refused(
        "negative MRR",
        change("subscriptions", lambda t: with_row(t, mrr=-5.0)),
        ("subscriptions.mrr: 1 row below zero",),
    ),
    Refused("a gzip'd CSV with a bad row", gzipped_with_a_bad_row, ("plans.csv.gz", "line 3", "one too many")),
]
WARNED = [
    Warned(
        "orphans", change("tickets", lambda t: with_row(t, ticket_id="t-x", account_id="nobody")), "not in accounts"
    ),
    Warned(
        "a date in the future",
        change("crm_events", lambda t: with_row(t, occurred_at=pd.Timestamp("2099-01-01"), known_at=None)),
        "after today",
    ),
]


CHECKED = ("accounts", "subscriptions", "usage_events", "plans")
"""Tables enough to be refused: a table more is a check more."""
EVERY_COMMAND = [("score", case) for case in REFUSED] + [("train", REFUSED[0]), ("train", REFUSED[1])]


@pytest.mark.parametrize(("command", "case"), EVERY_COMMAND, ids=lambda value: getattr(value, "what", value))
def test_bad_tables_are_refused(
    command: str, case: Refused, headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path
) -> None:
    for path in spoilt.glob("*.parquet"):
        if path.stem not in CHECKED:
            path.unlink()
    case.spoil(spoilt)
    before = sorted(tmp_path.iterdir())
    ran = headroom(command, "--source", spoilt, "--snapshot-date", END)
    assert ran.code == 1
    assert ran.err.count("headroom: ") == 1
    assert "Traceback" not in ran.err
    message = ran.err.partition("headroom: ")[2]
    assert all(part in message for part in (*case.says, "found: ", "to do: ")), message
    assert sorted(tmp_path.iterdir()) == before


def test_two_open_lines_of_one_product_are_added_up_and_said(
    headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path
) -> None:
    lines = pd.read_parquet(spoilt / "subscriptions.parquet")
    still_open = lines[lines["valid_to"].isna() & lines["seats"].notna()]
    one = still_open[~still_open.duplicated(["account_id", "product"], keep=False)].iloc[0]
    second = still_open[still_open.index == one.name].assign(mrr=100.0, seats=7)
    pd.concat([lines, second]).to_parquet(spoilt / "subscriptions.parquet", index=False)
    checked = headroom("check", "--source", spoilt)
    assert checked.code == 0
    assert "added up" in checked.out
    out = tmp_path / "rows.parquet"
    assert headroom("features", "--source", spoilt, "--snapshot-date", END, "--out", out).code == 0
    rows = pd.read_parquet(out).set_index("account_id")
    owned = still_open[still_open["account_id"] == one["account_id"]]
    assert rows.loc[one["account_id"], "seats"] == owned["seats"].sum() + 7


def test_what_can_be_lived_with_is_a_warning_and_names_in_any_script_and_with_markup_come_out_as_they_are(
    headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path
) -> None:
    for case in WARNED:
        case.spoil(spoilt)
    name = "<script>alert('x')</script> 東京 [bold]Müller[/bold] =1+1"
    change("accounts", lambda t: t.assign(name=name))(spoilt)
    ran = headroom("score", "--source", spoilt, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    for case in WARNED:
        warnings = [line for line in ran.err.splitlines() if "warning: " in line and case.says in line]
        assert len(warnings) == 1, ran.err
    folder = tmp_path / "out" / f"snapshot_date={END}"
    assert (pd.read_parquet(folder / "scores.parquet")["name"] == name).all()
    page = (folder / "list.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    listed = headroom("top", "--out", tmp_path / "out", "-n", "1")
    assert listed.code == 0
    assert "[bold]Müller" in listed.out


def test_no_expansions_at_all(headroom: Headroom, spoilt: Path, tmp_path: Path) -> None:
    """Every line as it was on its first day, for ever: nothing to learn from."""
    lines = pd.read_parquet(spoilt / "subscriptions.parquet").sort_values("valid_from")
    frozen = lines.drop_duplicates("account_id").assign(valid_to=None)
    frozen.to_parquet(spoilt / "subscriptions.parquet", index=False)
    (spoilt / "invoices.parquet").unlink()
    ran = headroom("train", "--source", spoilt, "--snapshot-date", END)
    assert ran.code == 1
    assert "0" in ran.err.partition("found: ")[2].splitlines()[0]
    assert "expansion" in ran.err
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_one_account(headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path) -> None:
    """One account is too few to learn from, and can be scored."""
    accounts = pd.read_parquet(spoilt / "accounts.parquet")
    lines = pd.read_parquet(spoilt / "subscriptions.parquet")
    customer = lines.loc[lines["valid_to"].isna(), "account_id"].iloc[0]
    for path in spoilt.glob("*.parquet"):
        table = pd.read_parquet(path)
        if "account_id" in table:
            table[table["account_id"] == customer].to_parquet(path, index=False)
    assert customer in set(accounts["account_id"])
    assert headroom("train", "--source", spoilt, "--snapshot-date", END).code == 1
    ran = headroom("score", "--source", spoilt, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    scores = pd.read_parquet(tmp_path / "out" / f"snapshot_date={END}" / "scores.parquet")
    assert scores["account_id"].tolist() == [customer]
    assert "warning: No row has a value in accounts.parent_id, subscriptions.notice_at, which" in ran.err
    told = headroom("verify", "--reasons", "--source", spoilt, "--out", tmp_path / "out")
    assert told.code == 0, told.err + told.out


def test_a_column_that_was_learnt_from_and_has_lost_its_values_is_named(
    headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path
) -> None:
    change("tickets", lambda t: t.assign(severity=None))(spoilt)
    ran = headroom("score", "--source", spoilt, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "found: no row has a value in tickets.severity, which the model has learnt from." in ran.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there(headroom: Headroom, with_model: None, tmp_path: Path) -> None:
    ran = headroom("score", "--source", tmp_path / "nowhere")
    assert ran.code == 1
    assert "there is no" in ran.err
