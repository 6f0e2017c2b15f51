"""The reference pages of the docs, made from the code they describe: tables, settings, features.

    python -m flows.reference        writes docs/tables.md, docs/settings.md and docs/features.md

A test compares the pages with what would be written, so they cannot go stale.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data.contract.inputs import TABLES, Table
from features.catalogue import full_catalogue
from flows.features import HEADER, cells
from flows.run.settings import PREFIX, Settings

NOT_SHOWN = (".root",)
"""Not set by users: the folder of the settings file."""

MADE = "<!-- Made by `python -m flows.reference`; change the code it describes, not this page. -->"


def tables_page() -> str:
    """The input contract: every table and column."""
    lines = ["# Input tables", "", MADE, "", "`*` = required. Ids are text, clocks are UTC, money is per month.", ""]
    for table in TABLES.values():
        lines += _table(table)
    return "\n".join(lines)


def _table(table: Table) -> Iterator[str]:
    needed = f" (required, or `{'` or `'.join(n for n in table.one_of if n != table.name)}`)" if table.one_of else ""
    yield from (f"## {table.name}{' (required)' if table.name == 'accounts' else needed}", "")
    yield from (f"One row: {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}.", "")
    if table.costs:
        yield from (f"Without it: no {table.costs}.", "")
    yield from (f"- {caveat}" for caveat in table.caveats)
    yield from ("", "| column | type | unit | meaning | without it |", "|---|---|---|---|---|")
    for column in table.columns:
        name = f"`{column.name}`{'*' if column.required else ''}"
        yield f"| {name} | {column.kind} | {column.unit} | {column.meaning} | {column.costs} |"
    if table.extra_columns:
        yield "| any others | number or text | | the team's own | |"
    yield ""


def settings_page() -> str:
    """Every setting of ``headroom.toml`` with its default."""
    lines = ["# Settings", "", MADE, ""]
    lines += ["`headroom.toml` of the working folder, or `--config FILE`. Every setting has a default.", ""]
    lines += [f"An environment variable overrides the file: `{PREFIX}SOURCE__URL` is `url` under `[source]`.", ""]
    lines += list(_settings(Settings, "", Settings()))
    return "\n".join(lines)


def _settings(model: type[BaseModel], place: str, values: BaseModel) -> Iterator[str]:
    nested: list[tuple[str, str | None, Any]] = []
    plain: list[tuple[str, str | None, Any]] = []
    for name, field in model.model_fields.items():
        value = getattr(values, name)
        (nested if isinstance(value, BaseModel) else plain).append((name, field.description, value))
    if plain:
        yield from (
            f"## {f'[{place}]' if place else 'top of the file'}",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
        )
        for name, description, value in plain:
            if f"{place}.{name}" not in NOT_SHOWN:
                yield f"| `{name}` | `{_shown(value)}` | {description or 'as in LightGBM'} |"
        yield ""
    for name, _, value in nested:
        yield from _settings(type(value), f"{place}.{name}" if place else name, value)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return (
        f'"{value}"' if isinstance(value, str | Path) else str(value).lower() if isinstance(value, bool) else str(value)
    )


def features_page() -> str:
    """The feature catalogue."""
    lines = ["# Features", "", MADE, "", "One row: what is known about one account before one snapshot.", ""]
    lines += [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for card in full_catalogue().values():
        name, *words = cells(card)
        lines.append(f"| {' | '.join([f'`{name}`', *words])} |")
    return "\n".join([*lines, ""])


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "settings.md": settings_page,
    "features.md": features_page,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (Path("docs") / page).write_text(write(), encoding="utf-8")
