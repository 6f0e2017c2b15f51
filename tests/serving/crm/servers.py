"""A HubSpot and a Salesforce on ports of this machine, which speak as much of their protocols as is asked of them."""

import base64
import ipaddress
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.crm.settings import USUAL_NAMES
from tests.serving.access.provider import port, served

TOKEN, CLIENT_ID, CLIENT_SECRET = "token-of-the-app", "client-of-the-app", "secret-of-the-app"
ID_PROPERTY = "headroom_account_id"
NUMBERS = ("headroom_likelihood", "headroom_expected_arr", "headroom_rank")
Properties = dict[str, Any]


@dataclass
class Company:
    """A record of a CRM: its id, and its values as the CRM gives them."""

    id: str
    values: Properties


@dataclass
class World:
    """What a CRM holds by account, and what it was asked. ``refused``: accounts that a rule of its admin refuses.

    ``answers``: what it answers first, before it does what it is asked; None: what it is asked. ``allowed``: calls in
    ten seconds.
    """

    companies: dict[str, Company]
    refused: frozenset[str] = frozenset()
    properties: list[str] = field(default_factory=lambda: [*USUAL_NAMES.values()])
    is_unique: bool = True
    allowed: int = 1_000_000
    answers: deque[Response | None] = field(default_factory=deque)
    calls: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[str, Properties]] = field(default_factory=list)
    past: deque[float] = field(default_factory=deque)

    def values(self) -> dict[str, Properties]:
        return {account: dict(company.values) for account, company in self.companies.items()}

    def first(self) -> Response | None:
        """What it answers instead of what it is asked."""
        self.calls += 1
        now = time.monotonic()
        while self.past and self.past[0] < now - 10:
            self.past.popleft()
        if len(self.past) >= self.allowed:
            return JSONResponse({"policyName": "TEN_SECONDLY_ROLLING"}, 429, {"Retry-After": "1"})
        self.past.append(now)
        return self.answers.popleft() if self.answers else None


def hubspot(world: World) -> Starlette:
    """HubSpot: texts alone, an empty one clears, and 207 where it did not take all."""

    async def properties(request: Request) -> Response:
        made = [
            {"name": name, "type": "number" if name in NUMBERS else "string", "hasUniqueValue": False}
            for name in world.properties
        ]
        return JSONResponse(
            {"results": [*made, {"name": ID_PROPERTY, "type": "string", "hasUniqueValue": world.is_unique}]}
        )

    async def read(request: Request) -> Response:
        asked = await request.json()
        assert len(asked["inputs"]) <= 100
        assert asked["idProperty"] == ID_PROPERTY
        ids = [one["id"] for one in asked["inputs"]]
        found = [(account, world.companies[account]) for account in ids if account in world.companies]
        results = [
            {
                "id": company.id,
                "properties": {name: company.values.get(name) for name in asked["properties"]} | {ID_PROPERTY: account},
            }
            for account, company in found
        ]
        gone = [account for account in ids if account not in world.companies]
        errors = [{"category": "OBJECT_NOT_FOUND", "message": "not found", "context": {"ids": gone}}] if gone else []
        return JSONResponse({"status": "COMPLETE", "results": results, "errors": errors}, 207 if gone else 200)

    async def update(request: Request) -> Response:
        inputs = (await request.json())["inputs"]
        assert len(inputs) <= 100
        results, errors = [], []
        for one in inputs:
            assert one["idProperty"] == ID_PROPERTY
            company, trace = world.companies.get(one["id"]), one["objectWriteTraceId"]
            world.sent.append((one["id"], one["properties"]))
            if company is None or one["id"] in world.refused:
                category = "OBJECT_NOT_FOUND" if company is None else "VALIDATION_ERROR"
                message = f"Property values were not valid: a rule of the admin refuses {one['id']}"
                errors.append({"category": category, "message": message, "context": {"objectWriteTraceId": [trace]}})
                continue
            assert all(isinstance(value, str) for value in one["properties"].values())
            company.values.update({name: value or None for name, value in one["properties"].items()})
            world.taken[one["id"]] += 1
            results.append({"id": company.id, "properties": one["properties"], "objectWriteTraceId": trace})
        return JSONResponse({"status": "COMPLETE", "results": results, "errors": errors}, 207 if errors else 200)

    return _app(
        world,
        lambda request: request.headers.get("authorization") == f"Bearer {TOKEN}",
        JSONResponse({"category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found."}, 401),
        [
            Route("/crm/properties/2026-09/companies", properties),
            Route("/crm/objects/2026-09/companies/batch/read", read, methods=["POST"]),
            Route("/crm/objects/2026-09/companies/batch/update", update, methods=["POST"]),
        ],
    )


@dataclass
class SalesforceWorld(World):
    """Salesforce: ``locked`` says how often a record is being written by somebody else when it is to be updated."""

    properties: list[str] = field(default_factory=lambda: [f"{name.title()}__c" for name in USUAL_NAMES.values()])
    locked: Counter[str] = field(default_factory=Counter)


EXTERNAL_ID = "Headroom_Account_Id__c"
SOQL = re.compile(r"SELECT (.+) FROM Account WHERE (\w+) IN \((.*)\)", re.DOTALL)
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
LONGEST_TEXT, SCALE = 255, 4


def salesforce(world: SalesforceWorld, address: str) -> Starlette:
    """Salesforce: a query takes capitals for small letters, null clears, and each record has its own result."""

    async def token(request: Request) -> Response:
        form, basic = parse_qs((await request.body()).decode()), request.headers["authorization"]
        given = base64.b64decode(basic.removeprefix("Basic ")).decode()
        if form["grant_type"] != ["client_credentials"] or given != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return JSONResponse({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        return JSONResponse({"access_token": TOKEN, "instance_url": address, "token_type": "Bearer"})

    async def describe(request: Request) -> Response:
        made = [_field(name, "double" if name.lower()[:-3] in NUMBERS else "string") for name in world.properties]
        return JSONResponse({"fields": [*made, {**_field(EXTERNAL_ID, "string"), "unique": world.is_unique}]})

    async def query(request: Request) -> Response:
        found = SOQL.fullmatch(request.query_params["q"])
        assert found, request.query_params["q"]
        columns = found[1].split(", ")
        asked = {re.sub(r"\\(.)", r"\1", text).lower() for text in QUOTED.findall(found[3])}
        records = [
            {"attributes": {"type": "Account"}}
            | {name: {"Id": company.id, EXTERNAL_ID: account}.get(name, company.values.get(name)) for name in columns}
            for account, company in world.companies.items()
            if account.lower() in asked
        ]
        return JSONResponse({"totalSize": len(records), "done": True, "records": records})

    async def update(request: Request) -> Response:
        body = await request.json()
        assert len(body["records"]) <= 200
        assert body["allOrNone"] is False
        of = {company.id: account for account, company in world.companies.items()}
        return JSONResponse([_updated(world, of[one.pop("Id")], one) for one in body["records"]])

    def allowed(request: Request) -> bool:
        return request.url.path.endswith("/token") or request.headers.get("authorization") == f"Bearer {TOKEN}"

    data = "/services/data/v62.0"
    return _app(
        world,
        allowed,
        JSONResponse([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401),
        [
            Route("/services/oauth2/token", token, methods=["POST"]),
            Route(f"{data}/sobjects/Account/describe", describe),
            Route(f"{data}/query", query),
            Route(f"{data}/composite/sobjects", update, methods=["PATCH"]),
        ],
    )


def _field(name: str, kind: str) -> Properties:
    length = LONGEST_TEXT if kind == "string" else 0
    return {"name": name, "type": kind, "length": length, "scale": SCALE, "unique": False, "updateable": True}


def _updated(world: SalesforceWorld, account: str, record: Properties) -> Properties:
    """The result of one record, which is changed where it is taken."""
    assert record.pop("attributes") == {"type": "Account"}
    world.sent.append((account, record))
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION" if account in world.refused else ""
    if world.locked[account] > 0:
        world.locked[account] -= 1
        code = "UNABLE_TO_LOCK_ROW"
    if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in record.values()):
        code = "STRING_TOO_LONG"
    company = world.companies[account]
    if code:
        return {"id": company.id, "success": False, "errors": [{"statusCode": code, "message": f"not {account}"}]}
    company.values.update(record)
    world.taken[account] += 1
    return {"id": company.id, "success": True, "errors": []}


def _app(world: World, signed_in: Callable[[Request], bool], refusal: Response, routes: list[Route]) -> Starlette:
    """The routes behind what every call meets first."""

    def guarded(route: Route) -> Route:
        async def answer(request: Request) -> Response:
            first = world.first()
            if first is not None:
                return first
            return await route.endpoint(request) if signed_in(request) else refusal

        return Route(route.path, answer, methods=list(route.methods or ["GET"]))

    return Starlette(routes=[guarded(route) for route in routes])


@contextmanager
def on_port(app: Callable[[str], Starlette], **options: Any) -> Iterator[str]:
    """The app on a port, which it is told; with ``ssl_certfile`` encrypted."""
    with port() as (opened, plain):
        address = plain.replace("http:", "https:") if options else plain
        with served(app(address), opened, **options):
            yield address


def certificate(folder: Path) -> dict[str, str]:
    """A certificate of this machine for itself, and its key, as a server is told."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    held = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(held)
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return {"ssl_certfile": str(folder / "cert.pem"), "ssl_keyfile": str(folder / "key.pem")}
