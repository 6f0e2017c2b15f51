"""The tables that monitoring writes, one record a column, as those of a list: written, read and documented by them."""

from data.contract.outputs import PER_YEAR, SHARE, OutputColumn, OutputKind, OutputTable

TEXT, NUMBER, WHOLE, YES_NO, DAY, NUMBERS = OutputKind


def _day() -> OutputColumn:
    return OutputColumn("snapshot_date", DAY, "the day of the list")


def _counts() -> tuple[OutputColumn, ...]:
    return (
        OutputColumn("expected_expansions", NUMBER, "sum of the propensities", "accounts", nullable=True),
        OutputColumn("expected_arr", NUMBER, "sum of expected ARR", PER_YEAR, nullable=True),
        OutputColumn("realised_arr", NUMBER, "expansion ARR that came", PER_YEAR, nullable=True),
    )


LISTS = OutputTable(
    "lists",
    "one published list",
    (
        _day(),
        OutputColumn("model_version", TEXT, "the model"),
        OutputColumn("horizon_days", WHOLE, "length of the label window", "days"),
        OutputColumn("matures_on", DAY, "the day after its horizon"),
        OutputColumn("share_come", NUMBER, "share of the days of its horizon that the tables know", SHARE),
        OutputColumn("is_matured", YES_NO, "have all of them come; only then the figures are known"),
        OutputColumn(
            "learnt_ahead",
            YES_NO,
            "had its model learnt from days within the horizon: what such a list foretold it knew, and no alarm rests "
            "on it",
        ),
        OutputColumn("accounts", WHOLE, "customers of the list", "accounts"),
        OutputColumn("ranked", WHOLE, "of them with a rank", "accounts"),
        OutputColumn(
            "without_outcome",
            WHOLE,
            "customers of the list that by the tables of today were none on its day: in no figure",
            "accounts",
            nullable=True,
        ),
        OutputColumn("expansions", WHOLE, "customers that expanded within the horizon", "accounts", nullable=True),
        OutputColumn("rate", NUMBER, "their share: the base rate", SHARE, nullable=True),
        OutputColumn("rate_low", NUMBER, "lower end of its 95% range (upper end: `rate_high`)", SHARE, nullable=True),
        OutputColumn("rate_high", NUMBER, "upper end of the range of `rate_low`", SHARE, nullable=True),
        OutputColumn("ranked_expansions", WHOLE, "of the ranked", "accounts", nullable=True),
        OutputColumn("hits_at_20", WHOLE, "of the first twenty of the list", "accounts", nullable=True),
        OutputColumn(
            "first_of_books", WHOLE, "accounts among the first twenty of their owner's", "accounts", nullable=True
        ),
        OutputColumn("hits_in_books", WHOLE, "of them those that expanded", "accounts", nullable=True),
        *_counts(),
    ),
    key=("snapshot_date",),
    order=("snapshot_date",),
)

FIGURES = OutputTable(
    "figures",
    "one metric of one matured list",
    (
        _day(),
        OutputColumn(
            "of",
            TEXT,
            "`model`: all customers by propensity, as in the backtest; `list`: the ranked ones by their rank",
            words=("model", "list"),
        ),
        OutputColumn("metric", TEXT, "as in [the metrics](metrics.md)"),
        OutputColumn("value", NUMBER, "the figure; null where it has none", nullable=True),
        OutputColumn("by_chance", NUMBER, "what a random order gives; null where it says nothing", nullable=True),
    ),
    key=("snapshot_date", "of", "metric"),
    order=("snapshot_date", "of", "metric"),
)

SLICES = OutputTable(
    "slices",
    "one owner, motion, play or top reason of one matured list",
    (
        _day(),
        OutputColumn("by", TEXT, "what it is", words=("owner", "motion", "play", "story")),
        OutputColumn("value", TEXT, "which one"),
        OutputColumn("accounts", WHOLE, "its customers", "accounts"),
        OutputColumn("ranked", WHOLE, "of them with a rank", "accounts"),
        OutputColumn("first", WHOLE, "of them among the first twenty of their owner's", "accounts"),
        OutputColumn("first_expansions", WHOLE, "of these those that expanded", "accounts"),
        OutputColumn("expansions", WHOLE, "customers that expanded", "accounts"),
        OutputColumn(
            "of_that_motion", WHOLE, "of them by that very motion; null but for motions", "accounts", nullable=True
        ),
        *_counts(),
    ),
    key=("snapshot_date", "by", "value"),
    order=("snapshot_date", "by", "value"),
)

CALIBRATION = OutputTable(
    "calibration",
    "one bin of propensities of one matured list",
    (
        _day(),
        OutputColumn("above", NUMBER, "propensities above this (the first bin: also zero)", SHARE),
        OutputColumn("up_to", NUMBER, "up to this", SHARE),
        OutputColumn("accounts", WHOLE, "customers in the bin", "accounts"),
        OutputColumn("expected_expansions", NUMBER, "sum of their propensities", "accounts"),
        OutputColumn("expansions", WHOLE, "those that expanded", "accounts"),
        OutputColumn("rate_low", NUMBER, "lower end of the 95% range of their share (upper end: `rate_high`)", SHARE),
        OutputColumn("rate_high", NUMBER, "upper end of the range of `rate_low`", SHARE),
    ),
    key=("snapshot_date", "above"),
    order=("snapshot_date", "above"),
)

DRIFT = OutputTable(
    "drift",
    "one feature of the model, or the propensity, on the day of the latest list",
    (
        _day(),
        OutputColumn("column", TEXT, "the feature, or `propensity`"),
        OutputColumn("since", TEXT, "the day that its bins are of", for_people=True),
        OutputColumn(
            "weight", NUMBER, "its share of all attributions of the list; null of the propensity", SHARE, nullable=True
        ),
        OutputColumn("psi", NUMBER, "population stability index against these bins"),
        OutputColumn("psi_by_chance", NUMBER, "what a base that did not move stays below, but for `error_rate`"),
        OutputColumn(
            "ks",
            NUMBER,
            "Kolmogorov-Smirnov distance from the day of the earlier list; null without one, and for words",
            SHARE,
            nullable=True,
        ),
        OutputColumn("missing_before", NUMBER, "share of accounts without a value, of the bins", SHARE),
        OutputColumn("missing_now", NUMBER, "the same on the day", SHARE),
        OutputColumn(
            "unit_factor", NUMBER, "times what it was, where its unit changed; null where it did not", nullable=True
        ),
        OutputColumn(
            "because_of",
            TEXT,
            "the table whose feed explains it: it is in no alarm of drift; null where none does",
            nullable=True,
        ),
    ),
    key=("snapshot_date", "column"),
    order=("snapshot_date", "-weight", "column"),
)

BINS = OutputTable(
    "bins",
    "one column on the day of one list, as the first run saw it that looked: what later days are compared with",
    (
        _day(),
        OutputColumn("column", TEXT, "the feature, or `propensity`"),
        OutputColumn("edges", NUMBERS, "the values at which its bins end"),
        OutputColumn("counts", NUMBERS, "accounts in each bin; the last two: beyond the last end, and missing"),
    ),
    key=("snapshot_date", "column"),
    order=("snapshot_date", "column"),
)

FEEDS = OutputTable(
    "feeds",
    "one table of the source that says when its rows happened, on the day of the run",
    (
        OutputColumn("table", TEXT, "the table"),
        OutputColumn("last_day", DAY, "the last day with a row", nullable=True),
        OutputColumn(
            "silent_days", WHOLE, "days without a row, where the feed is late; else null", "days", nullable=True
        ),
        OutputColumn("period_days", WHOLE, "length of the periods that tell how much comes", "days", nullable=True),
        OutputColumn("rows", WHOLE, "rows of the last of them", "rows", nullable=True),
        OutputColumn("usual_rows", NUMBER, "the median of those of the year before", "rows", nullable=True),
    ),
    key=("table",),
    order=("table",),
)

COLUMNS = OutputTable(
    "columns",
    "one column of such a table: its rows of the last 28 days, and of the year before them",
    (
        OutputColumn("table", TEXT, "the table"),
        OutputColumn("column", TEXT, "the column"),
        OutputColumn("rows", WHOLE, "recent rows", "rows"),
        OutputColumn("nulls", WHOLE, "of them without a value", "rows"),
        OutputColumn("quartiles", NUMBERS, "of its numbers that are not zero, as staged (money in ten-thousandths)"),
        OutputColumn("earlier_rows", WHOLE, "rows before", "rows"),
        OutputColumn("earlier_nulls", WHOLE, "likewise", "rows"),
        OutputColumn("earlier_quartiles", NUMBERS, "likewise"),
    ),
    key=("table", "column"),
    order=("table", "column"),
)

MONITORING_TABLES = {table.name: table for table in (LISTS, FIGURES, SLICES, CALIBRATION, DRIFT, BINS, FEEDS, COLUMNS)}
"""Every table of monitoring by its name."""
