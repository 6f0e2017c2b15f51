"""The settings of a run: ``headroom.toml``, overridden by ``HEADROOM_*`` variables, overridden by the command line.

Each room defines its own settings; here they are only put together, so a table of ``headroom.toml`` is a room.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from data.errors import SettingsError, hint
from data.ledger.rules import ExpansionRules
from data.sources.address import SCHEMES, Address, SourceSettings
from models.settings import EvaluationSettings, TrainSettings
from serving.settings import ServingSettings

DEFAULT_FILE = "headroom.toml"
PREFIX = "HEADROOM_"
NOT_SETTINGS = frozenset({"headroom_all_tests", "headroom_bases"})
"""Variables of the tests."""


class Settings(BaseModel):
    """All settings of a run. ``root`` is the folder that relative paths of the file start at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: SourceSettings = SourceSettings()
    expansion: ExpansionRules = ExpansionRules()
    training: TrainSettings = TrainSettings()
    serving: ServingSettings = ServingSettings()
    out: Path = Field(Path("published"), description="snapshots are published under it, one folder each")
    reports: Path = Field(Path("reports"), description="the pages about models are written there")
    mlruns: Path = Field(Path("mlruns"), description="the MLflow folder; starts at the working folder")
    model: str = Field("headroom", min_length=1, description="name of the registered model")
    root: Path = Path()

    @property
    def names_a_source(self) -> bool:
        """Was a source asked for, by file, variable or command line?"""
        return "url" in self.source.model_fields_set

    @property
    def address(self) -> Address:
        """The source, and what it is opened with."""
        asked = self.source
        return Address(asked.url, self.root, asked.tables, asked.threads, asked.memory_limit)

    @property
    def out_folder(self) -> Path:
        return (self.root / self.out).resolve()

    @property
    def reports_folder(self) -> Path:
        return (self.root / self.reports).resolve()

    @property
    def mlruns_folder(self) -> Path:
        return self.mlruns.resolve()

    @property
    def training_settings(self) -> EvaluationSettings:
        """The settings of a training, whose horizon is the label's."""
        return EvaluationSettings(**dict(self.training), horizon_days=self.expansion.horizon_days)

    @property
    def playbook_file(self) -> Path | None:
        return None if self.serving.playbook is None else self.root / self.serving.playbook


def load(config: Path | str | None = None, source: str | None = None, out: Path | str | None = None) -> Settings:
    """The settings of a run.

    ``config``: the file asked for (default: ``headroom.toml`` of the working folder, if there is one). ``source`` and
    ``out`` come from the command line and start at the working folder. Raises ``SettingsError`` for a file that is not
    there or cannot be read, for an unknown key, and for a value that cannot be used.
    """
    file = Path(config or DEFAULT_FILE)
    if config is not None and not file.is_file():
        raise SettingsError(f"The settings are to be read from {file}.", "there is no such file.", "Correct --config.")
    values = _read(file) if file.is_file() else {}
    values = _merge(values, _Variables()())
    if "root" in values:
        raise SettingsError(
            f"The settings are to be read from {file} and the {PREFIX}* variables.",
            "root is not a setting: it is the folder of the settings file.",
            "Take it out.",
        )
    values["root"] = file.resolve().parent if file.is_file() else Path.cwd()
    if source is not None and isinstance(values.setdefault("source", {}), dict):
        values["source"]["url"] = _from_here(source)
    if out is not None:
        values["out"] = Path.cwd() / out
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, file) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings are to be read from {file}.", f"{error}.", "Correct the file.") from error


class _Variables(EnvSettingsSource):
    """``HEADROOM_MLRUNS`` is ``mlruns``; ``HEADROOM_SOURCE__URL`` is ``[source].url``; lists as in the file.

    pydantic-settings passes over a variable that leads to no setting. Here a slip must not go unseen: such a variable
    is a value of its own name, which no setting has, and is refused like a slip in the file.
    """

    def __init__(self) -> None:
        # Only the fields of the class are asked for, and any model has those. If it were a ``BaseSettings``, Settings()
        # would read the variables also where the defaults are wanted.
        super().__init__(Settings, env_prefix=PREFIX, env_nested_delimiter="__")  # type: ignore[arg-type]

    def __call__(self) -> dict[str, Any]:
        names = [name for name in self.env_vars if name.startswith(PREFIX.lower()) and name not in NOT_SETTINGS]
        astray = [name for name in names if not self._leads_somewhere(name)]
        self.env_vars = {name: self.env_vars[name] for name in names if name not in astray}
        return dict.fromkeys(map(_place, astray)) | super().__call__()

    def _leads_somewhere(self, name: str) -> bool:
        setting: Any = Settings
        for part in _place(name).split("."):
            setting = self.next_field(setting, part)
        return setting is not None

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        """A list is written as in the file; what cannot be read stays text, and is refused by its name."""
        if not value.lstrip().startswith("["):
            return value
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value


def _place(variable: str) -> str:
    return variable.removeprefix(PREFIX.lower()).replace("__", ".")


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _from_here(url: str) -> str:
    """A source of the command line starts at the working folder, not at the folder of the settings file."""
    scheme, separator, path = url.rpartition("://")
    return (
        f"{scheme}{separator}{Path.cwd() / Path(path).expanduser()}"
        if not scheme or (scheme in SCHEMES and SCHEMES[scheme].is_path)
        else url
    )


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
    return SettingsError(f"The settings are to be read from {where}.", "; ".join(faults) + ".", "Correct them.")


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
