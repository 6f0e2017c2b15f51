"""Which reason codes tell one fact. A CSM reads a story once, whichever of its codes weighs most."""

from collections.abc import Mapping

STORIES: Mapping[str, tuple[str, ...]] = {
    "seats": ("seats_in_use", "seat_pressure", "peer_seats", "invitations", "user_growth", "seats_reassigned"),
    "new_people": ("new_users", "new_teams", "other_domains"),
    "shared_logins": ("shared_logins",),
    "depth_of_use": ("usage_depth", "power_users", "stickiness", "concentration"),
    "use": (
        "usage_level",
        "usage_trend",
        "usage_spike",
        "usage_slope",
        "usage_acceleration",
        "usage_season",
        "slow_quarter_spike",
        "peer_use",
    ),
    "days_in_use": ("usage_regularity", "usage_recency"),
    "breadth": ("feature_breadth", "adoption", "peer_features"),
    "limit": ("near_limit",),
    "next_tier": ("next_tier_wanted", "feature_requests", "tier_position"),
    "workarounds": ("workarounds",),
    "products": ("product_breadth", "product_gap", "look_alikes_own"),
    "group": ("group_products", "group_growth", "group_size"),
    "room": ("room_to_grow",),
    "size": ("account_size", "price_level", "mrr_growth", "seat_growth", "peer_spending"),
    "contract": ("contract_cycle", "contract_lines", "contract_term", "tenure"),
    "renewal": ("renewal_in_sight", "notice"),
    "history": ("expansion_history", "expansion_kind", "contraction_history", "price_rise"),
    "billing": ("billing_level", "billing_trend", "billing_slope", "billing_volatility", "billing_mix", "peer_billed"),
    "overage": ("billing_overage",),
    "ordering": ("billing_recency",),
    "payment": ("overdue", "credits"),
    "support": ("support_load", "bugs", "severe_tickets", "critical_open"),
    "satisfaction": ("satisfaction", "nps"),
    "sponsor": ("champion_promoted", "champion_left"),
    "reviews": ("reviews", "review_gap"),
    "value": ("milestones", "onboarding"),
    "budget": ("budget", "season"),
    "competitor": ("competitor",),
    "crm": ("crm_activity",),
    "pipeline": ("opportunity_open", "play_open", "not_now", "play_won"),
}
"""The reason codes of each story. What the team's own features tell is a story each."""

_STORY_OF = {code: story for story, codes in STORIES.items() for code in codes}


def story_of(reason_code: str) -> str:
    """The story that a reason code is part of; a code that is in none is a story of its own."""
    return _STORY_OF.get(reason_code, reason_code)
