"""What ``headroom check`` found: findings, how they read, and the offending rows as files."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

import pandas as pd

from data.atomic import whole_folder
from data.contract.vocabulary import E4
from data.errors import ContractError, PublishError

ROWS_KEPT = 1000
FEWEST_MANY = 3
"""One or two are exceptions, in however small a base: they are told, and stop no run."""
SUMMARY = "check.json"


class Severity(StrEnum):
    """An error stops the run; a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing found in one table: ``count`` rows (or accounts) break ``rule``; ``rows`` are the first 1,000 of them.

    ``rule`` is the rule's name, with the column where there is one: ``type:created_at``.
    """

    severity: Severity
    table: str
    rule: str
    message: str
    todo: str
    count: int = 0
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Report:
    """All findings, the gravest first, with the row count and the last day of every table."""

    findings: list[Finding]
    row_counts: Mapping[str, int] = field(default_factory=dict)
    last_days: Mapping[str, date | None] = field(default_factory=dict)

    def of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == severity]

    @property
    def errors(self) -> list[Finding]:
        return self.of(Severity.ERROR)

    @property
    def warnings(self) -> list[Finding]:
        return self.of(Severity.WARNING)

    @property
    def notes(self) -> list[Finding]:
        return self.of(Severity.NOTE)

    def lines(self) -> list[str]:
        """The report as plain lines of text."""
        tables = [f"{name}: {many(count, 'row')}{self._until(name)}" for name, count in self.row_counts.items()]
        findings = [
            line
            for finding in self.findings
            for line in (f"{finding.severity}: {finding.message}", f"  to do: {finding.todo}")
            if line != "  to do: "
        ]
        kinds = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
        total = ", ".join(many(len(self.of(severity)), severity.value) for severity in kinds)
        return [*tables, *findings, f"{total}."]

    def _until(self, name: str) -> str:
        day = self.last_days.get(name)
        return f", until {day}" if day is not None else ""


def many(count: int, noun: str) -> str:
    """``1 row`` or ``1,200 rows``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def are_many(count: int, among: int, share: int) -> bool:
    """Are so many of them a rule: no one or two, and one in ``share``?"""
    return count >= FEWEST_MANY and count * share >= among


def money(e4: object) -> str:
    """``1,200``: an amount of ten-thousandths, without cents; nothing is 0."""
    return f"{int(e4 or 0) / E4:,.0f}"  # type: ignore[call-overload]


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, then notes; within them as they came."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def require(report: Report) -> None:
    """Raise ``ContractError`` if the report has errors: the first in full, and how many more there are."""
    if not report.errors:
        return
    first, *others = report.errors
    more = f" (and {many(len(others), 'more error')})" if others else ""
    todo = f"{first.todo} `headroom check` shows all findings and writes the rows to files."
    raise ContractError("Use the tables.", f"{first.message.removesuffix('.')}{more}.", todo)


def write(report: Report, folder: Path) -> Path:
    """Write the offending rows, one CSV per finding, and a summary; the folder is replaced whole or not at all.

    Raises ``PublishError`` if the folder holds something other than an earlier report, or cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SUMMARY).exists():
        raise PublishError(
            f"Write the report to {folder}.",
            "there is something else in that folder.",
            "Name an empty or a new folder.",
        )
    with whole_folder(folder, f"Write the report to {folder}.") as new:
        summary = [_written(finding, number, new) for number, finding in enumerate(report.findings, 1)]
        days = {name: day.isoformat() if day else None for name, day in report.last_days.items()}
        content = {"row_counts": dict(report.row_counts), "last_days": days, "findings": summary}
        (new / SUMMARY).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def _written(finding: Finding, number: int, folder: Path) -> dict[str, object]:
    """Write one finding's rows; return its entry of the summary."""
    entry: dict[str, object] = {
        "severity": finding.severity.value,
        "table": finding.table,
        "rule": finding.rule,
        "count": finding.count,
        "message": finding.message,
        "todo": finding.todo,
        "file": None,
    }
    if not finding.rows.empty:
        name = f"{number:02}-{finding.table}-{finding.rule.replace(':', '-')}.csv"
        finding.rows.map(_harmless).to_csv(folder / name, index=False, encoding="utf-8")
        entry["file"] = name
    return entry


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay."""
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
