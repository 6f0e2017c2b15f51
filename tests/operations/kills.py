"""``python -m tests.operations.kills``: commands killed at random moments (SIGKILL), and what is there after a re-run.

Half of the moments lie anywhere in the run, half in the part that writes. A reader looks at the list the whole time.
"""

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from data.contract.outputs import TABLES
from models.registry.mlflow_store import ModelRegistry
from serving.crm.settings import HUBSPOT_TOKEN
from serving.database.address import DatabaseAddress
from serving.database.load import publish_to_database
from serving.messages.settings import SLACK_URL
from serving.published.read import open_list
from tests.engines.server import PostgresServer, postgres_server
from tests.flows.conftest import END
from tests.operations import child
from tests.operations.processes import (
    Home,
    afresh,
    base_in,
    copied,
    killed_after,
    read_meanwhile,
    registry_faults,
    working_folder,
)
from tests.serving.crm.servers import ID_PROPERTY, TOKEN, Company, World, hubspot, on_port
from tests.serving.messages import servers as messages
from tests.serving.world import DAY, accounts, files_of, publish, snapshot

KILLS, IN_A_ROW = 20, 4
"""Of each command; and so many runs of `score` and `train` are killed before one is left to its end."""
OWNERS, ANSWERS_AFTER_SECONDS = 40, 0.05
RECORDS, REFUSED = 10_000, 0.03
"""Of a CRM, and the share of them that its rules refuse."""
EARLIER = END - timedelta(days=7)


@dataclass
class Counts:
    """What came of the kills of a command."""

    kills: int = 0
    while_it_wrote: int = 0
    runs_again: int = 0
    reads: int = 0
    faults: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        figures = (self.kills, self.while_it_wrote, self.runs_again, self.reads, len(self.faults))
        return f"| {name:<10} |" + "|".join(f"{figure:>16,}" for figure in figures) + "|"

    def expect(self, is_so: bool, fault: str) -> None:
        if not is_so:
            self.faults.append(fault)
            print(f"FAULT: {fault}", file=sys.stderr)


HEAD = "| command    |           kills | while it wrote | runs to the end | reads meanwhile |         faults |"


@dataclass
class Moments:
    """When a command may be killed: within ``whole`` seconds, or within ``writing`` seconds once ``is_writing``.

    ``ends``: the code that it ends with, if it is let.
    """

    draw: random.Random
    is_writing: Callable[[], bool]
    whole: float = 0
    writing: float = 0
    ends: int = 0

    def measure(self, begin: Callable[[], Any]) -> None:
        """Let one run go undisturbed."""
        began = wrote = time.monotonic()
        process = begin()
        while process.is_alive():
            if wrote == began and self.is_writing():
                wrote = time.monotonic()
            process.join(0.005)
        assert process.exitcode == self.ends, f"the undisturbed run ended with {process.exitcode}"
        assert wrote > began, "it was never seen to write"
        self.whole, self.writing = time.monotonic() - began, time.monotonic() - wrote
        print(f"undisturbed: {self.whole:.1f} s, of which it wrote for {self.writing:.1f} s", file=sys.stderr)

    def kill(self, begin: Callable[[], Any], counts: Counts) -> None:
        """Kill a run; one that ends before its moment is begun again."""
        while True:
            process = begin()
            if counts.kills % 2:
                while process.is_alive() and not self.is_writing():
                    time.sleep(0.005)
                seconds = self.draw.uniform(0, self.writing)
            else:
                seconds = self.draw.uniform(0, self.whole)
            if killed_after(process, seconds, self.ends):
                counts.kills += 1
                counts.while_it_wrote += self.is_writing()
                return


def says(home: Home, words: str) -> Callable[[], bool]:
    """Has the latest command said that?"""
    return lambda: words in home.said()


def trained(scratch: Path) -> Home:
    """A home with the base, a model trained on it and rows that were built once; it is kept where ``scratch`` is."""
    base_in(scratch)
    home = Home(scratch, {"HEADROOM_SOURCE__URL": f"parquet://{scratch / 'warehouse'}"})
    (scratch / "rows").mkdir(exist_ok=True)
    home.variables[child.KEPT_ROWS] = str(scratch / "rows")
    if not (scratch / "trained").exists():
        home.must("train", "--snapshot-date", END - timedelta(days=31))
        home.mlruns.rename(scratch / "trained")
    return home


def kills_of_score(scratch: Path, kills: int, draw: random.Random, server: PostgresServer) -> Counts:
    """Files and tables of PostgreSQL, where an older list of that day is replaced, after one of the week before."""
    url, counts = f"{server.url}/postgres", Counts()
    home = trained(scratch)
    copied(scratch / "trained", home.mlruns)
    score = ("score", "--model", "1", "--snapshot-date")
    home.must(*score, EARLIER)
    home.must(*score, END, HEADROOM_SERVING__TOP="7")
    copied(home.out, scratch / "before")
    home.variables["HEADROOM_PUBLISH__URL"] = url

    def reset() -> None:
        copied(scratch / "before", home.out)
        for day in (EARLIER, END):
            publish_to_database(DatabaseAddress(url), open_list(home.out, day))

    def begin() -> Any:
        (home.folder / "said.txt").write_text("")
        return home.start(*score, END)

    reset()
    old = open_list(home.out, END).manifest
    moments = Moments(draw, says(home, "ranking, and writing"))
    moments.measure(begin)
    undisturbed, tables = files_of(home.out), rows_of(url)
    assert open_list(home.out, END).manifest != old
    while counts.kills < kills:
        reset()
        with read_meanwhile(home.out, END, scratch, url) as seen:
            for _ in range(min(IN_A_ROW, kills - counts.kills)):
                moments.kill(begin, counts)
            home.must(*score, END)
            counts.runs_again += 1
        _read(seen, counts)
        counts.expect(files_of(home.out) == undisturbed, f"kill {counts.kills}: the files differ")
        counts.expect(rows_of(url) == tables, f"kill {counts.kills}: the tables of the database differ")
        counts.expect(home.leftovers() == [], f"kill {counts.kills}: left are {home.leftovers()}")
    for fault in afresh(registry_faults, home.mlruns):
        counts.expect(False, fault)
    return counts


def _read(seen: Path, counts: Counts) -> None:
    told = json.loads(seen.read_text())
    counts.reads += told["reads"] + told["database_reads"]
    for kind in ("torn", "database_torn"):
        counts.expect(not told[kind], f"kill {counts.kills}: a reader saw {kind} {told[kind]}")
    counts.expect(len(told["lists"]) <= 2, f"kill {counts.kills}: {len(told['lists'])} lists were seen")


def rows_of(url: str) -> dict[str, object]:
    """A hash of each table of the lists in the database."""
    with psycopg.connect(url) as server:
        asked = "select md5(string_agg(md5(t::text), '' order by md5(t::text))) from headroom.{} t"
        return {name: server.execute(asked.format(name)).fetchone() for name in (*TABLES, "manifests")}


def kills_of_train(scratch: Path, kills: int, draw: random.Random, _: PostgresServer) -> Counts:
    """A second model beside the champion."""
    counts = Counts()
    home = trained(scratch)

    def reset() -> None:
        copied(scratch / "trained", home.mlruns)

    def begin() -> Any:
        (home.folder / "said.txt").write_text("")
        return home.start("train", "--snapshot-date", END)

    reset()
    moments = Moments(draw, says(home, "logging to MLflow"))
    moments.measure(begin)
    undisturbed = afresh(newest, home.mlruns)
    while counts.kills < kills:
        reset()
        for _ in range(min(IN_A_ROW, kills - counts.kills)):
            moments.kill(begin, counts)
            afresh(load_champion, home.mlruns)  # whoever scores now finds a whole champion
        home.must("train", "--snapshot-date", END)
        counts.runs_again += 1
        counts.expect(afresh(newest, home.mlruns) == undisturbed, f"kill {counts.kills}: the model differs")
        counts.expect(home.leftovers() == [], f"kill {counts.kills}: left are {home.leftovers()}")
        for fault in afresh(registry_faults, home.mlruns):
            counts.expect(False, f"kill {counts.kills}: {fault}")
    return counts


def load_champion(mlruns: Path) -> None:
    """Raises ModelError where there is none that is whole."""
    ModelRegistry(mlruns).load()


def newest(mlruns: Path) -> dict[str, str]:
    """The files of the newest version."""
    registry = ModelRegistry(mlruns)
    version = registry.versions().iloc[0]
    return registry._files("newest", version["run_id"])


def kills_of_notify(scratch: Path, kills: int, draw: random.Random, _: PostgresServer) -> Counts:
    """Each owner is told once; the one message that was under way may come twice, where it is asked for again."""
    counts, home = Counts(), Home(scratch)
    publish(
        scratch / "of-owners",
        snapshot(
            OWNERS * 3,
            accounts=accounts(OWNERS * 3).assign(owner=[f"Owner {number % OWNERS:03}" for number in range(OWNERS * 3)]),
        ),
    )
    with messages.slack() as slack:
        slack.answers_after = ANSWERS_AFTER_SECONDS
        home.variables |= {SLACK_URL: messages.WEBHOOK, child.SLACK_AT: slack.address}

        def reset() -> None:
            copied(scratch / "of-owners", home.out)
            slack.received.clear()

        def begin() -> Any:
            reset()
            return home.start("notify")

        moments = Moments(draw, lambda: bool(slack.received))
        moments.measure(begin)
        told = sorted(map(str, slack.received))
        while counts.kills < kills:
            moments.kill(begin, counts)
            unclear = home.run("notify")
            counts.expect(len(slack.titles) == len(set(slack.titles)), f"kill {counts.kills}: told twice unasked")
            if unclear:
                home.must("notify", "--resend")
            counts.runs_again += 1
            counts.expect(sorted({str(one) for one in slack.received}) == told, f"kill {counts.kills}: told otherwise")
            twice = len(slack.titles) - len(told)
            counts.expect(twice <= 1, f"kill {counts.kills}: {twice} messages came twice")
            counts.expect(home.leftovers() == [], f"kill {counts.kills}: left are {home.leftovers()}")
    return counts


def kills_of_writeback(scratch: Path, kills: int, draw: random.Random, _: PostgresServer) -> Counts:
    """The records of a CRM, of which its rules refuse some: the others are written once, and show what an undisturbed
    run writes; every refusal is told. In the end all is taken back that nobody else changed.
    """
    counts, home = Counts(), Home(scratch)
    if not (scratch / "of-a-crm").exists():
        publish(scratch / "of-a-crm", snapshot(RECORDS))
    ids = open_list(scratch / "of-a-crm", DAY).scores("account_id")["account_id"].tolist()
    refused = frozenset(draw.sample(ids, int(RECORDS * REFUSED)))
    world = World({}, refused=refused)
    with on_port(lambda _: hubspot(world)) as url:
        settings = f'[writeback]\nto = "hubspot"\nid_property = "{ID_PROPERTY}"\n[writeback.hubspot]\nurl = "{url}"\n'
        (scratch / "headroom.toml").write_text(settings)
        home.variables |= {HUBSPOT_TOKEN: TOKEN}

        def reset() -> None:
            copied(scratch / "of-a-crm", home.out)
            world.companies = {account: Company(str(place), {}) for place, account in enumerate(ids, start=1)}
            world.taken.clear()
            world.sent.clear()

        def begin() -> Any:
            reset()
            return home.start("writeback", "--apply")

        moments = Moments(draw, lambda: bool(world.sent), ends=1)
        home.must("writeback", "--help")  # the libraries are read once, before anything is measured
        moments.measure(begin)
        undisturbed = world.values()
        while counts.kills < kills:
            moments.kill(begin, counts)
            counts.expect(home.run("writeback", "--apply") == 1, f"kill {counts.kills}: no refusal was told")
            counts.runs_again += 1
            counts.expect(world.values() == undisturbed, f"kill {counts.kills}: the CRM shows something else")
            counts.expect(set(world.taken.values()) == {1}, f"kill {counts.kills}: {max(world.taken.values())} times")
            counts.expect(set(world.taken) == set(ids) - refused, f"kill {counts.kills}: records are missing")
            counts.expect(refused_by(home.out) == refused, f"kill {counts.kills}: other refusals are told")
            counts.expect(home.leftovers() == [], f"kill {counts.kills}: left are {home.leftovers()}")
        _take_back(home, world, counts)
    (scratch / "headroom.toml").unlink()
    return counts


def refused_by(out: Path) -> frozenset[str]:
    """The accounts that the last run tells of as refused."""
    last = max(run for run in (out / "writeback").iterdir() if (run / "rejections.parquet").exists())
    return frozenset(pd.read_parquet(last / "rejections.parquet")["account_id"])


def _take_back(home: Home, world: World, counts: Counts) -> None:
    """A further run sends nothing but what was refused; then each run is undone, the last one first."""
    world.sent.clear()
    home.run("writeback", "--apply")
    counts.expect({account for account, _ in world.sent} == world.refused, "unchanged records were sent again")
    others = sorted(set(world.companies) - world.refused)[::100]
    for account in others:
        world.companies[account].values["headroom_play"] = "our own"
    for run in sorted((path.name for path in (home.out / "writeback").iterdir() if path.is_dir()), reverse=True):
        home.must("writeback", "--undo", run)
    left = {account: {n: v for n, v in values.items() if v} for account, values in world.values().items()}
    counts.expect({account for account, values in left.items() if values} == set(others), "not all was taken back")
    counts.expect(all(left[account] == {"headroom_play": "our own"} for account in others), "others' words were lost")


CASES = {
    "score": kills_of_score,
    "train": kills_of_train,
    "notify": kills_of_notify,
    "writeback": kills_of_writeback,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.kills", description=__doc__)
    parser.add_argument("--only", choices=CASES, action="append", help="these commands; may be repeated")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="where bases and models are kept for the next time")
    asked = parser.parse_args()
    rows = [HEAD, "|---" * 6 + "|"]
    with working_folder(asked.scratch) as scratch, postgres_server() as server:
        for name in asked.only or CASES:
            began, place = time.monotonic(), scratch / name
            place.mkdir(exist_ok=True)
            shutil.rmtree(place / "temporary", ignore_errors=True)
            counts = CASES[name](place, asked.kills, random.Random(asked.seed), server)
            rows.append(f"{counts.row(name)} {time.monotonic() - began:,.0f} s")
            print(rows[-1], *counts.faults, sep="\n", flush=True)
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
