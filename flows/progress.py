"""Progress of long work: one plain line a step on standard error, with the time since the run began."""

import sys
import time

_BEGAN = time.monotonic()


def say(message: str) -> None:
    """Tell one step. Lines, not bars: the same in a terminal, a log file and a scheduler."""
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {message}", file=sys.stderr, flush=True)
