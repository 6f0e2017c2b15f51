"""An alarm that nobody answered is said again; an answer holds while it goes on, and not for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from data.atomic import whole_file
from data.errors import PublishError
from serving.monitoring import standing as standing_alarms
from serving.monitoring.standing import (
    ANSWERS,
    AlarmAnswer,
    StandingAlarm,
    answers_in,
    as_answered,
    give_answer,
    stand,
    unanswered,
)
from tests.serving.monitoring.found import DAY, alarm

ANSWER_DAYS = 28
WEEK = timedelta(days=7)


def weeks(*found: bool, answered: dict[int, str] | None = None) -> list[StandingAlarm | None]:
    """The alarm week by week, where it is found; ``answered``: after which run it was answered."""
    standing: list[StandingAlarm] = []
    seen: list[StandingAlarm | None] = []
    answers: list[AlarmAnswer] = []
    for week, is_there in enumerate(found):
        day = DAY + week * WEEK
        standing = stand([alarm()] if is_there else [], standing, answers, day, ANSWER_DAYS)
        seen.append(standing[0] if standing else None)
        if answered and week in answered:
            answers.append(AlarmAnswer(alarm().key, answered[week], "Kim", day))
    return seen


def test_it_is_said_again_until_it_is_answered() -> None:
    told = weeks(True, True, True, True, answered={1: "known"})
    assert [one.times_said for one in told] == [1, 2, 2, 2]
    assert [one.answer is not None for one in told] == [False, False, True, True]
    assert {one.since for one in told} == {DAY}
    assert "said 2 times since 2026-10-01" in told[1].line()
    assert "answered on 2026-10-08 by Kim: known" in told[3].line()


def test_an_answer_holds_for_a_time() -> None:
    told = weeks(*[True] * 7, answered={0: "wait"})
    assert [one.times_said for one in told] == [1, 1, 1, 1, 2, 3, 4]  # said again after four weeks


def test_an_alarm_that_ended_begins_anew() -> None:
    told = weeks(True, False, True, answered={0: "mended"})
    assert told[1] is None
    assert (told[2].since, told[2].times_said, told[2].answer) == (DAY + 2 * WEEK, 1, None)


def test_an_answer_is_of_the_run_that_is_answered_whenever_it_is_given() -> None:
    """The day of a run is the one after its data, which may be tomorrow, or long past."""
    early = [AlarmAnswer(alarm().key, "known", "Kim", DAY - timedelta(days=1), run=DAY)]
    once = stand([alarm()], [], [], DAY, ANSWER_DAYS)
    assert [one.answer for one in as_answered(once, early, DAY)] == early
    assert unanswered(once, early, DAY, ANSWER_DAYS) == ()
    late = [AlarmAnswer(alarm().key, "mended", "Kim", DAY + WEEK, run=DAY)]
    assert stand([alarm()], [], late, DAY + WEEK, ANSWER_DAYS)[0].answer is None  # it had ended, and is another


def test_a_note_is_kept_to_the_letter(tmp_path: Path) -> None:
    """Some readers of lines end them at U+2028 and U+0085, too."""
    note = "asked\u2028the data team\u0085twice"
    give_answer(tmp_path, [alarm()], alarm().key, note, "Kim", DAY, run=DAY)
    assert answers_in(tmp_path) == [AlarmAnswer(alarm().key, note, "Kim", DAY, DAY)]


def test_a_second_run_of_a_day_says_it_no_second_time() -> None:
    once = stand([alarm()], [], [], DAY, ANSWER_DAYS)
    assert stand([alarm()], once, [], DAY, ANSWER_DAYS) == once


def test_answers_are_added_and_read(tmp_path: Path) -> None:
    standing = [alarm(), alarm("unit_changed:feature seats"), alarm("feed_silent:tickets")]
    assert give_answer(tmp_path, standing, "feed_silent:tickets", "mended ü", "Kim", DAY) == ["feed_silent:tickets"]
    given = give_answer(tmp_path, standing, "unit_changed", "cents", "Kim", DAY)
    assert given == ["unit_changed:subscriptions.mrr", "unit_changed:feature seats"]
    assert [answer.note for answer in answers_in(tmp_path)] == ["mended ü", "cents", "cents"]
    stored = replace(alarm(), answer=answers_in(tmp_path)[1])
    assert StandingAlarm.from_dict({**stored.to_dict(), "since": str(DAY), "answer": _plain(stored)}) == stored


def _plain(stored: StandingAlarm) -> dict[str, object]:
    return {**stored.to_dict()["answer"], "on": str(DAY)}


def test_no_answer_of_another_run_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another run noted until this one may write is kept."""

    @contextmanager
    def waits(file: Path, *asked: str) -> Iterator[Path]:
        monkeypatch.undo()
        give_answer(tmp_path, [alarm()], alarm().key, "theirs", "Ana", DAY)
        with whole_file(file, *asked) as new:
            yield new

    monkeypatch.setattr(standing_alarms, "whole_file", waits)
    give_answer(tmp_path, [alarm()], alarm().key, "ours", "Kim", DAY)
    assert [answer.note for answer in answers_in(tmp_path)] == ["theirs", "ours"]


def test_an_answer_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="did you mean that"):
        give_answer(tmp_path, [alarm()], "unit_change", "cents", "Kim", DAY)
    with pytest.raises(PublishError, match="none does"):
        give_answer(tmp_path, [], "unit_changed", "cents", "Kim", DAY)
    assert not (tmp_path / ANSWERS).exists()


def test_a_damaged_file_of_answers_is_named(tmp_path: Path) -> None:
    (tmp_path / ANSWERS).write_text('{"key": "a"}\n')
    with pytest.raises(PublishError, match=ANSWERS):
        answers_in(tmp_path)


def test_days_are_days() -> None:
    assert weeks(True)[0].since == date(2026, 10, 1)
