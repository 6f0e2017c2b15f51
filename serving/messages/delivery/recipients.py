"""Where owners are reached: as ``[notify.to]`` says, or else as the people of ``[serve.people]`` sign in."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.contract.vocabulary import folded
from serving.access.settings import PersonSettings
from serving.messages.settings import RecipientSettings


@dataclass(frozen=True)
class Recipient:
    """An owner's e-mail and member id in Slack; None where it is not known."""

    email: str | None = None
    slack: str | None = None


@dataclass(frozen=True)
class Recipients:
    """``to`` and ``people`` as in the settings."""

    to: Mapping[str, RecipientSettings]
    people: Mapping[str, PersonSettings]

    def named(self, owner: str) -> RecipientSettings | None:
        """Where ``[notify.to]`` says that an owner is reached; None where it does not say."""
        asked = folded(owner)
        return next((to for name, to in self.to.items() if folded(name) == asked), None)

    def is_named(self, owner: str, channel: str) -> bool:
        """Does ``[notify.to]`` say how an owner is reached over a channel?"""
        named = self.named(owner)
        return named is not None and channel in named.model_dump(exclude_none=True)

    def of(self, owner: str) -> Recipient:
        """Where an owner is reached. Of the people it is the CSM who has this owner, by name or as their e-mail."""
        asked = folded(owner)
        named = self.named(owner) or RecipientSettings()
        signs_in = (
            email
            for email, person in self.people.items()
            if person.role == "csm" and asked in map(folded, person.owners or (email,))
        )
        return Recipient(named.email or next(signs_in, None), named.slack)
