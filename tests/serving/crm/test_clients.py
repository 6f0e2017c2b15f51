"""Both CRMs: nothing is made, what is refused does not keep the others out, and what may pass is waited for."""

import gc
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from data.errors import CrmError
from serving.crm import client
from serving.crm.client import WAITS, Crm, RecordChange, Rejection, Value
from serving.crm.journal import NOT_FOUND, REJECTED, SENDING, TAKEN, Journal
from serving.crm.plan import target_of
from serving.crm.run import take_back, write_back
from serving.crm.settings import SHOWN, CrmName, WritebackSettings
from tests.serving.crm.servers import EXTERNAL_ID, ID_PROPERTY, TOKEN, Company, SalesforceWorld, World

Open = Callable[..., Crm]
IDS: dict[CrmName, str] = {"hubspot": ID_PROPERTY, "salesforce": EXTERNAL_ID}
EVIL = "=cmd('x')\x00\u202e <b>\"O'Neil\" & sons</b>\r\nnew line\t{{ token }} " + "z" * 300


def wanted_of(number: int) -> dict[str, Value]:
    """What a CRM is to show of an account, made up; every ninth is not eligible."""
    values: dict[str, Value] = {
        "likelihood": round(0.001 * (number % 999), 3), "band": "possible", "motion": "Seats", "play": "More seats",
        "reasons": f"{number} of 50 seats in use.", "act_by": "2026-10-31", "expected_arr": float(number * 12),
        "rank": number + 1,
    }  # fmt: skip
    if number % 9 == 8:
        values = dict.fromkeys(values) | {"reasons": "An invoice is overdue."}
    return values | {"snapshot_date": "2026-10-01"}


def accounts(count: int) -> dict[str, dict[str, Value]]:
    return {f"acc-{number:05d}": wanted_of(number) for number in range(count)}


def companies(names: Mapping[str, Any], **values: Value) -> dict[str, Company]:
    return {account: Company(f"00{place:013d}", dict(values)) for place, account in enumerate(names)}


@pytest.fixture(params=["hubspot", "salesforce"])
def crm_name(request: pytest.FixtureRequest) -> CrmName:
    return request.param


@pytest.fixture
def world(crm_name: CrmName) -> World:
    held = companies(accounts(230))
    return World(held) if crm_name == "hubspot" else SalesforceWorld(held)


@pytest.fixture
def opened(crm_name: CrmName, world: World, request: pytest.FixtureRequest) -> Crm:
    return request.getfixturevalue(f"open_{crm_name}")(world)


def sent_to(
    crm: Crm, wanted: Mapping[str, Mapping[str, Value]], path: Path, *, send: bool = True
) -> tuple[dict[str, int], int]:
    """One run; how many accounts came to which state, and how many were unchanged."""
    name: CrmName = "hubspot" if crm.title == "HubSpot" else "salesforce"
    target = target_of(crm, WritebackSettings().names(name), IDS[name])
    with Journal(path) as journal:
        unchanged = write_back(crm, wanted.items(), target, journal, send=send)
        return journal.counts(), unchanged


def refusal(call: Callable[[], object]) -> str:
    """What is told where a call is refused. The error is not kept: it would hold a connection open."""
    with pytest.raises(CrmError) as error:
        call()
    told = str(error.value)
    del error
    gc.collect()
    return told


def test_all_is_written_once_and_a_second_run_sends_nothing(opened: Crm, world: World, tmp_path: Path) -> None:
    assert sent_to(opened, accounts(230), tmp_path / "1") == ({TAKEN: 230}, 0)
    assert world.taken == Counter(list(world.companies))
    world.sent.clear()
    assert sent_to(opened, accounts(230), tmp_path / "2") == ({}, 230)
    assert not world.sent


def test_a_dry_run_sends_nothing(opened: Crm, world: World, tmp_path: Path) -> None:
    counts, unchanged = sent_to(opened, accounts(230), tmp_path / "1", send=False)
    assert (sum(counts.values()), unchanged, world.sent) == (230, 0, [])


def test_only_what_changed_is_sent_and_the_day_alone_is_no_change(opened: Crm, world: World, tmp_path: Path) -> None:
    before = accounts(20)
    sent_to(opened, before, tmp_path / "1")
    world.sent.clear()
    after = {account: values | {"snapshot_date": "2026-11-01"} for account, values in before.items()}
    after["acc-00003"]["band"] = "likely"
    assert sent_to(opened, after, tmp_path / "2") == ({TAKEN: 1}, 19)
    [(account, values)] = world.sent
    assert account == "acc-00003"
    assert sorted(values.values()) == ["2026-11-01", "likely"]


def test_what_is_refused_does_not_keep_the_others_out(opened: Crm, world: World, tmp_path: Path) -> None:
    world.refused = frozenset({"acc-00007", "acc-00150"})
    wanted = accounts(230) | {"stranger-1": wanted_of(1), "o'neil \\": wanted_of(2)}
    assert sent_to(opened, wanted, tmp_path / "1") == ({TAKEN: 228, REJECTED: 2, NOT_FOUND: 2}, 0)
    with Journal(tmp_path / "1") as journal:
        told = {row.account_id: (row.code, row.message) for row in journal.rows() if row.code}
    assert set(told) == {"acc-00007", "acc-00150", "stranger-1", "o'neil \\"}
    assert told["acc-00007"][0] in ("VALIDATION_ERROR", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert "acc-00007" in told["acc-00007"][1]
    assert told["stranger-1"][1] == f"not among the {opened.records} of {opened.title}"
    assert len(world.companies) == 230, "no company is made"
    assert {account for account, _ in world.sent} == set(world.companies)


def test_what_is_no_longer_known_is_cleared(opened: Crm, world: World, tmp_path: Path) -> None:
    sent_to(opened, accounts(9), tmp_path / "1")
    nothing = {account: dict.fromkeys((*SHOWN, "snapshot_date")) for account in accounts(9)}
    assert sent_to(opened, nothing, tmp_path / "2")[0] == {TAKEN: 9}
    assert not any(value for values in list(world.values().values())[:9] for value in values.values())


def test_a_text_can_do_no_harm(opened: Crm, crm_name: CrmName, world: World, tmp_path: Path) -> None:
    wanted = {"acc-00001": wanted_of(1) | {"reasons": EVIL, "play": EVIL[:40]}}
    assert sent_to(opened, wanted, tmp_path / "1")[0] == {TAKEN: 1}
    held = {name.lower().removesuffix("__c"): value for name, value in world.values()["acc-00001"].items()}
    assert held["headroom_play"] == "=cmd('x') <b>\"O'Neil\" & sons</b> new"[: len(held["headroom_play"])]
    assert held["headroom_reasons"].isprintable()
    longest = 65_536 if crm_name == "hubspot" else 255
    assert len(held["headroom_reasons"]) <= longest
    assert held["headroom_reasons"].endswith("\N{HORIZONTAL ELLIPSIS}" if crm_name == "salesforce" else "z")
    world.sent.clear()
    assert sent_to(opened, wanted, tmp_path / "2") == ({}, 1)


def test_an_undo_restores_what_nobody_else_changed(opened: Crm, world: World, tmp_path: Path) -> None:
    name = world.properties[0]
    for company in list(world.companies.values())[:100]:
        company.values[name] = "0.5" if opened.title == "HubSpot" else 0.5
    before = world.values()
    world.refused = frozenset({"acc-00011"})
    sent_to(opened, accounts(230), tmp_path / "1")
    world.companies["acc-00003"].values[world.properties[1]] = "our own word"
    world.refused = frozenset()
    with Journal(tmp_path / "1") as past, Journal(tmp_path / "2") as journal:
        left = take_back(opened, past.written(), journal)
        assert journal.counts() == {TAKEN: 229}
    assert left == 0
    after = world.values()
    assert after["acc-00003"].pop(world.properties[1]) == "our own word"
    assert plain(after) == plain(before)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("band", ["possible", "likely"])
def test_an_undo_of_a_run_that_was_stopped_takes_back_what_that_run_wrote(
    band: str, arrived: bool, alone: bool, opened: Crm, world: World, tmp_path: Path
) -> None:
    """Its second call is stopped before or after it arrived; a run of this or another list finishes. One or both go."""
    before, names = world.values(), list(world.companies)
    stop_second_call(opened, arrived=arrived)
    refusal(lambda: sent_to(opened, accounts(230), tmp_path / "1"))
    first, second = names[: opened.at_once], names[opened.at_once : 2 * opened.at_once]
    with Journal(tmp_path / "1") as journal:
        assert [row.account_id for row in journal.rows(TAKEN)] == first
        assert [row.account_id for row in journal.rows(SENDING)] == second
    sent_to(opened, {account: of | {"band": band} for account, of in accounts(230).items()}, tmp_path / "2")
    finished = plain(world.values())
    with Journal(tmp_path / "1") as past, Journal(tmp_path / "2") as later:
        for run, others in [(past, [later])] if alone else [(later, []), (past, [later])]:
            with Journal(tmp_path / f"undo-{len(others)}") as journal:
                take_back(opened, run.written(others), journal)
    if not alone:
        assert plain(world.values()) == plain(before)
        return
    wrote = {*first, *(second if arrived else ())}
    over = {account for account, of in accounts(230).items() if of["band"] != band}  # here the later run wrote the band
    assert plain(world.values()) == {
        account: {
            name: value
            for name, value in of.items()
            if account not in wrote or (account in over and name == world.properties[1])
        }
        for account, of in finished.items()
    }


def stop_second_call(crm: Crm, *, arrived: bool) -> None:
    """The second update from now on ends in an error, before or after it came there; then all is well again."""
    whole, calls = crm.update, count(1)

    def update(changes: Sequence[RecordChange]) -> list[Rejection]:
        if next(calls) == 1:
            return whole(changes)
        if arrived:
            whole(changes)
        crm.update = whole
        raise CrmError("Ask it.", "it is gone.", "Wait.")

    crm.update = update


def plain(values: Mapping[str, Mapping[str, Value]]) -> dict[str, dict[str, Value]]:
    """Without what is empty."""
    return {account: {name: value for name, value in of.items() if value} for account, of in values.items()}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_waited_for(status: int, opened: Crm, world: World, naps: list[float], tmp_path: Path) -> None:
    headers = {"Retry-After": "7"} if opened.title == "HubSpot" and status == 429 else {}
    world.answers.extend(JSONResponse({}, status, headers) for _ in range(3))
    assert sent_to(opened, accounts(5), tmp_path / "1")[0] == {TAKEN: 5}
    assert naps[:3] == [7, 7, 7] if headers else naps[:3] == list(WAITS[:3])


def test_what_does_not_pass_is_told_after_a_bounded_time(
    opened: Crm, world: World, naps: list[float], tmp_path: Path
) -> None:
    world.answers.extend(Response("<html>busy</html>", 502) for _ in range(20))
    told = refusal(lambda: sent_to(opened, accounts(5), tmp_path / "1"))
    assert naps == list(WAITS)
    assert "answers 502" in told
    assert "not sent twice" in told


NOT_THE_CRM = {
    "page": Response("<html>Sign in</html>"), "nothing": Response(b""), "object": JSONResponse({"ok": True}),
    "text": JSONResponse("ok"),
}  # fmt: skip


@pytest.mark.parametrize("answer", NOT_THE_CRM)
def test_what_is_not_the_crm_is_told_at_once(
    answer: str, opened: Crm, world: World, naps: list[float], tmp_path: Path
) -> None:
    """Whichever call is answered so: the properties, the reading or the update."""
    for call in range(3):
        world.answers.extend([None] * call + [NOT_THE_CRM[answer]])
        told = refusal(partial(sent_to, opened, accounts(5), tmp_path / f"{call}"))
        assert f"does not answer as {opened.title} does" in told
    assert (naps, sum(world.taken.values())) == ([], 0)


@pytest.mark.parametrize("answer", NOT_THE_CRM)
def test_where_salesforce_is_not_nobody_signs_in(answer: str, open_salesforce: Open, naps: list[float]) -> None:
    world = SalesforceWorld({}, answers=deque([NOT_THE_CRM[answer]]))
    assert "does not answer as Salesforce does" in refusal(lambda: open_salesforce(world))
    assert not naps


def test_a_token_that_no_header_holds_is_not_one_of_salesforce(
    open_salesforce: Open, naps: list[float], tmp_path: Path
) -> None:
    url = "https://acme.example"
    world = SalesforceWorld({}, answers=deque([JSONResponse({"access_token": "hunter\ntwo", "instance_url": url})]))
    told = refusal(lambda: sent_to(open_salesforce(world), accounts(5), tmp_path / "1"))
    assert "does not answer as Salesforce does" in told
    assert "hunter" not in told
    assert not naps


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_once_and_without_a_secret(
    status: int, opened: Crm, world: World, naps: list[float], tmp_path: Path
) -> None:
    said = {"category": "MISSING_SCOPES", "message": "no rights"}
    body: object = said if opened.title == "HubSpot" else [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no rights"}]
    world.answers.append(JSONResponse(body, status))
    told = refusal(lambda: sent_to(opened, accounts(5), tmp_path / "1"))
    assert not naps
    assert "no rights" in told
    assert TOKEN not in told


def test_a_property_that_is_not_there_is_told_before_anything_is_read(
    opened: Crm, world: World, tmp_path: Path
) -> None:
    world.properties = world.properties[1:]
    with pytest.raises(CrmError, match="no property headroom_likelihood"):
        sent_to(opened, accounts(5), tmp_path / "1")
    assert world.calls <= 2
    world.properties, world.is_unique = ["headroom_likelihood", *world.properties], False
    if opened.title == "Salesforce":
        world.properties[0] += "__c"
    with pytest.raises(CrmError, match="is not unique"):
        sent_to(opened, accounts(5), tmp_path / "1")


def test_a_call_that_hubspot_refuses_as_a_whole_is_halved(open_hubspot: Open, tmp_path: Path) -> None:
    world = World(companies(accounts(8)))
    crm = open_hubspot(world)
    whole = crm._call  # the server has no such rule: it is put before it

    def stubborn(method: str, path: str, body: Any = None) -> Any:
        if path.endswith("update") and any(one["id"] == "acc-00005" for one in body["inputs"]):
            world.answers.append(JSONResponse({"category": "VALIDATION_ERROR", "message": "one is not valid"}, 400))
        return whole(method, path, body)

    crm._call = stubborn
    assert sent_to(crm, accounts(8), tmp_path / "1")[0] == {TAKEN: 7, REJECTED: 1}
    with Journal(tmp_path / "1") as journal:
        [rejected] = [row for row in journal.rows() if row.state == REJECTED]
    assert (rejected.account_id, rejected.code) == ("acc-00005", "VALIDATION_ERROR")
    assert world.taken == Counter(set(world.companies) - {"acc-00005"})


def test_a_token_that_no_header_holds_is_told_at_once_and_is_not_quoted(
    open_hubspot: Open, naps: list[float], tmp_path: Path
) -> None:
    world = World(companies(accounts(5)))
    crm = open_hubspot(world, f"{TOKEN}\nsecond line")
    told = refusal(lambda: sent_to(crm, accounts(5), tmp_path / "1"))
    assert "cannot be sent in a header" in told
    assert TOKEN not in told
    assert (naps, world.calls) == ([], 0)


def test_hubspot_says_at_once_when_the_allowance_of_the_day_is_used_up(
    open_hubspot: Open, naps: list[float], tmp_path: Path
) -> None:
    world = World({}, answers=deque([JSONResponse({"policyName": "DAILY"}, 429)]))
    with pytest.raises(CrmError, match="allowance of a day"):
        sent_to(open_hubspot(world), accounts(5), tmp_path / "1")
    assert not naps


def test_what_hubspot_does_not_answer_for_is_no_success(open_hubspot: Open, tmp_path: Path) -> None:
    world = World(companies(accounts(2)))
    crm = open_hubspot(world)
    target_of(crm, {"band": "headroom_band"}, ID_PROPERTY)
    there = crm.read(list(accounts(2)), ["headroom_band"])
    world.answers.append(JSONResponse({"results": [{"id": there["acc-00000"].id}], "errors": []}, 207))
    changes = [RecordChange(account, record.id, {}, {"headroom_band": "likely"}) for account, record in there.items()]
    assert [(one.account_id, one.code) for one in crm.update(changes)] == [("acc-00001", "NO_ANSWER")]


def test_a_record_that_somebody_else_writes_is_sent_again(
    open_salesforce: Open, naps: list[float], tmp_path: Path
) -> None:
    world = SalesforceWorld(companies(accounts(10)), locked=Counter({"acc-00002": 2, "acc-00004": 99}))
    assert sent_to(open_salesforce(world), accounts(10), tmp_path / "1")[0] == {TAKEN: 9, REJECTED: 1}
    assert world.taken["acc-00002"] == 1
    assert naps == list(WAITS)
    with Journal(tmp_path / "1") as journal:
        assert [row.code for row in journal.rows() if row.code] == ["UNABLE_TO_LOCK_ROW"]


def test_salesforce_takes_capitals_for_small_letters_and_we_do_not(open_salesforce: Open, tmp_path: Path) -> None:
    world = SalesforceWorld(companies(["ACC-00000", "acc-00001"]))
    assert sent_to(open_salesforce(world), accounts(2), tmp_path / "1")[0] == {TAKEN: 1, NOT_FOUND: 1}
    assert set(world.taken) == {"acc-00001"}


def test_a_sign_in_that_salesforce_refuses_is_told(open_salesforce: Open) -> None:
    told = refusal(lambda: open_salesforce(SalesforceWorld({}), "another-secret"))
    assert "invalid client credentials" in told
    assert "another-secret" not in told


def test_the_calls_of_ten_seconds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is ours, so that nobody waits: of any ten seconds no more calls begin than are allowed."""
    now, begun = [100.0], []
    monkeypatch.setattr(client, "monotonic", lambda: now[0])
    monkeypatch.setattr(client, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    pace = client.Pace(5, 10)
    for _ in range(23):
        pace.wait()
        begun.append(now[0])
        now[0] += 0.3
    assert max(sum(one <= other < one + 10 for other in begun) for one in begun) == 5
    assert now[0] < 100 + 50
