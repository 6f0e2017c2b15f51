"""What those who run the system are told of a run. Where it cannot be told, the run goes on as it would have."""

import os
from typing import NamedTuple

from data.errors import HeadroomError, in_words
from flows.run.progress import say
from flows.run.settings import Settings
from flows.run.variables import MOST_HOURS
from serving.messages.delivery.operations import tell_operations
from serving.messages.operations import run_message
from serving.published.layout import published_dates


class RunNews(NamedTuple):
    """``run``: its name. ``what`` became of it: refused, failed, crashed, skipped, late. ``said``: why."""

    run: str
    what: str
    said: tuple[str, ...]


def error_said(error: BaseException) -> tuple[str, ...]:
    """An error in sentences: the three parts of what a user can put right. What a bug says may hold anything."""
    told = in_words(error)
    if told is not None:
        return (told.asked, f"Found: {told.found}", f"To do: {told.todo}")
    name, todo = type(error).__name__, "To do: look at the log of the run."
    if isinstance(error, Exception):
        return (f"It ended with {name}.", todo)
    return (f"It was ended from outside ({name}): cancelled, stopped, or longer under way than {MOST_HOURS}.", todo)


def tell(settings: Settings | None, news: RunNews) -> None:
    """Tell it over every channel for operations that is set. What a channel refuses is said in the log.

    ``settings``: None where they cannot be used; it goes to the address of the environment then, and no list is named.
    """
    try:
        days = published_dates(settings.out_folder) if settings else None
        message = run_message(news.run, news.what, news.said, days)
        emails = settings.notify.operations if settings else ()
        faults = [failure.why for failure in tell_operations(message, os.environ, emails)]
    except Exception as error:  # whatever it is, it must not take the place of what the run came to
        faults = [error.clause if isinstance(error, HeadroomError) else type(error).__name__]
    for fault in faults:
        say(f"warning: {news.run}, {news.what}, could not be told: {fault}")
