"""The tables of readiness as code: criteria, signals, and what each optional table is worth."""

from data.contract.outputs import OutputColumn, OutputKind, OutputTable

AUC, SHARE = "AUC", "share"


def _number(name: str, meaning: str, unit: str, *, nullable: bool = False) -> OutputColumn:
    return OutputColumn(name, OutputKind.NUMBER, meaning, unit, nullable=nullable)


def _text(name: str, meaning: str, *, nullable: bool = False) -> OutputColumn:
    return OutputColumn(name, OutputKind.TEXT, meaning, nullable=nullable)


READINESS = OutputTable(
    "readiness",
    "one criterion of whether the company is ready for an expansion motion; the first that is not met decides",
    (
        OutputColumn("place", OutputKind.WHOLE, "in which order it is asked"),
        _text("criterion", "its name"),
        _text("words", "what is asked"),
        _number("value", "what was found; null: it cannot be told", "as `unit` says", nullable=True),
        OutputColumn("at_least", OutputKind.YES_NO, "is the threshold a least value; else it is a most"),
        _number("threshold", "from the settings", "as `unit` says"),
        _text("unit", "of value and threshold"),
        OutputColumn("met", OutputKind.YES_NO, "is it met; null: it cannot be told", nullable=True),
        _text("otherwise", "the verdict where it is not met; null: a reason to build, one of which must hold",
              nullable=True),
        _text("change", "what would change the verdict"),
    ),
    key=("place",),
    order=("place",),
)  # fmt: skip

SIGNALS = OutputTable(
    "signals",
    "one feature by itself: did it tell who would expand, on later days than those its direction was read from",
    (
        _text("feature", "its name"),
        _text("label", "in words"),
        _text("story", "what it tells: features of one story are one signal"),
        _text("tables", "that it is made of"),
        _number("coverage", "accounts of the last of the days of which it is known", SHARE),
        OutputColumn("more", OutputKind.YES_NO, "does more of it go with expansions; else less"),
        _number("auc", "how well it orders the accounts of the later days", AUC),
        _number("auc_low", "lower end of its interval of 95%, from resamples of accounts", AUC),
        _number("auc_high", "upper end", AUC),
        _number("p", "p-value against chance, one-sided", "0-1"),
        _number("p_adjusted", "the same among so many features (Benjamini and Hochberg 1995)", "0-1"),
        OutputColumn("is_signal", OutputKind.YES_NO, "did it go with past expansions, well enough to count"),
    ),
    key=("feature",),
    order=("feature",),
)

TABLE_WORTH = OutputTable(
    "table_worth",
    "one optional input table: of whom it knows something, and what it is worth",
    (
        _text("table", "its name"),
        OutputColumn("is_there", OutputKind.YES_NO, "does the base have it"),
        _number("coverage", "paying accounts with a row of the last year; null: it names no account, or is absent",
                SHARE, nullable=True),
        _text("adds", "the signals that it brings"),
        _number("auc", "of a small model with all tables; null: not asked", AUC, nullable=True),
        _number("auc_without", "of the same without the features of this table", AUC, nullable=True),
        _number("worth", "the difference", AUC, nullable=True),
        _number("worth_low", "lower end of its interval of 95%", AUC, nullable=True),
        _number("worth_high", "upper end", AUC, nullable=True),
        _text("literature", "what is published of such signals, where the base has none; null: no figure is known",
              nullable=True),
        _text("source", "where, with the year", nullable=True),
    ),
    key=("table",),
    order=("table",),
)  # fmt: skip
