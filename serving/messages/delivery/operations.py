"""Telling those who run the system: over an address of their own, and by e-mail to those whom the settings name."""

from collections.abc import Iterator, Mapping, Sequence

from serving.messages.delivery.channels import AnyChannel, Channel, EmailChannel
from serving.messages.delivery.recipients import Recipient
from serving.messages.message import Message
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL


def tell_operations(message: Message, environment: Mapping[str, str], emails: Sequence[str]) -> list[str]:
    """Send it wherever it may go. Returns what was refused, in clauses without a secret.

    Raises SettingsError, without its value, for an address that cannot be used.
    """
    return [
        f"{channel.name}: {failure.why}"
        for channel, to in reached(environment, emails)
        for delivery in channel.deliveries(message, to)
        if (failure := delivery.send()) is not None
    ]


def reached(environment: Mapping[str, str], emails: Sequence[str]) -> Iterator[tuple[Channel, Recipient]]:
    """Every channel that leads there, each with whom it reaches. Raises SettingsError as ``tell_operations`` does."""
    if url := environment.get(OPERATIONS_URL):
        yield AnyChannel(url), Recipient()
    if (server := environment.get(EMAIL_URL)) and emails:
        mail = EmailChannel(server)
        yield from ((mail, Recipient(email)) for email in emails)
