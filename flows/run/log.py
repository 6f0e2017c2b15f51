"""The log: plain lines for people, or a JSON object a line for whoever collects logs (``log`` of the settings).

As JSON each stage of a run says besides, once it is over:

    {"time": ..., "level": "info", "message": "stage", "run": ..., "stage": "fit", "state": "done",
     "rows_in": 12000, "rows_out": null, "seconds": 4.2, "peak_mb": 812.5}

``run`` is the id of the run in Prefect, or one of this process; ``rows_in`` and ``rows_out`` are those of the tables
that the stage was given and gave, null where it was none; ``peak_mb`` is the most memory of the process until then.
"""

import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
LogKind = Literal["plain", "json"]
LOG = logging.getLogger("headroom")
_FIELDS = "fields"
"""The attribute of a record that holds what is said beside its message."""


class _JsonLines(logging.Handler):
    """Every record a line of JSON on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        print(json.dumps(said, ensure_ascii=False, default=str), file=sys.stderr, flush=True)


_JSON_LINES = _JsonLines()


def log_as(kind: LogKind) -> None:
    """From now on this process logs so."""
    LOG.propagate = kind != "json"  # Prefect's console would say each line once more, as plain text
    if kind == "json":
        LOG.addHandler(_JSON_LINES)
        LOG.setLevel(logging.INFO)
    else:
        LOG.removeHandler(_JSON_LINES)
        LOG.setLevel(logging.NOTSET)


def is_json() -> bool:
    return _JSON_LINES in LOG.handlers


def log(message: str, level: int = logging.INFO, **fields: Any) -> None:
    """One line of JSON, where lines are JSON."""
    LOG.log(level, "%s", message, extra={_FIELDS: fields})


def measured(name: str, body: Callable[P, R], run_id: Callable[[], str]) -> Callable[P, R]:
    """The body of a stage, which says what it took when it is over, however it ended."""

    @wraps(body)
    def logged(*args: P.args, **kwargs: P.kwargs) -> R:
        if not is_json():
            return body(*args, **kwargs)
        began, rows_in = time.monotonic(), rows_of((*args, *kwargs.values()))
        state, level, rows_out = "failed", logging.ERROR, None
        try:
            made = body(*args, **kwargs)
            state, level, rows_out = "done", logging.INFO, rows_of(made)
            return made
        finally:
            log(
                "stage",
                level,
                run=run_id(),
                stage=name,
                state=state,
                rows_in=rows_in,
                rows_out=rows_out,
                seconds=round(time.monotonic() - began, 3),
                peak_mb=round(_peak_mb(), 1),
            )

    return logged


def rows_of(value: object) -> int | None:
    """The rows of the first table in a value: of pandas, of Arrow, what holds such ``rows``, or a count of each."""
    if isinstance(value, tuple | list):
        return next((rows for part in value if (rows := rows_of(part)) is not None), None)
    for holder in (value, getattr(value, "rows", None)):
        if isinstance(count := getattr(holder, "num_rows", None), int):
            return count
        if isinstance(shape := getattr(holder, "shape", None), tuple) and shape:
            return int(shape[0])
    counts = getattr(value, "row_counts", None)
    return sum(counts.values()) if isinstance(counts, dict) else None


def _peak_mb() -> float:
    """Linux tells kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1024**2 if sys.platform == "darwin" else 1024)
