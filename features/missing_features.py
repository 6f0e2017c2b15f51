"""Features that a model asks for and that are not there, told table by table: a lost table may cost thirty of them."""

from collections.abc import Sequence

from data.errors import FEW, some
from features.catalogue import full_catalogue
from features.definition import GROUPS

OWN = "account_features"


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
