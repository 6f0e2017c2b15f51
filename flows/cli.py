"""The command line. Every command exits 0 on success, 1 on a refusal or bad input, 2 on wrong usage.

Heavy libraries are imported by the command that needs them, so that help and errors come at once.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from importlib import import_module
from logging import ERROR
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console

from data.errors import in_words
from data.scratch import of_this_run
from data.shown.paths import NO_URL, is_url
from data.shown.text import for_terminal
from flows.run import environment
from flows.run.ending import ending_in_order, last_words, told_to_end
from flows.run.log import is_json, log
from flows.run.printed import print_as_is, print_line, print_lines
from flows.run.progress import counting, say
from flows.run.ready import require_model
from flows.run.settings import PREFECT_RUNS, Settings, load, load_recording

app = typer.Typer(
    help="Who is ready to grow, and why: expansion propensity for B2B SaaS.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # `[source].url` is a setting, and no colour
    pretty_exceptions_enable=False,
)
outcomes = typer.Typer(help="What came of the plays.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(outcomes, name="outcomes")


def _local(path: Path | None) -> Path | None:
    """A path of the command line. Raises ``BadParameter`` for a URL, which would become the name of a folder."""
    if path is not None and is_url(path):
        raise typer.BadParameter(NO_URL)
    return path


Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: headroom.toml, if there).", callback=_local)
]
SourceUrl = Annotated[str | None, typer.Option("--source", help="Where the tables are; overrides [source].url.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the published snapshots; overrides `out`.", callback=_local),
]
Model = Annotated[str | None, typer.Option("--model", help="NAME@ALIAS, VERSION or RUN (default: champion).")]
ListModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="NAME@ALIAS, VERSION, RUN, or as-of: the champion of that day (default: the champion, unless it has seen "
        "what came after that day).",
    ),
]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--snapshot-date", formats=["%Y-%m-%d"], help="The day to stand on (default: the day after the data)."
    ),
]

FromNothing = Annotated[
    bool,
    typer.Option("--from-nothing", help="Train with the store and without it, register nothing, compare every bit."),
]
UnderPrefect = Annotated[
    bool, typer.Option("--prefect", help="Run as a flow of Prefect, as always where PREFECT_API_URL names a server.")
]


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where it is written.", callback=_local)] = Path("demo"),
    accounts: Annotated[int, typer.Option(min=50)] = 2000,
    months: Annotated[int, typer.Option(min=12)] = 30,
    seed: Annotated[int, typer.Option(min=0)] = 7,
) -> None:
    """Simulate a customer base, train, score, and print the list. Opens nothing, needs nothing."""
    with _flow("demo", folder) as run:
        result = run(folder=folder, accounts=accounts, months=months, seed=seed)
    _print_top(result["out"])
    print_lines(f"{label:<14} {path}" for label, path in result["paths"].items())


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the tables to.", callback=_local)],
    accounts: Annotated[int, typer.Option(min=10)] = 2000,
    months: Annotated[int, typer.Option(min=6)] = 30,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    random: Annotated[bool, typer.Option("--random", help="The same as --world random.")] = False,
    world: Annotated[
        str | None, typer.Option("--world", help="What makes accounts buy (default: driven; docs/worlds.md).")
    ] = None,
) -> None:
    """Write a simulated customer base, with its true probabilities beside the tables."""
    from data.simulation.base import simulate as run
    from data.worlds.catalogue import world_asked

    chosen = world_asked(world, is_random=random)
    for table, rows in run(out, accounts, months, seed, progress=counting("accounts"), world=chosen).items():
        print_line(f"{table:<18} {rows:>12,} rows")
    print_line(f"written to {out.resolve()}")


@app.command()
def record(
    day: Annotated[
        datetime | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="The day that the tables show (default: today, UTC)."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="A table, or table.column, that may lose rows or values; may be repeated."),
    ] = None,
    config: Config = None,
    source: SourceUrl = None,
    prefect: UnderPrefect = False,
) -> None:
    """Record what the source shows today: history from today on, to be read with record://FOLDER."""
    settings = load_recording(config, source, accept or ())
    settings.recorded_address.require()
    with _runnable("record", settings, prefect) as run:
        result = run(config=config, source=source, day=_date(day), accept=accept or ())
    print_lines(result["lines"])
    print_line(f"history: {result['folder']}")


@app.command()
def init(
    tools: Annotated[
        str, typer.Option("--from", help="Tools in the source, such as stripe,salesforce (default: all recognised).")
    ] = "",
    config: Annotated[
        Path | None, typer.Option("--config", help="File to write (default: headroom.toml).", callback=_local)
    ] = None,
    source: SourceUrl = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Recognise the tools whose tables are in a source, and write headroom.toml with the SQL that maps them."""
    from flows.init import init as run

    names = [name.strip().lower() for name in tools.split(",") if name.strip()]
    print_lines(run(names, config, source, force=force))


@app.command()
def check(
    config: Config = None,
    source: SourceUrl = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the offending rows, one CSV file a finding.", callback=_local),
    ] = None,
) -> None:
    """Check the tables: what is wrong, what is missing, and what it costs."""
    settings = _ready(config, source)
    from flows.checks.check import check as run

    if not run(settings, out or settings.check_folder):
        raise typer.Exit(1)


@app.command()
def features(
    out: Annotated[Path | None, typer.Option("--out", help="Parquet file to write.", callback=_local)] = None,
    describe: Annotated[bool, typer.Option("--describe", help="Print the catalogue of the features.")] = False,
    sql: Annotated[
        str | None, typer.Option("--sql", help="Print the rows as one query for a warehouse, such as snowflake.")
    ] = None,
    snapshot_date: Day = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Write the feature rows of the base on one day, or show what the features are."""
    from flows.feature_rows import describe as describe_features
    from flows.feature_rows import features_as_sql, write_features

    if [out is not None, describe, sql is not None].count(True) != 1:
        raise typer.BadParameter("give one of --out, --describe and --sql")
    settings = load(config, source)
    if describe:
        describe_features(settings)
    elif sql is not None:
        print_as_is(features_as_sql(settings, sql, _date(snapshot_date)))
    elif out is not None:
        print_line(write_features(settings, _date(snapshot_date), out))


@app.command()
def train(
    snapshot_date: Day = None, config: Config = None, source: SourceUrl = None, prefect: UnderPrefect = False
) -> None:
    """Learn from past expansions, as if today were the snapshot date, and register the champion."""
    settings = _ready(config, source)
    with _runnable("train", settings, prefect) as run:
        result = run(config=config, source=source, snapshot_date=_date(snapshot_date))
    from flows.pipelines.summary import of_training

    print_lines(of_training(result))
    if result["decision"].choice == "refuse":
        raise typer.Exit(1)


@app.command()
def score(
    snapshot_date: Day = None,
    out: Out = None,
    model: ListModel = None,
    config: Config = None,
    source: SourceUrl = None,
    prefect: UnderPrefect = False,
) -> None:
    """Score the whole base on one day and publish the ranked list with its reasons."""
    settings = _ready(config, source, out)
    if model is None:
        require_model(settings)
    with _runnable("score", settings, prefect) as run:
        result = run(config=config, source=source, snapshot_date=_date(snapshot_date), out=out, model=model)
    print_line(f"{'unchanged' if result['is_unchanged'] else 'published'} {result['folder']}")


@app.command()
def explain(
    features: Annotated[Path, typer.Option("--features", help="Parquet file of feature rows.", callback=_local)],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write.", callback=_local)],
    k: Annotated[int, typer.Option("-k", min=1, help="How many features per row, the strongest first.")] = 5,
    model: Model = None,
    config: Config = None,
) -> None:
    """Score and explain the rows of a feature table of your own, of any size."""
    from models.registry.mlflow_store import ModelRegistry
    from models.scoring.attributions import explained_by
    from models.scoring.explain_file import explain_file

    settings = load(config)
    bundle = ModelRegistry(settings.mlruns_folder, settings.model).load(model)
    say(f"model {bundle.name} version {bundle.version}, explained by {explained_by(bundle.booster)}")
    rows = explain_file(bundle, features, out, k, progress=counting("rows"))
    print_line(f"{rows:,} rows: {out}")


@app.command()
def top(
    snapshot_date: Day = None,
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many accounts (default: as on the page).")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Only this CSM's book.")] = None,
    by: Annotated[
        Literal["likelihood", "stake"] | None,
        typer.Option("--by", help="What comes first: likelihood, or expected ARR (default: as the list is ranked)."),
    ] = None,
    out: Out = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Print the published list."""
    _print_top(load(config, source, out).out_folder, _date(snapshot_date), n, owner, by)


@outcomes.command("import")
def import_outcomes(
    file: Annotated[
        Path, typer.Argument(help="The Excel file of a list or of a book, filled in and saved.", callback=_local)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A file to add to instead of the store, .parquet or .csv.", callback=_local),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option("--published", help="Folder of the published snapshots; overrides `out`.", callback=_local),
    ] = None,
    who: Annotated[str, typer.Option("--who", help="Who filled it in.")] = "import",
    config: Config = None,
) -> None:
    """Record the answers of a CSM from the Excel file: `headroom score` reads them as the table `outcomes`."""
    settings, today = load(config, None, published), date.today()
    if out is None:
        from flows.outcomes.to_store import import_into_store

        print_line(import_into_store(file, settings, today, who))
    else:
        from flows.outcomes.to_file import import_answers

        print_line(import_answers(file, settings.out_folder, out, today))


@outcomes.command("list")
def list_outcomes(
    account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None,
    out: Out = None,
    config: Config = None,
) -> None:
    """Print what was recorded, oldest first."""
    from flows.outcomes.listed import print_rows, recorded_rows

    rows = recorded_rows(load(config, None, out), account)
    if rows:
        print_rows(rows)
    else:
        print_line(f"nothing has been recorded{'' if account is None else f' of account {account}'}")


@outcomes.command("at-odds")
def at_odds(out: Out = None, config: Config = None) -> None:
    """Where likelihood and money disagree, and where the model and the CSM do: by month, and who it is in the last."""
    from flows.outcomes.at_odds import months_at_odds, print_at_odds

    print_at_odds(months_at_odds(load(config, None, out)))


@outcomes.command("export")
def export_outcomes(
    file: Annotated[Path, typer.Argument(help="The file to write, .parquet or .csv.", callback=_local)],
    out: Out = None,
    config: Config = None,
) -> None:
    """Write every row that was recorded to a file."""
    from flows.outcomes.listed import export_rows

    print_line(f"{export_rows(load(config, None, out), file):,} rows: {file}")


@app.command()
def verify(
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Also every number of every sentence, recomputed from the source.")
    ] = False,
    words: Annotated[
        bool, typer.Option("--words", help="Also what a CSM reads of every account, by rules, and that it is true.")
    ] = False,
    origin: Annotated[
        bool, typer.Option("--origin", help="Also what it was made from: source, model, settings and code, by name.")
    ] = False,
    from_nothing: FromNothing = False,
    snapshot_date: Day = None,
    out: Out = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Check a published list again: files, counts and sums, what its sentences rest on, and how they read."""
    if from_nothing:
        if reasons or words or origin or out is not None:
            raise typer.BadParameter("--from-nothing stands alone: it is about a training, and no list")
        _train_from_nothing(config, source, _date(snapshot_date))
        return
    from flows.verify import verify as run

    verdict = run(config, source, _date(snapshot_date), out, reasons=reasons, words=words, origin=origin)
    print_lines(verdict.lines())
    if not verdict.holds:
        raise typer.Exit(1)


@app.command()
def writeback(
    apply: Annotated[bool, typer.Option("--apply", help="Send it; without it nothing is sent.")] = False,
    undo: Annotated[
        str | None, typer.Option("--undo", help="Write back what stood there before this run, where nobody changed it.")
    ] = None,
    to: Annotated[
        Literal["hubspot", "salesforce"] | None,
        typer.Option("--to", help="The CRM; overrides `to` of [writeback]."),
    ] = None,
    snapshot_date: Day = None,
    out: Out = None,
    config: Config = None,
) -> None:
    """Write the list into the CRM's own companies: say what would change, or change it. No company is ever made."""
    if undo is not None and (apply or snapshot_date is not None):
        raise typer.BadParameter("--undo stands alone: the run says what it wrote")
    settings = load(config, None, out)
    from flows.crm.writeback import undo as take_back
    from flows.crm.writeback import write_list

    if undo is not None:
        take_back(settings, to, undo)
    else:
        write_list(settings, to, _date(snapshot_date), apply=apply)


@app.command()
def notify(
    snapshot_date: Day = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Only this CSM.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the messages; send and note nothing.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send also what may have arrived: a run was ended, or no answer came.")
    ] = False,
    out: Out = None,
    config: Config = None,
    prefect: UnderPrefect = False,
) -> None:
    """Tell owners what is new on the list, by Slack and e-mail: once for each list, and only where something is."""
    from serving.published.layout import published_day

    settings = load(config, None, out)
    published_day(settings.out_folder, _date(snapshot_date), "Tell the owners of")  # before a server starts for nothing
    with _runnable("notify", settings, prefect) as run:
        result = run(
            config=config,
            snapshot_date=_date(snapshot_date),
            out=out,
            owner=owner,
            dry_run=dry_run,
            resend=resend,
        )
    print_lines(result["lines"])


@app.command()
def monitor(
    snapshot_date: Day = None,
    answer: Annotated[
        str | None, typer.Option("--answer", help="The code of an alarm, or CODE:SUBJECT, that was looked into.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="With --answer: what was found, or is done about it.")] = "",
    who: Annotated[str, typer.Option("--who", help="With --answer: who looked.")] = "command line",
    out: Out = None,
    config: Config = None,
    source: SourceUrl = None,
    prefect: UnderPrefect = False,
) -> None:
    """Say what came of the lists whose horizon has passed, what moved since, and what is the matter with the feeds."""
    if (answer is None) != (not note.strip()):
        raise typer.BadParameter("--answer and --note go together")
    if answer is not None:
        from flows.monitoring.answer import answer as give

        print_lines(give(load(config, source, out), answer, note, who))
        return
    settings = _ready(config, source, out)
    from serving.published.layout import published_day

    published_day(settings.out_folder, None, "Monitor")  # before a source is read for nothing
    with _runnable("monitor", settings, prefect) as run:
        result = run(config=config, source=source, snapshot_date=_date(snapshot_date), out=out)
    print_lines(result["lines"])


@app.command()
def backtest(
    snapshot_date: Day = None, config: Config = None, source: SourceUrl = None, prefect: UnderPrefect = False
) -> None:
    """Replay the monthly retrain over past months: figures with intervals, rivals, probes, a page."""
    settings = _ready(config, source)
    with _runnable("backtest", settings, prefect) as run:
        result = run(config=config, source=source, snapshot_date=_date(snapshot_date))
    from flows.pipelines.summary import of_backtest

    print_lines(of_backtest(result))


@app.command()
def figures(
    segment: Annotated[str | None, typer.Option("--segment", help="Lead with this segment.")] = None,
    months: Annotated[
        int | None, typer.Option("--months", min=1, help="How many months, the last that are over (default: 36).")
    ] = None,
    snapshot_date: Day = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write (default: figures in that of the reports).", callback=_local),
    ] = None,
    signals: Annotated[
        bool, typer.Option(help="Count the signals that went with past expansions, which takes a build of features.")
    ] = True,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """The company's figures: bridge, NRR and GRR, expansion, cohorts; and is it ready for an expansion motion?"""
    _ready(config, source)
    say("starting: libraries")
    from flows.pipelines.figures import figures as run
    from flows.pipelines.summary import of_figures

    print_lines(of_figures(run(config, source, _date(snapshot_date), out, segment, months, signals)))


@app.command()
def experiment(
    plan: Annotated[
        bool, typer.Option("--plan", help="Before the start: what it could show, and when, by the year before.")
    ] = False,
    snapshot_date: Day = None,
    out: Out = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Say what the list has earned: what is known so far of the accounts that an experiment holds out."""
    _ready(config, source, out)
    say("starting: libraries")
    from flows.pipelines import experiment as pipelines
    from flows.pipelines.summary import of_experiment, of_plan

    if plan:
        print_lines(of_plan(pipelines.plan(config, source, _date(snapshot_date))))
    else:
        print_lines(of_experiment(pipelines.experiment(config, source, _date(snapshot_date), out)))


@app.command()
def promote(
    version: Annotated[str | None, typer.Argument(help="VERSION, NAME/VERSION or RUN (default: the latest).")] = None,
    because: Annotated[str, typer.Option("--because", help="Why; it is kept in MLflow.")] = "no reason was given",
    config: Config = None,
) -> None:
    """Make a trained version the champion by hand, whatever was decided about it."""
    from flows.stages.warnings import warn_of_other_rules
    from models.registry.champion import promote as run
    from models.registry.mlflow_store import ModelRegistry

    settings = load(config)
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    now, decided = run(registry, version, because)
    print_line(f"version {now} of {settings.model} is the champion (the decision about it had been: {decided})")
    warn_of_other_rules(registry.load(), settings)


@app.command()
def rollback(config: Config = None) -> None:
    """Let the previous champion serve again."""
    from flows.stages.warnings import warn_of_other_rules
    from models.registry.champion import rollback as run
    from models.registry.mlflow_store import ModelRegistry

    settings = load(config)
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    now, before = run(registry)
    print_line(f"version {now} of {settings.model} is the champion again, in place of version {before}")
    warn_of_other_rules(registry.load(), settings)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="The address; overrides `host` of [serve].")] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where it listens; 0: any port that is free.")
    ] = 8080,
    out: Out = None,
    config: Config = None,
) -> None:
    """Serve the published lists as web pages, until it is interrupted."""
    settings = load(config, None, out)
    environment.give_memory_back()
    from flows.run.serve import serve as run

    run(settings, host, port)


@app.command()
def store(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it.")] = False,
    from_nothing: FromNothing = False,
    snapshot_date: Day = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Show what is kept so that the next training need not make it again; clear it; prove that it changes nothing."""
    if clear and from_nothing:
        raise typer.BadParameter("give one of --clear and --from-nothing")
    if from_nothing:
        _train_from_nothing(config, source, _date(snapshot_date))
        return
    settings = load(config, source)
    from flows.kept.show import clear_store, print_store

    if clear:
        print_line(clear_store(settings))
    else:
        print_store(settings)


def _train_from_nothing(config: Path | None, source: str | None, day: date | None) -> None:
    settings = _ready(config, source)
    from flows.kept.from_nothing import differing

    lines = list(differing(settings, day))
    print_lines(lines or ["the same bits with the store and from nothing"])
    if lines:
        raise typer.Exit(1)


@app.command()
def forget(  # noqa: PLR0913  each is an option of the command
    who: Annotated[str | None, typer.Argument(help="The id of an account or a user: whichever is known here.")] = None,
    where: Annotated[bool, typer.Option("--where", help="Say where personal data lies.")] = False,
    account: Annotated[str | None, typer.Option("--account", help="Forget this account, by its id.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Forget this user of an account, by its id.")] = None,
    expired: Annotated[bool, typer.Option("--expired", help="Remove what [retention] keeps no longer.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, it is only said what would go.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who does it (default: the user of this machine).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --where: as JSON.")] = False,
    out: Out = None,
    config: Config = None,
) -> None:
    """Say where personal data lies; take an account or a user out of all of it; remove what is kept no longer."""
    if [where, who is not None, account is not None, user is not None, expired].count(True) != 1:
        raise typer.BadParameter("give one of an id, --where, --account, --user and --expired")
    if "" in (who, account, user):
        raise typer.BadParameter("the id is empty")
    settings = load(config, None, out)
    from flows.privacy import forget as of_one
    from flows.privacy import retention

    if where:
        of_one.print_holdings(of_one.all_holdings(settings), as_json=as_json)
        return
    if expired:
        lines = retention.told(settings, yes=yes)
    else:
        if who is not None:
            account, user = of_one.account_or_user(settings, who)
        lines = of_one.forget(settings, account=account, user=user, by=by, yes=yes)
    print_lines(lines)


@app.command()
def doctor(
    clean: Annotated[
        bool, typer.Option("--clean", help="First clear up what killed runs left, where no process holds it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is found as JSON.")] = False,
    tell: Annotated[
        bool, typer.Option("--tell", help="Tell what is wrong over the channels for operations, as a scheduler does.")
    ] = False,
    out: Out = None,
    config: Config = None,
    source: SourceUrl = None,
) -> None:
    """Check the installation: versions, source, models, lists, stores, disk, schedules; say what to do."""
    settings = load(config, source, out)
    from flows.doctor import doctor as room

    schedules = import_module("flows.doctor.schedules") if os.environ.get("PREFECT_API_URL") else None
    for line in room.clean(settings, schedules.end_dead_runs if schedules else None) if clean else ():
        say(line)
    found = list(room.examine(settings, [schedules.schedules] if schedules else []))
    if as_json:
        print_as_is(room.as_json(found))
    else:
        print_lines(diagnosis.line() for diagnosis in found)
    if tell:
        room.tell_wrong(settings, found)
    if not room.is_well(found):
        raise typer.Exit(1)


def _print_top(
    out: Path, day: date | None = None, n: int | None = None, owner: str | None = None, by: str | None = None
) -> None:
    from serving.published.read import open_list
    from serving.render.orders import Order
    from serving.render.terminal import print_top

    print_top(open_list(out, day).shown(), n, owner, Order(by) if by else None)


def _ready(config: Path | None, source: str | None, out: Path | None = None) -> Settings:
    """The settings of a run. Raises what is wrong with them or with where the source is."""
    settings = load(config, source, out)
    settings.address.require()
    return settings


@contextmanager
def _runnable(name: str, settings: Settings, prefect: bool) -> Iterator[Callable[..., dict[str, Any]]]:
    """The pipeline of that name as it is; under Prefect its flow, and a server while it runs."""
    if not (prefect or os.environ.get("PREFECT_API_URL")):
        say("starting: libraries")
        yield getattr(import_module(f"flows.pipelines.{name}"), name)
        return
    with _flow(name, settings.mlruns_folder.parent) as run:
        yield run


@contextmanager
def _flow(name: str, folder: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """The flow of that name, and a Prefect server while it runs; one of our own keeps its runs in ``folder``."""
    say("starting: libraries, and Prefect")
    from flows.run.under_prefect import server

    with server(folder / PREFECT_RUNS) as where:
        try:
            yield getattr(import_module(f"flows.{name}"), name)
        finally:
            say(where)


def main() -> None:
    """Run a command; a refusal is one message on standard error and exit code 1. A bug keeps its traceback.

    A signal to end is one message too, and exit code 128 and its number.
    """
    environment.prepare(one_message=True)
    with ending_in_order():
        try:
            with of_this_run():
                app()
        except BaseException as error:
            if number := told_to_end():  # whatever it was that could not go on
                _refuse(last_words(number), 128 + number)
            told = in_words(error)
            if told is None:
                raise
            _refuse(f"headroom: {told}", 1)


def _refuse(message: str, code: int) -> NoReturn:
    if is_json():
        log(for_terminal(message), ERROR)
    else:
        Console(stderr=True, highlight=False, soft_wrap=True).print(for_terminal(message), markup=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
