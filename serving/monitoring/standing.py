"""Alarms that stand: since when, how often they were said, and what somebody answered.

An answer is a line of a file beside the folder of monitoring, which is only added to: it holds for the time that the
alarm goes on, and ``answer_days`` at most. An alarm without one is said again by every run.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from data.atomic import whole_file
from data.errors import PublishError, hint, some
from serving.published.layout import cannot_be_read, damaged

ANSWERS = "monitoring_answers.jsonl"


@dataclass(frozen=True)
class AlarmAnswer:
    """What somebody said to an alarm: ``note``, by whom, on which day; ``run``: the day of the run that is answered.

    That day goes by the data, which may end before or after the day of the answer. Older answers say no ``run``.
    """

    key: str
    note: str
    who: str
    on: date
    run: date | None = None


@dataclass(frozen=True)
class StandingAlarm:
    """One thing that is the matter, as people are told of it.

    ``key``: its code and its subject, by which it is answered. ``value``: None where it is no number. ``since``: the
    first day of the runs, one after the other, that found it. ``last_said``: None where it was answered before.
    """

    key: str
    title: str
    text: str
    test: str
    value: float | None
    threshold: float
    owner: str
    next_step: str
    since: date
    times_said: int = 0
    last_said: date | None = None
    answer: AlarmAnswer | None = field(default=None)

    @property
    def code(self) -> str:
        return self.key.partition(":")[0]

    @property
    def subject(self) -> str:
        return self.key.partition(":")[2]

    def line(self) -> str:
        """The alarm in one line of a terminal."""
        if self.answer:
            said = f"answered on {self.answer.on} by {self.answer.who}: {self.answer.note}"
        else:
            again = f", said {self.times_said} times since {self.since}" if self.times_said > 1 else ""
            said = f"for {self.owner}{again}. {self.next_step}"
        return f"{self.key}: {self.text} [{said}]"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "StandingAlarm":
        answer, said = stored["answer"], stored["last_said"]
        days = {"since": date.fromisoformat(stored["since"]), "last_said": date.fromisoformat(said) if said else None}
        return cls(**stored | days | {"answer": _answer(answer) if answer else None})


def stand(
    alarms: Iterable[StandingAlarm],
    before: Sequence[StandingAlarm],
    answers: Sequence[AlarmAnswer],
    day: date,
    answer_days: int,
) -> list[StandingAlarm]:
    """The alarms of a run on ``day``: since when they stand, how often they were said with this time, or the answer.

    ``before``: those of the last run; ``answers``: in the order in which they were given.
    """
    earlier = {alarm.key: alarm for alarm in before}
    return [_stand(alarm, earlier.get(alarm.key), answers, day, answer_days) for alarm in alarms]


def unanswered(
    standing: Sequence[StandingAlarm], answers: Sequence[AlarmAnswer], day: date, answer_days: int
) -> tuple[StandingAlarm, ...]:
    """The alarms of the run on ``day`` that nobody has answered since, or before it."""
    now = stand(standing, standing, answers, day, answer_days)
    return tuple(alarm for alarm in now if alarm.answer is None)


def as_answered(
    standing: Sequence[StandingAlarm], answers: Sequence[AlarmAnswer], day: date
) -> tuple[StandingAlarm, ...]:
    """The alarms of the run on ``day`` as it found them, with what was answered to them since."""
    given = {answer.key: answer for answer in answers if (answer.run or answer.on) >= day}
    return tuple(replace(alarm, answer=given.get(alarm.key, alarm.answer)) for alarm in standing)


def _stand(
    alarm: StandingAlarm, last: StandingAlarm | None, answers: Sequence[AlarmAnswer], day: date, answer_days: int
) -> StandingAlarm:
    since = day if last is None else min(last.since, day)
    fitting = [answer for answer in answers if answer.key == alarm.key and (answer.run or answer.on) >= since]
    answer = fitting[-1] if fitting and (day - fitting[-1].on).days < answer_days else None
    times, said = (0, None) if last is None else (last.times_said, last.last_said)
    if answer is None and said != day:
        times, said = times + 1, day
    return replace(alarm, since=since, times_said=times, last_said=said, answer=answer)


def answers_in(out: Path) -> list[AlarmAnswer]:
    """Every answer that was given, the earliest first. Raises PublishError where the file cannot be read."""
    file = out / ANSWERS
    if not file.exists():
        return []
    try:
        return [_answer(json.loads(line)) for line in file.read_text(encoding="utf-8").split("\n") if line]
    except OSError as error:
        raise cannot_be_read(file, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file, f"has a line that is no answer ({error})") from error


def _answer(stored: dict[str, Any]) -> AlarmAnswer:
    run = stored.get("run")
    on = date.fromisoformat(stored["on"])
    return AlarmAnswer(stored["key"], stored["note"], stored["who"], on, date.fromisoformat(run) if run else None)


def give_answer(
    out: Path,
    standing: Sequence[StandingAlarm],
    asked: str,
    note: str,
    who: str,
    on: date,
    run: date | None = None,
) -> list[str]:
    """Note an answer to the alarm of that key, or to all of that code, of the run of that day; their keys.

    Raises PublishError where no such alarm stands, or the answer cannot be noted.
    """
    keys = [alarm.key for alarm in standing if asked in (alarm.key, alarm.code)]
    if not keys:
        there = some(sorted(alarm.key for alarm in standing))
        near = hint(asked, [name for alarm in standing for name in (alarm.key, alarm.code)])
        raise PublishError(
            f"Answer the alarm {asked}.",
            f"no such alarm stands{near}; {f'there is {there}' if there else 'none does'}.",
            "Give the code of an alarm as `headroom monitor` says it.",
        )
    with whole_file(out / ANSWERS, f"Note the answer to {asked}.", "Make room and rights there.") as file:
        before = answers_in(out)  # within, or an answer that another run noted is lost
        lines = [
            json.dumps(asdict(answer), default=str)  # without what is a line's end to some readers
            for answer in (*before, *(AlarmAnswer(key, note, who, on, run) for key in keys))
        ]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return keys
