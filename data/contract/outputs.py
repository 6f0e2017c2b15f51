"""The output contract as code: every published table, its grain, key, order, columns, units and meanings.

This is the only list of output columns. The tables are put together, checked, written, read and verified by it, and the
page of the outputs is made from it. A new column is one record here, and its computation; where older lists have not
got it, it is marked ``later`` and read from them as null.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from data.contract.score_change import NotSplit
from data.contract.vocabulary import MOTIONS, Personal


class OutputKind(StrEnum):
    """What an output column holds."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"
    YES_NO = "yes or no"
    DAY = "day"
    NUMBERS = "numbers"


@dataclass(frozen=True)
class OutputColumn:
    """One column of a published table.

    ``nullable``: null is "not known", or that there is none. ``for_people``: not for joins and sums, it is there to be
    read. ``of_the_base``: no account has it of itself, it is known once the whole base is. ``part_of``: the column that
    this one sums to, with the others that are parts of it. ``words``: all that may stand in it. ``of_sentence``: it
    follows from the sentence that is told of a reason. ``later``: lists of earlier versions have not got it.
    ``personal``: what it tells of a company or a person. ``of_account``: it tells of another account than its row's,
    the one whose id stands in that column.
    """

    name: str
    kind: OutputKind
    meaning: str
    unit: str = ""
    nullable: bool = False
    for_people: bool = False
    of_the_base: bool = False
    part_of: str = ""
    words: tuple[str, ...] = ()
    of_sentence: bool = False
    later: bool = False
    personal: Personal | None = None
    of_account: str = ""


@dataclass(frozen=True)
class OutputTable:
    """One published table.

    ``grain``: what one row is. ``key``: the columns that identify a row. ``order``: the columns that it is sorted by,
    with a minus before it from the largest down. ``features``: what the columns of numbers hold that stand after its
    own, one for each feature of the model. ``later``: lists of earlier versions have not got it. ``on_pages``: the web
    pages read it.
    """

    name: str
    grain: str
    columns: tuple[OutputColumn, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    features: str = ""
    later: bool = False
    on_pages: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def of_accounts(self) -> tuple[str, ...]:
        """The columns that are known of an account before the whole base is."""
        return tuple(column.name for column in self.columns if not column.of_the_base)

    @cached_property
    def of_sentence(self) -> tuple[str, ...]:
        """The columns that follow from the sentence that is told of a reason."""
        return tuple(column.name for column in self.columns if column.of_sentence)

    @cached_property
    def personal(self) -> tuple[Personal, ...]:
        """What its columns tell of companies and people."""
        return Personal.among(column.personal for column in self.columns)

    @cached_property
    def of_other_accounts(self) -> dict[str, tuple[str, ...]]:
        """Columns with the id of another account than the row's: which columns tell of that account."""
        ids = dict.fromkeys(column.of_account for column in self.columns if column.of_account)
        return {name: tuple(column.name for column in self.columns if column.of_account == name) for name in ids}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that a list of any version has."""
        return tuple(column.name for column in self.columns if not column.later)

    @cached_property
    def rising(self) -> dict[str, bool]:
        """The columns that it is sorted by: is it from the smallest up?"""
        return {name.removeprefix("-"): not name.startswith("-") for name in self.order}

    def column(self, name: str) -> OutputColumn:
        return next(column for column in self.columns if column.name == name)

    def parts_of(self, name: str) -> tuple[str, ...]:
        """The columns that sum to this one."""
        return tuple(column.name for column in self.columns if column.part_of == name)

    def features_of(self, names: Iterable[object]) -> list[str]:
        """The features among the columns of a table that has them, in their order."""
        return [str(name) for name in names if name not in self.names]


FOR, AGAINST, NEUTRAL, CONTRADICTS = "for", "against", "neutral", "contradicts"
"""The effects of a reason."""
FIRST, SPARE, KEPT = "first", "spare", "kept"
"""What a reason is of its account: shown, what may be shown in place of another, in the table alone."""

FIX, FUNNEL, WAIT = "fix first", "in the funnel", "not now"
SHOWN_UNDER = (FIX, FUNNEL, WAIT)
"""Where an excluded account is shown; the first that one of its gates names."""

LINE, TEAM, ROLE, CHAMPION, TICKET = "line", "team", "role", "champion", "ticket"
FACT_KINDS = (LINE, TEAM, ROLE, CHAMPION, TICKET)
"""What a fact of an account may be: a contract line, a team or a role of its users, a champion's coming or going, or a
ticket."""
MOST_FACTS = 20
"""So many facts of one kind are published of an account."""

NO_OWNER = "(no owner)"
"""What stands for the owner of an account that has none."""

LOG_ODDS, SHARE, PER_YEAR, RANK, PLACES = "log-odds", "0-1", "currency per year", "1 = best", "places"


def _snapshot_date() -> OutputColumn:
    return OutputColumn("snapshot_date", OutputKind.DAY, "the day of the list; what was known before it counts")


def _account_id() -> OutputColumn:
    return OutputColumn("account_id", OutputKind.TEXT, "as in the input tables", personal=Personal.ACCOUNT)


def _base_log_odds() -> OutputColumn:
    meaning = "the model's base value; base + attributions = `log_odds`"
    return OutputColumn("base_log_odds", OutputKind.NUMBER, meaning, LOG_ODDS)


def _upper(name: str, unit: str) -> OutputColumn:
    return OutputColumn(
        f"{name}_high", OutputKind.NUMBER, f"upper end of the range of `{name}_low`", unit, nullable=True, later=True
    )


SCORES = OutputTable(
    "scores",
    "one customer on the snapshot date",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("model_version", OutputKind.TEXT, "the model"),
        OutputColumn("run_id", OutputKind.TEXT, "its run in MLflow"),
        OutputColumn(
            "propensity", OutputKind.NUMBER, "calibrated probability of any expansion within the horizon", SHARE
        ),
        *(
            OutputColumn(
                f"propensity_{motion}",
                OutputKind.NUMBER,
                "the same of this motion; null where it could not be learnt (`withheld` of the manifest says why)",
                SHARE,
                nullable=True,
            )
            for motion in MOTIONS
        ),
        OutputColumn("log_odds", OutputKind.NUMBER, "the model's raw output", LOG_ODDS),
        _base_log_odds(),
        OutputColumn(
            "expected_arr",
            OutputKind.NUMBER,
            "`propensity` x `arr_if_expands`: expected expansion ARR within the horizon. The manifest's `expected_arr` "
            "is its sum over the ranked accounts, with the 80% range of what they add",
            PER_YEAR,
            nullable=True,
        ),
        OutputColumn(
            "arr_if_expands",
            OutputKind.NUMBER,
            "mean expansion ARR if the account expands",
            PER_YEAR,
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "arr_if_expands_low",
            OutputKind.NUMBER,
            "lower end of the range in which 80% of such amounts lie (upper end: `arr_if_expands_high`); null with "
            "fewer than 20 past amounts. It is no range of `expected_arr`: most accounts do not expand at all",
            PER_YEAR,
            nullable=True,
            later=True,
        ),
        _upper("arr_if_expands", PER_YEAR),
        OutputColumn(
            "cross_sell_product",
            OutputKind.TEXT,
            "the likeliest product if it is a cross-sell; null where nothing is left to sell or the motion was not "
            "learnt",
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "cross_sell_product_share",
            OutputKind.NUMBER,
            "its chance given a cross-sell",
            SHARE,
            nullable=True,
            later=True,
        ),
        OutputColumn("motion", OutputKind.TEXT, "the likeliest possible motion", words=MOTIONS),
        OutputColumn("play", OutputKind.TEXT, "the play that fits its reasons, by its code in the playbook"),
        OutputColumn(
            "rank",
            OutputKind.WHOLE,
            "place among those of the base that may be ranked; no ties; null if not eligible",
            RANK,
            nullable=True,
            of_the_base=True,
        ),
        OutputColumn(
            "owner_rank", OutputKind.WHOLE, "place in the owner's book, likewise", RANK, nullable=True, of_the_base=True
        ),
        OutputColumn("eligible", OutputKind.YES_NO, "did it pass all gates, and is not held out"),
        OutputColumn(
            "not_eligible_because",
            OutputKind.TEXT,
            "the codes of the gates that it did not pass, separated by `;`, and `held_out` where an experiment holds "
            "it out; empty if it is eligible",
        ),
        OutputColumn(
            "previous_rank",
            OutputKind.WHOLE,
            "`rank` of the last published list",
            RANK,
            nullable=True,
            of_the_base=True,
        ),
        OutputColumn(
            "previous_propensity",
            OutputKind.NUMBER,
            "`propensity` of the last published list",
            SHARE,
            nullable=True,
            of_the_base=True,
        ),
        OutputColumn(
            "name",
            OutputKind.TEXT,
            "as people write it; the id of an account without a name",
            for_people=True,
            personal=Personal.NAME,
        ),
        OutputColumn(
            "owner",
            OutputKind.TEXT,
            "the CSM, in one spelling; null without one",
            nullable=True,
            for_people=True,
            personal=Personal.OWNER,
        ),
        OutputColumn("segment", OutputKind.TEXT, "as in `accounts`", nullable=True, for_people=True),
        OutputColumn(
            "act_by",
            OutputKind.DAY,
            "the day by which the play is to be acted on: not later than the next renewal",
            for_people=True,
        ),
        OutputColumn(
            "stake_rank",
            OutputKind.WHOLE,
            "place among the same accounts by `expected_arr`: the most at stake first; no ties; null if not eligible",
            RANK,
            nullable=True,
            of_the_base=True,
            later=True,
        ),
        OutputColumn(
            "opening",
            OutputKind.TEXT,
            "what to say first: the words of the play that this account's facts bear out",
            nullable=True,
            for_people=True,
            later=True,
            personal=Personal.TEXT,
        ),
        OutputColumn(
            "plan",
            OutputKind.TEXT,
            "the plans of its open lines, dearest first, comma separated; null without one",
            nullable=True,
            for_people=True,
            later=True,
        ),
        OutputColumn(
            "open_seats",
            OutputKind.NUMBER,
            "seats of its open lines; null if not sold by seat",
            "seats",
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "arr",
            OutputKind.NUMBER,
            "MRR of its open lines times twelve; of a usage-priced account what was billed in 365 days",
            PER_YEAR,
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "renews_on",
            OutputKind.DAY,
            "the next renewal day of an open line; null where none is known",
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "use_by_week",
            OutputKind.NUMBERS,
            "events of the last 13 weeks, the oldest first; null where no use is known",
            nullable=True,
            for_people=True,
            later=True,
        ),
        OutputColumn(
            "expected_arr_low",
            OutputKind.NUMBER,
            "lower end of the 80% range of the mean that accounts alike come to (upper end: `expected_arr_high`): how "
            "wrong `expected_arr` was on past snapshots, for tenths of the base, beyond the chance of single "
            "expansions. It is no range of what the account adds; null where nothing was learnt of it",
            PER_YEAR,
            nullable=True,
            later=True,
        ),
        _upper("expected_arr", PER_YEAR),
        OutputColumn(
            "group_id",
            OutputKind.TEXT,
            "the account at the top of its group of companies, by `accounts.parent_id` as of today; null where it has "
            "no parent in `accounts` and none below it, or where parents lead round in a circle",
            nullable=True,
            later=True,
            personal=Personal.ACCOUNT,
            of_account="group_id",
        ),
        OutputColumn(
            "group_name",
            OutputKind.TEXT,
            "that account's name",
            nullable=True,
            for_people=True,
            later=True,
            personal=Personal.NAME,
            of_account="group_id",
        ),
        OutputColumn(
            "listed",
            OutputKind.YES_NO,
            "is it on the short list of its owner, which holds still: who was there stays until another is clearly "
            "ahead; null in older lists",
            of_the_base=True,
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "listed_since",
            OutputKind.DAY,
            "the day of the first of the lists, one after the other up to this one, on whose short list it stood with "
            "this play: `act_by` of that list is the day by which it is overdue; null where it is not listed",
            of_the_base=True,
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "last_contact_on",
            OutputKind.DAY,
            "the latest ticket or business review of the half-year before the list; null where none is known",
            nullable=True,
            for_people=True,
            later=True,
        ),
        OutputColumn(
            "not_judged",
            OutputKind.TEXT,
            "what is not known of it, and since when, because a feed or a part of one had fallen silent: no gate and "
            "no reason rests on it; or that all of its use stopped at once, which is judged; else null",
            nullable=True,
            for_people=True,
            later=True,
        ),
        OutputColumn(
            "held_out",
            OutputKind.YES_NO,
            "does an experiment hold it out: it is scored and recorded, has no rank, and is shown to nobody; null in "
            "older lists",
            of_the_base=True,
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "propensity_low",
            OutputKind.NUMBER,
            "lower end of the 80% range of the share that expands among accounts with this propensity (upper end: "
            "`propensity_high`): Venn-Abers, from past days, widened by how wrong the levels of days were; null of "
            "models that know no range, and where a rule ranks",
            SHARE,
            nullable=True,
            later=True,
        ),
        _upper("propensity", SHARE),
        OutputColumn(
            "previous_held_out",
            OutputKind.YES_NO,
            "`held_out` of the last published list; no where that did not have it; null in older lists",
            of_the_base=True,
            nullable=True,
            later=True,
        ),
    ),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
)

ATTRIBUTIONS = OutputTable(
    "attributions",
    "one customer",
    (_snapshot_date(), _account_id(), _base_log_odds()),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
    features="its SHAP value in log-odds",
    on_pages=False,
)

REASONS = OutputTable(
    "reasons",
    "one reason of one customer",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("position", OutputKind.WHOLE, "1 = the strongest reason for"),
        OutputColumn("reason_code", OutputKind.TEXT, "what is told, by its code in the playbook"),
        OutputColumn("features", OutputKind.TEXT, "the features that tell it, strongest first, comma separated"),
        OutputColumn("shap_log_odds", OutputKind.NUMBER, "the sum of their attributions", LOG_ODDS),
        OutputColumn(
            "text",
            OutputKind.TEXT,
            "the sentence with the account's own numbers",
            for_people=True,
            of_sentence=True,
            personal=Personal.TEXT,
        ),
        OutputColumn("title", OutputKind.TEXT, "its heading", for_people=True, of_sentence=True),
        OutputColumn(
            "effect",
            OutputKind.TEXT,
            "what it speaks for; `contradicts` is against the declared direction of its features, kept for the data "
            "team and shown on no list",
            words=(FOR, AGAINST, NEUTRAL, CONTRADICTS),
        ),
        OutputColumn("actionable", OutputKind.YES_NO, "can a CSM act on it", of_sentence=True),
        OutputColumn(
            "numbers_from",
            OutputKind.TEXT,
            "the features that the sentence rests on, comma separated: first those whose numbers it states, in their "
            "order, then those that its words depend on",
            of_sentence=True,
        ),
        OutputColumn(
            "feature",
            OutputKind.TEXT,
            "the first of them; null where there is none",
            nullable=True,
            of_sentence=True,
            later=True,
        ),
        OutputColumn(
            "value", OutputKind.NUMBER, "its value", "as the feature's", nullable=True, of_sentence=True, later=True
        ),
        OutputColumn(
            "value_text",
            OutputKind.TEXT,
            "instead, where it is a text",
            nullable=True,
            of_sentence=True,
            later=True,
            personal=Personal.TEXT,
        ),
        OutputColumn(
            "comparator",
            OutputKind.TEXT,
            "what the first number is set against; null where nothing is",
            nullable=True,
            of_sentence=True,
            later=True,
        ),
        OutputColumn(
            "comparator_value",
            OutputKind.NUMBER,
            "its value",
            "as the feature's",
            nullable=True,
            of_sentence=True,
            later=True,
        ),
        OutputColumn("as_of", OutputKind.DAY, "the last day that counts: the day before the snapshot", later=True),
        OutputColumn(
            "numbers", OutputKind.NUMBERS, "the values of `numbers_from`, in that order", later=True, of_sentence=True
        ),
        OutputColumn(
            "story",
            OutputKind.TEXT,
            "the story that it is part of: codes that tell one fact are one story, and a CSM sees it once",
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "shown",
            OutputKind.YES_NO,
            "does a CSM see it: the strongest reason of each of the strongest stories that can be told in few words; "
            "of a story rather one that states what a play rests on. See `choice`",
            nullable=True,
            later=True,
        ),
        OutputColumn(
            "named",
            OutputKind.TEXT,
            "what the sentence names, as derived from the tables: `name=value`, separated by `; `; null where nothing",
            nullable=True,
            of_sentence=True,
            later=True,
            personal=Personal.DOMAIN,
        ),
        OutputColumn(
            "choice",
            OutputKind.TEXT,
            "what was chosen of the account alone: a CSM sees the `first`; a `spare` stands in for the weakest of them "
            "where `most_alike` rows above, on one page of 20, show the same stories, or else the weakest of several "
            "against it gives way; what is `kept` is in the table",
            later=True,
            words=(FIRST, SPARE, KEPT),
        ),
    ),
    key=("snapshot_date", "account_id", "position"),
    order=("account_id", "position"),
)

EXCLUSIONS = OutputTable(
    "exclusions",
    "one customer without a rank",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn(
            "owner", OutputKind.TEXT, "as in `scores`", nullable=True, for_people=True, personal=Personal.OWNER
        ),
        OutputColumn("not_eligible_because", OutputKind.TEXT, "as in `scores`"),
        OutputColumn(
            "text",
            OutputKind.TEXT,
            "the same in words, with the account's own numbers",
            for_people=True,
            personal=Personal.TEXT,
        ),
        OutputColumn("name", OutputKind.TEXT, "as in `scores`", for_people=True, personal=Personal.NAME),
        OutputColumn(
            "shown_under",
            OutputKind.TEXT,
            "the heading on the list; empty where it is held out, and shown to nobody",
            words=(*SHOWN_UNDER, ""),
        ),
        OutputColumn("propensity", OutputKind.NUMBER, "as in `scores`", SHARE),
    ),
    key=("snapshot_date", "account_id"),
    order=("-propensity", "account_id"),
)

CHANGES = OutputTable(
    "changes",
    "one customer, and why its score and its place differ from the last list published for an earlier day",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn(
            "previous_snapshot_date", OutputKind.DAY, "the day of the last list; null if there is none", nullable=True
        ),
        OutputColumn(
            "change_log_odds",
            OutputKind.NUMBER,
            "the change of the calibrated log-odds, logit(`propensity`) - logit(`previous_propensity`); null for a new "
            "account",
            LOG_ODDS,
            nullable=True,
        ),
        OutputColumn(
            "data_log_odds",
            OutputKind.NUMBER,
            "the account's own facts: the old model on today's row against the old model on the row of then",
            LOG_ODDS,
            nullable=True,
            part_of="change_log_odds",
        ),
        OutputColumn(
            "model_log_odds",
            OutputKind.NUMBER,
            "another model on the same row; 0 if the model is the same",
            LOG_ODDS,
            nullable=True,
            part_of="change_log_odds",
        ),
        OutputColumn(
            "calibration_log_odds",
            OutputKind.NUMBER,
            "another map from log-odds to propensity. The three sum to the change within 1e-9",
            LOG_ODDS,
            nullable=True,
            part_of="change_log_odds",
        ),
        OutputColumn(
            "rank_change",
            OutputKind.WHOLE,
            "`rank` - `previous_rank`: below 0 is up the list; null unless ranked in both",
            PLACES,
            nullable=True,
        ),
        OutputColumn(
            "rank_own",
            OutputKind.WHOLE,
            "its new key in the old list, all else as it was",
            PLACES,
            nullable=True,
            part_of="rank_change",
        ),
        OutputColumn(
            "rank_came",
            OutputKind.WHOLE,
            "accounts ahead of it that came onto the list",
            PLACES,
            nullable=True,
            part_of="rank_change",
        ),
        OutputColumn(
            "rank_left",
            OutputKind.WHOLE,
            "and (below 0) that left it",
            PLACES,
            nullable=True,
            part_of="rank_change",
        ),
        OutputColumn(
            "rank_moved",
            OutputKind.WHOLE,
            "of those in both lists, how many more are ahead of it now. The four sum to `rank_change`; null where the "
            "two lists are ranked by different columns",
            PLACES,
            nullable=True,
            part_of="rank_change",
        ),
        OutputColumn(
            "because",
            OutputKind.TEXT,
            "why the change is not split; empty if it is",
            words=("", *(why.value for why in NotSplit)),
        ),
        OutputColumn("text", OutputKind.TEXT, "all of it in short sentences", for_people=True, personal=Personal.TEXT),
    ),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
    later=True,
)

CHANGE_REASONS = OutputTable(
    "change_reasons",
    "one reason of one change: `data_log_odds` by reason code",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn(
            "reason_code",
            OutputKind.TEXT,
            "the story; what is smaller than 0.02 stands together under `rest`, so that the rows of an account sum to "
            "its `data_log_odds`",
        ),
        OutputColumn("log_odds", OutputKind.NUMBER, "its part of the change", LOG_ODDS),
    ),
    key=("snapshot_date", "account_id", "reason_code"),
    order=("account_id", "reason_code"),
    later=True,
    on_pages=False,
)

CRM_WRITEBACK = OutputTable(
    "crm_writeback",
    "one customer as a CRM shows it",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn(
            "likelihood",
            OutputKind.NUMBER,
            "`propensity` to a tenth of a percent. An account that is not eligible is to be sold nothing now: this and "
            "all down to `rank` are null, but for `reasons`",
            SHARE,
            nullable=True,
        ),
        OutputColumn(
            "band",
            OutputKind.TEXT,
            "`propensity` in words, with [fixed edges](serve.md#in-words): very likely, likely, possible, unlikely",
            nullable=True,
            for_people=True,
        ),
        OutputColumn(
            "motion",
            OutputKind.TEXT,
            "the motion of the play in words, of a cross-sell with its product",
            nullable=True,
            for_people=True,
        ),
        OutputColumn("play", OutputKind.TEXT, "the play by its name", nullable=True, for_people=True),
        OutputColumn(
            "reasons",
            OutputKind.TEXT,
            "what is not known of it (`not_judged`), then the strongest reasons that a CSM sees, three at most, in "
            "sentences; of an account that is not eligible the gates that it did not pass; null where there is nothing",
            nullable=True,
            for_people=True,
            personal=Personal.TEXT,
        ),
        OutputColumn("act_by", OutputKind.DAY, "as in `scores`", nullable=True, for_people=True),
        OutputColumn("expected_arr", OutputKind.NUMBER, "as in `scores`, without decimals", PER_YEAR, nullable=True),
        OutputColumn("rank", OutputKind.WHOLE, "as in `scores`", RANK, nullable=True),
        OutputColumn("model_version", OutputKind.TEXT, "as in `scores`"),
        OutputColumn("run_id", OutputKind.TEXT, "as in `scores`"),
        OutputColumn(
            "values_hash",
            OutputKind.TEXT,
            "SHA-256 of the values from `likelihood` to `rank`: equal where nothing that is shown has changed",
        ),
        OutputColumn("previous_likelihood", OutputKind.NUMBER, "of the last published list", SHARE, nullable=True),
        OutputColumn("previous_band", OutputKind.TEXT, "likewise", nullable=True, for_people=True),
        OutputColumn(
            "previous_values_hash",
            OutputKind.TEXT,
            "likewise; null for an account that is new, or where that list has no such table",
            nullable=True,
        ),
    ),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
    later=True,
    on_pages=False,
)

TRIGGERS = OutputTable(
    "triggers",
    "one trigger that fires for one customer, also for one that a gate sets apart",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("trigger_code", OutputKind.TEXT, "the trigger, by its code in the playbook"),
        OutputColumn(
            "motion",
            OutputKind.TEXT,
            "the motion that it speaks for; null where it speaks against any",
            nullable=True,
        ),
        OutputColumn(
            "text",
            OutputKind.TEXT,
            "the sentence with the account's own numbers",
            for_people=True,
            personal=Personal.TEXT,
        ),
        OutputColumn(
            "since",
            OutputKind.DAY,
            "the day of the first of the lists, one after the other up to this one, on which it fired; not earlier "
            "than the first list with this table",
            of_the_base=True,
        ),
        OutputColumn(
            "is_new",
            OutputKind.YES_NO,
            "it did not fire on the last published list, or there was none with this table",
            of_the_base=True,
        ),
    ),
    key=("snapshot_date", "account_id", "trigger_code"),
    order=("account_id", "trigger_code"),
    later=True,
)

ACCOUNT_PLAYS = OutputTable(
    "account_plays",
    "one customer: for whom its play is meant",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("play", OutputKind.TEXT, "as in `scores`"),
        OutputColumn(
            "step",
            OutputKind.TEXT,
            "from which plan to which the play leads, or from which product to which, as `Team > Business`; null where "
            "it is neither, or not known",
            nullable=True,
            for_people=True,
        ),
        OutputColumn(
            "form",
            OutputKind.TEXT,
            "which forms of the play it is given in, of its `segment` and `step` in the playbook, separated by `; `; "
            "empty for the play as it stands",
        ),
    ),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
    later=True,
)

ACCOUNT_FACTS = OutputTable(
    "account_facts",
    "one contract line, team, role, champion's coming or going, or ticket of a customer, as known on the day",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn(
            "kind",
            OutputKind.TEXT,
            "what it is. Lines are those that are open and those that ended within a year; teams and roles those with "
            "users; champions those who came or left within a year; tickets those that are open, where that is known, "
            "and those of the last 182 days",
            words=FACT_KINDS,
        ),
        OutputColumn(
            "position",
            OutputKind.WHOLE,
            "1 = first of its kind: what is open before what is over, then the largest team or role, or the latest",
        ),
        OutputColumn(
            "of_kind", OutputKind.WHOLE, f"so many there are of its kind; the first {MOST_FACTS} are published"
        ),
        OutputColumn(
            "title",
            OutputKind.TEXT,
            "the product of a line, the name of a team or a role (null: users without one), the kind of a CRM event or "
            "of a ticket",
            nullable=True,
        ),
        OutputColumn(
            "reference",
            OutputKind.TEXT,
            "the contract of a line, the id of a ticket; null where none is known",
            nullable=True,
        ),
        OutputColumn("plan", OutputKind.TEXT, "of a line", nullable=True),
        OutputColumn("seats", OutputKind.WHOLE, "of a line; null if not sold by seat", "seats", nullable=True),
        OutputColumn("mrr", OutputKind.NUMBER, "of a line; below 0 a discount", "currency per month", nullable=True),
        OutputColumn("feature", OutputKind.TEXT, "what a ticket is about", nullable=True),
        OutputColumn("severity", OutputKind.TEXT, "of a ticket", nullable=True),
        OutputColumn(
            "csat", OutputKind.NUMBER, "how a closed ticket was rated; null where it was not", "1-5", nullable=True
        ),
        OutputColumn(
            "began_on",
            OutputKind.DAY,
            "the first day of a line, or of the first user of a team or a role; the day of an event, or on which "
            "a ticket was opened",
        ),
        OutputColumn(
            "is_open",
            OutputKind.YES_NO,
            "does a line or a ticket go on, as far as was known on the day; null of others, and where nobody says when "
            "tickets are closed",
            nullable=True,
        ),
        OutputColumn("ended_on", OutputKind.DAY, "when it ended, if it has; what will end is not known", nullable=True),
        OutputColumn("renews_on", OutputKind.DAY, "of a line", nullable=True),
        OutputColumn("notice_on", OutputKind.DAY, "when notice was given for a line", nullable=True),
        OutputColumn("users", OutputKind.WHOLE, "of a team or a role", "users", nullable=True),
        OutputColumn(
            "active_users",
            OutputKind.WHOLE,
            "those of them that were active in 28 days; null where use names no users",
            "users",
            nullable=True,
        ),
    ),
    key=("snapshot_date", "account_id", "kind", "position"),
    order=("account_id", "kind", "position"),
    later=True,
)

ASSIGNMENTS = OutputTable(
    "assignments",
    "one account in an experiment, as it was when it came in: each list has the rows of the one before, and its own; "
    "no row without an experiment",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("experiment", OutputKind.TEXT, "its name in the settings"),
        OutputColumn(
            "unit",
            OutputKind.TEXT,
            "SHA-256 of experiment, salt and the account at the top of its group of companies (or itself), 16 letters: "
            "what was drawn by. A group comes into one arm",
        ),
        OutputColumn("held_out", OutputKind.YES_NO, "held out of the lists, or listed as ever"),
        OutputColumn("assigned_on", OutputKind.DAY, "the day of the first list with it: its outcome counts from there"),
        OutputColumn("owner", OutputKind.TEXT, "as in `scores`, on that day", nullable=True, personal=Personal.OWNER),
        OutputColumn("decile", OutputKind.WHOLE, "tenth of the base by `propensity` on that day", "1 = least likely"),
        OutputColumn("propensity", OutputKind.NUMBER, "on that day", SHARE),
        OutputColumn("arr", OutputKind.NUMBER, "on that day; null where not known", PER_YEAR, nullable=True),
    ),
    key=("snapshot_date", "account_id"),
    order=("account_id",),
    later=True,
    on_pages=False,
)

SIGNALS = OutputTable(
    "signals",
    "what one reason that a CSM sees rests on, on one day of the last year; of the accounts on the short list of an "
    "owner",
    (
        _snapshot_date(),
        _account_id(),
        OutputColumn("reason_code", OutputKind.TEXT, "as in `reasons`"),
        OutputColumn(
            "day",
            OutputKind.DAY,
            "the first day of a month, or that of the list: what was known before it counts",
        ),
        OutputColumn(
            "feature",
            OutputKind.TEXT,
            "the first number of the sentence that an account has of itself, or else the strongest of `features`; the "
            "manifest's `signals` has its label and its unit",
        ),
        OutputColumn(
            "value",
            OutputKind.NUMBER,
            "its value as known on that day, by the function that made the row of this list; there is no row where it "
            "was not known, or the account was no customer",
            "as the feature's",
        ),
    ),
    key=("snapshot_date", "account_id", "reason_code", "day"),
    order=("account_id", "reason_code", "day"),
    later=True,
)

TABLES = {
    table.name: table
    for table in (
        SCORES,
        EXCLUSIONS,
        ATTRIBUTIONS,
        REASONS,
        CHANGE_REASONS,
        CHANGES,
        CRM_WRITEBACK,
        TRIGGERS,
        ACCOUNT_PLAYS,
        ACCOUNT_FACTS,
        ASSIGNMENTS,
        SIGNALS,
    )
}
"""Every published table by its name."""
