"""My tasks: against a plain loop over the tables, and as CSMs see them from day to day."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from serving.outcomes.outcome import Outcome, RecordedOutcome
from serving.outcomes.states import AccountState
from serving.store.outcomes import OutcomeStore, open_store
from serving.web.app import Site
from serving.web.index import ListIndex
from serving.web.pages.my_list import late, places_of
from serving.web.pages.tasks import KINDS, tasks_of
from serving.web.query import TaskKind
from serving.web.work import HeldWork
from tests.serving.web.conftest import TODAY, DrawnWork, OwnersSight, browser, plain
from tests.serving.web.test_record import NOW, fields_of, send, store  # noqa: F401  (fixtures)
from tests.serving.world import DAY

SNOOZE = RecordedOutcome(id=1, at=NOW, account_id="a", action="snoozed", who="Ana")
DAYS = st.dates(DAY - timedelta(days=40), TODAY)
STATES = st.one_of(
    st.just(AccountState()),
    st.builds(lambda since: AccountState("working", since), DAYS),
    st.builds(lambda since: AccountState("open", since, None, SNOOZE), DAYS),
    st.builds(lambda since: AccountState("open", since, None, replace(SNOOZE, action="reopened")), DAYS),
    st.builds(lambda word, since: AccountState(word, since), st.sampled_from(["snoozed", "won", "lost"]), DAYS),
)


@given(
    states=st.dictionaries(st.sampled_from([f"acc-{n:04d}" for n in range(20, 200)]), STATES), ahead=st.integers(0, 60)
)
def test_the_tasks_of_a_list_by_a_plain_loop(
    index: ListIndex, out: Path, states: dict[str, AccountState], ahead: int
) -> None:
    today = TODAY + timedelta(days=ahead)
    expected = []
    owners = {score.owner for score in _scores(out) if score.account_id in states}
    for score in _scores(out):
        state = states.get(score.account_id, AccountState())
        act_by = None if pd.isna(score.act_by) else pd.Timestamp(score.act_by).date()
        if state.state == "working":
            expected.append((act_by or state.since, score.account_id, "taken"))
        elif state.state == "open" and state.row is not None and state.row.action == "snoozed":
            expected.append((state.since, score.account_id, "back"))
        elif score.listed and state.state not in ("working", "snoozed"):
            since = pd.Timestamp(score.listed_since).date()
            due = act_by - (DAY - since)
            if due < today and (state.since is None or state.since < since):
                kind = "overdue" if score.owner in owners else "waiting"
                expected.append((due, score.account_id, kind))
    made = tasks_of(index, states, today)
    days = [date(1970, 1, 1) + timedelta(days=int(day)) for day in made.days]
    accounts = index.ids.take(made.places).to_pylist()
    assert sorted(zip(days, accounts, (KINDS[kind].value for kind in made.kinds), strict=True)) == sorted(expected)
    is_waiting = [KINDS[kind] is TaskKind.WAITING for kind in made.kinds]
    assert list(zip(is_waiting, days, strict=True)) == sorted(zip(is_waiting, days, strict=True))
    is_overdue = [KINDS[kind] is TaskKind.OVERDUE for kind in made.kinds]
    counted_for_the_team = late(index, places_of(index, states), today).overdue
    assert sorted(counted_for_the_team.tolist()) == sorted(made.places[is_overdue].tolist())


SCORES: list[object] = []


def _scores(out: Path) -> list[object]:
    SCORES[:] = SCORES or list(plain(out, "scores").itertuples())
    return SCORES


def counted(page: str) -> int:
    """The count beside "My tasks"."""
    found = re.search(r'My tasks <span class="count">([\d,]+)</span>', page)
    return int(found[1].replace(",", "")) if found else 0


def told(page: str) -> list[tuple[str, str]]:
    """Of each task the account and what is told of it."""
    return re.findall(r'href="/accounts/([^"#]+)"><bdi>.*?data-label="Task">(.*?)</td>', page, re.DOTALL)


def test_what_is_taken_up_is_a_task_until_it_is_closed(site: Site, store: OutcomeStore) -> None:  # noqa: F811
    pages = browser(replace(site, work=store))
    assert (counted(pages.get("/").text), "Nothing is due." in pages.get("/tasks").text) == (0, True)
    send(pages, action="taken")
    assert told(pages.get("/tasks").text)[0][0] == "acc-0020"
    assert "Taken up on 6 Oct 2026" in pages.get("/tasks").text
    assert counted(pages.get("/model").text) == 1
    send(pages, action="lost")
    assert counted(pages.get("/").text) == 0


def test_what_is_left_for_later_is_a_task_on_its_day(site: Site, store: OutcomeStore) -> None:  # noqa: F811
    today = TODAY
    pages = browser(replace(site, work=store, today=lambda: today))
    send(pages, action="snoozed", snoozed_until="2026-10-08")
    before = counted(pages.get("/").text)
    assert "Left until" not in pages.get("/tasks?kind=back").text
    today = date(2026, 10, 8)
    (task,) = told(pages.get("/tasks?kind=back").text)
    assert task[0] == "acc-0020"
    assert task[1].startswith("Left until 8 Oct 2026")
    assert counted(pages.get("/").text) >= before + 1


LATE = DAY + timedelta(days=400)


def one_of_each(scores: pd.DataFrame) -> DrawnWork:
    """Of each owner an account that is set apart was won: everybody records."""
    first = scores[~scores.eligible].drop_duplicates("owner")
    return DrawnWork(dict.fromkeys(first.account_id, "won"))


def test_what_should_have_been_done_is_counted_and_paged(client_of: Callable[..., TestClient], out: Path) -> None:
    scores = plain(out, "scores")
    work = one_of_each(scores)
    pages = client_of(today=lambda: LATE, work=work)
    known = scores.owner.fillna("").isin(scores.owner[scores.account_id.isin(work.states)].fillna(""))
    count = int((scores.eligible & known & (pd.to_datetime(scores.act_by) < pd.Timestamp(LATE))).sum())
    assert count > 20
    assert counted(pages.get("/").text) == count
    page = pages.get("/tasks?kind=overdue").text
    assert f"{count} tasks, page 1 of" in page
    seen = [told(pages.get(f"/tasks?kind=overdue&page={number}").text) for number in range(1, -(-count // 20) + 1)]
    assert sum(map(len, seen)) == count
    assert {what for found in seen for _, what in found} == {"Nothing was done so far"}
    assert page.count('<b class="warn">late</b>') == 20


def test_where_nothing_was_ever_recorded_accounts_wait_and_none_is_late(
    client_of: Callable[..., TestClient], out: Path
) -> None:
    """As the digest has it: nobody knows whether something was done."""
    scores = plain(out, "scores")
    pages = client_of(today=lambda: LATE)
    page = pages.get("/tasks").text
    assert counted(page) == 0
    assert f"{scores.eligible.sum()} tasks, page 1 of" in page
    assert {what[: len("Waiting since ")] for _, what in told(page)} == {"Waiting since "}
    assert "late</b>" not in page
    assert "Nothing was ever recorded for the accounts of their owners that wait" in page
    listed = scores[scores.listed & (scores.owner == "Dana Lee")]
    some = DrawnWork({listed.account_id.iloc[0]: "working"})
    counts = client_of(today=lambda: LATE, work=some).get("/tasks").text
    assert re.findall(r"(Overdue|Waiting)</a> <b>(\d+)</b>", counts) == [
        ("Overdue", str(len(listed) - 1)),
        ("Waiting", str(scores.listed.sum() - len(listed))),
    ]
    assert counted(counts) == len(listed) - 1


def test_only_ones_own_tasks_are_seen_and_counted(client_of: Callable[..., TestClient], out: Path) -> None:
    scores = plain(out, "scores")
    pages = client_of(
        today=lambda: LATE, work=one_of_each(scores), sight=lambda _: OwnersSight(frozenset({"Ana Costa"}))
    )
    mine = scores[(scores.owner == "Ana Costa") & scores.eligible]
    assert counted(pages.get("/").text) == len(mine)
    assert set(re.findall(r'class="sub"><bdi>(.*?)</bdi>', pages.get("/tasks").text)) == {"Ana Costa"}
    assert pages.get("/tasks?owner=Dana+Lee").status_code == 404
    assert pages.get("/tasks?kind=secret").status_code == 400


def test_what_is_held_is_what_the_record_says(tmp_path: Path) -> None:
    """Also of what others write to it, of corrections, and on the next day."""
    url, clock = f"sqlite:///{tmp_path / 'outcomes.db'}", [NOW]
    with open_store(url, now=lambda: clock[0]) as ours, open_store(url, now=lambda: clock[0]) as others:
        held = HeldWork(ours)
        steps = (
            {"account_id": "a", "action": "taken"},
            {"account_id": "b", "action": "snoozed", "until": date(2026, 10, 8)},
            {"account_id": "a", "action": "won", "arr": 5.0},
            {"account_id": "a", "action": "corrected", "corrects": 3},
            {"account_id": "c", "action": "noted", "text": "x"},
        )
        for number, step in enumerate(steps):
            (ours, others)[number % 2].append([Outcome(who="Ana", **step)])
            assert held.states(NOW.date()) == ours.state_of(None, NOW.date())
        assert held.states(NOW.date()) is held.states(NOW.date())
        clock[0] = datetime(2026, 10, 8, 9, tzinfo=UTC)
        assert held.states(clock[0].date()) == ours.state_of(None, clock[0].date())
        assert held.states(clock[0].date())["b"].state == "open"


def test_the_record_is_asked_for_all_accounts_once() -> None:
    asked: list[object] = []

    class Counted(DrawnWork):
        def state_of(self, accounts: Sequence[str] | None, day: date) -> dict[str, AccountState]:
            asked.append(accounts)
            return super().state_of(accounts, day)

    held = HeldWork(Counted({"a": "won"}))
    assert [held.states(TODAY)["a"].state for _ in range(3)] == ["won"] * 3
    assert asked == [None]


def test_an_account_that_left_the_list_is_no_task(site: Site, store: OutcomeStore) -> None:  # noqa: F811
    store.append([Outcome(account_id="gone", action="taken", who="Ana")])
    pages = browser(replace(site, work=store))
    assert "gone" not in pages.get("/tasks").text
    assert fields_of(pages.get("/tasks").text) == {}
