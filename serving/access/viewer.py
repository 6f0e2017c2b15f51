"""Who is looking, and at whose accounts. It is decided anew for every request, from the settings as they are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from starlette.requests import Request

from data.contract.outputs import NO_OWNER
from data.contract.vocabulary import folded
from serving.access.plain import WayOn
from serving.access.refusals import LOG, RefusedError
from serving.access.settings import PersonSettings, Role

OwnersOf = Callable[[str], Iterable[str]]
"""The owners of the list that an e-mail stands for, where the settings name none."""


@dataclass(frozen=True)
class Viewer:
    """Someone who looks at the pages. ``owners``: those whose accounts they see; None for all accounts."""

    name: str
    email: str
    role: Role
    owners: frozenset[str] | None = None

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(map(folded, self.owners or ()))

    def may_see(self, owner: str | None) -> bool:
        """May they see the accounts of this owner? Compared without regard to case and blanks, as books are.

        Accounts without an owner are seen by those who see all, and by those whose owners name ``NO_OWNER``.
        """
        named = owner if isinstance(owner, str) else NO_OWNER  # a table may have NaN for a missing owner
        return self.owners is None or folded(named) in self._folded


LAPTOP = Viewer("", "", "data")
"""Who sits at the machine that serves the pages to itself: nobody signed in, and all of it is theirs."""


@dataclass(frozen=True)
class People:
    """Those whom the settings name, by e-mail, and whom the others are told to ask."""

    named: Mapping[str, PersonSettings]
    owners_of: OwnersOf
    contact: str

    def viewer(self, email: str, name: str = "", way_on: WayOn | None = None) -> Viewer:
        """The viewer of an e-mail as ``as_email`` gives it.

        ``name``: what the sign-in calls them, unless the settings say otherwise. Raises ``RefusedError`` for people
        whom the settings do not name, with a ``way_on`` for them.
        """
        person = self.named.get(email)
        if person is None:
            asked = f"You are signed in as {email}, and nobody of that e-mail may see this. Ask {self.contact}."
            raise RefusedError(403, "Not yet for you", asked, way_on)
        owners = None if person.role == "data" else frozenset(person.owners or self.owners_of(email))
        return Viewer(person.name or name or email, email, person.role, owners)


def log_not_yours(request: Request, what: str) -> None:
    """Tell the log who asked for ``what``, which is not theirs to see.

    The page then answers as it does for what is not there, so that nobody learns which accounts there are.
    """
    viewer: Viewer = request.state.viewer
    LOG.warning("%r asked for %r, which is not theirs to see", viewer.email, what)
