"""The input contract as code: every table, its grain, key, columns, units and caveats.

This is the only list of input tables and columns. The source stages from it, ``headroom check`` checks from it,
the simulator writes it and the docs are made from it.

Time is in UTC days. A staged clock column is a date: ``occurred_at`` becomes ``occurred_on``. Since a fact counts only
before ``snapshot_date`` 00:00 UTC, the day says all that the cut needs to know.

Money and quantities are staged as whole ten-thousandths (``mrr`` becomes ``mrr_e4``, int64), so that a sum is exact and
the same in any order, on any engine.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from data.contract.vocabulary import (
    BILL_KINDS,
    CRM_KINDS,
    LINE_KINDS,
    MEASURES,
    MERGED,
    PLAY_STATUSES,
    SEVERITIES,
    Personal,
)


class Kind(StrEnum):
    """What a column holds, and so how it is staged."""

    ID = "id"  # string
    TEXT = "text"  # string
    CLOCK = "clock"  # timestamp or date -> date (UTC day), `_at` -> `_on`
    MONEY = "money"  # number -> int64 in 1/E4, name + `_e4`
    QUANTITY = "quantity"  # number -> int64 in 1/E4, name + `_e4`
    COUNT = "count"  # whole number -> int64
    RATING = "rating"  # number -> float64


STAGED_TYPE = {
    Kind.ID: "string",
    Kind.TEXT: "string",
    Kind.CLOCK: "date",
    Kind.MONEY: "int64",
    Kind.QUANTITY: "int64",
    Kind.COUNT: "int64",
    Kind.RATING: "float64",
}


@dataclass(frozen=True)
class Column:
    """One column of an input table. ``costs`` says which signals are absent without it.

    ``personal``: what it tells of a company or a person. ``other_account``: it names another account than its row's.
    """

    name: str
    kind: Kind
    required: bool = False
    unit: str = ""
    meaning: str = ""
    costs: str = ""
    personal: Personal | None = None
    other_account: bool = False

    @property
    def staged_name(self) -> str:
        if self.kind is Kind.CLOCK and self.name.endswith("_at"):
            return self.name.removesuffix("_at") + "_on"
        if self.kind in (Kind.MONEY, Kind.QUANTITY):
            return f"{self.name}_e4"
        return self.name

    @property
    def staged_type(self) -> str:
        return STAGED_TYPE[self.kind]


@dataclass(frozen=True)
class Table:
    """One input table.

    ``key`` is unique where ``unique`` is true. ``happened`` is the raw column that says when a row happened (None for a
    reference table without a clock), ``costs`` which signals are absent without the table, ``ends`` the columns that
    say when something ended, and ``later`` those of other later facts: unknown until their day has passed.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: bool = True
    happened: str | None = None
    ends: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    costs: str = ""
    extra_columns: bool = field(default=False)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def required_columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    @property
    def personal(self) -> tuple[Personal, ...]:
        """What its columns tell of companies and people."""
        return Personal.among(column.personal for column in self.columns)

    @property
    def happened_on(self) -> str | None:
        """The staged name of the column that says when a row happened."""
        return None if self.happened is None else self.column(self.happened).staged_name

    @property
    def later_facts(self) -> tuple[str, ...]:
        """The staged names of the columns that say what came later: unknown until their day has passed."""
        return tuple(self.column(name).staged_name for name in (*self.ends, *self.later))


def _id(name: str = "account_id", required: bool = True, meaning: str = "", costs: str = "") -> Column:
    is_other = name == "parent_id"
    return Column(name, Kind.ID, required, "", meaning, costs, _OF_IDS.get(name), is_other)


_OF_IDS = {"account_id": Personal.ACCOUNT, "parent_id": Personal.ACCOUNT, "user_id": Personal.USER}


def _clock(name: str, required: bool = True, meaning: str = "", costs: str = "") -> Column:
    return Column(name, Kind.CLOCK, required, "UTC time", meaning, costs)


def _known(default: str) -> Column:
    return Column("known_at", Kind.CLOCK, False, "UTC time", f"when the source learned it; missing: `{default}`")


def _text(
    name: str, meaning: str = "", costs: str = "", required: bool = False, personal: Personal | None = None
) -> Column:
    return Column(name, Kind.TEXT, required, "", meaning, costs, personal)


_TABLES = (
    Table(
        "accounts",
        "one account",
        (
            _id(),
            _text("name", "as people write it", required=True, personal=Personal.NAME),
            _clock("created_at", meaning="when the account was opened"),
            _text(
                "owner",
                "the CSM",
                "the list by CSM: every account is reported as without an owner",
                personal=Personal.OWNER,
            ),
            _text("segment", costs="slices by segment, peers"),
            _text("industry", costs="look-alikes by industry"),
            _text("region", costs="slices by region"),
            Column("employees", Kind.COUNT, False, "people", costs="room to grow: seats as a share of employees"),
            _id(
                "parent_id",
                required=False,
                meaning="the account above it in its group of companies, which has a row here too",
                costs="groups of companies: what others of the group own, and how they grew",
            ),
        ),
        key=("account_id",),
        happened="created_at",
        caveats=(
            "Attributes are as of today. Only `employees` is a feature itself; `segment`, `industry` and `parent_id` "
            "decide who is compared with whom.",
        ),
    ),
    Table(
        "subscriptions",
        "one version of one product line, valid in [valid_from, valid_to)",
        (
            _id(),
            _text("product", required=True),
            _text("plan", required=True),
            Column("mrr", Kind.MONEY, True, "reporting currency per month"),
            _clock("valid_from"),
            _clock("valid_to", required=False, meaning="first day on which the line no longer holds; null: open"),
            Column("seats", Kind.COUNT, False, "seats", "null: not sold by seat", "seats in use, seat expansion"),
            _clock("renews_on", required=False, costs="renewal in sight"),
            _known("valid_from"),
            _id(
                "contract_id",
                required=False,
                meaning="the contract that the line is a version of: a later line of it replaces the one before",
            ),
            _clock("ends_known_at", required=False, meaning="when the source learned of `valid_to`; missing: that day"),
            _clock("notice_at", required=False, meaning="when notice was given", costs="notice given"),
            _text("kind", f"{', '.join(LINE_KINDS)}; missing: `paid`, and a product at an MRR of 0 is not paid for"),
            _clock("booked_at", required=False, meaning="when this step was signed; before `valid_from`: a ramp"),
            _text("currency", "of `mrr`; `fx_rates` convert it; missing: the reporting currency"),
        ),
        key=("account_id", "product", "plan", "mrr", "valid_from", "valid_to", "seats"),
        unique=False,
        happened="valid_from",
        ends=("valid_to",),
        later=("ends_known_at", "notice_at"),
        one_of=("subscriptions", "invoices"),
        caveats=(
            "Two open lines of one account and product are two contracts and are added up.",
            "The end of a line is a later fact: unknown until the day has passed.",
        ),
        costs="seats, plans, MRR and every motion but usage",
    ),
    Table(
        "invoices",
        "one billed amount of a usage-priced product",
        (
            _id(),
            _text("product", required=True),
            _clock("billed_at"),
            Column("amount", Kind.MONEY, True, "reporting currency", "negative: a credit"),
            _known("billed_at"),
            _id("invoice_id", required=False),
            _clock("period_start", required=False, meaning="first day of the service that is billed"),
            _clock("period_end", required=False, meaning="first day after the service that is billed"),
            _text(
                "kind",
                f"{', '.join(BILL_KINDS)} (`prepaid` is used up until it is bought again); missing, or any other word: "
                "`usage`",
            ),
            _text("currency", "of `amount`; `fx_rates` convert it; missing: the reporting currency"),
        ),
        key=("account_id", "product", "billed_at", "amount"),
        unique=False,
        happened="billed_at",
        one_of=("subscriptions", "invoices"),
        costs="usage-priced products: billing level and trend, usage expansion",
    ),
    Table(
        "usage_events",
        "one product event",
        (
            _id(),
            _clock("occurred_at"),
            _text("feature", required=True),
            _id("user_id", required=False, costs="active users, power users, seats in use"),
            Column("quantity", Kind.QUANTITY, False, "units of the feature", "missing: 1", "metered quantities"),
            _known("occurred_at"),
        ),
        key=("account_id", "occurred_at", "feature", "user_id"),
        unique=False,
        happened="occurred_at",
        one_of=("usage_events", "usage_daily"),
        caveats=("Two equal events are two events.",),
        costs="distinct users, power users, concentration on few users",
    ),
    Table(
        "usage_daily",
        "account x day x feature, already counted",
        (
            _id(),
            _clock("day"),
            _text("feature", required=True),
            Column("events", Kind.COUNT, True, "events"),
            Column(
                "active_users", Kind.COUNT, False, "users", "distinct users of the day", "active users, seats in use"
            ),
            Column("quantity", Kind.QUANTITY, False, "units of the feature", "missing: `events`", "metered quantities"),
            _known("day"),
            _id(
                "user_id",
                required=False,
                meaning="whose use it is, where it is counted by user and day",
                costs="power users, concentration on few users",
            ),
        ),
        key=("account_id", "day", "feature", "user_id", "known_at"),
        happened="day",
        one_of=("usage_events", "usage_daily"),
        caveats=("Without `user_id` the users of a window cannot be counted: the largest day stands for them.",),
        costs="usage, where events are too many to hand over",
    ),
    Table(
        "users",
        "one user of an account",
        (
            _id("user_id"),
            _id(),
            _text("email_domain", costs="users from other e-mail domains", personal=Personal.DOMAIN),
            _text("team", costs="new teams"),
            _text("role"),
            _clock("created_at", required=False, costs="every signal of users, who count from that day on"),
            _clock("deactivated_at", required=False, costs="seats reassigned"),
        ),
        key=("account_id", "user_id"),
        happened="created_at",
        ends=("deactivated_at",),
        costs="new users and teams, other domains, invitations beyond the seats",
    ),
    Table(
        "plans",
        "one plan of one product",
        (
            _text("product", required=True),
            _text("plan", required=True),
            Column("tier", Kind.COUNT, True, "1 = lowest", "per product"),
            Column("seat_price", Kind.MONEY, False, "per seat and month", costs="discount against list price"),
        ),
        key=("product", "plan"),
        costs="tiers: an upsell is then a different plan at a higher MRR per seat",
    ),
    Table(
        "plan_features",
        "what a plan includes, and its metered limits",
        (
            _text("product", required=True),
            _text("plan", required=True),
            _text("feature", required=True),
            Column("monthly_limit", Kind.QUANTITY, False, "units per month", "null: unlimited", "nearness to limits"),
            _text("measure", f"what meets the limit: {', '.join(MEASURES)} of the month's quantities; missing: `sum`"),
        ),
        key=("product", "plan", "feature"),
        caveats=(
            "`last` and `max` are for levels (stored contacts, projects): of the rows of one day the highest counts, "
            "of rows by user their sum, and a level reported within 91 days holds.",
            "A row of zeros in `usage_daily` reports no level: one of 0 has `events` or `active_users` above 0.",
        ),
        costs="limits, use of what the next tier gates",
    ),
    Table(
        "tickets",
        "one support ticket",
        (
            _id("ticket_id"),
            _id(),
            _clock("opened_at"),
            _clock("closed_at", required=False, costs="open tickets, critical tickets, satisfaction"),
            _text("kind", "bug, question, feature_request, ...", "bugs and feature requests"),
            _text("feature", costs="requests for gated features"),
            _text("severity", ", ".join(SEVERITIES), "critical tickets"),
            Column("csat", Kind.RATING, False, "1-5", "given when the ticket is closed", "satisfaction"),
            _known("opened_at"),
        ),
        key=("ticket_id",),
        happened="opened_at",
        ends=("closed_at",),
        caveats=("A rating is known only once the ticket is closed.",),
        costs="support load, bugs, critical tickets, satisfaction",
    ),
    Table(
        "crm_events",
        "one dated fact from the CRM",
        (
            _id(),
            _clock("occurred_at"),
            _text("kind", f"{', '.join(CRM_KINDS)}; others feed no signal of their own", required=True),
            _text("product"),
            Column(
                "amount",
                Kind.MONEY,
                False,
                "score, or reporting currency",
                "the score of an NPS response, the sum of a budget; `fx_rates` do not convert it",
                "the latest NPS response",
            ),
            _known("occurred_at"),
            _id("object_id", required=False, meaning="which deal, which invoice: an end ends the one that it names"),
            _text(
                "name",
                "which milestone or gap, the role of a champion, what a budget is for, in a few words",
                costs="the names of milestones and gaps, of champions and budgets",
                personal=Personal.TEXT,
            ),
        ),
        key=("account_id", "occurred_at", "kind", "product"),
        unique=False,
        happened="occurred_at",
        caveats=(
            "Without an `object_id` each end cancels one beginning of the account; where every row of it names a "
            "product (deals) or an amount (invoices), only one with the same.",
        ),
        costs="champions, reviews, budget, milestones, open opportunities, overdue invoices",
    ),
    Table(
        "account_features",
        "the team's own features, as known at a time",
        (_id(), _clock("known_at")),
        key=("account_id", "known_at"),
        happened="known_at",
        extra_columns=True,
        costs="features of the team's own",
    ),
    Table(
        "outcomes",
        "what came of a play",
        (
            _id(),
            _text("play", "its code in the playbook, or a word of your own", required=True),
            _clock("opened_at"),
            _text("status", ", ".join(PLAY_STATUSES), "plays under way, accounts that said `not now`"),
            _clock("closed_at", required=False, costs="plays under way, accounts that said `not now`"),
            Column("arr", Kind.MONEY, False, "reporting currency per year"),
            _text("reason", personal=Personal.TEXT),
        ),
        key=("account_id", "play", "opened_at"),
        happened="opened_at",
        ends=("closed_at",),
        caveats=("A play that is over without a `closed_at` counts as closed on the day on which it was opened.",),
        costs="plays under way and accounts that said `not now`",
    ),
    Table(
        "product_succession",
        "one product that became another",
        (
            _text("product", required=True),
            _text("successor", "what it is called from that day on", required=True),
            _clock("from_day"),
        ),
        key=("product",),
        happened="from_day",
        caveats=("An account that moves from one to the other neither churns nor buys a new product.",),
    ),
    Table(
        "account_ids",
        "one id of one account in another tool",
        (
            _text("system", f"the tool; `{MERGED}`: the account was merged into the other one", required=True),
            _id("id", meaning="the account's id there"),
            _id(meaning="its id here"),
            Column("known_at", Kind.CLOCK, False, "UTC time", "when the two were linked or merged; missing: always"),
        ),
        key=("system", "id"),
        caveats=(
            "The ids of every other table are looked up in it, unless a query under [source.tables] reads it. An id "
            f"that an account has here stays what it is, but for those of the system `{MERGED}`.",
            "Rows of an id are known from the day on which it was linked; an account that was merged has no history of "
            "its own.",
        ),
    ),
    Table(
        "fx_rates",
        "one currency in one month",
        (
            _text("currency", required=True),
            _clock("month", meaning="any day of the month"),
            Column(
                "rate",
                Kind.RATING,
                True,
                "reporting currency per unit",
                "all of history is converted at the last one, so that what a currency gains is no movement",
            ),
        ),
        key=("currency", "month"),
        caveats=(
            "Each currency that a column `currency` names needs a rate; the reporting currency, where it is named, the "
            "rate 1.",
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
