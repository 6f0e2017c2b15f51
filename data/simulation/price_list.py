"""The price list of the simulated vendor: products, plans, features, limits."""

import pandas as pd

from data.simulation.state import ADD_ONS, CORE_FEATURES, GATED_FEATURES, LIMIT_STEP, METERED

CORE, MESSAGING = "Workspace", "Messaging"
PLANS = ("Team", "Business", "Enterprise")
SEAT_PRICE = (25.0, 42.0, 68.0)
LIMITS_OF_TEAM = {"api_calls": 10_000.0, "data_transfer_gb": 50.0, "automation_runs": 500.0}
CORE_NAMES = (
    "boards", "documents", "comments", "search", "calendar", "forms", "templates", "notifications", "mobile_app",
    "integrations",
)  # fmt: skip
LEADING = ("report_exports", "workflow_rules")
"""The core feature that leads to each add-on, in the order of ``ADD_ONS``."""
GATED_BY_TIER = {
    2: ("custom_fields", "approvals", "timeline_view", "guest_access", "advanced_permissions"),
    3: ("audit_log", "sandbox", "custom_roles", "scim_provisioning", "data_residency"),
}
ADD_ON_FEATURES = {"Analytics": ("dashboards", "forecasts"), "Automation": ("flow_builder", "bots")}
MESSAGE_FEATURE = "messages_sent"

assert len(CORE_NAMES) == CORE_FEATURES
assert all(len(names) == GATED_FEATURES for names in GATED_BY_TIER.values())


def plans() -> pd.DataFrame:
    """One row per plan. The usage-priced product has no plan."""
    core: list[tuple[str, str, int, float | None]] = [
        (CORE, plan, tier, price) for tier, (plan, price) in enumerate(zip(PLANS, SEAT_PRICE, strict=True), 1)
    ]
    add_ons: list[tuple[str, str, int, float | None]] = [(product, "Standard", 1, None) for product in ADD_ONS]
    return pd.DataFrame(core + add_ons, columns=["product", "plan", "tier", "seat_price"])


def limit(feature: str, tier: int) -> float:
    """Units a month that a tier allows; for the highest tier, which has no limit, the yardstick of its use."""
    return LIMITS_OF_TEAM[feature] * LIMIT_STEP ** (tier - 1)


def plan_features() -> pd.DataFrame:
    """One row per feature that a plan includes."""
    rows: list[tuple[str, str, str, float | None, str | None]] = []
    for tier, plan in enumerate(PLANS, 1):
        rows += [(CORE, plan, name, None, None) for name in (*CORE_NAMES, *LEADING)]
        rows += [(CORE, plan, name, limit(name, tier) if tier < len(PLANS) else None, "sum") for name in METERED]
        rows += [(CORE, plan, name, None, None) for above in range(2, tier + 1) for name in GATED_BY_TIER[above]]
    rows += [(product, "Standard", name, None, None) for product in ADD_ONS for name in ADD_ON_FEATURES[product]]
    return pd.DataFrame(rows, columns=["product", "plan", "feature", "monthly_limit", "measure"])


FEATURE_NAMES = (
    *CORE_NAMES, *LEADING, *METERED, *GATED_BY_TIER[2], *GATED_BY_TIER[3],
    *(name for product in ADD_ONS for name in ADD_ON_FEATURES[product]), MESSAGE_FEATURE,
)  # fmt: skip
FEATURE_CODE = {name: code for code, name in enumerate(FEATURE_NAMES)}
