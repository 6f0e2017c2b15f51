"""What a hosted warehouse says while a query runs, or what became of the way to it, as what a user can put right.

Every driver has the classes of Python's DB-API (PEP 249), by their names: what its ``OperationalError`` is, and its
``InterfaceError``, lies in the operation of the server. What the server refuses is told by its codes. All else (a query
that it cannot read) is a fault of ours and keeps its traceback.
"""

import re

import requests
import urllib3

from data.errors import SourceError
from data.sources.files import first_line

TRANSPORT = (requests.RequestException, urllib3.exceptions.HTTPError)
"""What the libraries raise by which the drivers ask, where these let it through."""
OF_OPERATION = frozenset(
    (
        "OperationalError",
        "InterfaceError",
        "HttpError",
        "ServerError",
        "TooManyRequests",
        "RetryError",
        "TransportError",
    )
)
"""Classes by their names: those of PEP 249, that of Trino's driver for an answer of a proxy, and those of Google's."""
LOST = "Check that the server runs and that nothing ends long connections, and run this again."
REFUSALS = {
    r"\b42501\b|code:? 497\b|(PERMISSION|ACCESS)_DENIED|INSUFFICIENT_(PRIVILEGES|PERMISSIONS)|Access Denied": (
        "Grant this user select on what is named there."
    ),
    r"\b57014\b|code:? (159|160|394)\b|EXCEEDED_TIME_LIMIT|USER_CANCELED": (
        "Raise the time limit of this user or warehouse, or give the warehouse more to work with."
    ),
    r"code:? (202|241|243)\b|MEMORY_LIMIT|OUT_OF_MEMORY|INSUFFICIENT_RESOURCES|QUERY_QUEUE_FULL"
    r"|(quota|resources|rateLimit)Exceeded|Quota exceeded": (
        "Give the warehouse more room, or ask it when it has less to do."
    ),
}
"""What to do where a server says one of these: SQL states, ClickHouse's codes, others' names."""


def told_by_driver(error: BaseException, drivers: tuple[type[BaseException], ...]) -> SourceError | None:
    """An error of a query as one of the source; None where it is none of the ``drivers``, nor of the way."""
    if not isinstance(error, (*drivers, *TRANSPORT)):
        return None
    asked, said = "Read the tables of the warehouse.", str(error) or type(error).__name__
    for codes, todo in REFUSALS.items():
        if re.search(codes, said):
            return SourceError(asked, first_line(said), todo)
    is_lost = isinstance(error, TRANSPORT) or not OF_OPERATION.isdisjoint(kind.__name__ for kind in type(error).__mro__)
    return SourceError(asked, first_line(said), LOST) if is_lost else None
