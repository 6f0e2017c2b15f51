"""How fast the pages of ``headroom serve`` answer: ``python -m tests.bench.serve`` prints it as JSON.

Lists of ``--accounts`` accounts and ``--owners`` owners on ``--snapshots`` days are made of one small list, copied and
renamed: the latest of ``--of``, a folder that ``headroom score`` published into, or else one that is made up. Then
``--readers`` ask at once for pages of the list and of accounts. *CPU* is that of the server's process for each page,
which holds on a busy machine too. With ``--frames``: the same rows looked up in pandas frames that are held whole. The
large case is what it is for: 100,000 accounts, 200 owners, 24 days, ten readers (the defaults; minutes, and a GB of
disk).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.contract.outputs import ACCOUNT_FACTS, SIGNALS, TABLES
from serving.published import tables
from serving.published.layout import MANIFEST, place_of, published_dates
from serving.published.read import PublishedList, open_list
from serving.web.pages.my_list import BANDS
from serving.web.query import Sort, account_address
from serving.web.ready import OF_AN_ACCOUNT, OF_ITS_PAST
from tests.serving.world import facts, feature_rows, publish, snapshot, with_context

FACTS = ACCOUNT_FACTS.name
OF_THE_LATEST = (FACTS, SIGNALS.name)
"""Tables that are asked of the latest list alone."""
SMALL = 250
"""Accounts of the list that is copied, at most."""
DAYS_APART = 30
KINDS = ("list", "account")
FEW = 5
"""Accounts that are looked up in frames."""
SORTS = [sort.value for sort in Sort]


def make_lists(out: Path, accounts: int, owners: int, snapshots: int, of: Path | None = None) -> None:
    """Lists of as many accounts, an owner for each in turn, on days that end with that of the list that is copied.

    ``of``: a folder of published lists, of which the latest is copied; None: a small one is made up.
    """
    with tempfile.TemporaryDirectory() as scratch:
        small = open_list(of or _made_up(Path(scratch) / "small", min(accounts, SMALL)))
        copies = -(-accounts // len(small.scores("account_id")))
        tiled = Path(scratch) / "tiled"
        _tile(small, tiled, copies, owners)
        days = [small.snapshot_date - timedelta(days=DAYS_APART * back) for back in reversed(range(snapshots))]
        for before, day in pairwise([None, *days]):
            assert day is not None
            _dated(small, tiled, place_of(out, day), day, before, copies)


def _made_up(out: Path, count: int) -> Path:
    publish(out, with_context(snapshot(count, facts=facts(feature_rows(count)["account_id"]))))
    return out


def _tile(small: PublishedList, tiled: Path, copies: int, owners: int) -> None:
    """Each table that the pages read, as often as asked, under other ids."""
    tiled.mkdir()
    owner_of = {account: number for number, account in enumerate(small.scores("account_id")["account_id"])}
    for name, table in TABLES.items():
        if table.on_pages and small.has(name):
            rows = small.of_all(name)
            with tables.TableWriter(tiled / f"{name}.parquet") as file:
                for copy in range(copies):
                    file.add(tables.to_arrow(_renamed(rows, copy, copies, owner_of, owners), table))


def _dated(small: PublishedList, tiled: Path, folder: Path, day: date, before: date | None, copies: int) -> None:
    """The list of a day, an earlier one without ``OF_THE_LATEST``."""
    folder.mkdir(parents=True)
    for path in sorted(tiled.glob("*.parquet")):
        if day == small.snapshot_date or path.stem not in OF_THE_LATEST:
            with tables.TableWriter(folder / path.name) as file, pq.ParquetFile(path) as rows:
                for batch in rows.iter_batches(tables.ROW_GROUP_ROWS):
                    file.add(_of_day(pa.Table.from_batches([batch]), day))
    told = {"snapshot_date": day.isoformat(), "previous_snapshot_date": before and before.isoformat()}
    counts = {name: small.manifest[name] * copies for name in ("ranked", "excluded")}
    (folder / MANIFEST).write_text(json.dumps({**small.manifest, **told, **counts}, default=str), encoding="utf-8")


def _of_day(rows: pa.Table, day: date) -> pa.Table:
    place = rows.schema.get_field_index("snapshot_date")
    return rows.set_column(place, rows.schema.field(place), pa.array([day] * len(rows), pa.date32()))


def _renamed(rows: pd.DataFrame, copy: int, copies: int, owner_of: dict[str, int], owners: int) -> pd.DataFrame:
    made = rows.assign(account_id=[f"{copy:05d}-{account}" for account in rows["account_id"]])
    for column in {"rank", "previous_rank"} & set(rows):  # each rank once, over all copies
        made[column] = (rows[column] - 1) * copies + copy + 1
    if "owner" in rows:
        numbers = rows["account_id"].map(owner_of) + copy
        made["owner"] = [f"Owner {number % owners:03d}" for number in numbers]
    return made


@contextmanager
def serving(out: Path) -> Iterator[tuple[int, int]]:
    """The command in a process of its own: its process id and its port."""
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", "0", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if "http://" in line)
            found = re.search(r":(\d+)/", said)
            assert found is not None
            yield process.pid, int(found[1])
        finally:
            process.terminate()


def asked_for(out: Path, count: int, seed: int, owners: int) -> list[tuple[str, str]]:
    """What one reader asks for: pages of the list and of accounts in turn, each with its kind."""
    draw = np.random.default_rng(seed)
    accounts = open_list(out).scores("account_id")["account_id"].sample(count, random_state=seed)
    made = []
    for account in accounts:
        query = {"owner": f"Owner {draw.integers(owners):03d}", "band": draw.choice(BANDS), "sort": draw.choice(SORTS)}
        some = draw.choice(list(query), draw.integers(0, 4), replace=False)
        made += [("list", f"/?{urlencode({name: str(query[name]) for name in some})}")]
        made += [("account", account_address(account))]
    return made


def read(port: int, asked: Sequence[tuple[str, str]]) -> list[tuple[str, float]]:
    """Ask for pages one after the other; of each its kind and seconds."""
    connection, took = HTTPConnection("127.0.0.1", port, timeout=120), []
    for kind, path in asked:
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{path}: {answer.status}"
        took.append((kind, time.perf_counter() - began))
    connection.close()
    return took


def cpu_ms(process: int) -> float:
    """CPU of a process so far, user and system."""
    used = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1_000 * (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int | str) -> dict[str, int]:
    """Resident memory of a process: the most it had, and now."""
    told = Path(f"/proc/{process}/status").read_text()
    return {
        name: int(found[1]) // 1024
        for name, line in (("peak_mb", "VmHWM"), ("rss_mb", "VmRSS"))
        if (found := re.search(rf"{line}:\s+(\d+)", told))
    }


def measured(out: Path, readers: int, requests: int, owners: int) -> dict[str, Any]:
    """Milliseconds and CPU of each page while all readers ask at once, pages a second, and the server's memory."""
    asked = [asked_for(out, requests, seed, owners) for seed in range(readers)]
    began = time.perf_counter()
    with serving(out) as (process, port), ThreadPoolExecutor(readers) as pool:
        started = time.perf_counter() - began
        cpu = {kind: _cpu_of(process, port, [page for page in asked[0] if page[0] == kind]) for kind in KINDS}
        began, before = time.perf_counter(), cpu_ms(process)
        took = [found for reader in pool.map(lambda pages: read(port, pages), asked) for found in reader]
        seconds, used = time.perf_counter() - began, cpu_ms(process) - before
        memory = memory_mb(process)
    by_kind = pd.DataFrame(took, columns=["kind", "seconds"]).groupby("kind")["seconds"]
    kinds = {
        kind: {f"p{q}_ms": round(1_000 * of.quantile(q / 100), 1) for q in (50, 99, 100)} | {"cpu_ms": cpu[kind]}
        for kind, of in by_kind
    }
    return {
        **kinds,
        "cpu_ms_a_page": round(used / len(took), 1),
        "pages_a_second": round(len(took) / seconds, 1),
        "start_s": round(started, 1),
        **memory,
    }


def _cpu_of(process: int, port: int, pages: Sequence[tuple[str, str]]) -> float:
    """CPU ms of a page when one reader asks; what the first of them warms is left out."""
    read(port, pages[:1])
    before = cpu_ms(process)
    read(port, pages)
    return round((cpu_ms(process) - before) / len(pages), 1)


def from_frames(out: Path, count: int) -> dict[str, Any]:
    """The look-ups of a page in pandas frames of every list, held whole: CPU ms of each, and what the frames hold."""
    before = memory_mb("self").get("rss_mb", 0)
    lists = [open_list(out, day) for day in published_dates(out)]
    past = [{name: _frame(of, name, columns) for name, columns in OF_ITS_PAST.items()} for of in lists]
    latest = {name: _frame(lists[-1], name, columns) for name, columns in OF_AN_ACCOUNT.items()}
    held = memory_mb("self").get("rss_mb", 0) - before
    began = time.process_time()
    for account in open_list(out).scores("account_id")["account_id"].sample(count, random_state=0):
        for frame in (*latest.values(), *(frame for of_list in past for frame in of_list.values())):
            frame[frame["account_id"] == account].to_dict("records")
    return {"account": round(1_000 * (time.process_time() - began) / count, 1), "frames_mb": held}


def _frame(listing: PublishedList, table: str, columns: Sequence[str]) -> pd.DataFrame:
    asked = ("account_id", *columns) if columns else ()
    frame = listing.of_all(table)
    return frame[list(dict.fromkeys(asked))] if asked else frame


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = {"accounts": 100_000, "owners": 200, "snapshots": 24, "readers": 10, "requests": 50}
    for name, value in usual.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--of", type=Path, help="a folder of published lists, of which the latest is copied")
    parser.add_argument("--folder", type=Path, help="the lists, kept there for another run (default: made and removed)")
    parser.add_argument("--frames", action="store_true", help="the look-ups in pandas frames too (gigabytes of memory)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        out = given.folder or Path(scratch) / "lists"
        if not out.exists():
            make_lists(out, given.accounts, given.owners, given.snapshots, given.of)
        asked = {name: getattr(given, name) for name in usual}
        found = asked | measured(out, given.readers, given.requests, given.owners)
        return found | ({"pandas": from_frames(out, FEW)} if given.frames else {})


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
