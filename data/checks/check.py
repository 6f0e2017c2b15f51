"""``headroom check``: do the tables keep the contract, and what do they give us?

Every rule is derived from the contract. Errors stop a run, warnings and notes do not. A table is scanned about four
times, whatever the number of rules, and once more for each rule that is broken, to fetch its rows.
"""

from datetime import date

from data.checks.contracts import contract_findings
from data.checks.coverage import empty, missing, remarks, stopped, stopped_parts, unknown_plans, unknown_words, variants
from data.checks.duplicates import ONLY_NOTED, open_together, repeated
from data.checks.groups import broken_groups, doubtful_ids, ids_of_accounts
from data.checks.history import known_late, linked_late, never_ending
from data.checks.levels import unmeasured_levels
from data.checks.report import Finding, Report, Severity, gravest_first, require, write
from data.checks.row_rules import broken_rules
from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.known import Source, watermarks

__all__ = ["Finding", "Report", "Severity", "check", "require", "write"]


DEFAULT_RULES = ExpansionRules()


def check(source: Source, today: date, rules: ExpansionRules = DEFAULT_RULES, *, for_run: bool = False) -> Report:
    """Check every table of a source. ``today`` (UTC) says what lies in the future, ``rules`` what is settled.

    ``for_run``: only what stops a run, or is told in one, which takes half as long: neither what can only be a note,
    such as equal rows of events, nor the last days. Whether a feed has stopped, a run asks as of its snapshot.
    """
    findings: list[Finding] = []
    row_counts: dict[str, int] = {}
    ids = ids_of_accounts(source)
    for name, raw in source.raw.items():
        table = TABLES[name]
        has_account = "account_id" in raw.columns and name != "accounts"
        row_counts[name], broken = broken_rules(table, raw, ids if has_account else None, today)
        findings += broken
        if not (for_run and name in ONLY_NOTED):
            findings += repeated(table, raw)
    endless = list(never_ending(source, row_counts))
    if not for_run and "subscriptions" in source.tables and not any(finding.count for finding in endless):
        findings += open_together(source.tables["subscriptions"])
    findings += [
        *contract_findings(source, rules, today),
        *endless,
        *known_late(source),
        *linked_late(source),
        *broken_groups(source),
        *doubtful_ids(source),
        *empty(row_counts, source.mapped),
        *unknown_plans(source.tables),
        *unmeasured_levels(source.tables, today),
    ]
    if for_run:
        return Report(gravest_first(findings), row_counts)
    findings += [
        *stopped(source.tables, today),
        *stopped_parts(source.tables, today),
        *unknown_words(source),
        *variants(source),
        *missing(source),
        *remarks(source),
    ]
    return Report(gravest_first(findings), row_counts, watermarks(source.tables, today))
