"""From tables to feature rows: the one ``build`` that training and scoring share.

Most features never cross accounts, so a base is built shard by shard: memory stays bounded, progress can be told, and a
build that was stopped goes on. The few that compare accounts of one snapshot follow in a second, small pass.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from uuid import uuid4

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from data.contract.cross_sell import CrossSellOptions
from data.contract.likeness import PROFILE
from data.contract.vocabulary import KEY
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase, customers
from data.sources.partitions import filtered, part_of
from data.time_cut import Tables
from features.account_facts import account_facts, fact_needs
from features.build.checkpoint import Checkpoint, checkpoint, key_of
from features.calendar import YEAR_DAYS
from features.catalogue import available
from features.cohort import cohort, services
from features.cross_sell import options_in_parts
from features.definition import GROUP, OF_FINISHED_ROWS, PARENTS, ROW, WHOLE_BASE, Feature
from features.details import add_details, detail_needs
from features.muted import MutedDays, days_without, muted_days, unknown_use
from features.passes.counting import REPLACED, use_by_pass
from features.unknown_use import UnknownUse
from features.views.account import Views
from features.views.usage import HELD
from features.views.whole_base import WholeBaseViews

ACCOUNTS_PER_SHARD = 20_000
"""With 24 snapshots of a busy base, so many accounts stay well under 2 GB."""

ACCOUNT_DAYS_PER_BLOCK = 10_000 * 3 * YEAR_DAYS
"""The counted usage of so many accounts and days is held at once, such as of 10,000 accounts over the three years that
24 monthly snapshots look back to: about 600 MB on a busy base."""

ROWS_PER_SHARD = 120_000
"""Account-snapshots of one shard."""


def feature_rows(
    tables: Tables,
    snapshot_dates: Sequence[date],
    rules: ExpansionRules,
    *,
    absent: frozenset[str] = frozenset(),
    held: Tables | None = None,
    muted: MutedDays | None = None,
    unknown: UnknownUse | None = None,
) -> ir.Table:
    """One row per customer and snapshot: ``account_id, snapshot_date``, then one column per feature.

    Features are float64; of the team's own those that are text stay text. ``held`` are the views that the engine holds,
    ``muted`` the snapshots at which a feature is missing, because its feed had fallen silent, and ``unknown`` the
    accounts whose use is.
    """
    features = available(tables, absent)
    views = _views(tables, snapshot_dates, rules, held)
    both = _side_by_side(_where_known(_own_rows(views, features), unknown), _whole_base_rows(views, features))
    shown = [f for f in features if f.card is not None]
    return _unless_muted(both.select(*KEY, **{f.name: _compared(f, both) for f in shown}), muted or {}, unknown)


def some_features(
    base: KnownBase,
    accounts: Iterable[str],
    names: Collection[str],
    snapshot_dates: Sequence[date],
    rules: ExpansionRules,
) -> pa.Table:
    """Some features of some accounts: account_id, snapshot_date and these columns, as in the rows of ``build``.

    One row per customer among them and snapshot. Read is what these features rest on, and of these accounts alone; so
    each must be one that an account has of itself. The rows of these accounts are held by the engine meanwhile.
    """
    asked = _Asked(base, snapshot_dates, rules, 1, for_list=False)
    ids = ibis.memtable(pa.table({"account_id": pa.array(accounts, pa.string())}))
    theirs = {n: t.semi_join(ids, "account_id") for n, t in base.tables.items() if "account_id" in t.columns}
    with base.engine.cached(theirs) as read:
        tables = {**base.tables, **read}
        with _counted(asked, tables) as held:
            rows = _own_rows(asked.views(tables, held), _resting_on(names, available(base.tables, base.absent)))
            return _fetched(_unless_muted(rows, asked.muted, asked.unknown).select(*KEY, *names))


def _resting_on(names: Collection[str], features: list[Feature]) -> list[Feature]:
    """These features and those that they are computed from, in the order of ``features``."""
    known = {f.name: f for f in features}
    row = ibis.table({**dict.fromkeys(known, "float64"), "snapshot_date": "date"}, name="finished aggregates")
    needed, waiting = set[str](), [*names]
    while waiting:
        name = waiting.pop()
        if name in known and name not in needed:
            needed.add(name)
            if known[name].view == ROW:
                waiting += [field.name for field in known[name].expression(row).op().find(ops.Field)]
    return [f for f in features if f.name in needed]


def _where_known(rows: ir.Table, unknown: UnknownUse | None) -> ir.Table:
    """The rows without what rests on use, where that is unknown. Accounts are compared with those of known use."""
    return rows if unknown is None else unknown.left_out(rows)


def _unless_muted(rows: ir.Table, muted: MutedDays, unknown: UnknownUse | None) -> ir.Table:
    """The finished rows, without what silent feeds tell at the snapshots that they were silent before."""
    rows = _where_known(rows, unknown)
    known = {
        name: rows.snapshot_date.isin(days).ifelse(ibis.null(rows[name].type()), rows[name])
        for name, days in muted.items()
        if name in rows.columns
    }
    return rows.mutate(**known) if known else rows


def _views(
    tables: Tables, snapshot_dates: Sequence[date], rules: ExpansionRules, held: Tables | None = None
) -> WholeBaseViews:
    """The views of some tables. What is ``held`` is not made again, and what was billed is made once for all."""
    there = dict(held or {})
    if "invoices" in tables and "services" not in there:
        there["services"] = services(tables, snapshot_dates, rules)
    if "cohort" not in there:
        there["cohort"] = cohort(tables, snapshot_dates, rules, there.get("services"))
    return WholeBaseViews(tables, there["cohort"], snapshot_dates, rules, there)


def _own_rows(views: Views, features: list[Feature]) -> ir.Table:
    """The features that an account has of itself."""
    own = [f for f in features if f.view not in (*OF_FINISHED_ROWS, *WHOLE_BASE)]
    rows = _joined(views, [f for f in own if f.view != ROW])
    rows = rows.mutate(**{f.name: f.expression(rows) for f in own if f.view == ROW})
    return rows.select(*KEY, **{f.name: _as_shown(rows[f.name]) for f in own if f.card is not None})


def _whole_base_rows(views: WholeBaseViews, features: list[Feature]) -> ir.Table:
    """The features that look at the whole base, what makes accounts alike (``PROFILE``), and the group of each."""
    sums = _joined(views, [f for f in features if f.view in WHOLE_BASE])
    rows = views.profiles.select(*KEY, *PROFILE).inner_join(sums, KEY)
    if not any(f.view == GROUP for f in features):
        return rows
    return rows.left_join(views.group_members, KEY).select(*rows.columns, "group_id")


def _side_by_side(left: ir.Table, right: ir.Table) -> ir.Table:
    """The columns of both for each account and snapshot; a finished table, of which windows can be made."""
    joined = left.inner_join(right, KEY)
    return joined.select(*left.columns, *(name for name in right.columns if name not in KEY))


def _compared(feature: Feature, rows: ir.Table) -> ir.Value:
    """A column of the finished rows; those that compare accounts are made of the rows of their snapshot."""
    return _as_shown(feature.expression(rows) if feature.view in OF_FINISHED_ROWS else rows[feature.name])


def _as_shown(value: ir.Value) -> ir.Value:
    return value if value.type().is_string() else value.cast("float64")


def _joined(views: Views, features: list[Feature]) -> ir.Table:
    """The cohort with the aggregates of each view; an account without a row in a view gets its features' ``empty``.

    One chain of joins and one select at its end: a select after each join doubles the SQL and the time to make it.
    """
    rows = views.cohort
    for name in dict.fromkeys(f.view for f in features):
        view: ir.Table = getattr(views, name)
        sums = view.group_by(*KEY).aggregate(**{f.name: f.expression(view) for f in features if f.view == name})
        rows = rows.left_join(sums, KEY, rname="{name}_" + name)
    values = {f.name: rows[f.name] if f.empty is None else rows[f.name].fill_null(f.empty) for f in features}
    return rows.select(*KEY, **values)


def shard_count(tables: Tables, dates: Sequence[date], wanted: int | None = None) -> int:
    """In how many shards ``build`` yields a base: of each block as many. By default within ``ROWS_PER_SHARD``."""
    accounts = _accounts(tables)
    blocks = _fewest_blocks(accounts, dates)
    wanted = wanted or max(1, -(-accounts * len(dates) // ROWS_PER_SHARD), -(-accounts // ACCOUNTS_PER_SHARD))
    return blocks * -(-wanted // blocks)


def _accounts(tables: Tables) -> int:
    """So many accounts have ever had a line or a bill: what came into ``accounts`` since the day changes no shard."""
    return int(customers(tables).count().to_pyarrow().as_py())


def _fewest_blocks(accounts: int, dates: Sequence[date]) -> int:
    """In how many parts the usage is counted, at least; features look back a year."""
    days = (max(dates) - min(dates)).days + YEAR_DAYS
    return max(1, -(-accounts * days // ACCOUNT_DAYS_PER_BLOCK))


@dataclass(frozen=True)
class Shard:
    """Some accounts of a base.

    ``rows``: account_id, snapshot_date and one column per feature, sorted by snapshot and account. Of the same accounts
    on the last of the snapshots, where they were asked for: ``details``, one row each, sorted alike, a column for each
    of ``DETAILS`` that the tables can carry; ``facts``, what their pages show piece by piece, with the columns of
    ``ACCOUNT_FACTS`` and in no order; and ``cross_sell_options``.
    """

    rows: pa.Table
    details: pa.Table | None = None
    facts: pa.Table | None = None
    cross_sell_options: CrossSellOptions | None = None


def build(
    base: KnownBase,
    snapshot_dates: Sequence[date],
    rules: ExpansionRules,
    *,
    for_list: bool = False,
    shards: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Generator[Shard]:
    """The base at these snapshots, shard by shard; ``for_list`` with what its sentences name, what its pages show
    piece by piece, and what each could buy, on the last of them.

    ``progress`` is told ``(shards done, shards in all)``. A build that was stopped goes on with its shards if the
    ``state`` of the base is the same; without one it begins anew.
    """
    of_list = [max(snapshot_dates)]
    # What a list is judged against is measured on its first shard, whatever past days are made beside it.
    count = shard_count(base.tables, of_list if for_list else snapshot_dates, shards)
    of_parts = options_in_parts(base, of_list, count, rules) if for_list else nullcontext(lambda _: None)
    asked = _Asked(base, snapshot_dates, rules, count, for_list)
    with of_parts as options_of:
        for index, (rows, beside) in enumerate(_rows(asked, progress)):
            yield Shard(rows, beside.get(_DETAILS), beside.get(_FACTS), options_of(index))


_DETAILS, _FACTS = "details", "facts"
_Beside = dict[str, pa.Table]
"""What a list asks for beside the feature rows of a shard, by what it is."""


@dataclass(frozen=True)
class _Asked:
    """What a build is asked for."""

    base: KnownBase
    dates: Sequence[date]
    rules: ExpansionRules
    count: int
    for_list: bool

    def views(self, tables: Tables, held: Tables | None = None) -> WholeBaseViews:
        return _views(tables, self.dates, self.rules, held)

    def of_list(self, views: WholeBaseViews, held: Tables) -> WholeBaseViews:
        """The views of the same tables on the day of the list alone; ``held``: those that the engine holds."""
        if not self.dates[1:]:
            return views
        known = {**held, "cohort": views.cohort}
        dated = {name: table for name, table in known.items() if "snapshot_date" in table.columns}
        today = {name: table.filter(table.snapshot_date == max(self.dates)) for name, table in dated.items()}
        return self.views(views.tables, known | today)

    def beside(self, views: WholeBaseViews, held: Tables) -> _Beside:
        """What a list asks for of the accounts of some views, and of no others; ``held`` as in ``of_list``."""
        if not self.for_list:
            return {}
        today = self.of_list(views, held)
        without = days_without(self.base, self.dates, fact_needs())
        facts = account_facts(today, self.base.absent, without, self.unknown)
        return {_DETAILS: self._details(today, of_whole_base=False), _FACTS: facts}

    def compared(self, views: WholeBaseViews, held: Tables) -> pa.Table | None:
        """What sentences name that sees the whole base, which the views are of."""
        return self._details(self.of_list(views, held), of_whole_base=True) if self.for_list else None

    def _details(self, views: Views, *, of_whole_base: bool) -> pa.Table:
        keys = views.cohort.select(*KEY)
        details = add_details(keys, views, self.base.absent, of_whole_base=of_whole_base)
        return _fetched(_unless_muted(details, self.muted, self.unknown))

    @cached_property
    def blocks(self) -> int:
        """In how many parts the usage is counted: each holds as many of the shards, whole.

        Not more than there are shards: past days beside that of a list may make a block larger by a third.
        """
        fewest = _fewest_blocks(_accounts(self.base.tables), self.dates)
        return next((n for n in range(fewest, self.count) if self.count % n == 0), self.count)

    @cached_property
    def muted(self) -> MutedDays:
        """What silent feeds leave unknown."""
        return muted_days(self.base, self.dates, detail_needs(self.base.tables, self.base.absent))

    @cached_property
    def unknown(self) -> UnknownUse | None:
        """Whose use parts of the feed leave unknown."""
        beside = {**detail_needs(self.base.tables, self.base.absent), **fact_needs()}
        return unknown_use(self.base, self.dates, beside)

    @property
    def key(self) -> str | None:
        """What the shards are known by; None if it is not known whether the tables are the same."""
        if self.base.state is None:
            return None
        names = [feature.name for feature in available(self.base.tables, self.base.absent)]
        absent = sorted(self.base.absent)
        return key_of(self.base.state, sorted(self.dates), self.rules, absent, names, self.count, self.for_list)


def _rows(asked: _Asked, progress: Callable[[int, int], None] | None) -> Iterator[tuple[pa.Table, _Beside]]:
    """The feature rows of each part of the base, in their order, and what a list asks for beside them.

    The usage of a block of shards is counted at once, and held by the engine while they are worked on; finished shards
    wait on disk for the comparison of accounts, and what the shards are made from may be on disk as well, see
    ``Engine.partitioned``.
    """
    base = asked.base
    features = available(base.tables, base.absent)
    if asked.count == 1:
        with _counted(asked, base.tables, of_whole_base=True) as held:
            rows = feature_rows(
                base.tables,
                asked.dates,
                asked.rules,
                absent=base.absent,
                held=held,
                muted=asked.muted,
                unknown=asked.unknown,
            )
            views = asked.views(base.tables, held)
            yield _fetched(rows), _with_compared(asked.beside(views, held), asked.compared(views, held))
        if progress is not None:
            progress(1, 1)
        return
    of_all = _contracts(asked, base.tables) if asked.blocks == 1 else nullcontext(dict[str, ir.Table]())
    with checkpoint(asked.key) as waiting, of_all as contracts:
        for index, own, held in _shards(asked, waiting, contracts):
            own_views = asked.views(own, held)
            own_rows = _where_known(_own_rows(own_views, features), asked.unknown)
            waiting.write(index, own_rows.to_pyarrow(), asked.beside(own_views, held))
            if progress is not None:
                progress(waiting.finished(), asked.count)
        whole = asked.views(base.tables, contracts)
        compared = asked.compared(whole, contracts)
        with base.engine.scratch() as con:
            for index, of_shard in enumerate(_second_pass(con, waiting, asked, whole, features)):
                yield of_shard, _with_compared(waiting.beside(index), compared)


def _with_compared(beside: _Beside, compared: pa.Table | None) -> _Beside:
    """The same with the details that see the whole base."""
    if compared is None:
        return beside
    details = beside[_DETAILS].join(compared, list(KEY))
    return beside | {_DETAILS: details.sort_by([("snapshot_date", "ascending"), ("account_id", "ascending")])}


def _shards(asked: _Asked, waiting: Checkpoint, contracts: Tables) -> Iterator[tuple[int, Tables, Tables]]:
    """The shards that are not there yet: ``(number, tables, what the engine holds of their usage)``.

    ``contracts``: what it holds of the whole base already, where that is one block.
    """
    base, count, blocks = asked.base, asked.count, asked.blocks
    missing = [index for index in range(count) if not waiting.has(index)]
    if not missing:
        return
    # To lay out the usage costs as much as to find it for one block, which is counted in five readings.
    in_parts = base.engine.partitioned(base.tables, count, waiting.folder)
    with in_parts if blocks > 1 else nullcontext(filtered(base.tables)) as part:
        for block in range(blocks):
            # One of `blocks` parts of the accounts holds these of `count` parts, whole.
            of_block = [index for index in missing if index % blocks == block]
            if of_block:
                with _counted(asked, part(block, blocks), contracts) as held:
                    for index in of_block:
                        counted = {name: part_of(table, index, count) for name, table in held.items()}
                        yield index, part(index, count), counted


@contextmanager
def _contracts(asked: _Asked, tables: Tables) -> Iterator[Tables]:
    """The customers of some tables and their services, held by the engine: the second is made from the first."""
    engine, dates, rules = asked.base.engine, asked.dates, asked.rules
    with ExitStack() as stack:
        held: Tables = {}
        if "invoices" in tables:
            held |= stack.enter_context(engine.cached({"services": services(tables, dates, rules)}))
        yield held | stack.enter_context(engine.cached({"cohort": cohort(tables, dates, rules, held.get("services"))}))


@contextmanager
def _counted(
    asked: _Asked, tables: Tables, contracts: Tables | None = None, *, of_whole_base: bool = False
) -> Iterator[Tables]:
    """What several views of some tables read: the customers, their lines and services, and their usage, counted.

    ``contracts``: what ``_contracts`` gives of them, where somebody holds it. ``of_whole_base``: the tables are those
    of the base, so that it is known who is of one group.
    """
    engine = asked.base.engine
    with ExitStack() as stack:
        # Each is read by many views and dear to compile, and the later ones are made from the earlier.
        held = contracts or stack.enter_context(_contracts(asked, tables))
        views = asked.views(tables, held)
        passed = stack.enter_context(use_by_pass(engine, views))
        names = [name for name in HELD if not passed or name not in (*passed, *REPLACED)]
        names += ["lines"] if "subscriptions" in tables else []
        if of_whole_base and PARENTS not in asked.base.absent:
            names.append("group_members")
        yield held | passed | stack.enter_context(engine.cached({name: getattr(views, name) for name in names}))


def _fetched(rows: ir.Table) -> pa.Table:
    return rows.order_by("snapshot_date", "account_id").to_pyarrow()


def _second_pass(
    con: BaseBackend, waiting: Checkpoint, asked: _Asked, base: WholeBaseViews, features: list[Feature]
) -> Iterator[pa.Table]:
    """Each shard with the features that compare accounts; all rows are read, but only the columns compared."""
    whole = con.create_table(_name(), _whole_base_rows(base, features).to_pyarrow())
    own = con.read_parquet([waiting.path(index) for index in range(asked.count)])
    both = _side_by_side(own, whole)
    crossing = {f.name: _compared(f, both) for f in features if f.view in (*OF_FINISHED_ROWS, *WHOLE_BASE)}
    compared = con.create_table(_name(), both.select(*KEY, **crossing))
    shown = [f.name for f in features if f.card is not None]
    try:
        for index in range(asked.count):
            part = _side_by_side(con.read_parquet(waiting.path(index)), compared)
            yield _fetched(_unless_muted(part.select(*KEY, *shown), asked.muted, asked.unknown))
    finally:
        for table in (whole, compared):
            con.raw_sql(f"drop table {table.get_name()}")


def _name() -> str:
    return f"headroom_{uuid4().hex}"
