"""``headroom check``: what is wrong with the tables, what is missing, and what it costs."""

from pathlib import Path

from data.checks.report import SUMMARY, write
from flows.pipelines.readiness import readiness_of_tables
from flows.run.printed import print_line, print_lines
from flows.run.settings import Settings
from flows.stages.base import read_source, report_on
from flows.stages.inputs import ledger_line
from flows.stages.outcomes import outcomes_line


def check(settings: Settings, folder: Path) -> bool:
    """Print what was found. The offending rows go to ``folder``, if there are any or it is there already.

    Returns whether a run may use the tables.
    """
    with read_source(settings) as source:
        report = report_on(source, settings.expansion)
        print_lines(report.lines())
        if (folder / SUMMARY).exists() or any(not finding.rows.empty for finding in report.findings):
            print_line(f"offending rows: {write(report, folder)}")
        if not report.errors:
            print_line(ledger_line(source, settings))
        print_line(outcomes_line(settings))
        if not report.errors:
            print_lines(readiness_of_tables(source, settings).lines())
    return not report.errors
