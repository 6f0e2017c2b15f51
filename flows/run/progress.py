"""Progress of long work: one plain line a step on standard error, with the time since the run began."""

import sys
import time
from collections.abc import Callable
from logging import INFO, WARNING

from data.shown.text import for_terminal
from flows.run.log import is_json, log
from flows.run.runner import runner

_BEGAN = time.monotonic()


def say(message: str) -> None:
    """Tell one step. Lines, not bars: the same in a terminal, a log file and a scheduler; Prefect keeps them too."""
    message = for_terminal(message)
    if is_json():
        log(message, WARNING if message.startswith("warning:") else INFO, run=runner().run_id())
    else:
        print(f"{time.monotonic() - _BEGAN:6.1f} s  {message}", file=sys.stderr, flush=True)
    runner().tell(message)


def counting(what: str) -> Callable[[int, int], None]:
    """Progress of work that is done in parts: tells ``(done, in all)``."""
    return lambda done, total: say(f"{what} {done:,} of {total:,}")
