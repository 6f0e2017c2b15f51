"""``headroom outcomes``: the store of outcomes, filled from a sheet, listed, and written to a file."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table

from data.atomic import whole_file
from data.contract.vocabulary import PLAY_STATUSES
from data.errors import OutcomeError
from flows.outcomes import FORMATS, Imported
from flows.run.settings import Settings
from serving.outcomes.outcome import FIELDS, Outcome, RecordedOutcome
from serving.outcomes.store import OutcomeStore, is_there, open_store
from serving.outcomes.vocabulary import ACTIONS, IMPORT, LOST, SNOOZED, TAKEN, WON
from serving.published.read import open_list
from serving.render.answers import Answer, AnsweredList, check_answers, read_answers

ACTION_OF = dict(zip(PLAY_STATUSES, (TAKEN, WON, LOST, SNOOZED), strict=True))
"""What an answer of a sheet says that was done."""
FINAL = (WON, LOST)
"""Another answer than one of these corrects it; another one than the others is what came next."""
PAUSE_DAYS = 90
"""So long an account is snoozed that said `not now`, where no gate says how long the list waits."""
TEXT, NUMBER = pa.string(), pa.int64()
EXPORTED = pa.schema(
    [
        ("id", NUMBER),
        ("at", pa.timestamp("us", "UTC")),
        *[(name, TEXT) for name in FIELDS if name not in ("snapshot_date", "until", "arr", "corrects")],
        ("snapshot_date", pa.date32()),
        ("until", pa.date32()),
        ("arr", pa.float64()),
        ("corrects", NUMBER),
    ]
)
"""The columns of an exported file."""
HEADER = ("row", "when (UTC)", "account", "what", "play", "until", "ARR", "reason", "note", "who", "corrects")


def import_into_store(file: Path, settings: Settings, today: date, who: str) -> Imported:
    """Record the answers of a filled list, those that are not there yet: the same file again adds nothing.

    The answer to a row of a list is compared with the one that was imported before. Raises as ``import_answers`` does,
    and ``OutcomeError`` or ``SourceError`` where the store takes nothing.
    """
    answered = read_answers(file)
    check_answers(file, answered, open_list(settings.out_folder, answered.snapshot_date, "Import answers to"))
    if not answered.answers:
        return Imported(settings.outcomes_url, 0, 0, 0)
    until = today + timedelta(days=settings.serving.gates.not_now_days or PAUSE_DAYS)
    with open_store(settings.outcomes_url, settings.root) as store:
        before = _imported(store, answered)
        pairs = [(before.get((a.account_id, a.play)), a) for a in answered.answers]
        rows = store.rows_of([answer.account_id for answer in answered.answers])
        corrected = {row.corrects for row in rows}
        new = [(last, answer) for last, answer in pairs if last is None or _said(last) != _answered(answer)]
        store.append([_outcome(answered, answer, last, corrected, until, who) for last, answer in new])
        added = sum(last is None for last, _ in new)
        return Imported(store.address.shown, added, len(new) - added, len(pairs) - len(new))


def _imported(store: OutcomeStore, answered: AnsweredList) -> dict[tuple[str, str | None], RecordedOutcome]:
    """The last answer to each row of that list that was imported."""
    rows = store.rows_of([answer.account_id for answer in answered.answers])
    of_list = [row for row in rows if row.came_from == IMPORT and row.snapshot_date == answered.snapshot_date]
    return {(row.account_id, row.play): row for row in of_list}


def _said(row: RecordedOutcome) -> tuple[str, float | None, str | None]:
    return row.action, row.arr, row.text


def _answered(answer: Answer) -> tuple[str, float | None, str | None]:
    text = answer.reason.replace("\r\n", "\n").strip() or None
    return ACTION_OF[answer.status], None if math.isnan(answer.arr) else answer.arr, text


def _outcome(
    answered: AnsweredList,
    answer: Answer,
    last: RecordedOutcome | None,
    corrected: set[int | None],
    until: date,
    who: str,
) -> Outcome:
    action, arr, text = _answered(answer)
    is_correction = last is not None and last.id not in corrected and (last.action in FINAL or last.action == action)
    follows = 0 if last is None else last.id
    named = (answered.run_id, answer.account_id, answer.play, follows, action, arr, text)
    return Outcome(
        account_id=answer.account_id,
        action=action,
        who=who,
        snapshot_date=answered.snapshot_date,
        play=answer.play,
        until=until if action == SNOOZED else None,
        text=text,
        arr=arr,
        corrects=follows if is_correction else None,
        came_from=IMPORT,
        request_key=hashlib.sha256(repr(named).encode()).hexdigest(),
    )


def recorded_rows(settings: Settings, account: str | None = None) -> Sequence[RecordedOutcome]:
    """The rows of the store, or of one account, oldest first; none where nothing has been recorded."""
    if not is_there(settings.outcomes_url, settings.root):
        return []
    with open_store(settings.outcomes_url, settings.root) as store:
        return store.all_rows() if account is None else store.history(account)


def print_rows(rows: Sequence[RecordedOutcome]) -> None:
    """Print rows of the store."""
    table = Table(*HEADER, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(value) for value in _cells(row)))
    Console(width=None if Console().is_terminal else 240, markup=False, highlight=False).print(table)


def _cells(row: RecordedOutcome) -> tuple[object, ...]:
    when, arr = f"{row.at:%Y-%m-%d %H:%M}", None if row.arr is None else f"{row.arr:,.2f}"
    what = ACTIONS.get(row.action, row.action)
    shown = (row.play, row.until, arr, row.reason, row.text, row.who, row.corrects)
    return row.id, when, row.account_id, what, *shown


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def export_rows(settings: Settings, out: Path) -> int:
    """Write every row of the store to a Parquet or CSV file, whole or not at all; how many there are.

    Raises ``OutcomeError`` where nothing has been recorded, and for another kind of file.
    """
    asked = f"Write the outcomes to {out}."
    if out.suffix.lower() not in FORMATS:
        raise OutcomeError(asked, "it is neither Parquet nor CSV.", "Give a file that ends in .parquet or .csv.")
    rows = recorded_rows(settings)
    if not rows:
        raise OutcomeError(asked, "nothing has been recorded yet.", "Check `url` under [outcomes], and --out.")
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=EXPORTED)
    with whole_file(out, asked) as file:
        if out.suffix.lower() == ".csv":
            csv.write_csv(table, file)
        else:
            pq.write_table(table, file)
    return len(rows)
