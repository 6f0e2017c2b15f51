"""What a sentence can name beside the features: which limit, product feature, team, day. No model sees it.

A detail is known of an account on a snapshot as a feature is: from what had happened and was known before it. It is
read for the sentences of a list alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DetailKind(StrEnum):
    """What a detail is: a name, a number, or a day (as sentences hold it: days since 1 January of the year 1)."""

    NAME = "name"
    NUMBER = "number"
    DAY = "day"


@dataclass(frozen=True)
class DetailCard:
    """One detail: its kind and what it means."""

    kind: DetailKind
    meaning: str


def _name(meaning: str) -> DetailCard:
    return DetailCard(DetailKind.NAME, meaning)


def _number(meaning: str) -> DetailCard:
    return DetailCard(DetailKind.NUMBER, meaning)


def _day(meaning: str) -> DetailCard:
    return DetailCard(DetailKind.DAY, meaning)


WEEKS = 13
PLANS_NAMED = 3

DETAILS: Mapping[str, DetailCard] = {
    "limit_feature": _name("the metered feature nearest to its limit, a monthly one at the pace of 28 days"),
    "limit_amount": _number("that limit, units"),
    "limit_pace": _number("its use at the pace of 28 days, units a month of 30 days; missing for a level"),
    "limit_level": _number("its level, units; missing where its use is added up"),
    "limit_in_days": _number("days until it is met at the growth of the last month; missing where that does not grow"),
    "limit_plans": _number("the open lines whose plans include that feature: its limit is the sum of theirs"),
    "limit_product": _name("their product, the first by name"),
    "second_limit_product": _name("their next product by name"),
    "next_plan_limit": _number("what `next_plan` allows of it, where it is of that product; missing without a limit"),
    "next_plan": _name("the plan one tier up, of the owned product whose next tier is nearest"),
    "present_plan": _name("the account's own plan below it, of the same product"),
    "tiered_product": _name("the owned product whose plans are of several tiers, where it is the only one"),
    "tiered_plan": _name("the account's highest plan of it"),
    "next_plan_features": _number("features that `next_plan` adds to those of the account's plans"),
    "next_plan_used": _number("of these, those that were used within 91 days"),
    "gated_feature_used": _name("the feature of the next tier that was used last, within 91 days"),
    "gated_used_plan": _name("the plan of a next tier that includes it, the nearest"),
    "gated_feature_asked": _name("the feature of the next tier that the latest ticket of 182 days asks for"),
    "gated_asked_plan": _name("the plan of a next tier that includes it, the nearest"),
    "gated_asked_on": _day("when that ticket was opened"),
    "days_since_gated_request": _number("days since then"),
    "request_feature": _name("the feature of the latest feature request of 182 days"),
    "requested_on": _day("when it was opened"),
    "days_since_request": _number("days since then"),
    "request_is_open": _number("1 where that request is open, 0 where it was closed"),
    "request_closed_on": _day("when it was closed"),
    "request_included": _number("1 where a plan of the account includes that feature now, else 0"),
    "ticket_on": _day("when the latest ticket was opened, within 182 days"),
    "rated_tickets": _number("tickets opened within 182 days that were rated"),
    "top_feature": _name("the feature with the most events in 28 days; one that a plan meters where there is no other"),
    "second_top_feature": _name("the next by the same order"),
    "third_top_feature": _name("the third by it"),
    "plan_features_included": _number("features that the account's plans include"),
    "plan_features_used": _number("of these, those that were used within 91 days"),
    "new_feature": _name("the feature first used within 91 days, that with the most events"),
    "second_new_feature": _name("that with the next most of them"),
    "third_new_feature": _name("that with the next most of them after these two"),
    "new_feature_plan": _name("the plan of a next tier that includes the first of these, the nearest"),
    "new_feature_events": _number("the events of the first of these in 28 days"),
    "most_users_of_a_month": _number(
        "active users of the whole month of the last twelve that had most, where seats are sold"
    ),
    "new_team": _name("the team that began within 91 days, the largest"),
    "second_new_team": _name("the next largest of them"),
    "third_new_team": _name("the next largest after these two"),
    "new_team_users": _number("active users of the largest"),
    "new_domain": _name("the e-mail domain other than the main one with the most users added within 91 days"),
    "new_domain_users": _number("those users"),
    "promoted_on": _day("the latest promotion of a champion, within 182 days"),
    "promoted_name": _name("which champion that was"),
    "champion_left_on": _day("when the latest champion left, within 182 days"),
    "champion_left_name": _name("which champion that was"),
    "reviewed_on": _day("the latest business review, within 182 days"),
    "days_since_review": _number("days since then"),
    "gap_on": _day("the latest gap named in a business review, within 182 days"),
    "gap_product": _name("the product that gap is about"),
    "gap_name": _name("which gap it is"),
    "milestone_on": _day("the latest milestone, within 365 days"),
    "milestone_product": _name("the product it is about"),
    "milestone_name": _name("which milestone it is"),
    "days_since_milestone": _number("days since then"),
    "nps_on": _day("the latest NPS response with a score"),
    "days_since_nps": _number("days since then"),
    "budget_on": _day("when the latest budget was opened, within 182 days"),
    "budget_name": _name("what that budget is for"),
    "budget_amount": _number("its amount, in the reporting currency"),
    "competitor_on": _day("the latest research on competitors, within 182 days"),
    "critical_feature": _name("the feature of the critical ticket that is open longest"),
    "critical_since": _day("when it was opened"),
    "expanded_on": _day("the latest expansion"),
    "expanded_product": _name("its product"),
    "expanded_seats": _number("the seats that it added, where it was of seats"),
    "ended_product": _name("the product, not owned any more, whose paid line ended last, within 91 days"),
    "ended_on": _day("when it ended"),
    "days_since_ended": _number("days since then"),
    "returned_on": _day("when it came back as a customer, within 182 days"),
    "days_since_returned": _number("days since then"),
    "service_goes_on": _number(
        "1 where a product is billed that goes on, by its rhythm or the period of its last bill"
    ),
    "billed_product": _name("the product that most was billed for in 365 days"),
    "billed_product_91d": _name("the product that most was billed for in 91 days"),
    "second_billed_product_91d": _name("the product that the next most was billed for in 91 days"),
    "main_product": _name("the owned product with the highest MRR; those that are billed for use alone come last"),
    "second_product": _name("the next of them"),
    "third_product": _name("the third of them"),
    "unowned_product": _name("a product on the price list that is not owned, first by name"),
    "second_unowned_product": _name("the next of them by name"),
    "look_alike_product": _name("the product not owned that most look-alikes own"),
    "group_id": _name("the account at the top of its group of companies"),
    "group_name": _name("that account's name"),
    "group_product": _name("the product not owned that most others in the group own"),
    "group_product_owners": _number("how many of them own it"),
    "cross_sell_product": _name("the likeliest product of a cross-sell, as `scores` has it"),
    "not_now_play": _name("the last play that ended `not now`"),
    "not_now_name": _name("why the last play that ended `not now` did, up to a colon"),
    "renews_on": _day("the next renewal day of an open line"),
    **{
        f"plan_{place}": _name(f"the open plan with the {place}. highest MRR, of one product")
        for place in range(1, PLANS_NAMED + 1)
    },
    **{f"plan_product_{place}": _name("its product") for place in range(1, PLANS_NAMED + 1)},
    **{f"use_week_{week}": _number(f"events {week} weeks ago") for week in range(1, WEEKS + 1)},
}
"""Every detail by its name, in the order of the columns."""
