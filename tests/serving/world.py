"""A small made-up base for the tests of serving: a catalogue, feature rows that agree with each other, scores."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.contract.details import DETAILS, WEEKS, DetailKind
from data.contract.expected_arr import ArrDoubt
from data.contract.feature_card import Direction, FeatureCard
from data.contract.outputs import (
    ACCOUNT_FACTS,
    CHAMPION,
    FACT_KINDS,
    LINE,
    MOST_FACTS,
    ROLE,
    SCORES,
    TABLES,
    TEAM,
    TICKET,
)
from data.contract.score_change import Change, NotSplit, first_list, not_split
from data.contract.vocabulary import MOTIONS
from data.digests import sha256_of_file
from features.catalogue import full_catalogue
from serving.changes.sentences import About
from serving.publish import publish as publish_list
from serving.published.assemble import AccountBatch, assemble_base, assemble_batch
from serving.published.change_tables import with_since
from serving.published.context import ListContext, known_people
from serving.published.layout import MANIFEST
from serving.published.read import PublishedList
from serving.ranking.rank import because_of_gates
from serving.reasons.choose import explain
from serving.reasons.playbook import load
from serving.reasons.render import ReasonContext
from serving.render.alike import KEY, READ, exchanged, pages_of
from serving.settings import NO_EXPERIMENT, ReasonSettings, ServingSettings

DAY = date(2026, 10, 1)


def catalogue() -> dict[str, FeatureCard]:
    """Every feature that there is, by its name, unit and reason; all else of a card is the same for each.

    So a feature that is added is known here at once. Without values in ``feature_rows`` it is missing throughout.
    """
    return {
        name: replace(
            card,
            label=name.replace("_", " ").capitalize(),
            direction=Direction.UNKNOWN,
            missing="nothing is known",
            actionable=False,
            tables=("subscriptions",),
        )
        for name, card in full_catalogue().items()
    }


CATALOGUE = catalogue()
PLAYBOOK = load(CATALOGUE)
SETTINGS = ServingSettings()

FIRST = ("Brightwater", "Nordlicht", "Casa Verde", "Tallinn", "Ōsaka", "Quill & Sons", "Granite", "Helix", "Pale Blue")
SECOND = ("Logistics", "Health", "Analytics", "Bank", "Schools", "Energy", "Foods", "Robotics", "Travel")
OWNERS = ("Ana Costa", "Björn Ek", "Chidi Obi", "Dana Lee", "Eva O'Neil")


def feature_rows(count: int, seed: int = 1) -> pd.DataFrame:
    """Feature rows that agree with each other (46 of 50 seats are 92%)."""
    draw = np.random.default_rng(seed)
    seats = draw.integers(3, 120, count).astype(float)
    users = np.minimum(np.ceil(seats * draw.beta(5, 2, count)), seats * 1.1).round()
    share = users / seats
    events = (users * draw.integers(20, 400, count)).astype(float)
    growth = draw.normal(0.05, 0.25, count).clip(-0.9, 2)
    price = draw.choice([12.0, 29.0, 49.5], count)
    expansions = draw.poisson(0.8, count).astype(float)
    since = np.where(expansions > 0, draw.integers(20, 900, count), np.nan)
    tier = draw.integers(1, 5, count).astype(float)
    rated = draw.random(count) < 0.6
    csat = np.where(rated, draw.uniform(2.6, 5, count), np.nan)
    teams = draw.integers(1, 6, count).astype(float)
    known = {
        "tenure_days": draw.integers(60, 1500, count), "mrr": seats * price, "seats": seats, "mrr_per_seat": price,
        "list_price_discount": draw.choice([0.0, 0.1, 0.2], count), "products": draw.integers(1, 3, count),
        "products_not_owned": draw.integers(0, 3, count), "line_age_days": draw.integers(5, 360, count),
        "days_to_renewal": draw.integers(0, 360, count), "days_since_expansion": since, "expansions": expansions,
        "last_expansion_share": np.where(expansions > 0, draw.uniform(0.05, 0.6, count), np.nan),
        "contractions_365d": draw.poisson(0.1, count), "mrr_growth_365d": draw.normal(0.08, 0.2, count),
        "tier": tier, "tiers_above": 5 - tier, "month_of_year": np.full(count, 10), "budget_window": np.ones(count),
        "employees": (seats * draw.integers(2, 20, count)), "seats_per_employee": draw.uniform(0.05, 0.5, count),
        "events_28d": events, "events_91d": (events * 3.2).round(), "events_growth_28d": growth,
        "events_growth_91d": growth * 0.9, "events_against_baseline": growth * 1.2,
        "active_days_28d": draw.integers(10, 29, count), "active_days_91d": draw.integers(30, 92, count),
        "days_since_active": draw.integers(1, 9, count), "features_used_28d": draw.integers(2, 12, count),
        "features_used_91d": draw.integers(8, 14, count), "features_new_91d": draw.poisson(0.7, count),
        "features_included_share_91d": draw.uniform(0.2, 1, count), "events_per_user_28d": events / users,
        "active_users_7d": (users * 0.7).round(), "active_users_28d": users, "active_users_91d": users,
        "active_users_growth_28d": draw.normal(0.03, 0.1, count), "power_users_28d": (users * 0.2).round(),
        "power_user_share_28d": (users * 0.2).round() / users, "days_since_first_use": draw.integers(50, 1400, count),
        "days_to_first_value": np.where(rated, draw.integers(1, 80, count), np.nan),
        "seat_utilization_28d": share, "seat_utilization_change_91d": draw.normal(0.02, 0.08, count),
        "registered_users": (seats * draw.uniform(0.6, 1.3, count)).round(), "teams": teams,
        "registered_users_per_seat": np.full(count, 1.0), "users_created_28d": draw.poisson(1, count),
        "users_created_91d": draw.poisson(3, count) + 1, "teams_new_91d": draw.poisson(0.3, count),
        "other_domain_users_91d": draw.poisson(0.4, count), "other_domain_share": draw.uniform(0, 0.2, count),
        "limit_share_max_28d": draw.uniform(0.1, 1.1, count), "days_to_limit": draw.integers(1, 60, count),
        "limits_over_80pct": np.zeros(count), "gated_features_used_91d": draw.poisson(0.6, count),
        "gated_share_used_91d": draw.uniform(0, 1, count), "gated_requests_182d": draw.poisson(0.4, count),
        "tickets_28d": draw.poisson(1, count), "tickets_91d": draw.poisson(2, count) + 1,
        "tickets_open": draw.poisson(0.5, count), "bug_tickets_91d": draw.poisson(0.5, count),
        "critical_tickets_open": (draw.random(count) < 0.04), "feature_requests_182d": draw.poisson(0.5, count),
        "csat_182d": csat, "csat_last": csat, "csat_change_182d": draw.normal(0, 0.5, count),
        "champion_promoted_182d": draw.random(count) < 0.1, "days_since_champion_promoted": np.full(count, 40),
        "champion_left_182d": draw.random(count) < 0.08, "qbr_held_182d": draw.poisson(0.6, count),
        "qbr_gap_182d": draw.poisson(0.2, count), "milestones_365d": draw.poisson(1, count),
        "budget_opened_182d": draw.random(count) < 0.1, "competitor_research_182d": draw.random(count) < 0.05,
        "opportunity_open": draw.random(count) < 0.06, "invoices_overdue": draw.random(count) < 0.04,
        "lines_under_notice": 0,
        "crm_events_91d": draw.poisson(3, count),
        "days_since_not_now": np.where(draw.random(count) < 0.05, 30, np.nan),
        "play_open": draw.random(count) < 0.03,
    }  # fmt: skip
    values = {name: np.asarray(known.get(name, np.full(count, np.nan)), dtype=float) for name in CATALOGUE}
    ids = [f"acc-{number:04d}" for number in range(count)]
    return pd.DataFrame({"account_id": ids, "snapshot_date": DAY, **values})


def facts(ids: Iterable[str], day: date = DAY) -> pd.DataFrame:
    """Facts of these accounts, made up: of every third a number beyond what is published, of every third none."""
    rows = []
    for number, account in enumerate(ids):
        for kind in FACT_KINDS if number % 3 else ():
            count = 25 if number % 3 == 1 else 2
            rows += [_fact(account, kind, place, count, day) for place in range(1, min(count, MOST_FACTS) + 1)]
    return pd.DataFrame(rows, columns=list(ACCOUNT_FACTS.names))


_TITLES = {
    LINE: ("<b>Core</b>", "field_service"), TEAM: ("Sales", None), ROLE: ("admin", "W" * 90),
    CHAMPION: ("champion_left", "champion_promoted"), TICKET: ("feature_request", None),
}  # fmt: skip


def _fact(account: str, kind: str, place: int, count: int, day: date) -> dict[str, object]:
    """A fact: with all that its kind has where its place is odd, and as little as it may have where it is even."""
    is_full, began = place % 2 == 1, day - timedelta(days=9 * place)
    of_all = {"account_id": account, "snapshot_date": day, "kind": kind, "position": place, "of_kind": count}
    of_all |= {"title": _TITLES[kind][not is_full], "began_on": began}
    if kind == LINE:
        of_all |= {"is_open": place < 9, "ended_on": None if place < 9 else began + timedelta(days=1)}
        full = {
            "reference": "C-1",
            "plan": "team_plus",
            "seats": 40,
            "mrr": 1234.5,
            "renews_on": day,
            "notice_on": began,
        }
        of_all |= full if is_full else {"plan": "starter", "mrr": -9.9}
    if kind in (TEAM, ROLE):
        of_all |= {"users": 1200 + place, "active_users": place if is_full else None}
    if kind == TICKET:
        of_all |= {"reference": f"{account}-{place}", "is_open": place < 5}
        full = {"feature": "api_calls", "severity": "critical", "csat": 4.5, "ended_on": began, "is_open": False}
        of_all |= full if is_full else {}
    return of_all


@dataclass(frozen=True)
class DrawnPast:
    """What features were on the day of a list, ``rows``, and two months before: then all were 1, and in between not
    all is known."""

    rows: pd.DataFrame
    names: frozenset[str] = frozenset(CATALOGUE)

    @property
    def days(self) -> list[date]:
        day = self.rows["snapshot_date"].iloc[0]
        return [day - timedelta(days=61), day - timedelta(days=30), day]

    def of(self, accounts: Sequence[str], names: Iterable[str]) -> Iterator[pd.DataFrame]:
        """Two accounts at a time."""
        for start in range(0, len(accounts), 2):
            now = self.rows[self.rows["account_id"].isin(accounts[start : start + 2])]
            now = now[["account_id", "snapshot_date", *names]]
            first, second, _ = self.days
            before = now.assign(snapshot_date=second).iloc[:1]
            yield pd.concat([now.assign(snapshot_date=first, **dict.fromkeys(names, 1.0)), before, now])


AGES = {
    "days_since_gated_request": "gated_asked_on",
    "days_since_request": "requested_on",
    "days_since_milestone": "milestone_on",
    "days_since_nps": "nps_on",
    "days_since_ended": "ended_on",
    "days_since_returned": "returned_on",
}
NAMES = ("api_calls", "reports", "SSO", "Dashboards", "workflow-builder", "north.example", "Pro", "Field Service")


def details(rows: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """What sentences name of the accounts of these rows, made up; of every seventh account nothing is known.

    The next plan adds more features than were used of it, as the tables would have it.
    """
    count, known = len(rows), np.arange(len(rows)) % 7 != 6
    columns: dict[str, list[object]] = {}
    for name, card in DETAILS.items():
        draw = np.random.default_rng([seed, *name.encode()])
        if card.kind is DetailKind.NAME:
            values = draw.choice(NAMES, count).tolist()
        elif card.kind is DetailKind.DAY:
            ahead = 1 if name == "renews_on" else -1
            values = [DAY + timedelta(days=ahead * int(days)) for days in draw.integers(1, 180, count)]
        else:
            values = draw.integers(100, 9_000, count).astype(float).tolist()
        columns[name] = [value if there else None for value, there in zip(values, known, strict=True)]
    frame = pd.DataFrame({"account_id": rows["account_id"].array, **columns})
    used = rows["gated_features_used_91d"].to_numpy(np.float64)
    for name, day in AGES.items():
        frame[name] = [(DAY - of_day).days if there else None for of_day, there in zip(frame[day], known, strict=True)]
    frame["next_plan_used"] = np.where(known, used, np.nan)
    frame["next_plan_features"] = np.where(known, used + 1 + np.arange(count) % 5, np.nan)
    for name in ("request_included", "request_is_open"):
        frame[name] = np.where(known, np.arange(count) % 2, np.nan)
    frame["plan_features_included"] = np.where(known, 20.0, np.nan)
    frame["plan_features_used"] = np.where(known, np.round(20 * rows["features_included_share_91d"]), np.nan)
    frame["new_domain_users"] = np.where(known, rows["other_domain_users_91d"], np.nan)
    frame["service_goes_on"] = np.where(known & (np.arange(count) % 3 == 0), 1.0, np.nan)
    for names, every in (
        (("returned_on", "days_since_returned"), 13),
        (("ended_product", "ended_on", "days_since_ended"), 11),
    ):
        is_there = known & (np.arange(count) % every == 0)
        for name in names:
            frame[name] = [value if there else None for value, there in zip(frame[name], is_there, strict=True)]
    numbers = [
        *AGES,
        "limit_amount",
        "limit_pace",
        "limit_in_days",
        "new_team_users",
        *(f"use_week_{week}" for week in range(1, WEEKS + 1)),
    ]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def accounts(count: int, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    names = [f"{draw.choice(FIRST)} {draw.choice(SECOND)}" for _ in range(count)]
    owners = [None if draw.random() < 0.04 else str(draw.choice(OWNERS)) for _ in range(count)]
    segments = draw.choice(["SMB", "mid-market", "enterprise"], count)
    ids = [f"acc-{number:04d}" for number in range(count)]
    return pd.DataFrame({"account_id": ids, "name": names, "owner": owners, "segment": segments})


def scored(rows: pd.DataFrame, seed: int = 1, per_motion: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and attributions that add up; features that are missing throughout weigh nothing.

    What is drawn for a feature follows from its name, not from how many there are.
    """
    draw = np.random.default_rng(seed)
    count = len(rows)
    names = list(CATALOGUE)
    drawn = [np.random.default_rng([seed, *name.encode()]).normal(0, 0.16, count) for name in names]
    parts = np.column_stack(drawn) * rows[names].notna().any().to_numpy()
    base = -2.9
    log_odds = base + parts.sum(axis=1)
    propensity = 1 / (1 + np.exp(-log_odds))
    scores = pd.DataFrame(
        {
            "account_id": rows["account_id"], "snapshot_date": DAY, "log_odds": log_odds, "base_log_odds": base,
            "propensity": propensity, "expected_arr": propensity * rows["mrr"].fillna(100).to_numpy() * 4,
        }
    )  # fmt: skip
    amount = rows["mrr"].fillna(100) * 4
    scores = scores.assign(arr_if_expands=amount, arr_if_expands_low=amount / 3, arr_if_expands_high=amount * 2)
    low, high = ARR_DOUBT.of_account(scores["expected_arr"].to_numpy())
    scores = scores.assign(expected_arr_low=low, expected_arr_high=high)
    scores = scores.assign(cross_sell_product="<b>Chat</b>", cross_sell_product_share=0.6)
    scores = scores.assign(propensity_low=0.8 * propensity, propensity_high=0.2 + 0.8 * propensity)
    for motion in MOTIONS if per_motion else ():
        scores[f"propensity_{motion}"] = np.nan if motion == "usage" else propensity * draw.uniform(0.1, 0.6, count)
    attributions = pd.DataFrame(parts, columns=names)
    attributions.insert(0, "base_log_odds", base)
    attributions.insert(0, "account_id", rows["account_id"])
    attributions.insert(0, "snapshot_date", DAY)
    return scores, attributions


ARR_DOUBT = ArrDoubt(account_error=0.3, sum_error=0.1, square=1.5)


@dataclass(frozen=True)
class Drawn:
    """Accounts with their feature rows, details and attributions, in one order, and the reasons that are told."""

    rows: pd.DataFrame
    details: pd.DataFrame
    attributions: pd.DataFrame
    reasons: pd.DataFrame


def drawn_reasons(count: int, seed: int, settings: ReasonSettings = SETTINGS.reasons) -> Drawn:
    """Reasons of made-up accounts."""
    rows = feature_rows(count, seed)
    named, attributions = details(rows, seed), scored(rows, seed)[1]
    told = explain(attributions, rows, ReasonContext(CATALOGUE, PLAYBOOK, "$"), settings, details=named)
    return Drawn(rows, named, attributions, told.reasons)


@dataclass(frozen=True)
class HeldList(PublishedList):
    """A list that is held in memory, as if it were read from its folder; ``context`` and ``frames`` are its own."""

    context: ListContext | None = None
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def columns(self, table: str) -> list[str]:
        return list(self.frames[table].columns)

    def batches(self, table: str, columns: Iterable[str] = ()) -> Iterator[pd.DataFrame]:
        """Forty rows at a time: an account may be in two of them, as on disk."""
        rows = self._scan(table, tuple(columns))
        yield from (rows.iloc[start : start + 40].reset_index(drop=True) for start in range(0, len(rows), 40))

    def with_tables(self, **tables: pd.DataFrame) -> "HeldList":
        """The same list with other tables."""
        return replace(self, frames={**self.frames, **tables}, _held={}, _rows_of={})

    def _scan(self, table: str, columns: tuple[str, ...], accounts: Iterable[str] | None = None) -> pd.DataFrame:
        frame = self.frames.get(table, pd.DataFrame(columns=TABLES[table].names))
        if accounts is not None:
            frame = frame[frame["account_id"].isin(list(accounts))]
        return frame[list(columns)] if columns else frame


def assemble(
    day: date,
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rows: pd.DataFrame,
    people: pd.DataFrame,
    *,
    previous: PublishedList | None = None,
    named: pd.DataFrame | None = None,
    facts: pd.DataFrame | None = None,
    **given: Any,
) -> HeldList:
    """The list of a base of one batch, in memory; ``named``: its details; ``given`` are more of its context."""
    context = ListContext(day, known_people(people), **{"horizon_days": 90} | given)
    batch = assemble_batch(context, scores, attributions, rows, named, facts=facts)
    base = assemble_base(context, batch.scores, batch.exclusions, batch.not_evaluated, previous)
    frames = {**batch.tables(), "scores": base.scores, "exclusions": base.exclusions, "assignments": base.assignments}
    made = HeldList(Path("nowhere"), day, base.manifest, context=context, frames=frames)
    made = made.with_tables(reasons=with_exchanges(made))
    return made.with_tables(triggers=with_since(batch.triggers, made, previous))


def with_exchanges(made: HeldList) -> pd.DataFrame:
    """Its reasons, of which some are shown in place of others where the rows above show the same."""
    reasons, pages = made.frames["reasons"], pages_of(made.shown())
    turned = exchanged(made, reasons[reasons["account_id"].isin(list(pages))][list(READ)], pages)
    is_turned = pd.MultiIndex.from_frame(reasons[list(KEY)]).isin(pd.MultiIndex.from_frame(turned))
    return reasons.assign(shown=(reasons["choice"] == "first").to_numpy() ^ is_turned)


OF_BATCH = ("attributions", "reasons", "exclusions", "triggers", "account_plays", "account_facts")
"""The tables of a batch beside the scores."""


def batch_of(made: HeldList) -> AccountBatch:
    """The batch that a list in memory was made of: nobody is held out of it yet."""
    scores = made.frames["scores"]
    codes = because_of_gates(scores["not_eligible_because"], scores["held_out"])
    scores = scores[list(SCORES.of_accounts)].assign(eligible=codes == "", not_eligible_because=codes)
    frames = {name: made.frames[name] for name in OF_BATCH}
    frames["exclusions"] = frames["exclusions"][frames["exclusions"]["shown_under"] != ""]
    return AccountBatch(made.context, scores, change=first_list(scores["account_id"]), **frames)


def unexplained(scores: pd.DataFrame) -> Change:
    """The change of accounts since the last list, of which it is not known what made it."""
    now, before = (np.log(p / (1 - p)) for p in (scores["propensity"], scores["previous_propensity"]))
    why = np.full(len(scores), NotSplit.MODEL_NOT_FOUND.value, dtype=object)
    return not_split(scores["account_id"], (now - before).to_numpy(), why)


def publish(
    out: Path,
    made: HeldList,
    pieces: Mapping[str, object] | None = None,
    batches: int = 1,
    previous: PublishedList | None = None,
    past: DrawnPast | None = None,
) -> Path:
    """Publish a list in memory in so many batches; what its manifest has beyond the context's is kept."""
    batch, places = batch_of(made), made.scores()["account_id"].rank(method="dense").astype(int) % batches
    of = dict(zip(made.scores()["account_id"], places, strict=True))

    def cut(number: int) -> AccountBatch:
        frames = ("scores", *OF_BATCH)
        chosen = {name: (f := getattr(batch, name))[f["account_id"].map(of) == number] for name in frames}
        change = replace(batch.change, accounts=(f := batch.change.accounts)[f["account_id"].map(of) == number])
        return replace(batch, **chosen, change=change)

    if previous is not None:
        batch = replace(batch, change=unexplained(made.scores()))
    with publish_list(out, made.context, previous, past) as publishing:
        for number in range(batches):
            publishing.add(batch if batches == 1 else cut(number))
        publishing.describe(**{**made.manifest, **(pieces or {})})
    return publishing.place


LATER = ("input_watermarks", "expected_arr", "changes", "gates_not_evaluated", "triggers", "signals", "held_out")
"""What the manifests of earlier versions do not say."""


def as_of_earlier_version(folder: Path) -> None:
    """Take from a published list what earlier versions had not, as if one of them had published it."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, table in TABLES.items():
        path = folder / f"{name}.parquet"
        if table.later:
            path.unlink()
            del manifest["rows_out"][name]
        else:
            rows = pd.read_parquet(path)
            rows.drop(columns=[column.name for column in table.columns if column.later]).to_parquet(path)
    there = files_of(folder)
    sums = {name: sha256_of_file(folder / name) for name in manifest["files_sha256"] if name in there}
    kept = {name: entry for name, entry in manifest.items() if name not in LATER}
    (folder / MANIFEST).write_text(json.dumps({**kept, "files_sha256": sums}), encoding="utf-8")


def files_of(folder: Path) -> dict[str, bytes]:
    """All files under a folder, by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def snapshot(count: int = 60, seed: int = 1, day: date = DAY, **given: object) -> HeldList:
    """A whole list of ``count`` accounts; ``given`` replaces rows, details, facts, accounts, settings, playbook,
    experiment, previous.
    """
    rows = given.get("rows", feature_rows(count, seed))
    scores, attributions = scored(rows, seed, bool(given.get("per_motion", True)))
    return assemble(
        day,
        scores,
        attributions,
        rows,
        given.get("accounts", accounts(count)),
        catalogue=CATALOGUE,
        playbook=given.get("playbook", PLAYBOOK),
        settings=given.get("settings", SETTINGS),
        model_version="headroom/7",
        run_id="run-1",
        previous=given.get("previous"),
        arr_doubt=given.get("arr_doubt", ARR_DOUBT),
        experiment=given.get("experiment", NO_EXPERIMENT),
        named=given.get("details"),
        facts=given.get("facts"),
    )


PIECES = {
    "input_watermarks": {
        "subscriptions": date(2026, 9, 30),
        "usage_events": date(2026, 9, 30),
        "tickets": date(2026, 9, 12),
    },
    "stopped_feeds": ["tickets"],
    "input_rows": {"subscriptions": 420, "usage_events": 120_000},
    "config_hash": "c0ffee",
    "code_version": "0.1.0",
    "library_versions": {"lightgbm": "4.7"},
}


def about_list(day: date | None, titles: Mapping[str, str], replaced_by: str = "", **given: str) -> About:
    """A list ranked by propensity, as the one before it, in dollars, where nothing else is ``given``."""
    usual = {"rank_by": "propensity", "previous_rank_by": "propensity", "currency": "$"}
    return About(day, titles, replaced_by=replaced_by, **usual | given)


def with_context(made: HeldList, shown: int = 3) -> HeldList:
    """The same list with what is known of each account beside its score, made up; of every seventh nothing is known.

    Of the reasons the first ``shown`` are those that a CSM sees.
    """
    scores, count = made.scores(), len(made.scores())
    draw = np.random.default_rng(1)
    seats = draw.integers(3, 400, count).astype(float)
    slope = draw.uniform(-0.05, 0.1, count)
    weeks = [list((40 * n * (1 + s) ** np.arange(13)).round()) for n, s in zip(seats, slope, strict=True)]
    known = pd.DataFrame(
        {
            "opening": [f"{int(n)} of your people work in it each week. Who else should?" for n in seats],
            "plan": draw.choice(["team_plus", "enterprise", "starter, api_addon"], count),
            "open_seats": seats,
            "arr": seats * 12 * draw.choice([12.0, 29.0, 49.5], count),
            "renews_on": [made.snapshot_date + timedelta(days=int(days)) for days in draw.integers(5, 360, count)],
            "last_contact_on": [
                made.snapshot_date - timedelta(days=int(days)) for days in draw.integers(1, 182, count)
            ],
            "use_by_week": pd.Series(weeks, dtype="object"),
        }
    )
    known = known.astype("object")
    known.loc[known.index % 7 == 6] = None
    known = known.astype({"open_seats": "float64", "arr": "float64"})
    reasons = made.frames["reasons"]
    seen = (reasons["position"] <= shown) & (reasons["effect"] != "contradicts")
    return made.with_tables(
        scores=scores.assign(**known), reasons=reasons.assign(shown=seen, choice=np.where(seen, "first", "kept"))
    )
