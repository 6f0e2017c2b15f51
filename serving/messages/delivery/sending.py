"""What is sent over a channel: what is due and was not told before, each noted before it is sent and after."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from data.checks.report import many
from data.contract.vocabulary import folded
from data.errors import some
from serving.messages.alerts import Alerts, FiredTrigger, began
from serving.messages.delivery.channels import Channel, Failure
from serving.messages.delivery.recipients import Recipients
from serving.messages.message import Message, MessageRow
from serving.published.read import PublishedList
from serving.store.message_log import ALARM, ALERT, DIGEST, Key, MessageItem, MessageLog, Noted, Step, is_told

GIVE_UP_AFTER = 10
"""Messages that a channel does not take one after the other; then it is left alone."""
TOLD_OF = 3
"""So many refusals are told with their reasons; more are counted."""
Compared = tuple[PublishedList, PublishedList | None]
"""A list and the one that it is compared with; None for a first one."""


@dataclass(frozen=True)
class Memory:
    """What was told over one channel, of the list of ``day`` and others.

    ``again``: what may have arrived counts as not told.
    """

    channel: str
    day: date
    known: Mapping[Key, Noted]
    again: bool = False

    def due(self, digests: Iterable[Message], alerts: Alerts, digest_days: int) -> Iterator[Message]:
        """What is to be told: each digest that is due, and the alerts that were not told.

        Owners to whom something was refused before come last, lest they keep the others waiting.
        """
        of = defaultdict[str, list[Noted]](list)
        for noted in self._noted():
            if noted.item.kind == DIGEST:
                of[folded(noted.item.owner)].append(noted)
        due = [message for message in digests if self._is_due(of[folded(message.owner)], digest_days)]
        of_this = (noted for noted in self._noted() if noted.item.snapshot_date == self.day)
        refused = {folded(noted.item.owner) for noted in of_this if noted.step is Step.FAILED}
        told = (*due, *alerts.messages(self._triggers()))
        yield from sorted(told, key=lambda message: folded(message.owner) in refused)

    @property
    def unclear(self) -> list[MessageItem]:
        """What was being sent when a run ended, was not answered, or is being sent by another, of whatever list."""
        return [noted.item for noted in self._noted() if noted.step is Step.BEGAN]

    def told_up_to(self, compared: Sequence[Compared], since: date) -> PublishedList | None:
        """The list after which a trigger of the first of these lists must have begun to be told.

        It is the one that this list is compared with. But where not all alerts of the lists before were told, it is the
        one that the earliest of these is compared with: so far as it is known what was told, ``since`` a day, and the
        channel was in use. ``compared``: the lists, the latest first.
        """
        (_, begins), *earlier = compared
        days = (noted.item.snapshot_date for noted in self._noted() if noted.item.kind != ALARM)  # which are of no list
        in_use = min(days, default=date.max)
        told = self._triggers()
        for listing, before in earlier:
            is_known = before is not None and before.snapshot_date >= since and listing.snapshot_date >= in_use
            if not is_known or began(listing, before) <= told:
                break
            begins = before
        return begins

    def told_alarms(self, day: date) -> set[tuple[str, str]]:
        """Owner (folded) and key of the alarms of that day of monitoring that were told."""
        told = (noted.item for noted in self._noted() if is_told(noted, again=self.again))
        return {
            (folded(item.owner), str(item.trigger_code))
            for item in told
            if (item.kind, item.snapshot_date) == (ALARM, day)
        }

    def told_of_list(self) -> bool:
        """Was any message of this list told, be it a part?"""
        of_list = (
            noted for noted in self._noted() if noted.item.kind != ALARM and noted.item.snapshot_date == self.day
        )
        return any(is_told(noted, again=self.again) for noted in of_list)

    def _is_due(self, noted: Sequence[Noted], digest_days: int) -> bool:
        """Was the digest of this list not told as a whole, and no other one of a list so near? By what is noted."""
        told = [n.item for n in noted if is_told(n, again=self.again)]
        of_this = {item.part for item in told if item.snapshot_date == self.day}
        parts = max((n.item.parts or 1 for n in noted if n.item.snapshot_date == self.day), default=1)
        near = [item for item in told if 0 < abs((item.snapshot_date - self.day).days) < digest_days]
        return not near and not of_this.issuperset(range(1, parts + 1))

    def _triggers(self) -> set[tuple[str, FiredTrigger]]:
        told = (n.item for n in self._noted() if n.item.kind == ALERT and is_told(n, again=self.again))
        return {(folded(item.owner), (str(item.account_id), str(item.trigger_code))) for item in told}

    def _noted(self) -> Iterator[Noted]:
        return (noted for noted in self.known.values() if noted.item.channel == self.channel)


@dataclass
class Sending:
    """The messages of one run over one channel. ``since``: from then on a trigger counts as told.

    ``sent`` counts messages, ``left`` those not tried after the channel had not taken several, ``unclear`` the parts
    that may have arrived; ``failed`` are owners and why; ``unreached`` owners without an address. ``told_before``: an
    earlier run has told somebody of this list.
    """

    channel: Channel
    recipients: Recipients
    log: MessageLog
    since: date
    again: bool
    unclear: int = 0
    told_before: bool = False
    sent: int = 0
    left: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    _in_a_row: int = 0

    def send(self, message: Message) -> None:
        """Send what of a message was not told."""
        if self._in_a_row >= GIVE_UP_AFTER:
            self.left += 1
            return
        made = self.channel.deliveries(message, self.recipients.of(message.owner))
        if not made:
            self.unreached.append(message.owner)
        for number, delivery in enumerate(made, start=1):
            items = items_of(message, self.channel.name, number, len(made), delivery.rows)
            if not self.log.begin(items, self.since, again=self.again):
                continue
            failure = delivery.send()
            if failure is not None and failure.may_have_arrived:
                self.unclear += len(items)  # it stays begun
            else:
                self.log.end(items, Step.FAILED if failure else Step.SENT)
            self._count(message.owner, failure)

    def lines(self) -> Iterator[str]:
        """What was done, for the log."""
        yield f"{self.channel.name}: {many(self.sent, 'message')} sent"
        if self.unreached:
            yield f"{self.channel.name}: no address is known of {some(sorted(set(self.unreached)))}"

    def faults(self) -> Iterator[str]:
        """What did not arrive, or may not have; in clauses, without a secret."""
        if self.failed:
            told = some([f"{owner} ({why.rstrip('.')})" for owner, why in self.failed], TOLD_OF)
            yield f"{self.channel.name} refused {many(len(self.failed), 'message')}: {told}"
        if self.unclear:
            parts = many(self.unclear, "part")
            yield f"{self.channel.name}: {parts} may have arrived: a run was ended, or no answer came"
        if self.left:
            yield f"{self.channel.name}: {many(self.left, 'message')} not tried, after {GIVE_UP_AFTER} were not taken"

    def _count(self, owner: str, failure: Failure | None) -> None:
        if failure is None:
            self.sent, self._in_a_row = self.sent + 1, 0
            return
        self._in_a_row += 1
        if not failure.may_have_arrived:
            self.failed.append((owner, failure.why))


def items_of(message: Message, channel: str, part: int, parts: int, rows: Iterable[MessageRow]) -> list[MessageItem]:
    """What is noted of one part of a message: of a digest the part, of others each trigger or alarm in it."""
    day, owner = message.snapshot_date, message.owner
    if message.kind == DIGEST:
        return [MessageItem(day, channel, owner, DIGEST, part, parts)]
    triggers = (row.trigger for row in rows if row.trigger is not None)
    return [
        MessageItem(day, channel, owner, message.kind, account_id=account, trigger_code=code)
        for account, code in triggers
    ]
