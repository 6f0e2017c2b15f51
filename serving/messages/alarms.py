"""What monitoring found, to those who are asked to act on it: one message for each owner of alarms."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import date

from data.checks.report import many
from data.contract.vocabulary import folded
from serving.messages.message import Message, MessageRow, MessageSection, name_of, sentence_of
from serving.messages.rows import Links
from serving.monitoring.standing import StandingAlarm
from serving.reasons.formats import say_day
from serving.store.message_log import ALARM

STANDS = "What stands, and what to do"
ANSWER = "Each run that finds one says it again, until it is answered: headroom monitor --answer CODE --note WHAT."


@dataclass(frozen=True)
class AlarmNews:
    """The alarms that the run of monitoring on ``day`` found and that nobody has answered."""

    day: date
    standing: tuple[StandingAlarm, ...]
    links: Links

    def messages(self, known: Container[tuple[str, str]] = ()) -> list[Message]:
        """One for each owner with alarms that are not ``known``: owner (folded), and key; by name."""
        of = defaultdict[str, list[StandingAlarm]](list)
        for alarm in self.standing:
            if (folded(alarm.owner), alarm.key) not in known:
                of[alarm.owner].append(alarm)
        return [self._message(owner, of[owner]) for owner in sorted(of)]

    def _message(self, owner: str, alarms: list[StandingAlarm]) -> Message:
        said, day = many(len(alarms), "alarm"), say_day(self.day)
        return Message(
            owner,
            ALARM,
            self.day,
            subject=f"Headroom: {said} for {name_of(owner)}, {day}",
            title=f"{name_of(owner)}: {said}, {day}",
            lead=(f"{said} for {name_of(owner)}, found on {day}, and not answered.", ANSWER),
            sections=(MessageSection(STANDS, tuple(self._row(alarm) for alarm in alarms)),),
        )

    def _row(self, alarm: StandingAlarm) -> MessageRow:
        """The code, by which it is answered, stands with the name."""
        again = f"Said {alarm.times_said} times since {say_day(alarm.since)}. " if alarm.times_said > 1 else ""
        name = f"{alarm.title} ({alarm.code})"
        why = sentence_of(f"{again}{alarm.next_step}")
        return MessageRow(name, self.links.to_monitoring, sentence_of(alarm.text), why, (None, alarm.key))
