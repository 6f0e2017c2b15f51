"""Salesforce's accounts, through simple-salesforce: ids are queried first and then updated, never upserted.

An upsert would make the accounts that it does not find. Bulk jobs are not used: they leave a field as it is where a
value is missing, and tell no rejection before the job has ended.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession, SalesforceRefusedRequest
from simple_salesforce.format import format_soql

from data.errors import CrmError
from data.shown.urls import shown_url
from serving.crm.client import (
    ANSWER_SECONDS,
    WAITS,
    AgainError,
    CrmProperty,
    CrmRecord,
    RecordChange,
    Rejection,
    is_another,
    list_in,
    patiently,
    sleep,
    told,
)
from serving.crm.settings import SALESFORCE_ID, SALESFORCE_SECRET

VERSION = "62.0"
RECORD_ID = "Id"
SAME_LETTERS = 15
"""An id has 15 letters, or 18 of which the last three follow from the others."""
LONGEST_LIST = 6_000
"""Letters of the ids in one query, as its address has them."""
LOCKED = "UNABLE_TO_LOCK_ROW"
TEXTS, NUMBERS = ("string", "textarea", "picklist"), ("double", "currency", "percent")


class SalesforceCrm:
    """Salesforce. ``url``: My Domain; the id and the secret are those of an External Client App.

    ``id_property``: the unique field that holds ``account_id``; None where it is the record's id.
    """

    title, records, at_once = "Salesforce", "accounts", 200

    def __init__(self, url: str, client_id: str, client_secret: str, id_property: str | None) -> None:
        self._id = id_property or RECORD_ID
        self._session = requests.Session()
        try:
            token, instance = patiently("Sign in to Salesforce.", lambda: self._token(url, client_id, client_secret))
        except CrmError:
            self.close()
            raise
        self._api = Salesforce(instance_url=instance, session_id=token, session=self._session, version=VERSION)

    def close(self) -> None:
        self._session.close()

    def properties(self) -> dict[str, CrmProperty]:
        fields = list_in(self._call("sobjects/Account/describe"), "fields", self.title)
        return {each["name"].lower(): _property(each) for each in fields}

    def read(self, accounts: Sequence[str], names: Sequence[str]) -> dict[str, CrmRecord]:
        asked = {self._key(account): account for account in accounts}
        found = {}
        for record in (record for some in _in_parts(accounts) for record in self._query(some, names)):
            values = {name.lower(): value for name, value in record.items()}
            account = asked.get(self._key(values[self._id.lower()]))
            if account is not None:  # a query takes capitals for small letters; an account id does not
                found[account] = CrmRecord(record[RECORD_ID], {name: values[name.lower()] for name in names})
        return found

    def update(self, changes: Sequence[RecordChange]) -> list[Rejection]:
        """See ``Crm``. A record that somebody else is writing is sent again after a while."""
        rejected, waiting = [], list(changes)
        for wait in (*WAITS, None):
            locked = []
            for change, error in self._errors(waiting):
                if error.code == LOCKED and wait is not None:
                    locked.append(change)
                else:
                    rejected.append(error)
            if not locked or wait is None:
                break
            waiting = locked
            sleep(wait)
        return rejected

    def _token(self, url: str, client_id: str, client_secret: str) -> tuple[str, str]:
        """A token, and where it is good for."""
        asked = {"grant_type": "client_credentials"}
        try:
            answer = self._session.post(
                f"{url}/services/oauth2/token", asked, auth=(client_id, client_secret), timeout=ANSWER_SECONDS
            )
        except requests.RequestException as error:
            raise AgainError(f"{shown_url(url)} cannot be reached: {told(error)}") from error
        if answer.status_code >= 500:
            raise AgainError(f"{shown_url(url)} answers {answer.status_code}")
        if not answer.ok:
            raise CrmError(
                f"Sign in to Salesforce at {shown_url(url)}.",
                f"it answers {answer.status_code}: {told(answer.text)}.",
                f"Check {SALESFORCE_ID} and {SALESFORCE_SECRET}, and that the app allows the client credentials flow.",
            )
        try:
            signed = answer.json()
            return signed["access_token"], signed["instance_url"]
        except (ValueError, TypeError, LookupError) as error:
            raise is_another(self.title) from error

    def _key(self, account: str) -> str:
        return account[:SAME_LETTERS] if self._id == RECORD_ID else account

    def _query(self, accounts: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
        query = format_soql(
            "SELECT {columns:literal} FROM Account WHERE {known:literal} IN {accounts}",
            columns=", ".join(dict.fromkeys((RECORD_ID, self._id, *names))),
            known=self._id,
            accounts=list(accounts),
        )
        return list_in(self._call("query", params={"q": query}), "records", self.title)

    def _errors(self, changes: Sequence[RecordChange]) -> Iterator[tuple[RecordChange, Rejection]]:
        """Send changes; those that it did not take, and why."""
        kind = {"type": "Account"}
        records = [{"attributes": kind, RECORD_ID: one.record, **one.values} for one in changes]
        body = {"allOrNone": False, "records": records}
        results = list_in(
            {"results": self._call("composite/sobjects", method="PATCH", json=body)}, "results", self.title
        )
        for change, result in zip(changes, results, strict=True):
            if not result["success"]:
                error = (result["errors"] or [{}])[0]
                code = str(error.get("statusCode", "NO_ANSWER"))
                yield change, Rejection(change.account_id, code, told(error.get("message", "no message")))

    def _call(self, path: str, **asked: Any) -> Any:
        return patiently("Ask Salesforce.", lambda: self._once(path, **asked))

    def _once(self, path: str, **asked: Any) -> Any:
        try:
            return self._api.restful(path, timeout=ANSWER_SECONDS, **asked)
        except (requests.JSONDecodeError, requests.exceptions.InvalidHeader):  # the latter quotes the token
            raise is_another(self.title) from None
        except requests.RequestException as error:
            raise AgainError(f"Salesforce cannot be reached: {told(error)}") from error
        except (SalesforceExpiredSession, SalesforceRefusedRequest) as error:
            todo = "Check the rights of the user that the app runs as, and what Salesforce says."
            raise CrmError("Ask Salesforce.", f"it refuses: {_why(error)}.", todo) from error
        except SalesforceError as error:
            if error.status == 429 or error.status >= 500:
                raise AgainError(f"Salesforce answers {error.status}") from error
            todo = "Check `id_property` and `properties` under [writeback]."
            raise CrmError("Ask Salesforce.", f"it answers {error.status}: {_why(error)}.", todo) from error


def _property(field: dict[str, Any]) -> CrmProperty:
    longest = field["length"] if field["type"] in TEXTS else None
    decimals = field["scale"] if field["type"] in NUMBERS else None
    return CrmProperty(field["name"], longest, decimals, is_unique=field["unique"], is_writable=field["updateable"])


def _why(error: SalesforceError) -> str:
    """What Salesforce says of an error: a list of one, or whatever a proxy in between says."""
    said: Any = error.content
    if isinstance(said, list) and said and isinstance(said[0], dict):
        return told(f"{said[0].get('errorCode', error.status)}, {said[0].get('message', 'no message')}")
    return told(said)


def _in_parts(accounts: Sequence[str]) -> Iterator[list[str]]:
    """The accounts, so many at a time as one address holds."""
    part: list[str] = []
    letters = 0
    for account in accounts:
        length = len(quote(f"'{account}',"))
        if part and letters + length > LONGEST_LIST:
            yield part
            part, letters = [], 0
        part.append(account)
        letters += length
    if part:
        yield part
