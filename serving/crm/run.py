"""A run: some accounts at a time are read, planned in the journal, sent, and noted there.

The CRM is read shortly before it is written, so what the journal calls previous is what stood there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from serving.crm.client import Crm, CrmRecord, RecordChange
from serving.crm.journal import Journal
from serving.crm.plan import Target, Wanted, restored

CALLS_AT_A_TIME = 5
"""So many calls of accounts are read before the first of them is sent."""
Item = TypeVar("Item")


def write_back(crm: Crm, wanted: Iterable[tuple[str, Wanted]], target: Target, journal: Journal, *, send: bool) -> int:
    """Bring the CRM to hold what is wanted of each account; without ``send`` it is planned only.

    Returns how many accounts it holds as wanted already. Raises CrmError where the CRM cannot be asked: what was sent
    till then is in the journal.
    """
    unchanged = 0
    for some in in_parts(wanted, crm.at_once * CALLS_AT_A_TIME):
        of = dict(some)
        there = _read(crm, list(of), target.names)
        journal.not_found(sorted(of.keys() - there.keys()), f"not among the {crm.records} of {crm.title}")
        changes = [change for account in there if (change := target.change(account, of[account], there[account]))]
        unchanged += len(there) - len(changes)
        _carry_out(crm, changes, journal, send=send)
    return unchanged


def take_back(crm: Crm, run: Iterable[RecordChange], journal: Journal) -> int:
    """Write back what stood there before a run, wherever the CRM still holds what that run wrote.

    Returns how many accounts are left as they are: somebody else changed them since, or the run never reached them.
    Raises CrmError as ``write_back`` does.
    """
    left = 0
    for some in in_parts(run, crm.at_once * CALLS_AT_A_TIME):
        rows = {change.account_id: change for change in some}
        names = list(dict.fromkeys(name for change in some for name in change.values))
        changes = list(restored(rows, _read(crm, list(rows), names)))
        left += len(rows) - len(changes)
        _carry_out(crm, changes, journal, send=True)
    return left


def _read(crm: Crm, accounts: Sequence[str], names: Sequence[str]) -> Mapping[str, CrmRecord]:
    there: dict[str, CrmRecord] = {}
    for some in in_parts(accounts, crm.at_once):
        there |= {account: record for account, record in crm.read(some, names).items() if account in some}
    return there


def _carry_out(crm: Crm, changes: Sequence[RecordChange], journal: Journal, *, send: bool) -> None:
    journal.plan(changes)
    if not send:
        return
    for some in in_parts(changes, crm.at_once):
        journal.sending(some)
        journal.note(some, crm.update(some))


def in_parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items, so many at a time."""
    others = iter(items)
    while some := list(islice(others, size)):
        yield some
