"""What makes a ledger wrong though every row is right: money counted twice, kinds that nobody knows, ends booked late.

What the tables leave open is an error until the settings or the tables say it, wherever a label would be wrong.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.checks.bills import bill_findings
from data.checks.history import NEARLY_ALL
from data.checks.moves import moved, moved_nearly, renewed_early
from data.checks.plans import plans_alike
from data.checks.report import ROWS_KEPT, Finding, Severity, many, money
from data.contract.inputs import TABLES
from data.contract.vocabulary import BILL_KINDS, DISCOUNT, LINE_KINDS, LINE_MOTIONS, PAID, UNPAID_KINDS
from data.currency import CONVERTED, in_reporting_currency, latest_rates
from data.errors import hint, some
from data.ledger.invoices import is_for_use
from data.ledger.kinds import is_paid_for
from data.ledger.lines import lines as lines_with_tiers
from data.ledger.movements import changes, is_amount_alone, is_larger
from data.ledger.revenue import all_lines
from data.ledger.rules import ExpansionRules
from data.sources.engine import Engine
from data.sources.known import Source
from data.sources.staging import staged_column
from data.time_cut import Tables, known_ahead, known_from, learned_by, learned_late

KINDS = {"subscriptions": (LINE_KINDS, Severity.ERROR), "invoices": (BILL_KINDS, Severity.WARNING)}
"""The words in use. A line of another kind would be taken for one that is paid for; of a bill nothing is said then."""
YEAR = timedelta(days=365)
FEWEST_ALIKE = 5
"""One number of seats, or one tier, of so many accounts and all of their time is no number that anybody counts."""
FEWEST_RAMPS = 3
TAX = re.compile(
    r"(vat|gst|hst|pst|qst|(sales |value added )?tax(es)?|(mwst|ust)\.?|tva|iva|umsatzsteuer|mehrwertsteuer)"
    r"( ?\(?[0-9.,]+ ?%\)?)?",
    re.IGNORECASE,
)
"""The whole name of what is billed and is nobody's revenue."""
COUNTED: dict[str, Callable[[ir.Table], ir.BooleanValue]] = {
    "subscriptions": is_paid_for,
    "invoices": lambda bills: is_for_use(bills) & (bills.amount_e4 > 0),
}
"""The rows that make somebody an owner of their product."""


def contract_findings(source: Source, rules: ExpansionRules, today: date) -> Iterator[Finding]:
    """All findings about contracts and bills, over the staged tables."""
    yield from _currencies(source.tables, today)
    tables = in_reporting_currency(source.tables, today)
    yield from _unknown_kinds(source)
    yield from _taxes(tables)
    if "subscriptions" in tables:
        lines = tables["subscriptions"]
        uncounted = _uncounted(tables)
        yield from _unpaid(lines)
        yield from _loose_discounts(lines)
        yield from _booked_late(lines)
        may_move, may_rise, may_rename = _worth_a_ledger(lines)
        may_rise = (may_rise and not rules.amount_only) or bool(uncounted)
        may_ramp = _may_ramp(lines, rules)
        if may_move or may_rise or may_rename or may_ramp:
            with _changes(source.engine, tables, rules, today) as changed:
                yield from moved(changed) if may_move else ()
                yield from plans_alike(changed, lines) if may_rename else ()
                yield from _amounts_alone(changed, uncounted, rules, today) if may_rise else ()
                yield from _known_before(changed, tables) if may_ramp else ()
        yield from moved_nearly(tables, rules, today) if may_move else ()
        yield from renewed_early(source.engine, tables, rules, today)
    if "invoices" in tables:
        yield from bill_findings(source.engine, tables, rules)


def _currencies(tables: Tables, today: date) -> Iterator[Finding]:
    """Amounts that would be added up as if they were of one currency, or that nothing converts."""
    there = [name for name in CONVERTED if name in tables]
    parts = [tables[name].select("currency", of=ibis.literal(name)) for name in there]
    amounts = ibis.union(*parts) if len(parts) > 1 else parts[0]
    amounts = amounts.group_by("of", "currency").aggregate(rows=amounts.count())
    if "fx_rates" not in tables:
        # A table none of whose amounts says a currency is in that of the other.
        says_one = amounts.currency.notnull().any().over(ibis.window(group_by="of"))
        found, listed = _by_currency(amounts.mutate(says_one=says_one).filter(ibis._.says_one))
        if len(found) > 1:
            message = f"amounts are in several currencies, and added up as if they were one: {listed}."
            todo = (
                "Give the table fx_rates (currency, month, rate). Leave the column `currency` out if the amounts are "
                "converted already: at one rate, or what a currency gained would be taken for a movement."
            )
            yield Finding(Severity.ERROR, there[0], "currencies", message, todo, len(found), found)
        return
    rates = tables["fx_rates"]
    wrong = rates.filter(~(rates.rate > 0).fill_null(False)).to_pandas()
    if len(wrong):
        message = f"fx_rates: {many(len(wrong), 'rate')} not above 0: no amount can be converted at it."
        todo = "Give what one unit of the currency is worth in the reporting currency."
        yield Finding(Severity.ERROR, "fx_rates", "rate", message, todo, len(wrong), wrong.head(ROWS_KEPT))
    named = amounts.filter(amounts.currency.notnull())
    found, listed = _by_currency(named.anti_join(latest_rates(rates, today), "currency"))
    if len(found):
        message = f"fx_rates has no rate for {listed}: such amounts are not known."
        todo = "Give a rate for each; the reporting currency itself has the rate 1."
        yield Finding(Severity.ERROR, "fx_rates", "no_rate", message, todo, len(found), found)


def _by_currency(amounts: ir.Table) -> tuple[pd.DataFrame, str]:
    """One row per currency with its ``rows``, and the same as people write it."""
    found = amounts.group_by("currency").aggregate(rows=amounts.rows.sum()).order_by("currency").to_pandas()
    found["currency"] = found["currency"].fillna("no currency")
    return found, ", ".join(f"{currency} ({many(rows, 'row')})" for currency, rows in found.to_numpy())


def _unknown_kinds(source: Source) -> Iterator[Finding]:
    """Kinds that nobody knows."""
    for name, (words, severity) in KINDS.items():
        if name not in source.raw:
            continue
        kinds = source.raw[name].select(kind=staged_column(source.raw[name], TABLES[name].column("kind")))
        others = kinds.filter(kinds.kind.notnull() & kinds.kind.notin(words))
        found = others.group_by("kind").aggregate(rows=others.count()).order_by("kind").limit(ROWS_KEPT).to_pandas()
        if len(found):
            listed = ", ".join(f"{kind!r} ({many(rows, 'row')}){hint(kind, words)}" for kind, rows in found.to_numpy())
            message = f"{name}.kind has words that are not in use: {listed}."
            if severity is Severity.WARNING:
                message += " Such rows count as if they had no kind."
            todo = f"Use one of: {', '.join(words)}; or leave the column out."
            yield Finding(severity, name, "words:kind", message, todo, int(found["rows"].sum()), found)


def _unpaid(lines: ir.Table) -> Iterator[Finding]:
    """Lines at an MRR of 0 whose kind nobody says."""
    free = lines.filter(lines.kind.isnull() & (lines.mrr_e4 == 0))
    counts = free.aggregate(rows=free.count(), accounts=free.account_id.nunique()).to_pandas().iloc[0]
    if counts["rows"]:
        message = (
            f"subscriptions: {many(int(counts['rows']), 'line')} of {many(int(counts.accounts), 'account')} at an MRR "
            "of 0. A product that costs nothing is not owned yet: a trial that is paid for from a day on begins then."
        )
        todo = (
            f"Say in subscriptions.kind what they are: {', '.join(UNPAID_KINDS)} (an account with nothing else is then "
            f"no customer); or {PAID}, if they are."
        )
        rows = free.limit(ROWS_KEPT).to_pandas()
        yield Finding(Severity.NOTE, "subscriptions", "unpaid", message, todo, int(counts["rows"]), rows)


def _loose_discounts(lines: ir.Table) -> Iterator[Finding]:
    """Discounts of a product that the account has no line of, and discounts that add money."""
    discounts, others = lines.filter(lines.kind == DISCOUNT), lines.filter(lines.kind.fill_null("") != DISCOUNT)
    loose = discounts.anti_join(others, ["account_id", "product"])
    raised = discounts.filter(discounts.mrr_e4 > 0)
    for rule, rows, what, todo in (
        (
            "discount",
            loose,
            "a discount of a product that the account has no line of",
            "Give it the product it discounts.",
        ),
        ("discount_sign", raised, "a discount with an MRR above 0", "Give a discount as an amount below 0."),
    ):
        count = int(rows.count().to_pandas())
        if count:
            message = f"subscriptions: {many(count, 'line')} {'is' if count == 1 else 'are each'} {what}."
            yield Finding(
                Severity.ERROR, "subscriptions", rule, message, todo, count, rows.limit(ROWS_KEPT).to_pandas()
            )


def _booked_late(lines: ir.Table) -> Iterator[Finding]:
    """Lines that end on the day on which a later known one begins: between the two days their account has nothing."""
    known = learned_late(lines, "valid_from").select("account_id", "product", valid_to="valid_from")
    ended = learned_by(lines.filter(lines.ends_known_on.isnull()), "valid_to")
    ended = ended.select("account_id", "product", "valid_to", "mrr_e4")
    gaps = ended.inner_join(known, ["account_id", "product", "valid_to"])
    sums = gaps.aggregate(accounts=gaps.account_id.nunique(), mrr_e4=gaps.mrr_e4.sum()).to_pandas().iloc[0]
    if sums.accounts:
        message = (
            f"subscriptions: {many(int(sums.accounts), 'account')} had a line that ended before the one after it was "
            f"known (an MRR of {money(sums.mrr_e4)}): in between they are no customers."
        )
        todo = "Give ends_known_at, the day on which the source learned of valid_to: until then the line is open."
        rows = gaps.limit(ROWS_KEPT).to_pandas()
        yield Finding(Severity.WARNING, "subscriptions", "booked_late", message, todo, int(sums.accounts), rows)


def _worth_a_ledger(lines: ir.Table) -> tuple[bool, bool, bool]:
    """Whether some account has ended a product and has another, two lines of one without seats, or two plans of one.

    Asked first, for a ledger is dear to compile.
    """
    products = lines.group_by("account_id", "product").aggregate(
        ended=lines.valid_to.notnull().any(),
        seatless=lines.count(where=lines.seats.isnull()),
        plans=lines.plan.nunique(),
    )
    accounts = products.group_by("account_id").aggregate(
        may_move=(products.count() > 1) & products.ended.any(),
        may_rise=(products.seatless > 1).any(),
        may_rename=(products.plans > 1).any(),
    )
    names = ("may_move", "may_rise", "may_rename")
    found = accounts.aggregate(**{name: accounts[name].any() for name in names}).to_pandas().iloc[0]
    return bool(found.may_move), bool(found.may_rise), bool(found.may_rename)


@contextmanager
def _changes(engine: Engine, tables: Tables, rules: ExpansionRules, today: date) -> Iterator[ir.Table]:
    """The changes of the whole ledger, held by the engine: as one query it is too deep for some of them."""
    with (
        engine.cached({"lines": all_lines(tables, rules, today)}) as lines,
        engine.cached({"changes": changes(lines["lines"], rules)}) as held,
    ):
        yield held["changes"]


def _uncounted(tables: Tables) -> list[str]:
    """The products of which some accounts have lines, and all of these one number of seats, or none, and one tier."""
    held = lines_with_tiers(tables).filter(ibis._["product"].notnull())
    products = held.group_by("product").aggregate(
        accounts=held.account_id.nunique(),
        lines=held.count(),
        seats=held.seats.nunique(),
        tiers=held.tier.nunique(),
        told=held.seats.count() + held.tier.count(),
    )
    is_one = (products.seats <= 1) & (products.tiers <= 1) & (products.told >= products.lines)
    found = products.filter(is_one & (products.accounts >= FEWEST_ALIKE) & (products.lines > products.accounts))
    return sorted(found.select("product").to_pyarrow()["product"].to_pylist())


def _amounts_alone(moves: ir.Table, uncounted: list[str], rules: ExpansionRules, today: date) -> Iterator[Finding]:
    """Rises that nothing but their amount could tell from price rises: no seats or tiers, or products ``uncounted``."""
    is_recent = moves.day >= ibis.literal(today - YEAR)
    is_untold = is_amount_alone(moves, rules)
    if uncounted:
        is_untold |= moves["product"].isin(uncounted) & is_larger(moves, rules) & (moves.lines_before > 0)
    alone = moves.filter((moves.movement_class == "price") & is_untold & is_recent)
    sums = alone.aggregate(rises=alone.count(), mrr_e4=alone.delta_mrr_e4.sum()).to_pandas().iloc[0]
    if sums.rises:
        message = (
            f"subscriptions: {many(int(sums.rises), 'rise')} of the last year (an MRR of {money(sums.mrr_e4)}) count "
            "as price rises, for neither seats nor plans say that more was bought."
        )
        if rules.amount_only:
            todo = (
                f"Leave out the seats and tiers of {some(uncounted)}, which are the same in every line: amount_only "
                "([expansion]) reads amounts only where there are none."
            )
        else:
            todo = (
                "Give seats, or plans with tiers; or set [expansion] amount_only = true, if such rises are expansions."
            )
            if uncounted:
                todo += f" Leave out the seats and tiers of {some(uncounted)} then: they are the same in every line."
        rows = alone.limit(ROWS_KEPT).to_pandas()
        yield Finding(Severity.WARNING, "subscriptions", "amount_only", message, todo, int(sums.rises), rows)


def _may_ramp(lines: ir.Table, rules: ExpansionRules) -> bool:
    """Is some line known long before it begins, and does none say when it was signed?"""
    is_ahead = known_ahead(lines, "valid_from", rules.renewal_gap_days) < lines.valid_from
    found = lines.aggregate(ahead=is_ahead.any(), signed=lines.booked_on.notnull().any()).to_pandas().iloc[0]
    return bool(found.ahead) and not bool(found.signed)


def _known_before(moves: ir.Table, tables: Tables) -> Iterator[Finding]:
    """Steps that were known when the one before them began, where these are most: a time of something else.

    An error where nearly all lines show of what; else such deals may have been signed, each in its time.
    """
    ramps = moves.filter(moves.movement_class == "ramp")
    rises = int(moves.filter(moves.movement_class.isin((*LINE_MOTIONS, "ramp"))).count().to_pandas())
    sums = ramps.aggregate(rises=ramps.count(), mrr_e4=ramps.delta_mrr_e4.sum()).to_pandas().iloc[0]
    if sums.rises >= FEWEST_RAMPS and sums.rises * 2 >= rises:
        message = (
            f"subscriptions: {int(sums.rises):,} of {many(rises, 'expansion')} (an MRR of {money(sums.mrr_e4)}) were "
            "known by known_at before the line that they changed began: they count as steps of a contract signed at "
            "the beginning, and not as expansions."
        )
        todo = (
            "Map known_at to when the line itself was booked, not to when its account or contract was created; or give "
            "booked_at, the day on which each step was signed, if they are steps."
        )
        rows = ramps.limit(ROWS_KEPT).to_pandas()
        severity = Severity.ERROR if _known_with_account(tables) else Severity.WARNING
        yield Finding(severity, "subscriptions", "known_before", message, todo, int(sums.rises), rows)


def _known_with_account(tables: Tables) -> bool:
    """Are nearly all later lines known since the day on which their account was created, or had its first one?"""
    lines, accounts = tables["subscriptions"], tables["accounts"]
    begun = lines.group_by("account_id").aggregate(first_on=lines.valid_from.min())
    created = accounts.group_by("account_id").aggregate(created_on=accounts.created_on.min())
    dated = lines.inner_join(begun, "account_id").left_join(created, "account_id")
    later = dated.filter(dated.valid_from > dated.first_on)
    known = known_from(later)
    is_early = (known == later.first_on) | (known == later.created_on).fill_null(False)
    counts = later.aggregate(lines=later.count(), early=later.count(where=is_early)).to_pandas().iloc[0]
    return bool(counts.early >= NEARLY_ALL * counts.lines)


def _taxes(tables: Tables) -> Iterator[Finding]:
    """Products that are a tax by their name, and count: money that is no revenue. What ``plans`` list is sold."""
    sold = _products(tables["plans"]) if "plans" in tables else set()
    for name, counts in COUNTED.items():
        if name not in tables:
            continue
        rows = tables[name].filter(counts)
        taxes = sorted(product for product in _products(rows) - sold if TAX.fullmatch(product.strip()))
        if taxes:
            taxed = rows.filter(ibis._["product"].isin(taxes))
            count = int(taxed.count().to_pandas())
            message = (
                f"{name}: {many(count, 'row')} of {many(int(taxed.account_id.nunique().to_pandas()), 'account')} "
                f"{'is' if count == 1 else 'are'} a tax ({some([*map(repr, taxes)])}), which counts as a product that "
                "is bought."
            )
            todo = (
                f"Leave it out ([source.tables] {name}); or give the product another name, or its row of plans, if it "
                "is sold."
            )
            yield Finding(Severity.ERROR, name, "tax", message, todo, count, taxed.limit(ROWS_KEPT).to_pandas())


def _products(rows: ir.Table) -> set[str]:
    products = rows.filter(rows["product"].notnull()).select("product").distinct()
    return {*products.to_pyarrow()["product"].to_pylist()}
