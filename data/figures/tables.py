"""The tables of the company's figures as code: grain, key, order, columns, units and meanings.

All amounts are whole ten-thousandths (``_e4``) of the reporting currency, so that they add up exactly.
"""

from data.contract.outputs import OutputColumn, OutputKind, OutputTable
from data.contract.vocabulary import MOTIONS, MOVEMENT_CLASSES, Personal
from data.figures.measures.tables import AFTER_EXPANSION, PLAYS
from data.figures.readiness.tables import READINESS, SIGNALS, TABLE_WORTH

MRR_E4 = "1/10,000 of the currency per month"
ARR_E4 = "1/10,000 of the currency per year"
SHARE = "share"
PAGE, MANIFEST = "figures.html", "figures.json"
"""What lies beside the tables: the page, and what says on which day they stand; without it a folder holds other things.
"""

MEANINGS = {
    "new": "what accounts began to pay that never paid before, and the products of their first days",
    "seat": "more seats",
    "upsell": "a higher plan",
    "cross_sell": "a product that the account never had",
    "usage": "more use that is paid for",
    "ramp": "a step that was agreed when the contract was signed; no motion",
    "price": "a change of price alone, either way; no motion",
    "contraction": "less of anything by an account that goes on paying, a product that it ended too",
    "churn": "what accounts paid that pay nothing any more",
    "reactivation": "what accounts pay again that had left, and products that came back",
}
"""What each class of movement is in the figures, where it is of the whole account."""


def _slice() -> tuple[OutputColumn, ...]:
    return (
        OutputColumn("dimension", OutputKind.TEXT, "what the accounts are told apart by; `all` is the whole company"),
        OutputColumn(
            "slice",
            OutputKind.TEXT,
            "those of the dimension that are meant; null: not known",
            nullable=True,
            personal=Personal.OWNER,
        ),
    )


def _account() -> OutputColumn:
    return OutputColumn("account_id", OutputKind.TEXT, "as in the input tables", personal=Personal.ACCOUNT)


def _month(meaning: str = "its first day") -> OutputColumn:
    return OutputColumn("month", OutputKind.DAY, meaning)


def _window() -> OutputColumn:
    return OutputColumn("months", OutputKind.WHOLE, "the length of the window that ends with the month: 1 or 12")


def _mrr(name: str, meaning: str) -> OutputColumn:
    return OutputColumn(name, OutputKind.WHOLE, meaning, MRR_E4)


def _count(name: str, meaning: str) -> OutputColumn:
    return OutputColumn(name, OutputKind.WHOLE, meaning, "accounts")


def _rate(name: str, meaning: str, *, nullable: bool = False) -> OutputColumn:
    return OutputColumn(name, OutputKind.NUMBER, meaning, SHARE, nullable=nullable)


def _movements() -> tuple[OutputColumn, ...]:
    return tuple(_mrr(f"{name}_e4", MEANINGS[name]) for name in MOVEMENT_CLASSES)


BRIDGE = OutputTable(
    "bridge",
    "one month of one slice with MRR or a movement: start + movements = end",
    (
        *_slice(),
        _month(),
        _mrr("mrr_start_e4", "MRR when the month began"),
        *_movements(),
        _mrr("mrr_end_e4", "MRR when the month was over"),
        _count("accounts_start", "that paid when the month began"),
        _count("accounts_end", "that paid when the month was over"),
        OutputColumn(
            "settled",
            OutputKind.YES_NO,
            "a later run says the same, unless a row becomes known late: nothing that ended then can be renewed late",
        ),
    ),
    key=("dimension", "slice", "month"),
    order=("dimension", "slice", "month"),
)

RETENTION = OutputTable(
    "retention",
    "one window of one slice: the accounts that paid when it began, at its two ends",
    (
        *_slice(),
        _month("first day of the month that the window ends with"),
        _window(),
        _count("accounts", "of the cohort: those that paid when the window began"),
        _mrr("start_e4", "what they paid then"),
        _mrr("expansion_e4", "what those pay more that pay more, price rises too"),
        _mrr("contraction_e4", "what those pay less that pay less"),
        _mrr("churn_e4", "what those paid that pay nothing"),
        _mrr("end_e4", "what they pay when the window is over: start + expansion - contraction - churn"),
        _mrr("price_e4", "what their changes of price alone left of it; nothing of those that pay nothing"),
        _mrr("kept_of_motions_e4", "the lesser of what each paid and pays, price apart"),
        _rate("nrr", "by the SaaS Metrics Standards Board: end / start"),
        _rate("nrr_motions", "motions alone: (end - price) / start"),
        _rate("nrr_price", "the difference of the two: price / start"),
        _rate("grr", "(start - contraction - churn) / start"),
        _rate("grr_motions", "the same, price apart"),
    ),
    key=("dimension", "slice", "month", "months"),
    order=("dimension", "slice", "month", "months"),
)

EXPANSION = OutputTable(
    "expansion",
    "one window of one slice with new or expansion ARR",
    (
        *_slice(),
        _month("first day of the month that the window ends with"),
        _window(),
        *(OutputColumn(f"{name}_arr_e4", OutputKind.WHOLE, f"12 x the MRR of: {MEANINGS[name]}", ARR_E4)
          for name in (*MOTIONS, "new")),
        OutputColumn("expansion_arr_e4", OutputKind.WHOLE, "of all motions", ARR_E4),
        OutputColumn(
            "kept_arr_e4",
            OutputKind.WHOLE,
            "of that what is more than the same account lost within the window: use that swings counts once",
            ARR_E4,
        ),
        _rate("expansion_share", "expansion / (new + expansion); null without either", nullable=True),
        _rate("kept_share", "kept / (new + kept); null without either", nullable=True),
    ),
    key=("dimension", "slice", "month", "months"),
    order=("dimension", "slice", "month", "months"),
)  # fmt: skip

COHORTS = OutputTable(
    "cohorts",
    "one quarter in the life of the accounts that came in one quarter",
    (
        OutputColumn("acquisition_quarter", OutputKind.DAY, "its first day"),
        OutputColumn("quarter", OutputKind.WHOLE, "of their life: 0 is the one in which they came"),
        _count("accounts", "that came"),
        *_movements(),
        _mrr("mrr_e4", "what they pay when the quarter is over"),
        _rate("of_landed", "that, of what they paid at the end of quarter 0", nullable=True),
    ),
    key=("acquisition_quarter", "quarter"),
    order=("acquisition_quarter", "quarter"),
)

MOTION_ORDERS = OutputTable(
    "motion_orders",
    "one order of motions of the accounts that came in one quarter: what they landed with, and what they pay now",
    (
        OutputColumn("acquisition_quarter", OutputKind.DAY, "its first day"),
        OutputColumn(
            "motions", OutputKind.TEXT, "in the order in which they first made them; null: none", nullable=True
        ),
        _count("accounts", "that came"),
        _mrr("landed_e4", "what they paid at the end of the quarter; now, where it is not over"),
        _mrr("mrr_e4", "what they pay now"),
        _rate("of_landed", "that, of what they landed with; null: nothing", nullable=True),
    ),
    key=("acquisition_quarter", "motions"),
    order=("acquisition_quarter", "motions"),
)

TIME_TO_EXPANSION = OutputTable(
    "time_to_expansion",
    "one day since they came on which accounts of a slice first expanded, or left",
    (
        *_slice(),
        OutputColumn("day", OutputKind.WHOLE, "since the account's first movement", "days"),
        _count("at_risk", "that had neither expanded nor left before, and are known up to that day"),
        _count("expanded", "that day, for the first time"),
        _count("left", "that day, without having expanded"),
        _rate("expanded_share", "that expanded by then, of all that came (Aalen-Johansen, leaving competes)"),
        _rate("left_share", "that left by then without having expanded"),
        _rate("km", "that would have expanded by then if nobody left (Kaplan-Meier)", nullable=True),
        _rate("km_low", "lower end of its interval of 95%", nullable=True),
        _rate("km_high", "upper end", nullable=True),
    ),
    key=("dimension", "slice", "day"),
    order=("dimension", "slice", "day"),
)

EXPANSION_SPEED = OutputTable(
    "expansion_speed",
    "one slice: how soon its accounts expand",
    (
        *_slice(),
        _count("accounts", "that ever came"),
        _count("expanded", "before they ever left"),
        _count("left", "without having expanded"),
        _rate("expanded_in_a_year", "by day 365 (Aalen-Johansen); null where nobody knows yet", nullable=True),
        OutputColumn("median_days", OutputKind.WHOLE, "until half of them expanded; null: not half", "days", True),
        OutputColumn(
            "logrank_p",
            OutputKind.NUMBER,
            "p-value of the logrank test against all others; null: few expansions",
            "0-1",
            True,
        ),
    ),
    key=("dimension", "slice"),
    order=("dimension", "slice"),
)

ACCOUNT_MOVEMENTS = OutputTable(
    "account_movements",
    "what one account moved in one month by one class; the figures are sums of these rows",
    (
        _account(),
        _month(),
        OutputColumn("movement", OutputKind.TEXT, "its class", words=MOVEMENT_CLASSES),
        _mrr("mrr_e4", "the change"),
    ),
    key=("account_id", "month", "movement"),
    order=("account_id", "month", "movement"),
)

FIGURE_ACCOUNTS = OutputTable(
    "figure_accounts",
    "one account that ever paid, and the slices that it is in",
    (
        _account(),
        OutputColumn("segment", OutputKind.TEXT, "as it is today", nullable=True),
        OutputColumn("plan", OutputKind.TEXT, "product and plan that it began with, the largest of them"),
        OutputColumn("region", OutputKind.TEXT, "as it is today", nullable=True),
        OutputColumn("owner", OutputKind.TEXT, "as it is today", nullable=True, personal=Personal.OWNER),
        OutputColumn("acquired_on", OutputKind.DAY, "day of its first movement"),
        OutputColumn("acquisition_quarter", OutputKind.DAY, "its first day"),
        OutputColumn("motions", OutputKind.TEXT, "in the order in which it first made them; null: none", nullable=True),
        _mrr("mrr_e4", "what it pays now"),
    ),
    key=("account_id",),
    order=("account_id",),
)

REBUILT = OutputTable(
    "rebuilt",
    "what one account moved in one month by one class, where the last run said otherwise of a month that was over",
    (
        _account(),
        _month(),
        OutputColumn("movement", OutputKind.TEXT, "its class", words=MOVEMENT_CLASSES),
        _mrr("before_e4", "the change as the last run had it"),
        _mrr("after_e4", "as it is now"),
        OutputColumn(
            "why",
            OutputKind.TEXT,
            "what explains it",
            words=(
                "a row of its became known late",
                "a row of its was rewritten, added or taken away afterwards",
                "the month was not settled",
                "its bills, a rate, a plan or the rules are read otherwise now",
            ),
        ),
    ),
    key=("account_id", "month", "movement"),
    order=("account_id", "month", "movement"),
)

ACCOUNT_ROWS = OutputTable(
    "account_rows",
    "what was read of one account in one billing table: a later run asks whether these rows still say the same",
    (
        _account(),
        OutputColumn("table", OutputKind.TEXT, "the input table"),
        OutputColumn("rows", OutputKind.WHOLE, "known before the day", "rows"),
        OutputColumn("rows_hash", OutputKind.WHOLE, "of their values, without amounts where rates convert them"),
        OutputColumn("engine", OutputKind.TEXT, "that made the hash, and of which columns; others make other ones"),
    ),
    key=("account_id", "table"),
    order=("account_id", "table"),
)

FIGURES = {
    table.name: table
    for table in (
        BRIDGE,
        RETENTION,
        EXPANSION,
        COHORTS,
        MOTION_ORDERS,
        TIME_TO_EXPANSION,
        EXPANSION_SPEED,
        ACCOUNT_MOVEMENTS,
        FIGURE_ACCOUNTS,
        ACCOUNT_ROWS,
        REBUILT,
        AFTER_EXPANSION,
        PLAYS,
        READINESS,
        SIGNALS,
        TABLE_WORTH,
    )
}
"""Every table of the figures, by its name."""
