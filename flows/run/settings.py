"""The settings of a run: ``headroom.toml``, overridden by ``HEADROOM_*`` variables, overridden by the command line.

Each room defines its own settings; here they are only put together, so a table of ``headroom.toml`` is a room.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import SettingsError, hint
from data.figures.settings import FiguresSettings
from data.kept.settings import StoreSettings
from data.kept.store import ValueStore
from data.ledger.rules import ExpansionRules
from data.record.settings import RecordSettings
from data.shown.paths import LocalPath, is_url
from data.sources.address import BARE, SCHEMES, Address, SourceSettings
from flows.run.log import LogKind, log_as
from models.monitoring.settings import MonitorSettings
from models.settings import EvaluationSettings, TrainSettings
from serving.access.settings import AccessSettings
from serving.crm.settings import WritebackSettings
from serving.database.address import DatabaseAddress
from serving.messages.settings import NotifySettings
from serving.settings import (
    ExperimentSettings,
    OutcomeSettings,
    PublishSettings,
    RetentionSettings,
    ServeSettings,
    ServingSettings,
)

DEFAULT_FILE = "headroom.toml"
PREFIX = "HEADROOM_"
OFF = "off"
"""What a setting says that can do without a value and has none: neither TOML nor a variable knows null."""
OUTCOMES_FILE = "outcomes.db"
"""The store of outcomes in the folder of the published lists, where no other is named."""
PREFECT_RUNS = "prefect-runs"
"""The home of a Prefect server of our own, beside the MLflow folder or in the demo."""
KEPT = "kept"
"""The store of what need not be made again, beside the MLflow folder."""
HISTORY = "record"
"""The kind of source that `headroom record` writes."""


class ServeTable(ServeSettings, AccessSettings):
    """The web pages, and who may look at them: one table of the file."""


class Settings(BaseModel):
    """All settings of a run. ``root`` is the folder that relative paths of the file start at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: SourceSettings = SourceSettings()
    record: RecordSettings = RecordSettings()
    store: StoreSettings = StoreSettings()
    expansion: ExpansionRules = ExpansionRules()
    figures: FiguresSettings = FiguresSettings()
    training: TrainSettings = TrainSettings()
    serving: ServingSettings = ServingSettings()
    experiment: ExperimentSettings = ExperimentSettings()
    publish: PublishSettings = PublishSettings()
    serve: ServeTable = ServeTable()
    outcomes: OutcomeSettings = OutcomeSettings()
    retention: RetentionSettings = RetentionSettings()
    writeback: WritebackSettings = WritebackSettings()
    notify: NotifySettings = NotifySettings()
    monitor: MonitorSettings = MonitorSettings()
    out: LocalPath = Field(Path("published"), description="snapshots are published under it, one folder each")
    reports: LocalPath = Field(Path("reports"), description="the pages about models are written there")
    mlruns: LocalPath = Field(Path("mlruns"), description="the MLflow folder")
    model: str = Field("headroom", min_length=1, description="name of the registered model")
    log: LogKind = Field(
        "plain", description='"plain": lines for people; "json": an object a line, and one for each stage of a run'
    )
    root: Path = Path()

    @property
    def names_a_source(self) -> bool:
        """Was a source asked for, by file, variable or command line?"""
        return "url" in self.source.model_fields_set

    @property
    def address(self) -> Address:
        """The source, and what it is opened with."""
        return self._address(self.source.url)

    @property
    def recorded_address(self) -> Address:
        """What `headroom record` reads: the source of [record], or else of [source]."""
        return self._address(self.record.url or self.source.url)

    def _address(self, url: str) -> Address:
        asked = self.source
        left_out = frozenset(asked.ignore)
        return Address(url, self.root, asked.tables, asked.threads, asked.memory_limit, left_out, asked.caveats)

    @property
    def history_folder(self) -> Path:
        return self._from_root(self.record.folder)

    @property
    def out_folder(self) -> Path:
        return self._from_root(self.out)

    @property
    def outcomes_url(self) -> str:
        """The store of outcomes; a relative path in it starts at ``root``."""
        return self.outcomes.url or f"sqlite:///{self.out_folder / OUTCOMES_FILE}"

    @property
    def database(self) -> DatabaseAddress | None:
        """The database that lists are published to; None where they are published as files alone."""
        return None if self.publish.url is None else DatabaseAddress(self.publish.url)

    @property
    def writeback_folder(self) -> Path:
        """Where the runs of a write-back keep their journals."""
        return self.out_folder / "writeback"

    @property
    def check_folder(self) -> Path:
        """Where `headroom check` writes the rows that break a rule, where no other folder is given."""
        return self.root / "check"

    @property
    def prefect_folder(self) -> Path:
        """The home of a Prefect server of our own, beside the MLflow folder."""
        return self.mlruns_folder.parent / PREFECT_RUNS

    @property
    def reports_folder(self) -> Path:
        return self._from_root(self.reports)

    @property
    def figures_folder(self) -> Path:
        """Where `headroom figures` writes, where no other folder is given."""
        return self.reports_folder / "figures"

    @property
    def mlruns_folder(self) -> Path:
        return self._from_root(self.mlruns)

    @property
    def kept_folder(self) -> Path:
        """Where values are kept for the next run; by default beside the MLflow folder."""
        path = self.store.path
        return self.mlruns_folder.parent / KEPT if path is None else self._from_root(path)

    def value_store(self, tell: Callable[[str], None]) -> ValueStore:
        """What is kept there; ``tell`` is told in a sentence what is wrong with it."""
        return ValueStore(self.kept_folder, self.store, tell)

    @property
    def training_settings(self) -> EvaluationSettings:
        """The settings of a training, whose horizon is the label's."""
        return EvaluationSettings(**dict(self.training), horizon_days=self.expansion.horizon_days)

    @property
    def playbook_file(self) -> Path | None:
        own = self.serving.playbook
        return None if own is None else self.root / own.expanduser()

    def _from_root(self, path: Path) -> Path:
        return (self.root / path.expanduser()).resolve()


def folder_of(file: Path) -> Path:
    """Where the relative paths of a settings file start: where it is named, wherever a link leads from there."""
    return file.absolute().parent.resolve()


def load(config: Path | str | None = None, source: str | None = None, out: Path | str | None = None) -> Settings:
    """The settings of a run.

    ``config``: the file asked for (default: ``headroom.toml`` of the working folder, if there is one). ``source`` and
    ``out`` come from the command line and start at the working folder. Raises ``SettingsError`` for a file that is not
    there or cannot be read, for an unknown key, and for a value that cannot be used. The log is kept as they say.
    """
    by_variables = _variables()
    _keep_log(by_variables)
    file = Path(config or DEFAULT_FILE)
    if config is not None and not file.is_file():
        raise SettingsError(f"Read the settings from {file}.", "there is no such file.", "Correct --config.")
    values = _read(file) if file.is_file() else {}
    values = _merge(values, by_variables)
    _keep_log(values)
    if "root" in values:
        raise SettingsError(
            f"Read the settings from {file} and the {PREFIX}* variables.",
            "root is not a setting: it is the folder of the settings file.",
            "Take it out.",
        )
    values["root"] = folder_of(file) if file.is_file() else Path.cwd()
    if source is not None and isinstance(values.setdefault("source", {}), dict):
        values["source"]["url"] = from_here(source)
    if out is not None:
        values["out"] = out if is_url(out) else Path.cwd() / Path(out).expanduser()
    try:
        settings = Settings.model_validate(_without_off(Settings, values))
    except ValidationError as error:
        raise _explained(error, file) from error
    log_as(settings.log)
    return settings


def load_recording(config: Path | str | None, source: str | None, accept: Sequence[str]) -> Settings:
    """The settings of a recording: ``source`` and ``accept`` come from the command line.

    Raises ``SettingsError`` as ``load`` does, and where what is to be recorded is a history itself.
    """
    settings = load(config, source)
    changed: dict[str, Any] = {"accept": (*settings.record.accept, *accept)}
    if source is not None:
        changed["url"] = settings.source.url
    settings = settings.model_copy(update={"record": settings.record.model_copy(update=changed)})
    address = settings.recorded_address
    if address.scheme == HISTORY:
        raise SettingsError(
            f"Record {address.shown}.",
            "that is a history: it holds what was recorded, not what the CRM and the billing show today.",
            "Name the source to record as `url` under [record], or with --source.",
        )
    return settings


def _keep_log(values: dict[str, Any]) -> None:
    """Keep the log as it is asked for, before anything is refused; what is no kind of log is refused with the rest."""
    kind: Any = values.get("log")
    if kind in get_args(LogKind):
        log_as(kind)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"Read the settings from {file}.", f"{error}.", "Correct the file.") from error


def _variables() -> dict[str, Any]:
    """The values of the ``HEADROOM_*`` variables; what reads them takes long to import, so only where there are any."""
    if not any(name.upper().startswith(PREFIX) for name in os.environ):
        return {}
    from flows.run.variables import Variables

    return Variables(Settings, PREFIX)()


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _without_off(kind: Any, value: Any) -> Any:
    """A value as it was given to a field of that kind, with None for the word `off` wherever None may stand."""
    if value == OFF and NoneType in get_args(kind):
        return None
    if not isinstance(value, dict):
        return value
    fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    of_each = get_args(kind)[-1] if get_origin(kind) is dict else None
    return {
        key: _without_off(fields[key].annotation if key in fields else of_each, inner) for key, inner in value.items()
    }


def from_here(url: str) -> str:
    """A source of the command line starts at the working folder, not at the folder of the settings file."""
    scheme, separator, path = url.rpartition("://")
    here, kind = Path.cwd() / Path(path).expanduser(), SCHEMES.get(scheme or BARE)
    is_path = kind is not None and (kind.is_path or (kind.may_be_folder and path and here.is_dir()))
    return f"{scheme}{separator}{here}" if is_path else url


def _explained(error: ValidationError, file: Path) -> SettingsError:
    """Every wrong setting with its place; for an unknown key the nearest known one."""
    faults = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            faults.append(f"{place} is not a setting{_meant(*place.split('.'))}")
        elif not place:  # of several settings together; the message names them
            faults.append(problem["msg"].removeprefix("Value error, "))
        else:
            faults.append(f"{place}: {problem['msg']}{_given(place, problem['input'])}")
    where = f"{file} and the {PREFIX}* variables" if file.is_file() else f"the {PREFIX}* variables"
    return SettingsError(f"Read the settings from {where}.", "; ".join(faults) + ".", "Correct them.")


def _given(place: str, value: object) -> str:
    """The value that was given, unless it may hold a password, as one in the wrong place may too."""
    is_plain = isinstance(value, str | int | float) and not {*"@=:"} & {*str(value)}
    may_be_told = is_plain and place != "source" and not place.startswith(("source.url", "source.tables"))
    return f" (it is {value!r})" if may_be_told else ""


def _meant(*place: str) -> str:
    """Where a key of that name is set, or else the nearest key of the table that it stands in."""
    *table, key = place
    tables = dict(_tables(Settings))
    others = " or ".join(_under(name) for name, keys in tables.items() if key in keys)
    return f": set {key} {others}" if others else hint(key, tables.get(".".join(table), []))


def _under(table: str) -> str:
    return f"under [{table}]" if table else "at the top of the file"


def _tables(model: type[BaseModel], *place: str) -> Iterator[tuple[str, list[str]]]:
    """Every table of the file with its keys; "" is the top."""
    yield ".".join(place), [key for key in model.model_fields if key != "root"]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _tables(field.annotation, *place, name)
