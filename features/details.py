"""What sentences name beside the features, from the same views: which limit, feature, team, and when.

A detail function gets the views of some accounts, which are cut at the snapshot, and returns one row per account and
snapshot with the columns that it is registered for. Of several candidates the first by a total order is taken, so that
it is the same on every engine. Meanings: ``data.contract.details``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from data.contract.details import DETAILS, PLANS_NAMED, WEEKS, DetailKind
from data.contract.vocabulary import E4, KEY, MOTIONS
from data.time_cut import Tables
from features.calendar import HALF_YEAR_DAYS, MONTH_DAYS, QUARTER_DAYS, YEAR_DAYS
from features.definition import PARENTS, is_there, ratio
from features.definitions.limits import days_until_met
from features.definitions.seats import SEATS_BY_ID
from features.views.account import Views
from features.views.whole_base import WholeBaseViews

WEEK_DAYS = 7
MAIN_PRODUCTS = ("main_product", "second_product", "third_product")
TOP_FEATURES = ("top_feature", "second_top_feature", "third_top_feature")
NEW_FEATURES = ("new_feature", "second_new_feature", "third_new_feature")
_PLANS = tuple(f"plan_{place}" for place in range(1, PLANS_NAMED + 1))
_PLAN_PRODUCTS = tuple(f"plan_product_{place}" for place in range(1, PLANS_NAMED + 1))
NEW_TEAMS = ("new_team", "second_new_team", "third_new_team")
_TYPES = {DetailKind.NAME: "string", DetailKind.NUMBER: "float64", DetailKind.DAY: "date"}


@dataclass(frozen=True)
class DetailSource:
    """One function and the details that it gives; ``needs`` as of a feature."""

    columns: tuple[str, ...]
    needs: tuple[str, ...]
    of_whole_base: bool
    rows: Callable[..., ir.Table]


_SOURCES: list[DetailSource] = []


def _details(
    *columns: str, needs: tuple[str, ...], of_whole_base: bool = False
) -> Callable[..., Callable[..., ir.Table]]:
    def register(rows: Callable[..., ir.Table]) -> Callable[..., ir.Table]:
        _SOURCES.append(DetailSource(columns, needs, of_whole_base, rows))
        return rows

    return register


def add_details(rows: ir.Table, views: Views, absent: frozenset[str], *, of_whole_base: bool = False) -> ir.Table:
    """``rows`` (one per account and snapshot) with the details of these views beside their columns."""
    kept = list(rows.columns)
    for number, source in enumerate(_available(views.tables, absent, of_whole_base)):
        found = source.rows(views)
        columns = {name: found[name].cast(_TYPES[DETAILS[name].kind]) for name in source.columns}
        rows = rows.left_join(found.select(*KEY, **columns), KEY, rname=f"{{name}}_{number}")
        kept += source.columns
    return rows.select(*kept)


def detail_needs(tables: Tables, absent: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """What each detail that these tables can carry is read from."""
    sources = [source for whole in (False, True) for source in _available(tables, absent, whole)]
    return {name: source.needs for source in sources for name in source.columns}


def _available(tables: Tables, absent: frozenset[str], of_whole_base: bool) -> list[DetailSource]:
    there = set(tables)
    return [
        source
        for source in _SOURCES
        if source.of_whole_base == of_whole_base and all(is_there(need, there, absent) for need in source.needs)
    ]


def _first(view: ir.Table, by: Sequence[ir.Value], **columns: ir.Value) -> ir.Table:
    """One row per account and snapshot: the first by an order."""
    place = ibis.row_number().over(ibis.window(group_by=list(KEY), order_by=list(by)))
    ranked = view.select(*KEY, place=place, **columns)
    return ranked.filter(ranked.place == 0)


def _first_few(view: ir.Table, by: Sequence[ir.Value], value: ir.Value, names: Sequence[str]) -> ir.Table:
    """One row per account and snapshot: the first values by an order under these names; null where there are fewer."""
    place = ibis.row_number().over(ibis.window(group_by=list(KEY), order_by=list(by)))
    placed = view.select(*KEY, value=value, place=place)
    columns = {name: placed["value"].max(where=placed.place == at) for at, name in enumerate(names)}
    return placed.group_by(*KEY).aggregate(**columns)


# --- limits and the next tier -----------------------------------------------------------------------------------------

_LIMITS = ("usage", "subscriptions", "plan_features.monthly_limit")


@_details("limit_feature", "limit_amount", "limit_pace", "limit_level", "limit_in_days", needs=_LIMITS)
def nearest_limit(views: Views) -> ir.Table:
    use = views.limited_use.filter(views.limited_use.used_e4 > 0)
    use = use.mutate(share=ratio(use.used_e4, use.allowed_e4), in_days=days_until_met(use))
    met, unknown = ratio(use.used_e4, E4 * MONTH_DAYS), ibis.null("float64")
    return _first(
        use,
        (use.share.desc(), use.feature.asc()),
        limit_feature=use.feature,
        limit_amount=ratio(use.limit_e4, E4),
        limit_pace=use.is_level.ifelse(unknown, met),
        limit_level=use.is_level.ifelse(met, unknown),
        limit_in_days=use.in_days,
    )


@_details("limit_plans", needs=_LIMITS)
def limit_plans(views: Views) -> ir.Table:
    included = _limit_included(views)
    return included.group_by(*KEY).aggregate(limit_plans=included.count())


@_details("limit_product", "second_limit_product", needs=_LIMITS)
def limit_products(views: Views) -> ir.Table:
    products = _limit_included(views).select(*KEY, "current_product").distinct()
    by = (products.current_product.asc(),)
    return _first_few(products, by, products.current_product, ("limit_product", "second_limit_product"))


def _limit_included(views: Views) -> ir.Table:
    """One row per open line whose plan includes the feature that is nearest to its limit."""
    nearest = nearest_limit(views).select(*KEY, feature="limit_feature")
    return views.rights.inner_join(nearest, [*KEY, "feature"]).select(*KEY, "feature", "product", "current_product")


_TIERS = ("subscriptions", "plans", "plan_features")


def _next_plans(views: Views) -> ir.Table:
    """One row: the plan one tier up, ``next_plan`` of ``next_plan_product``."""
    higher = views.higher_tiers
    plans = views.tables["plans"].select("product", "plan", higher="tier")
    named = higher.inner_join(plans, ["product", "higher"])
    named = named.mutate(steps=named.higher - named.tier)
    order = (named.steps.asc(), named["product"].asc(), named.plan.asc())
    return _first(named, order, next_plan=named.plan, next_plan_product=named["product"])


@_details("next_plan", needs=("subscriptions", "plans"))
def next_plan(views: Views) -> ir.Table:
    return _next_plans(views)


@_details("present_plan", needs=("subscriptions", "plans"))
def present_plan(views: Views) -> ir.Table:
    step = _next_plans(views).select(*KEY, product="next_plan_product")
    lines = views.open_lines.inner_join(step, [*KEY, "product"]).inner_join(views.owned_tiers, [*KEY, "product"])
    lines = lines.filter((lines.tier == lines.tier_right) & lines.plan.notnull())
    return _first(lines, (lines.plan.asc(),), present_plan=lines.plan)


@_details("tiered_product", "tiered_plan", needs=("subscriptions", "plans"))
def only_tiered_product(views: Views) -> ir.Table:
    listed = views.tables["plans"]
    tiers = listed.group_by("product").aggregate(tiers=listed.tier.nunique())
    lines = views.open_lines.filter(~views.open_lines.is_discount & views.open_lines.tier.notnull())
    lines = lines.inner_join(tiers.filter(tiers.tiers > 1), "product")
    several = lines.group_by(*KEY).aggregate(products=lines.current_product.nunique())
    alone = lines.anti_join(several.filter(several.products > 1), KEY)
    order = (alone.tier.desc(), alone.plan.asc())
    return _first(alone, order, tiered_product=alone.current_product, tiered_plan=alone.plan)


@_details("next_plan_limit", needs=(*_LIMITS, "plans"))
def next_plan_limit(views: Views) -> ir.Table:
    steps = _next_plans(views).select(*KEY, product="next_plan_product", plan="next_plan")
    limited = _limit_included(views).select(*KEY, "product", "feature").distinct()
    allowed = steps.inner_join(limited, [*KEY, "product"]).inner_join(
        views.tables["plan_features"], ["product", "plan", "feature"]
    )
    return allowed.group_by(*KEY).aggregate(next_plan_limit=ratio(allowed.monthly_limit_e4.max(), E4))


@_details("next_plan_features", "next_plan_used", needs=("usage", *_TIERS))
def next_plan_features(views: Views) -> ir.Table:
    plans = _next_plans(views).select(*KEY, "next_plan", "next_plan_product")
    granted = views.tables["plan_features"].select("feature", next_plan="plan", next_plan_product="product")
    added = plans.inner_join(granted, ["next_plan", "next_plan_product"]).select(*KEY, "feature")
    use = added.inner_join(views.gated_use, [*KEY, "feature"])
    is_used = use.last_age.notnull() & (use.last_age <= QUARTER_DAYS)
    return use.group_by(*KEY).aggregate(next_plan_features=use.count(), next_plan_used=is_used.ifelse(1, 0).sum())


@_details("gated_feature_used", needs=("usage", *_TIERS))
def gated_feature_used(views: Views) -> ir.Table:
    used = views.gated_use.filter(views.gated_use.last_age <= QUARTER_DAYS)
    return _first(used, (used.last_age.asc(), used.feature.asc()), gated_feature_used=used.feature)


@_details("gated_used_plan", needs=("usage", *_TIERS))
def gated_used_plan(views: Views) -> ir.Table:
    return _gated_plan(views, gated_feature_used(views), "gated_feature_used", "gated_used_plan")


@_details("gated_feature_asked", "gated_asked_on", "days_since_gated_request", needs=("tickets.feature", *_TIERS))
def gated_feature_asked(views: Views) -> ir.Table:
    asked = views.gated_tickets.filter(views.gated_tickets.age <= HALF_YEAR_DAYS)
    order = (asked.age.asc(), asked.feature.asc())
    told = {"gated_asked_on": asked.opened_on, "days_since_gated_request": asked.age}
    return _first(asked, order, gated_feature_asked=asked.feature, **told)


@_details("gated_asked_plan", needs=("tickets.feature", *_TIERS))
def gated_asked_plan(views: Views) -> ir.Table:
    return _gated_plan(views, gated_feature_asked(views), "gated_feature_asked", "gated_asked_plan")


def _gated_plan(views: Views, named: ir.Table, feature: str, name: str) -> ir.Table:
    """The plan of a next tier that includes the feature that is named: the nearest, then the first by product."""
    rights = named.select(*KEY, feature=feature).inner_join(views.gated_rights, [*KEY, "feature"])
    return _first(rights, (rights.steps.asc(), rights["product"].asc(), rights.plan.asc()), **{name: rights.plan})


_REQUESTS = ("tickets.feature", "tickets.kind")


@_details("request_feature", "requested_on", "days_since_request", needs=_REQUESTS)
def feature_request(views: Views) -> ir.Table:
    asked, order = _feature_requests(views)
    told = {"requested_on": asked.opened_on, "days_since_request": asked.age}
    return _first(asked, order, request_feature=asked.feature, **told)


def _feature_requests(views: Views) -> tuple[ir.Table, tuple[ir.Value, ...]]:
    """Those of half a year about a feature that is named, and their order, the latest first."""
    tickets = views.tickets
    asked = tickets.filter((tickets.kind == "feature_request") & (tickets.age <= HALF_YEAR_DAYS))
    asked = asked.filter(asked.feature.notnull())
    return asked, (asked.age.asc(), asked.feature.asc())


@_details("request_is_open", "request_closed_on", needs=(*_REQUESTS, "tickets.closed_at"))
def request_answered(views: Views) -> ir.Table:
    """Of several of one day and feature the one that is open, or was closed last."""
    asked, latest = _feature_requests(views)
    is_open = asked.closed_on.isnull()
    order = (*latest, is_open.desc(), asked.closed_on.desc())
    return _first(asked, order, request_is_open=is_open.ifelse(1, 0), request_closed_on=asked.closed_on)


@_details("request_included", needs=(*_REQUESTS, "subscriptions", "plan_features"))
def request_included(views: Views) -> ir.Table:
    asked = feature_request(views).select(*KEY, feature="request_feature")
    included = views.included.select(*KEY, "feature", is_included=ibis.literal(1))
    beside = asked.left_join(included, [*KEY, "feature"])
    return beside.select(*KEY, request_included=beside.is_included.fill_null(0))


@_details("ticket_on", needs=("tickets",))
def last_ticket(views: Views) -> ir.Table:
    tickets = views.tickets.filter(views.tickets.age <= HALF_YEAR_DAYS)
    return tickets.group_by(*KEY).aggregate(ticket_on=tickets.opened_on.max())


@_details("rated_tickets", needs=("tickets.csat",))
def rated_tickets(views: Views) -> ir.Table:
    tickets = views.tickets.filter(views.tickets.age <= HALF_YEAR_DAYS)
    return tickets.group_by(*KEY).aggregate(rated_tickets=tickets.csat_e4.count())


# --- use and people ---------------------------------------------------------------------------------------------------


@_details(*TOP_FEATURES, needs=("usage",))
def top_features(views: Views) -> ir.Table:
    used = views.features_used.filter(views.features_used.events_28d > 0)
    used = used.filter(used.feature.notnull())
    if "plan_features" not in views.tables:
        return _first_few(used, (used.events_28d.desc(), used.feature.asc()), used.feature, TOP_FEATURES)
    # What is metered is counted by a machine, as often as it reads the meter.
    rights = views.tables["plan_features"]
    metered = rights.filter(rights.monthly_limit_e4.notnull()).select(metered="feature").distinct()
    beside = used.left_join(metered, used.feature == metered.metered)
    order = (beside.metered.notnull().asc(), beside.events_28d.desc(), beside.feature.asc())
    return _first_few(beside, order, beside.feature, TOP_FEATURES)


@_details("plan_features_included", "plan_features_used", needs=("usage", "subscriptions", "plan_features"))
def adoption(views: Views) -> ir.Table:
    features = views.included_use
    used = features.count(where=features.last_age <= QUARTER_DAYS)
    return features.group_by(*KEY).aggregate(plan_features_included=features.count(), plan_features_used=used)


@_details(*NEW_FEATURES, needs=("usage",))
def new_features(views: Views) -> ir.Table:
    used = _new_features(views)
    by = (used.events_28d.desc(), used.feature.asc())
    return _first_few(used, by, used.feature, NEW_FEATURES)


@_details("new_feature_plan", needs=("usage", *_TIERS))
def new_feature_plan(views: Views) -> ir.Table:
    return _gated_plan(views, new_features(views), "new_feature", "new_feature_plan")


@_details("new_feature_events", needs=("usage",))
def new_feature_events(views: Views) -> ir.Table:
    used = _new_features(views)
    return used.group_by(*KEY).aggregate(new_feature_events=used.events_28d.max())


def _new_features(views: Views) -> ir.Table:
    used = views.features_used.filter(views.features_used.first_age <= QUARTER_DAYS)
    return used.filter(used.feature.notnull())


@_details(*(f"use_week_{week}" for week in range(1, WEEKS + 1)), needs=("usage",))
def use_by_week(views: Views) -> ir.Table:
    days = views.daily.filter(views.daily.age <= WEEKS * WEEK_DAYS)
    weeks = {
        f"use_week_{week}": days.events.sum(
            where=(days.age > (week - 1) * WEEK_DAYS) & (days.age <= week * WEEK_DAYS)
        ).fill_null(0)
        for week in range(1, WEEKS + 1)
    }
    return days.group_by(*KEY).aggregate(**weeks)


@_details("most_users_of_a_month", needs=SEATS_BY_ID)
def most_users_of_a_month(views: Views) -> ir.Table:
    months = views.user_months
    return months.group_by(*KEY).aggregate(most_users_of_a_month=months.users.max())


@_details(*NEW_TEAMS, needs=("users.team",))
def new_teams(views: Views) -> ir.Table:
    teams = _new_teams(views)
    by = (teams.users.desc(), teams.team.asc())
    return _first_few(teams, by, teams.team, NEW_TEAMS)


@_details("new_team_users", needs=("users.team",))
def new_team_users(views: Views) -> ir.Table:
    teams = _new_teams(views)
    return teams.group_by(*KEY).aggregate(new_team_users=teams.users.max())


def _new_teams(views: Views) -> ir.Table:
    return views.teams.filter(views.teams.first_age <= QUARTER_DAYS)


@_details("new_domain", "new_domain_users", needs=("users.email_domain", "users.created_at"))
def new_domain(views: Views) -> ir.Table:
    users = views.other_domains.filter(views.other_domains.age <= QUARTER_DAYS)
    domains = users.group_by(*KEY, "email_domain").aggregate(users=users.count())
    order = (domains.users.desc(), domains.email_domain.asc())
    return _first(domains, order, new_domain=domains.email_domain, new_domain_users=domains.users)


# --- the relationship -------------------------------------------------------------------------------------------------


_EVENT_DAYS = {
    "reviewed_on": ("qbr_held", HALF_YEAR_DAYS),
    "competitor_on": ("competitor_research", HALF_YEAR_DAYS),
}
"""Details that are the latest day of a kind of CRM event: which, and within how many days."""


@_details(*_EVENT_DAYS, needs=("crm_events",))
def event_days(views: Views) -> ir.Table:
    events = views.crm
    days = {
        name: events.occurred_on.max(where=(events.kind == kind) & (events.age <= within))
        for name, (kind, within) in _EVENT_DAYS.items()
    }
    return events.group_by(*KEY).aggregate(**days)


@_details("days_since_review", needs=("crm_events",))
def days_since_review(views: Views) -> ir.Table:
    return _days_since(views, "qbr_held", HALF_YEAR_DAYS, "days_since_review")


@_details("promoted_on", "promoted_name", needs=("crm_events",))
def promotion(views: Views) -> ir.Table:
    return _latest_named(views, "champion_promoted", HALF_YEAR_DAYS, "promoted")


@_details("champion_left_on", "champion_left_name", needs=("crm_events",))
def champion_left(views: Views) -> ir.Table:
    return _latest_named(views, "champion_left", HALF_YEAR_DAYS, "champion_left")


@_details("budget_on", "budget_name", needs=("crm_events",))
def budget(views: Views) -> ir.Table:
    return _latest_named(views, "budget_opened", HALF_YEAR_DAYS, "budget")


@_details("budget_amount", needs=("crm_events.amount",))
def budget_amount(views: Views) -> ir.Table:
    events, order = _latest(views, "budget_opened", HALF_YEAR_DAYS)
    amount = events.amount_e4
    return _first(events, (*order, amount.isnull().asc(), amount.asc()), budget_amount=ratio(amount, E4))


@_details("gap_on", "gap_product", "gap_name", needs=("crm_events",))
def review_gap(views: Views) -> ir.Table:
    return _latest_named(views, "qbr_gap", HALF_YEAR_DAYS, "gap")


@_details("milestone_on", "milestone_product", "milestone_name", needs=("crm_events",))
def milestone(views: Views) -> ir.Table:
    return _latest_named(views, "milestone_reached", YEAR_DAYS, "milestone")


@_details("days_since_milestone", needs=("crm_events",))
def days_since_milestone(views: Views) -> ir.Table:
    return _days_since(views, "milestone_reached", YEAR_DAYS, "days_since_milestone")


@_details("nps_on", "days_since_nps", needs=("crm_events.amount",))
def last_nps(views: Views) -> ir.Table:
    scores = views.last_nps
    return scores.group_by(*KEY).aggregate(nps_on=scores.occurred_on.max(), days_since_nps=scores.age.min())


def _days_since(views: Views, kind: str, within_days: int, name: str) -> ir.Table:
    """How many days ago the latest CRM event of a kind was."""
    events = views.crm.filter((views.crm.kind == kind) & (views.crm.age <= within_days))
    return events.group_by(*KEY).aggregate(**{name: events.age.min()})


def _latest_named(views: Views, kind: str, within_days: int, prefix: str) -> ir.Table:
    """Day, product and name of the latest CRM event of a kind; of several of one day the first that says most."""
    events, order = _latest(views, kind, within_days)
    told = {"on": events.occurred_on, "product": events["product"], "name": events["name"]}
    return _first(events, order, **{f"{prefix}_{what}": value for what, value in told.items()})


def _latest(views: Views, kind: str, within_days: int) -> tuple[ir.Table, tuple[ir.Value, ...]]:
    events = views.crm.filter((views.crm.kind == kind) & (views.crm.age <= within_days))
    product, name = events["product"], events["name"]
    return events, (events.age.asc(), product.isnull().asc(), product.asc(), name.isnull().asc(), name.asc())


@_details("critical_feature", "critical_since", needs=("tickets.severity", "tickets.closed_at"))
def critical_ticket(views: Views) -> ir.Table:
    tickets = views.tickets
    still_open = tickets.filter((tickets.severity == "critical") & tickets.closed_on.isnull())
    order = (still_open.age.desc(), still_open.ticket_id.asc())
    return _first(still_open, order, critical_feature=still_open.feature, critical_since=still_open.opened_on)


# --- contracts --------------------------------------------------------------------------------------------------------


@_details("expanded_on", "expanded_product", "expanded_seats", needs=("subscriptions",))
def last_expansion(views: Views) -> ir.Table:
    moves = views.movements.filter(views.movements.movement_class.isin(MOTIONS))
    order = (moves.age.asc(), moves.delta_mrr_e4.desc(), moves["product"].asc())
    added = (moves.movement_class == "seat").ifelse(moves.seats_after - moves.seats_before, ibis.null("int64"))
    return _first(moves, order, expanded_on=moves.day, expanded_product=moves["product"], expanded_seats=added)


@_details("ended_product", "ended_on", "days_since_ended", needs=("subscriptions",))
def ended_product(views: Views) -> ir.Table:
    lines = views.lines
    ended = lines.filter(lines.pays & ~lines.is_discount & (lines.end_age <= QUARTER_DAYS))
    owned = views.owned_products.select(*KEY, current_product="product")
    gone = ended.anti_join(owned, [*KEY, "current_product"])
    order = (gone.end_age.asc(), gone.current_product.asc())
    told = {"ended_on": gone.valid_to, "days_since_ended": gone.end_age}
    return _first(gone, order, ended_product=gone.current_product, **told)


@_details("returned_on", "days_since_returned", needs=("subscriptions",))
def came_back(views: Views) -> ir.Table:
    moves = views.movements
    back = moves.filter((moves.movement_class == "reactivation") & (moves.age <= HALF_YEAR_DAYS))
    return back.group_by(*KEY).aggregate(returned_on=back.day.max(), days_since_returned=back.age.min())


@_details("service_goes_on", needs=("invoices",))
def service_goes_on(views: Views) -> ir.Table:
    going_on = views.services.filter((views.services.rate_e4 > 0) & views.services.valid_to.isnull())
    return going_on.select(*KEY, service_goes_on=ibis.literal(1)).distinct()


@_details("billed_product", needs=("invoices",))
def billed_product(views: Views) -> ir.Table:
    billed = views.billed_products.filter(views.billed_products["product"].notnull())
    return _first(billed, (billed.amount_365d_e4.desc(), billed["product"].asc()), billed_product=billed["product"])


@_details("billed_product_91d", "second_billed_product_91d", needs=("invoices",))
def products_billed_of_late(views: Views) -> ir.Table:
    billed = views.billed_products.filter(views.billed_products["product"].notnull())
    billed = billed.filter(billed.amount_91d_e4 > 0)
    by = (billed.amount_91d_e4.desc(), billed["product"].asc())
    return _first_few(billed, by, billed["product"], ("billed_product_91d", "second_billed_product_91d"))


@_details(*MAIN_PRODUCTS, needs=("contracts",))
def main_products(views: Views) -> ir.Table:
    """Those with lines by what they pay, then those that are billed for use alone."""
    owned = views.owned_products.filter(views.owned_products["product"].notnull())
    if "subscriptions" not in views.tables:
        return _first_few(owned, (owned["product"].asc(),), owned["product"], MAIN_PRODUCTS)
    lines = views.open_lines.filter(~views.open_lines.is_discount)
    paid = lines.group_by(*KEY, product=lines.current_product).aggregate(mrr_e4=lines.mrr_e4.sum())
    owned = owned.left_join(paid, [*KEY, "product"]).select(*KEY, "product", "mrr_e4")
    by = (owned.mrr_e4.isnull().asc(), owned.mrr_e4.desc(), owned["product"].asc())
    return _first_few(owned, by, owned["product"], MAIN_PRODUCTS)


@_details("not_now_play", "not_now_name", needs=("outcomes", "outcomes.closed_at"))
def not_now(views: Views) -> ir.Table:
    plays = views.outcomes
    ended = plays.filter((plays.status == "not_now") & plays.closed_age.notnull())
    until = ended.reason.find(":")
    said = ended.mutate(said=(until >= 0).ifelse(ended.reason.left(until), ended.reason).strip())
    why = said.said.nullif("").nullif("other")
    order = (said.closed_age.asc(), why.isnull().asc(), why.asc(), said.play.asc())
    return _first(said, order, not_now_play=said.play, not_now_name=why)


@_details("unowned_product", "second_unowned_product", needs=("contracts", "plans"))
def unowned_products(views: Views) -> ir.Table:
    unowned = views.unowned_products
    by = (unowned["product"].asc(),)
    return _first_few(unowned, by, unowned["product"], ("unowned_product", "second_unowned_product"))


@_details("look_alike_product", needs=("contracts", "accounts"), of_whole_base=True)
def look_alike_product(views: WholeBaseViews) -> ir.Table:
    owned = views.look_alikes
    return _first(owned, (owned.owners.desc(), owned["product"].asc()), look_alike_product=owned["product"])


@_details("group_id", "group_name", needs=(PARENTS,), of_whole_base=True)
def group(views: WholeBaseViews) -> ir.Table:
    accounts = views.tables["accounts"]
    names = accounts.group_by(group_id="account_id").aggregate(name=accounts.name.strip().nullif("").max())
    named = views.group_members.inner_join(names, "group_id").select(*KEY, "group_id", "name")
    return named.select(*KEY, "group_id", group_name=ibis.coalesce(named.name, named.group_id))


@_details("group_product", "group_product_owners", needs=("contracts", PARENTS), of_whole_base=True)
def group_product(views: WholeBaseViews) -> ir.Table:
    owned = views.group_products
    order = (owned.owners.desc(), owned["product"].asc())
    return _first(owned, order, group_product=owned["product"], group_product_owners=owned.owners)


@_details("renews_on", needs=("subscriptions.renews_on",))
def renews_on(views: Views) -> ir.Table:
    lines = views.renewals
    return lines.group_by(*KEY).aggregate(renews_on=lines.renews_on.min())


@_details(*_PLANS, needs=("subscriptions",))
def plans(views: Views) -> ir.Table:
    open_plans = _open_plans(views)
    return _first_few(open_plans, _dearest(open_plans), open_plans.plan, _PLANS)


@_details(*_PLAN_PRODUCTS, needs=("subscriptions",))
def plan_products(views: Views) -> ir.Table:
    open_plans = _open_plans(views)
    return _first_few(open_plans, _dearest(open_plans), open_plans.current_product, _PLAN_PRODUCTS)


def _dearest(open_plans: ir.Table) -> tuple[ir.Value, ...]:
    return open_plans.mrr_e4.desc(), open_plans.plan.asc(), open_plans.current_product.asc()


def _open_plans(views: Views) -> ir.Table:
    """One row per open plan of a product: its MRR."""
    lines = views.open_lines.filter(~views.open_lines.is_discount)
    named = lines.filter(lines.plan.notnull())
    return named.group_by(*KEY, "plan", "current_product").aggregate(mrr_e4=named.mrr_e4.sum())
