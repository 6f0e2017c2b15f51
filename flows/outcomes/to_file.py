"""``headroom outcomes import --out``: the answers of a CSM in an Excel file become rows of a file ``outcomes``."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.atomic import whole_file
from data.checks.report import many
from data.contract.inputs import TABLES
from data.errors import ContractError, PublishError, some
from data.sources.files import csv_header, parquet_columns, require_once
from serving.published.read import open_list
from serving.render.answers import AnsweredList, check_answers, read_answers

COLUMNS = tuple(column.name for column in TABLES["outcomes"].columns)
KEY = list(TABLES["outcomes"].key)
CLOCKS = ("opened_at", "closed_at")
SAID = ["status", "closed_at", "arr", "reason"]
"""What an answer changes in its row."""
OPEN = "open"
FORMATS = (".parquet", ".csv")


class Imported(NamedTuple):
    """How many answers were added to a file or a store, changed in it, and were there already.

    ``left``: those that were left out, since something newer is recorded of their accounts; each in words.
    """

    path: Path | str
    added: int
    changed: int
    unchanged: int
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not (self.added or self.changed or self.unchanged or self.left):
            return "the file has no answers; nothing has been written"
        what = f"{many(self.added, 'answer')} added, {self.changed:,} changed, {self.unchanged:,} already there"
        said = f"{what}: {self.path}"
        if not self.left:
            return said
        left = f"{many(len(self.left), 'answer')} left out, as something newer is recorded:"
        return "\n".join([said, left, *(f"- {words}" for words in self.left)])


def import_answers(file: Path, published: Path, out: Path, today: date) -> Imported:
    """Add the answers of a filled list to an outcomes file, Parquet or CSV, which is written whole or not at all.

    The row of an answer is that of its account, play and day of the list: another answer later changes it, and the
    same answer again changes nothing. What else the file has stays, in a CSV letter by letter; without answers nothing
    is written. ``today`` is when a play is closed that was not. Raises ContractError for a file that cannot be read or
    has what is no answer, and where an answer has several rows; PublishError where its list is gone.
    """
    asked = f"Import the answers of {file}."
    if out.suffix.lower() not in FORMATS:
        raise ContractError(asked, f"{out} is neither Parquet nor CSV.", "Give a file that ends in .parquet or .csv.")
    answered = answers_in(file, published)
    if not answered.answers:
        return Imported(out, 0, 0, 0)
    before = _read(out, asked)
    after, added, changed = _merged(*before, _rows(answered, today), asked, out)
    if added or changed:
        with whole_file(out, asked) as path:
            if _is_csv(out):
                after.to_csv(path, index=False)
            else:
                after.to_parquet(path, index=False)
    return Imported(out, added, changed, len(answered.answers) - added - changed)


def answers_in(file: Path, published: Path) -> AnsweredList:
    """The answers of a filled list, which are of accounts and plays of the list that was published."""
    answered = read_answers(file)
    check_answers(file, answered, open_list(published, answered.snapshot_date, "Import answers to").shown())
    return answered


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _rows(answered: AnsweredList, today: date) -> pd.DataFrame:
    opened = answered.snapshot_date
    return _typed(
        pd.DataFrame(
            [
                (a.account_id, a.play, opened, a.status, None if a.status == OPEN else max(today, opened), a.arr,
                 a.reason or None)
                for a in answered.answers
            ],
            columns=COLUMNS,
        )
    )  # fmt: skip


def _merged(
    before: pd.DataFrame, typed: pd.DataFrame, answers: pd.DataFrame, asked: str, out: Path
) -> tuple[pd.DataFrame, int, int]:
    """The rows of before, with other answers in the place of those of the same key, and the new ones at the end.

    ``typed`` are the same rows with the types of the contract. An answer that says the same keeps the day on which it
    was closed. Also returns how many are new and changed. Raises ContractError where an answer has several rows.
    """
    keys = pd.MultiIndex.from_frame(typed[KEY].assign(opened_at=typed["opened_at"].dt.normalize()))
    wanted = pd.MultiIndex.from_frame(answers[KEY])
    twice = keys[keys.duplicated()].unique().intersection(wanted)
    if len(twice):
        names = some([f"account {account}, play {play}, {opened:%Y-%m-%d}" for account, play, opened in twice])
        todo = "Leave one row of each in it, or give another file with --out."
        raise ContractError(asked, f"{out} has several rows of {names}.", todo)
    at = {key: row for row, key in enumerate(keys)}
    place = np.array([at.get(key, -1) for key in wanted])
    there = place >= 0
    old, now = (rows.reset_index(drop=True) for rows in (typed.iloc[place[there]], answers[there]))
    now["closed_at"] = old["closed_at"].where(old["status"] == now["status"]).fillna(now["closed_at"])
    same = (old[SAID] == now[SAID]) | (old[SAID].isna() & now[SAID].isna())
    differs = ~same.all(axis=1).to_numpy()
    form = _as_text if _is_csv(out) else pd.DataFrame.copy
    after = before.copy()
    for name, values in form(now[differs])[SAID].items():
        after.loc[place[there][differs], name] = values.to_numpy()
    new = form(answers[~there])
    if not len(after):
        after = new.reindex(columns=after.columns)
    elif len(new):
        after = pd.concat([after, new], ignore_index=True)
    return after, len(new), int(differs.sum())


def _as_text(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers as they stand in a CSV."""
    days = {name: answers[name].dt.strftime("%Y-%m-%d") for name in CLOCKS}
    arr = answers["arr"].map(str, na_action="ignore")
    return answers.assign(**days, arr=arr).astype("object").fillna("")


def _read(path: Path, asked: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The outcomes file as it is, and with the types of the contract; without rows where it is not there."""
    if not path.exists():
        empty = _typed(pd.DataFrame(columns=COLUMNS))
        return empty, empty
    other = "Give another file with --out, or put that one right."
    require_once(csv_header(path)[1] if _is_csv(path) else parquet_columns(path), asked)
    try:
        if _is_csv(path):
            frame = pd.read_csv(path, dtype="str", keep_default_na=False)
        else:
            frame = pd.read_parquet(path, dtype_backend="pyarrow")  # columns of others keep their types
            frame = frame.reset_index(drop=frame.index.names == [None])
        missing = [name for name in COLUMNS if name not in frame]
        lacking = [name for name in missing if name in KEY]
        if lacking:
            raise ContractError(asked, f"{path} has no column {', '.join(lacking)}.", other)
        frame = frame.assign(**dict.fromkeys(missing, "" if _is_csv(path) else None))
        typed = _typed(frame.mask(frame == "") if _is_csv(path) else frame)
    except (OSError, ValueError, KeyError) as error:
        found = f"{path} cannot be read as outcomes: {str(error).partition(chr(10))[0]}."
        raise PublishError(asked, found, other) from error
    return frame if _is_csv(path) else typed, typed


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of the contract with their types."""
    clocks = {
        name: pd.to_datetime(frame[name], utc=True, format="ISO8601").dt.tz_localize(None).astype("datetime64[us]")
        for name in CLOCKS
    }
    texts = {name: frame[name].astype("str") for name in ("account_id", "play", "status", "reason")}
    return frame.assign(**clocks, **texts, arr=frame["arr"].astype("float64"))
