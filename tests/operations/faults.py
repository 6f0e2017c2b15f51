"""``python -m tests.operations.faults``: what fails in the middle of a run, what the run says, and what stays.

Disks are made full by small file systems of their own (tmpfs), which needs the rights of a superuser.
"""

import argparse
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from serving.published.layout import place_of
from tests.engines.conftest import copy_table
from tests.engines.server import PostgresServer, postgres_server
from tests.flows.conftest import END, QUICK
from tests.operations import child
from tests.operations.kills import says, trained
from tests.operations.processes import MOST_SECONDS, Home, copied, registry_faults, working_folder
from tests.serving.world import files_of

SCORE = ("score", "--model", "1", "--snapshot-date", END)
TRAIN = ("train", "--snapshot-date", END)
ROOM_LEFT = 150_000
"""Bytes that are free on a disk that is nearly full."""
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
WORDS = re.compile(r"^headroom: ", re.MULTILINE)


@dataclass
class Seen:
    """What a run came to. ``said``: on standard error and output."""

    code: int
    said: str
    seconds: float

    @property
    def is_one_message(self) -> bool:
        """Said once, with what was found and what to do, and no traceback."""
        parts = (len(WORDS.findall(self.said)), self.said.count("\n  found: "), self.said.count("\n  to do: "))
        return parts == (1, 1, 1) and "Traceback" not in self.said

    @property
    def message(self) -> str:
        start = self.said.rfind("headroom: ")
        text = self.said[start:] if start >= 0 else self.said[-600:]
        return " / ".join(line.strip() for line in text.strip().splitlines())


@dataclass
class World:
    """A home with a list of the day, another of which every run of ``SCORE`` would write."""

    home: Home
    scratch: Path
    server: PostgresServer

    def reset(self) -> None:
        copied(self.scratch / "trained", self.home.mlruns)
        copied(self.scratch / "good", self.home.out)
        (self.home.folder / "said.txt").write_text("")

    def ran(self, *arguments: object, meanwhile: Callable[[], object] | None = None, **variables: str) -> Seen:
        """Run a command to its end; ``meanwhile`` is done once it has begun."""
        (self.home.folder / "said.txt").write_text("")
        began, process = time.monotonic(), self.home.start(*arguments, **variables)
        if meanwhile is not None:
            meanwhile()
        process.join(MOST_SECONDS)
        assert process.exitcode is not None, "it hangs"
        return Seen(process.exitcode, self.home.said(), time.monotonic() - began)

    def once_said(self, words: str, do: Callable[[], object]) -> Callable[[], None]:
        def wait() -> None:
            until = time.monotonic() + MOST_SECONDS
            while not says(self.home, words)() and time.monotonic() < until:
                time.sleep(0.005)
            do()

        return wait


@contextmanager
def nearly_full(folder: Path, room: int = ROOM_LEFT) -> Iterator[None]:
    """The folder and what is in it on a disk of its own, on which so many bytes are left."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    aside = folder.with_name(f"{folder.name}-aside")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size * 2 + 50_000_000}", "tmpfs", folder], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        shutil.rmtree(aside)
        with (folder / "ballast").open("wb") as file:
            free = shutil.disk_usage(folder).free
            file.write(b"\0" * (free - room))
        yield
        (folder / "ballast").unlink()
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()
        if aside.exists():
            aside.rename(folder)


# --- the faults -------------------------------------------------------------------------------------------------------


def disk_of_lists(world: World) -> Seen:
    with nearly_full(world.home.out):
        return world.ran(*SCORE)


def disk_of_models(world: World) -> Seen:
    with nearly_full(world.home.mlruns):
        return world.ran(*TRAIN)


def disk_of_temporary_files(world: World) -> Seen:
    world.home.temporary.mkdir(exist_ok=True)
    with nearly_full(world.home.temporary, 20_000):
        return world.ran(*SCORE, **{child.KEPT_ROWS: ""})


def folder_gone(world: World) -> Seen:
    source, away = world.scratch / "going", world.scratch / "gone"
    for folder in (source, away):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world.scratch / "warehouse", source)
    move = world.once_said("model headroom version", lambda: source.rename(away))
    settings = {"HEADROOM_SOURCE__URL": f"parquet://{source}", child.KEPT_ROWS: ""}
    return world.ran(*SCORE, meanwhile=move, **settings)


def in_postgres(world: World) -> dict[str, str]:
    """The base in a schema of the server."""
    from data.sources.connect import connect

    url = f"{world.server.url}/postgres"
    with psycopg.connect(url) as server, connect(f"parquet://{world.scratch / 'warehouse'}") as source:
        server.execute("drop schema if exists base cascade")
        server.execute("create schema base")
        server.execute("set search_path to base")
        for name, raw in source.raw.items():
            copy_table(server, source, name, raw)
    return {"HEADROOM_SOURCE__URL": f"{url}/base", child.KEPT_ROWS: ""}


def source_stopped(world: World) -> Seen:
    settings = in_postgres(world)
    try:
        return world.ran(*SCORE, meanwhile=world.once_said("model headroom version", world.server.stop), **settings)
    finally:
        world.server.start()


def source_restarted(world: World) -> Seen:
    def restart() -> None:
        world.server.stop()
        world.server.start()

    settings = in_postgres(world)
    return world.ran(*SCORE, meanwhile=world.once_said("model headroom version", restart), **settings)


def target_stopped(world: World) -> Seen:
    """The files are published by then, and the run says that the tables are not."""
    stop = world.once_said("ranking, and writing", world.server.stop)
    try:
        return world.ran(*SCORE, meanwhile=stop, HEADROOM_PUBLISH__URL=f"{world.server.url}/postgres")
    finally:
        world.server.start()


def models_locked(world: World) -> Seen:
    with closing(sqlite3.connect(world.home.mlruns / "mlflow.db")) as other:
        other.execute("begin exclusive")
        return world.ran(*SCORE)


def models_locked_late(world: World) -> Seen:
    with closing(sqlite3.connect(world.home.mlruns / "mlflow.db", check_same_thread=False, timeout=60)) as other:
        lock = world.once_said("logging to MLflow", lambda: other.execute("begin exclusive"))
        return world.ran(*TRAIN, meanwhile=lock)


def alone(world: World, *arguments: object, most_mb: int = 0, **variables: str) -> Seen:
    """Run a command in a process that was not forked from another; ``most_mb``: so many addresses it may have."""
    command, environment = world.home.alone(*arguments, **QUICK, **variables, OMP_NUM_THREADS="1")
    limit = [] if not most_mb else ["prlimit", f"--as={most_mb << 20}"]
    began = time.monotonic()
    done = subprocess.run(
        [*limit, *command],
        cwd=world.home.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Seen(done.returncode, done.stdout + done.stderr, time.monotonic() - began)


def clock_back_an_hour(world: World) -> Seen:
    """Nothing of a list hangs on the hour: it is written again as it was."""
    assert world.ran(*SCORE).code == 0
    return alone(world, *SCORE, LD_PRELOAD=FAKETIME, FAKETIME="-1h")


def clock_before_the_day(world: World) -> Seen:
    return alone(world, *SCORE, LD_PRELOAD=FAKETIME, FAKETIME="-2000d")


def memory(most_mb: int) -> Callable[[World], Seen]:
    return lambda world: alone(world, *SCORE, most_mb=most_mb)


FAILS, GOES_ON = "fails", "goes on"
FAULTS: dict[str, tuple[Callable[[World], Seen], str]] = {
    "disk of the lists full (score)": (disk_of_lists, FAILS),
    "disk of the models full (train)": (disk_of_models, FAILS),
    "temporary disk full (score)": (disk_of_temporary_files, FAILS),
    "folder of the source gone (score)": (folder_gone, FAILS),
    "PostgreSQL stopped, the source (score)": (source_stopped, FAILS),
    "PostgreSQL restarted, the source (score)": (source_restarted, FAILS),
    "PostgreSQL stopped, the target (score)": (target_stopped, FAILS),
    "MLflow locked (score)": (models_locked, FAILS),
    "MLflow locked while it is written (train)": (models_locked_late, FAILS),
    "clock back an hour (score)": (clock_back_an_hour, GOES_ON),
    "clock before the day of the list (score)": (clock_before_the_day, FAILS),
    "1,500 MB of addresses (score)": (memory(1_500), FAILS),
}
REPLACED = {target_stopped, clock_back_an_hour}
"""After these the list is the new one, whole."""


def judged(world: World, fault: Callable[[World], Seen], expected: str) -> tuple[str, Seen]:
    world.reset()
    good = files_of(place_of(world.home.out, END))
    seen = fault(world)
    now, faults = files_of(place_of(world.home.out, END)), []
    if expected == FAILS and (seen.code == 0 or not seen.is_one_message):
        faults.append("not one message")
        (world.scratch / f"said-{fault.__name__}.txt").write_text(seen.said, encoding="utf-8")
    if expected == GOES_ON and seen.code != 0:
        faults.append("it failed")
    if (now == good) == (fault in REPLACED):
        faults.append("the list is another one")
    if world.home.leftovers():
        faults.append(f"left: {world.home.leftovers()}")
    faults += [
        said for said in registry_faults(world.home.mlruns) if fault is not disk_of_models or "RUNNING" not in said
    ]
    return "; ".join(faults) or "as it should be", seen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.operations.faults", description=__doc__)
    parser.add_argument("--only", help="those whose name has this in it")
    parser.add_argument("--scratch", type=Path, help="where base and model are kept for the next time")
    asked = parser.parse_args()
    with working_folder(asked.scratch) as scratch, postgres_server() as server:
        home = trained(scratch)
        world = World(home, scratch, server)
        if not (scratch / "good").exists():
            copied(scratch / "trained", home.mlruns)
            home.must(*SCORE, HEADROOM_SERVING__TOP="7")
            home.out.rename(scratch / "good")
        rows = []
        for name, (fault, expected) in FAULTS.items():
            if asked.only and asked.only not in name:
                continue
            verdict, seen = judged(world, fault, expected)
            rows.append(f"| {name} | {seen.code} | {seen.seconds:.0f} s | {verdict} |")
            print(rows[-1], f"    {seen.message[:700]}", sep="\n", flush=True)
        print("| what happens | exit code | after | verdict |", "|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
