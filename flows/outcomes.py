"""``headroom outcomes import``: the answers of a CSM in an Excel file become rows of the input table ``outcomes``."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from data.atomic import whole_file
from data.checks.report import many
from data.contract.inputs import TABLES
from data.errors import ContractError, PublishError
from serving.published.read import open_list
from serving.render.answers import AnsweredList, check_answers, read_answers

COLUMNS = tuple(column.name for column in TABLES["outcomes"].columns)
KEY = list(TABLES["outcomes"].key)
CLOCKS = ("opened_at", "closed_at")
OPEN = "open"
FORMATS = (".parquet", ".csv")


class Imported(NamedTuple):
    """How many answers were added to the file, changed in it, and were there already."""

    path: Path
    added: int
    changed: int
    unchanged: int

    def __str__(self) -> str:
        what = f"{many(self.added, 'answer')} added, {self.changed:,} changed, {self.unchanged:,} already there"
        return f"{what}: {self.path}"


def import_answers(file: Path, published: Path, out: Path, today: date) -> Imported:
    """Add the answers of a filled list to an outcomes file, Parquet or CSV, which is written whole or not at all.

    The row of an answer is that of its account, play and day of the list: another answer later changes it, and the
    same answer again changes nothing. What else the file has stays. ``today`` is when a play is closed that was not.
    Raises ContractError for a file that cannot be read or has what is no answer, PublishError where its list is gone.
    """
    asked = f"Import the answers of {file}."
    if out.suffix not in FORMATS:
        raise ContractError(asked, f"{out} is neither Parquet nor CSV.", "Give a file that ends in .parquet or .csv.")
    answered = read_answers(file)
    check_answers(file, answered, open_list(published, answered.snapshot_date, "Import answers to"))
    before = _read(out, asked)
    after = _merged(before, _rows(answered, today))
    if not after.equals(before) or not out.exists():
        with whole_file(out, asked) as path:
            if out.suffix == ".csv":
                after.to_csv(path, index=False, date_format="%Y-%m-%d")
            else:
                after.to_parquet(path, index=False)
    return Imported(out, *_counted(before, after, len(answered.answers)))


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


def _merged(before: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The rows of before, with the answers in the place of those of the same key, and the new ones at the end.

    An answer that says the same keeps the day on which it was closed.
    """
    keys = pd.MultiIndex.from_frame(before[KEY].assign(opened_at=before["opened_at"].dt.normalize()))
    place = keys.get_indexer(pd.MultiIndex.from_frame(answers[KEY]))
    merged, there = before.copy(), place >= 0
    at, now = place[there], answers[there]
    kept = before["closed_at"].iloc[at].where((before["status"].iloc[at] == now["status"].to_numpy()).to_numpy())
    closed = kept.fillna(pd.Series(now["closed_at"].to_numpy(), index=kept.index))
    for name, values in {**now[["status", "arr", "reason"]], "closed_at": closed}.items():
        merged.loc[merged.index[at], name] = values.to_numpy()
    new = answers[~there]
    return pd.concat([merged, new], ignore_index=True) if len(merged) and len(new) else new if len(new) else merged


def _counted(before: pd.DataFrame, after: pd.DataFrame, answers: int) -> tuple[int, int, int]:
    old = after.iloc[: len(before)]
    changed = int((~((old == before) | (old.isna() & before.isna()))).any(axis=1).sum())
    added = len(after) - len(before)
    return added, changed, answers - added - changed


def _read(path: Path, asked: str) -> pd.DataFrame:
    """The outcomes file as it is; without rows where it is not there."""
    if not path.exists():
        return _typed(pd.DataFrame(columns=COLUMNS))
    try:
        frame = pd.read_csv(path, dtype="str") if path.suffix == ".csv" else pd.read_parquet(path)
        missing = [name for name in COLUMNS if name not in frame]
        return _typed(frame.assign(**dict.fromkeys(missing)) if not set(missing) & set(KEY) else frame)
    except (OSError, ValueError, KeyError) as error:
        found = f"{path} cannot be read as outcomes: {str(error).splitlines()[0]}."
        raise PublishError(asked, found, "Give another file with --out, or put that one right.") from error


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of the contract with their types."""
    clocks = {
        name: pd.to_datetime(frame[name], utc=True).dt.tz_localize(None).astype("datetime64[us]") for name in CLOCKS
    }
    texts = {name: frame[name].astype("str") for name in ("account_id", "play", "status", "reason")}
    return frame.assign(**clocks, **texts, arr=frame["arr"].astype("float64"))
