"""What is not known on a snapshot because the feed that tells it had fallen silent: missing, for training and scoring.

It is missing: neither zero, nor what was known of it last. The day decides, by what was known before it, so that a past
snapshot within an outage is built as it would have been on its day.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType

import pyarrow as pa

from data.feeds.feeds import MUTED
from data.feeds.use import use
from data.sources.known import KnownBase
from features.catalogue import available
from features.definition import read_tables
from features.unknown_use import UnknownUse

MutedDays = Mapping[str, Sequence[date]]
"""By feature, or detail, the snapshots at which it is not known."""


def muted_features(base: KnownBase, day: date) -> frozenset[str]:
    """The features that are not known on ``day``."""
    return frozenset(days_without(base, [day], _needs(base)))


def muted_days(
    base: KnownBase, days: Iterable[date], details: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> MutedDays:
    """The snapshots of ``days`` at which features and details are not known; without those that always are.

    ``details``: what each needs.
    """
    return days_without(base, days, {**_needs(base), **details})


def features_of_use(base: KnownBase) -> frozenset[str]:
    """The features that rest on use: not known of an account whose part of the use has stopped."""
    return _of_use(base, _needs(base))


def unknown_use(base: KnownBase, days: Sequence[date], beside: Mapping[str, Sequence[str]]) -> UnknownUse | None:
    """Whose use is not known at the snapshots of ``days``; None where that of everybody is, but for silent feeds.

    ``beside``: what details and facts need.
    """
    parts = base.silent_parts(days)
    unknown = sorted({(account, day) for day in parts for part in parts[day] for account in part.accounts})
    if not unknown:
        return None
    accounts, at = zip(*unknown, strict=True)
    keys = pa.table({"account_id": pa.array(accounts, pa.string()), "snapshot_date": pa.array(at, pa.date32())})
    return UnknownUse(keys, _of_use(base, {**_needs(base), **beside}))


def _of_use(base: KnownBase, needs: Mapping[str, Sequence[str]]) -> frozenset[str]:
    table, _ = use(base.tables)
    return frozenset(name for name, needed in needs.items() if table in read_tables(needed, base.tables))


def tables_read(base: KnownBase) -> dict[str, frozenset[str]]:
    """By feature the contract tables that it is read from, of those that are there."""
    return {name: frozenset(read_tables(needs, base.tables)) for name, needs in _needs(base).items()}


def _needs(base: KnownBase) -> dict[str, Sequence[str]]:
    """What the features of the base are read from."""
    return {f.name: f.needs for f in available(base.tables, base.absent) if f.card is not None}


def days_without(base: KnownBase, days: Iterable[date], needs: Mapping[str, Sequence[str]]) -> dict[str, list[date]]:
    """By the names of ``needs``, the snapshots of ``days`` at which a table that each needs was silent."""
    without: dict[str, list[date]] = {}
    for day in sorted(set(days)):
        silent = base.feeds.silent(day).keys() & set(MUTED)
        for name in needs if silent else ():
            if read_tables(needs[name], base.tables) & silent:
                without.setdefault(name, []).append(day)
    return without
