"""Telling those who run the system: over an address of their own, and by e-mail to those whom the settings name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from data.errors import SettingsError
from serving.messages.delivery.channels import AnyChannel, Channel, Delivery, EmailChannel, Failure
from serving.messages.delivery.recipients import Recipient
from serving.messages.message import Message
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL


def tell_operations(message: Message, environment: Mapping[str, str], emails: Sequence[str]) -> list[Failure]:
    """Send it wherever it may go. Returns what was not taken, in clauses without a secret.

    An address that cannot be used is said so, without its value, and stops no other.
    """
    faults: list[Failure] = []
    for way in WAYS:
        try:
            for channel, to in way(environment, emails):
                sent = [delivery.send() for delivery in channel.deliveries(message, to)]
                faults += [replace(one, why=f"{channel.name}: {one.why}") for one in sent if one is not None]
        except SettingsError as error:
            faults.append(Failure(f"{error.asked.removesuffix('.')}: {error.clause}. {error.todo}"))
    return faults


class OperationsChannel:
    """All ways to those who run the system, as one channel: where one refuses, the next run sends by all again.

    Where none refuses and one did not answer, the message may have arrived, and is sent again only if asked.
    """

    name = AnyChannel.name

    def __init__(self, environment: Mapping[str, str], emails: Sequence[str]) -> None:
        self._environment, self._emails = environment, emails

    @property
    def is_set(self) -> bool:
        """Does anything lead there?"""
        by_mail = bool(self._environment.get(EMAIL_URL) and self._emails)
        return by_mail or bool(self._environment.get(OPERATIONS_URL))

    def deliveries(self, message: Message, to: Recipient) -> list[Delivery]:  # noqa: ARG002  settings say to whom
        return [Delivery(tuple(row for _, row in message.rows()), partial(self._send, message))]

    def _send(self, message: Message) -> Failure | None:
        faults = tell_operations(message, self._environment, self._emails)
        why, unclear = "; ".join(fault.why for fault in faults), all(fault.may_have_arrived for fault in faults)
        return Failure(why, unclear) if faults else None


def reached(environment: Mapping[str, str], emails: Sequence[str]) -> Iterator[tuple[Channel, Recipient]]:
    """Every channel that leads there, each with whom it reaches.

    Raises SettingsError, without its value, for an address that cannot be used.
    """
    for way in WAYS:
        yield from way(environment, emails)


def _by_address(environment: Mapping[str, str], _: Sequence[str]) -> Iterator[tuple[Channel, Recipient]]:
    if url := environment.get(OPERATIONS_URL):
        yield AnyChannel(url), Recipient()


def _by_mail(environment: Mapping[str, str], emails: Sequence[str]) -> Iterator[tuple[Channel, Recipient]]:
    if (server := environment.get(EMAIL_URL)) and emails:
        mail = EmailChannel(server)
        yield from ((mail, Recipient(email)) for email in emails)


WAYS = (_by_address, _by_mail)
