"""Features that a model asks for and that are not there, told table by table: a lost table may cost thirty of them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from data.errors import FEW, some
from data.sources.known import KnownBase, may_be_empty
from features.catalogue import catalogue, full_catalogue
from features.definition import GROUPS, REGISTRY

OWN = "account_features"


def empty_columns_of(base: KnownBase, names: Iterable[str]) -> list[str]:
    """The columns without a value for whose sake features of these names are not there, as ``table.column``."""
    lacking = set(names) - catalogue(base.tables, absent=base.absent).keys()
    needs = {need for name in lacking & REGISTRY.features.keys() for need in REGISTRY.features[name].needs}
    return sorted({column for need in needs for column in GROUPS.get(need, (need,))} & base.empty)


def as_learnt(base: KnownBase, names: Iterable[str]) -> KnownBase:
    """The base for a model of features of these names: with the columns whose emptiness may be so (``may_be_empty``).

    Nothing can be learnt from a column without a value, so it counts as absent. What has been learnt from its values
    holds for accounts without one, too: in a small base that may be all of them. A warning says so.
    """
    there = [column for column in empty_columns_of(base, names) if may_be_empty(base, column)]
    if not there:
        return base
    told = f"No row has a value in {some(there)}, which the model has learnt from: every account counts as without one."
    return replace(base, absent=base.absent - {*there}, empty=base.empty - {*there}, warnings=(*base.warnings, told))


def say_missing(asked: Sequence[str], missing: Sequence[str]) -> str:
    """``asked`` are the features of a model, ``missing`` those of them that are not there.

    A feature of several tables counts for one that has lost all its features, if there is one: that is the table to
    look for. What is no feature of ours is the team's own.
    """
    cards, gone = full_catalogue(), set(missing)
    tables = {name: (cards[name].tables or ("accounts",)) if name in cards else (OWN,) for name in asked}
    of_table: dict[str, list[str]] = {}
    for name in asked:
        for table in tables[name]:
            of_table.setdefault(table, []).append(name)
    lost = [table for table, names in of_table.items() if gone.issuperset(names)]
    lost.sort(key=lambda table: -len(of_table[table]))
    by_table: dict[str, list[str]] = {}
    for name in missing:
        table = next((table for table in lost if table in tables[name]), tables[name][-1])
        by_table.setdefault(table, []).append(name)
    said = [_of_table(table, names, table in lost, len(of_table[table])) for table, names in by_table.items()]
    return f"missing: {'; '.join(said)}" if said else ""


def _of_table(table: str, names: list[str], is_lost: bool, count: int) -> str:
    called = f"table {' or '.join(GROUPS.get(table, (table,)))}"
    if is_lost and len(names) > 1:
        return f"{called}, all {len(names)} features of it ({some(names)})"
    if len(names) <= FEW:
        return f"{some(names)} ({called})"
    return f"{called}, {len(names)} of {count} features ({some(names)})"
