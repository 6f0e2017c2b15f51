"""What a signal to end does: the run unwinds, says it in one line, and leaves nothing behind.

What cannot be interrupted, such as a query under way, is given some seconds; then the process ends where it stands.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, NoReturn

from data.scratch import remove_own

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE_SECONDS = 10
"""From the signal to the end, at most."""
AGAIN_SECONDS = 0.05
"""Until a signal is heard once more whose end was lost: longer than a callback takes."""
_told: list[int] = []
_again: list[threading.Timer] = []
"""Who sends the signal once more, where its end was lost."""
_found: dict[int, Any] = {}
"""What answered the signals that ``_end`` answers now."""


def told_to_end() -> int | None:
    """The signal that this process was told to end by, if it was."""
    return _told[0] if _told else None


def last_words(number: int) -> str:
    """What is said at the end."""
    name = signal.Signals(number).name
    return f"headroom: ended by {name} before it was done. What was there before is untouched; run it again."


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let signals to end unwind the stack, as an error does: ``SystemExit`` with 128 and the signal's number.

    One that whoever started this process has it ignore, as nohup does, stays ignored.
    """
    is_set = bool(_found)  # by whoever called this
    if is_set or threading.current_thread() is not threading.main_thread():  # only there a signal arrives
        yield
        return
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    _found.update((number, signal.signal(number, _end)) for number in ENDING if not _is_ignored(number))
    wakes = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=_watch, args=(woken, over), daemon=True, name="signals").start()
    tells, sys.unraisablehook = sys.unraisablehook, partial(_not_lost, sys.unraisablehook)
    try:
        yield
    finally:
        sys.unraisablehook = tells
        for timer in _again:
            timer.cancel()
        if not _told:  # else the end of the process is waited for, too
            over.set()
        signal.set_wakeup_fd(wakes)
        for number, handler in _found.items():
            signal.signal(number, handler)
        waking.close()  # the thread reads its end, and is done
        _found.clear()
        _told.clear()
        _again.clear()


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) == signal.SIG_IGN


def _end(number: int, _frame: FrameType | None) -> None:
    if _told and not _again:
        return  # a second one would break off what the first one clears up; what hangs is ended all the same
    _again.clear()
    _told[:] = [number]
    sys.exit(128 + number)


def _not_lost(tells: Callable[[Any], object], unraisable: Any) -> None:
    """The end, raised where nothing can be raised, as in a callback of a weak reference: it is raised once more.

    ``tells``: what is told of anything else.
    """
    if not (_told and isinstance(unraisable.exc_value, SystemExit)):
        tells(unraisable)
        return
    again = threading.Timer(AGAIN_SECONDS, signal.pthread_kill, (threading.main_thread().ident, _told[0]))
    again.daemon = True
    _again.append(again)
    again.start()


def _watch(woken: socket.socket, over: threading.Event) -> None:
    """The interpreter hears of a signal between two of its steps. This thread is told at once, and counts."""
    with woken:
        while received := woken.recv(1):
            if received[0] in ENDING:
                if not over.wait(PATIENCE_SECONDS):
                    _leave(received[0])
                return


def _leave(number: int) -> None:
    print(last_words(number), file=sys.stderr, flush=True)
    remove_own()
    os._exit(128 + number)


@contextmanager
def as_before() -> Iterator[None]:
    """Leave signals to whoever answers them here: a server ends by itself.

    One that it raises again when it is done ends in order too, and says nothing.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        found, ours = _found.get(number, handler), _as_sigterm if number == signal.SIGHUP else _close
        signal.signal(number, ours if found == signal.SIG_DFL else found)
    wakes = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakes)
        for number, handler in before.items():
            if not _is_ignored(number):  # as it was, or since `_close`
                signal.signal(number, handler)


def _close(number: int, _frame: FrameType | None) -> NoReturn:
    for each in ENDING:  # a second one would break off what is cleared up now
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _as_sigterm(_number: int, _frame: FrameType | None) -> None:
    """The end of a terminal, which servers do not know."""
    signal.raise_signal(signal.SIGTERM)
