"""Contract lines as they count: whose money is counted once, and which line another one has replaced.

    lines -> each ends where a later one of its contract begins -> the paid ones -> or where a renewal signed early does

A product that became another keeps its history: its lines go by the name that the product has now.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import UNPAID_KINDS
from data.ledger.kinds import is_discount, is_paid_for, is_version, lasts
from data.ledger.moves import moved_on
from data.ledger.rules import ExpansionRules
from data.ledger.succession import current_product, with_successors
from data.time_cut import Tables, days_between, ended_unforeseen

YEAR_DAYS = 365
RENEWAL_STEPS = 3
"""So many contracts of one product, of different size or date, are told apart where all were renewed early."""


def lines(tables: Tables) -> ir.Table:
    """One row per subscription line: its columns, its plan's ``tier`` and ``seat_price_e4`` (null: not listed), and
    what its product became: ``became_1 .. 3`` from the days ``became_1_on .. 3`` (null: nothing).
    """
    subscriptions = tables["subscriptions"]
    if "plans" in tables:
        plans = tables["plans"]
        # One row per plan even if the list names it twice, else its lines would double.
        listed = {"tier": plans.tier.max(), "seat_price_e4": plans.seat_price_e4.max()}
        plans = plans.group_by("product", "plan").aggregate(**listed)
        joined = subscriptions.left_join(plans, ["product", "plan"])
        priced = joined.select(*subscriptions.columns, "tier", "seat_price_e4")
    else:
        priced = subscriptions.mutate(tier=ibis.null("int64"), seat_price_e4=ibis.null("int64"))
    return with_successors(priced, tables)


def standing(lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str], today: date | None = None) -> ir.Table:
    """The lines that count, each with the end that it has: ``valid_to`` is the day on which another took its place.

    ``lines`` are as ``lines`` gives them, ``by`` is the key of a history. Adds ``current_product``, ``is_discount``
    and ``pays``: somebody pays for it, so its product is paid for. ``today`` (the row's ``snapshot_date``, if it has
    one) is the day on which renewals that were signed early are waiting for the end of the line before.
    """
    versions = lines.filter(is_version(lines))
    versions = versions.mutate(
        current_product=current_product(versions),
        is_discount=is_discount(versions),
    )
    # A discount has an amount alone.
    alone = {name: versions.is_discount.ifelse(ibis.null("int64"), versions[name]) for name in ("seats", "tier")}
    versions = _replaced_by_contract(versions.mutate(pays=is_paid_for(versions), **alone), by)
    counted = versions.filter(versions.kind.fill_null("").notin(UNPAID_KINDS))
    if "snapshot_date" in by or today is not None:
        counted = _renewed_early(counted, rules, by, today)
    return _within_paid(moved_on(counted, rules, by), by)


def ever_paid_for(lines: ir.Table) -> ir.BooleanValue:
    """Of lines that no clock has cut: somebody paid for it, or was believed to until a later day told otherwise."""
    return is_paid_for(lines) & (lasts(lines) | ended_unforeseen(lines))


def _replaced_by_contract(lines: ir.Table, by: Sequence[str]) -> ir.Table:
    """Lines of one contract and product are its versions: each holds until the next one begins."""
    key = (*by, "current_product", "is_discount", "contract_id")
    versions = lines.filter(lines.contract_id.notnull()).select(*key, "valid_from").distinct()
    order = ibis.window(group_by=key, order_by="valid_from")
    versions = versions.mutate(replaced_on=versions.valid_from.lead().over(order))
    joined = lines.left_join(versions, [*key, "valid_from"]).select(*lines.columns, "replaced_on")
    return joined.mutate(valid_to=ibis.least(joined.valid_to, joined.replaced_on)).drop("replaced_on")


def _renewed_early(lines: ir.Table, rules: ExpansionRules, by: Sequence[str], today: date | None) -> ir.Table:
    """An open line that is due within ``early_days`` of another one's beginning is renewed by it.

    Nobody knows yet that it will end; that a like line began just before it is due tells. It is due on ``renews_on``,
    else on the yearly return of its first day. Its renewal is as large or larger and is due later; without
    ``renews_on`` it has just as many seats (or, without seats, as much MRR or more). One renewal renews one line, the
    one that is most like it.
    """
    key = (*by, "current_product")
    columns = ("valid_from", "plan", "mrr_e4", "seats", "contract_id", "renews_on", "kind")
    lines = lines.mutate(line_no=ibis.row_number().over(ibis.window(group_by=key, order_by=columns)))
    open_lines = lines.filter(lines.valid_to.isnull() & ~lines.is_discount)
    terms = ("line_no", "valid_from", "renews_on", "seats", "mrr_e4", "contract_id")
    old = open_lines.select(*key, *terms)
    new = open_lines.select(*key, **{f"new_{name}": open_lines[name] for name in terms})
    pairs = old.inner_join(new, key)
    began_days = days_between(pairs.new_valid_from, pairs.valid_from)
    yearly_days = ibis.literal(YEAR_DAYS, "int64") - began_days % YEAR_DAYS
    due_days = pairs.renews_on.notnull().ifelse(days_between(pairs.renews_on, pairs.new_valid_from), yearly_days)
    day = pairs.snapshot_date if "snapshot_date" in by else ibis.literal(today)
    age_days = days_between(day, pairs.new_valid_from)
    is_due = (began_days > 0) & (due_days > 0) & (due_days <= rules.early_days) & (age_days <= due_days)
    as_many = (pairs.new_seats == pairs.seats).fill_null(pairs.new_mrr_e4 >= pairs.mrr_e4)
    is_other = (pairs.contract_id != pairs.new_contract_id).fill_null(False)
    dated = is_as_large(pairs) & (pairs.new_renews_on.isnull() | (pairs.new_renews_on > pairs.renews_on))
    undated = as_many & ~is_other & (began_days >= YEAR_DAYS - rules.early_days)
    more = (pairs.new_seats - pairs.seats).fill_null(pairs.new_mrr_e4 - pairs.mrr_e4)
    pairs = pairs.mutate(more=more, spare_days=rules.early_days - due_days)
    pairs = _one_to_one(pairs.filter(is_due & pairs.renews_on.notnull().ifelse(dated, undated)), key)
    joined = lines.left_join(pairs.select(*key, "line_no", renewed_on="new_valid_from"), [*key, "line_no"])
    return joined.select(
        *[name for name in lines.columns if name not in ("valid_to", "line_no")],
        valid_to=ibis.coalesce(joined.valid_to, joined.renewed_on),
    )


def _one_to_one(pairs: ir.Table, key: Sequence[str]) -> ir.Table:
    """Of the pairs of an old line and one that may renew it those that do: each line is in one of them, the closest.

    The closer the less ``more`` the new line has, and the fewer ``spare_days`` it could have begun earlier; of like
    lines the second renews the second. A pair that is the closest of both its lines is one, and then of what is left.
    """
    old, new = ibis.window(group_by=(*key, "line_no")), ibis.window(group_by=(*key, "new_line_no"))
    number, alike = ibis.row_number(), ("more", "spare_days")
    of_old, of_new = number.over(old.order_by((*alike, "new_line_no"))), number.over(new.order_by((*alike, "line_no")))
    pairs = pairs.mutate(turns=(of_old - of_new).abs())
    order = (*alike, "turns", "line_no", "new_line_no")
    pairs = pairs.mutate(place=number.over(ibis.window(group_by=key, order_by=order)))
    for _ in range(RENEWAL_STEPS):
        closest = ibis.least(pairs.place.min().over(old), pairs.place.min().over(new))
        pairs = pairs.mutate(is_pair=pairs.place == closest)
        is_taken = pairs.is_pair.any().over(old) | pairs.is_pair.any().over(new)
        pairs = pairs.mutate(is_left=pairs.is_pair | ~is_taken).filter(ibis._.is_left)
    return pairs.filter(pairs.is_pair)


def is_as_large(pairs: ir.Table) -> ir.BooleanValue:
    """Has the new line of a pair as many seats as the other or more; where one has none told, as much MRR or more?"""
    return (pairs.new_seats >= pairs.seats).fill_null(pairs.new_mrr_e4 >= pairs.mrr_e4)


def _within_paid(lines: ir.Table, by: Sequence[str]) -> ir.Table:
    """A discount counts while there is something to discount: from the product's first paid day to its last."""
    span = ibis.window(group_by=(*by, "current_product"))
    is_line = ~lines.is_discount
    ends = lines.valid_to.max(where=is_line).over(span)
    is_open = lines.valid_to.isnull().any(where=is_line).over(span)
    lines = lines.mutate(
        first_on=lines.valid_from.min(where=is_line).over(span),
        last_on=is_open.ifelse(ibis.null("date"), ends),
    )
    bounded = lines.mutate(
        valid_from=lines.is_discount.ifelse(ibis.greatest(lines.valid_from, lines.first_on), lines.valid_from),
        valid_to=lines.is_discount.ifelse(ibis.least(lines.valid_to, lines.last_on), lines.valid_to),
    )
    has_line = ~bounded.is_discount | bounded.first_on.notnull()
    return bounded.filter(has_line, lasts(bounded)).drop("first_on", "last_on")
