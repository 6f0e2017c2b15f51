"""What drivers raise while a query runs: what the user can put right is said, and a fault of ours is not."""

import re

import pytest
import requests
import urllib3

from data.sources.kinds.driver_errors import LOST, told_by_driver


class DriverError(Exception):
    """Of one driver, whose classes are called as PEP 249 and Google have them."""


def kind(name: str) -> type[DriverError]:
    return type(f"{name}OfOne", (type(name, (DriverError,), {}),), {})


LOST_THERE = {
    "OperationalError": "250001: Could not connect to Snowflake backend after 2 attempt(s)",
    "InterfaceError": "Connection is closed",
    "HttpError": "error 503: b'Service Unavailable'",
    "ServerError": "503 GET https://bigquery.googleapis.com/: Visibility check was unavailable",
    "TransportError": "Failed to retrieve https://oauth2.googleapis.com/token",
}
REFUSED = {
    "003001 (42501): SQL access control error: Insufficient privileges to operate on table": "Grant this user select",
    "[INSUFFICIENT_PERMISSIONS] User does not have SELECT on Table crm. SQLSTATE: 42501": "Grant this user select",
    'TrinoUserError(type=USER_ERROR, name=PERMISSION_DENIED, message="Access Denied")': "Grant this user select",
    "403 Access Denied: Table crm: User does not have permission to query": "Grant this user select",
    "Received ClickHouse exception, code: 497, server response: Code: 497. DB::Exception": "Grant this user select",
    "000604 (57014): SQL execution canceled": "Raise the time limit",
    "Received ClickHouse exception, code: 159, server response: Timeout exceeded": "Raise the time limit",
    'TrinoQueryError(type=INSUFFICIENT_RESOURCES, name=EXCEEDED_TIME_LIMIT, message="...")': "Raise the time limit",
    "Received ClickHouse exception, code: 241, server response: memory limit exceeded": "more room",
    'TrinoQueryError(type=INSUFFICIENT_RESOURCES, name=CLUSTER_OUT_OF_MEMORY, message="...")': "more room",
    "403 Quota exceeded: Your project exceeded quota for free query bytes scanned": "more room",
}


@pytest.mark.parametrize("name", LOST_THERE)
def test_a_server_that_is_gone_is_told_by_the_class(name: str) -> None:
    told = told_by_driver(kind(name)(LOST_THERE[name]), (DriverError,))
    assert told is not None
    assert (told.found, told.todo) == (LOST_THERE[name], LOST)


@pytest.mark.parametrize("error", [requests.ConnectionError("reset"), urllib3.exceptions.ProtocolError("broken")])
def test_so_is_the_way_to_it(error: Exception) -> None:
    told = told_by_driver(error, (DriverError,))
    assert told is not None
    assert told.todo == LOST


@pytest.mark.parametrize("said", REFUSED)
def test_what_a_server_refuses_is_told_by_its_codes(said: str) -> None:
    told = told_by_driver(kind("ProgrammingError")(said), (DriverError,))
    assert told is not None
    assert re.search(REFUSED[said], told.todo)


@pytest.mark.parametrize(
    "error",
    [
        kind("ProgrammingError")("001003 (42000): SQL compilation error: syntax error line 1 at position 7"),
        kind("DatabaseError")("Received ClickHouse exception, code: 60, server response: Unknown table expression"),
        OSError(28, "No space left on device"),
        KeyError("mrr"),
    ],
)
def test_a_fault_of_ours_or_of_the_machine_is_none_of_the_source(error: Exception) -> None:
    assert told_by_driver(error, (DriverError,)) is None
