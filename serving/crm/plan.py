"""What would change in a CRM: the values of a list against those that it holds now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose

from data.errors import CrmError
from serving.crm.client import Crm, CrmProperty, CrmRecord, RecordChange, Value
from serving.crm.settings import SHOWN

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
Wanted = Mapping[str, Value]
"""What a CRM is to show of an account, by column of ``crm_writeback``."""


@dataclass(frozen=True)
class Target:
    """The property of each column that is sent. ``names``: of those properties."""

    of: Mapping[str, CrmProperty]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.of.values()]

    def change(self, account_id: str, wanted: Wanted, there: CrmRecord) -> RecordChange | None:
        """How the record of an account is to change; None where it shows what it is to show.

        The day and the model of the list go with a change, and alone are none.
        """
        fitted = {column: fitted_to(each, wanted[column]) for column, each in self.of.items()}
        differ = [name for name, each in self.of.items() if not same(fitted[name], there.values[each.name])]
        if not set(SHOWN) & set(differ):
            return None
        values = {self.of[column].name: fitted[column] for column in differ}
        return RecordChange(account_id, there.id, {name: there.values[name] for name in values}, values)


def target_of(crm: Crm, columns: Mapping[str, str], id_property: str | None) -> Target:
    """The properties that columns are written to.

    Raises CrmError where one of them is not there or cannot be written, and for an id property that is not unique: it
    could lead to another record than the one that was read.
    """
    there = crm.properties()
    found = {column: there.get(name) or there.get(name.lower()) for column, name in columns.items()}
    asked = f"Write a list back to the {crm.records} of {crm.title}."
    missing = [columns[column] for column, each in found.items() if each is None]
    if missing:
        raise CrmError(
            asked,
            f"they have no property {', '.join(missing)}, or it may not be seen.",
            "Make it there as docs/writeback.md tells, or name another one under [writeback.properties].",
        )
    target = Target({column: each for column, each in found.items() if each is not None})
    fixed = [each.name for each in target.of.values() if not each.is_writable]
    if fixed:
        todo = "Give the app the right to write it, or name another one under [writeback.properties]."
        raise CrmError(asked, f"{', '.join(fixed)} cannot be written.", todo)
    if id_property is not None:
        known = there.get(id_property) or there.get(id_property.lower())
        if known is None or not known.is_unique:
            found_of_id = "is not there" if known is None else "is not unique"
            raise CrmError(
                asked, f"`{id_property}` {found_of_id}.", "Set `id_property` under [writeback] to one that is."
            )
    return target


def restored(rows: Mapping[str, RecordChange], there: Mapping[str, CrmRecord]) -> Iterator[RecordChange]:
    """How records are to change to hold what they held before a run, wherever they still hold what it wrote."""
    for account, record in there.items():
        before = rows[account]
        ours = {name: value for name, value in before.values.items() if same(value, record.values[name])}
        if ours:
            current = {name: record.values[name] for name in ours}
            yield RecordChange(account, record.id, current, {name: before.previous[name] for name in ours})


def same(ours: Value, theirs: Value) -> bool:
    """Does a CRM hold a value? It may give a number as text, and nothing as an empty one."""
    if ours in (None, "") or theirs in (None, ""):
        return ours in (None, "") and theirs in (None, "")
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours == theirs
    try:
        return isclose(float(ours), float(theirs), rel_tol=1e-12)
    except ValueError:
        return False


def fitted_to(each: CrmProperty, value: Value) -> Value:
    """A value as the property holds it: a text on one line, without control characters and cut to its length."""
    if isinstance(value, str):
        return _cut(one_line(value), each.longest)
    if value is not None and each.decimals is not None:
        return round(value, each.decimals)
    return value


def one_line(text: str) -> str:
    """A text without control characters and line ends."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1].rstrip()}{ELLIPSIS}"
