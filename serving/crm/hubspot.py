"""HubSpot's companies, by its dated API: read and updated by a unique property, a hundred in a call."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx2

from data.errors import CrmError
from serving.crm.client import (
    ANSWER_SECONDS,
    AgainError,
    CrmProperty,
    CrmRecord,
    Pace,
    RecordChange,
    Rejection,
    Value,
    list_in,
    patiently,
    told,
)
from serving.crm.settings import HUBSPOT_TOKEN, HubSpotSettings

VERSION = "2026-09"
PROPERTIES, COMPANIES = f"/crm/properties/{VERSION}/companies", f"/crm/objects/{VERSION}/companies"
LONGEST_TEXT = 65_536
PER_SECONDS = 10
SCOPES = "crm.objects.companies.read, crm.objects.companies.write, crm.schemas.companies.read"


class HubSpotCrm:
    """HubSpot. ``token``: that of a private app; ``id_property``: None where ``account_id`` is the record's id."""

    title, records, at_once = "HubSpot", "companies", 100

    def __init__(self, settings: HubSpotSettings, token: str, id_property: str | None) -> None:
        self._id_property = id_property
        self._pace = Pace(settings.calls_in_ten_seconds, PER_SECONDS)
        signed = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=settings.url, headers=signed, timeout=ANSWER_SECONDS)

    def close(self) -> None:
        self._http.close()

    def properties(self) -> dict[str, CrmProperty]:
        return {each["name"]: _property(each) for each in self._read("GET", PROPERTIES)}

    def read(self, accounts: Sequence[str], names: Sequence[str]) -> dict[str, CrmRecord]:
        asked: dict[str, Any] = {"inputs": [{"id": account} for account in accounts], "properties": [*names]}
        if self._id_property is not None:
            asked["idProperty"] = self._id_property
            asked["properties"].append(self._id_property)
        found = self._read("POST", f"{COMPANIES}/batch/read", asked)
        return {self._account_of(one): CrmRecord(one["id"], _values(one["properties"], names)) for one in found}

    def update(self, changes: Sequence[RecordChange]) -> list[Rejection]:
        """See ``Crm``. A call that is refused as a whole is halved, until those are found that it was refused for."""
        answer = self._call("POST", f"{COMPANIES}/batch/update", {"inputs": [self._input(one) for one in changes]})
        if answer.is_success:
            return list(_rejected(_body(answer), changes))
        if len(changes) == 1:
            return [Rejection(changes[0].account_id, *_why(_body(answer), answer.status_code))]
        half = len(changes) // 2
        return [*self.update(changes[:half]), *self.update(changes[half:])]

    def _account_of(self, found: Mapping[str, Any]) -> str:
        return str(found["id"] if self._id_property is None else found["properties"][self._id_property])

    def _input(self, change: RecordChange) -> dict[str, Any]:
        """One input of an update; an empty text clears a property."""
        values = {name: _sent(value) for name, value in change.values.items()}
        known = {"id": change.record}
        if self._id_property is not None:
            known = {"id": change.account_id, "idProperty": self._id_property}
        return {**known, "objectWriteTraceId": change.record, "properties": values}

    def _read(self, method: str, path: str, body: object = None) -> list[Any]:
        answer = self._call(method, path, body)
        if not answer.is_success:
            code, message = _why(_body(answer), answer.status_code)
            todo = "Check `id_property` and `url` under [writeback]."
            raise CrmError("Read the companies of HubSpot.", f"it answers {code}: {message}.", todo)
        return list_in(_body(answer), "results", self.title)

    def _call(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return patiently("Ask HubSpot.", lambda: self._once(method, path, body))

    def _once(self, method: str, path: str, body: object) -> httpx2.Response:
        self._pace.wait()
        try:
            answer = self._http.request(method, path, json=body)
        except httpx2.LocalProtocolError:  # it quotes the header, and so the token
            todo = f"Set {HUBSPOT_TOKEN} to the token alone."
            raise CrmError("Ask HubSpot.", "the token cannot be sent in a header.", todo) from None
        except httpx2.TransportError as error:
            raise AgainError(f"HubSpot cannot be reached: {told(error) or type(error).__name__}") from error
        if answer.status_code in (401, 403):
            raise CrmError(
                "Ask HubSpot.",
                f"it refuses the token: {_why(_body(answer), answer.status_code)[1]}.",
                f"Set {HUBSPOT_TOKEN} to the token of a private app with {SCOPES}.",
            )
        if answer.status_code == 429:
            daily = _body(answer).get("policyName") == "DAILY"
            found = "its allowance of a day is used up" if daily else "HubSpot was asked too often"
            raise AgainError(found, float("inf") if daily else _retry_after(answer))
        if answer.status_code >= 500:
            raise AgainError(f"HubSpot answers {answer.status_code}")
        return answer


def _property(found: Mapping[str, Any]) -> CrmProperty:
    longest = LONGEST_TEXT if found["type"] == "string" else None
    fixed = (found.get("modificationMetadata") or {}).get("readOnlyValue", False)
    unique = bool(found.get("hasUniqueValue"))
    return CrmProperty(found["name"], longest, is_unique=unique, is_writable=not fixed)


def _values(properties: Mapping[str, Value], names: Sequence[str]) -> dict[str, Value]:
    return {name: properties.get(name) for name in names}


def _sent(value: Value) -> str:
    """As HubSpot takes it, which knows texts alone; a number without an exponent."""
    if value is None or isinstance(value, str):
        return value or ""
    return format(Decimal(repr(value)), "f")


def _rejected(answer: Mapping[str, Any], changes: Sequence[RecordChange]) -> Iterator[Rejection]:
    """The changes that are not among the results, with the error that names them, or else the first that names none."""
    taken = {str(one["id"]) for one in list_in(answer, "results", HubSpotCrm.title)}
    of: dict[str, Mapping[str, Any]] = {}
    others = []
    for error in answer.get("errors", ()):
        traced = (error.get("context") or {}).get("objectWriteTraceId", ())
        of.update(dict.fromkeys([traced] if isinstance(traced, str) else traced, error))
        others += [] if traced else [error]
    unnamed = others[0] if others else {"category": "NO_ANSWER", "message": "HubSpot did not say what became of it"}
    for change in changes:
        if change.record in of or change.record not in taken:
            yield Rejection(change.account_id, *_why(of.get(change.record, unnamed), 207))


def _why(error: Mapping[str, Any], status: int) -> tuple[str, str]:
    """The code of an error, and what it says."""
    return str(error.get("category") or status), told(error.get("message") or "no message")


def _body(answer: httpx2.Response) -> Mapping[str, Any]:
    """What an answer says; nothing where it is no JSON object, as that of a proxy in between."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(answer: httpx2.Response) -> float:
    """The seconds that HubSpot asks for; those of its window where it names none."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else float(PER_SECONDS)
