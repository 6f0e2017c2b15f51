"""Wrong settings: each is one refusal that names the place. What can be set is set in one place."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from data.errors import SettingsError
from flows.run.settings import Settings, _tables, load
from flows.stages.history import unknown_signatures

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source = 3", "source"),
        ("[source]\nurll = 'x'", "there is url"),
        ("[source]\nmemory_limit = 'plenty'", "source.memory_limit"),
        ("[training]\nhorizon_days = 30", "set horizon_days under [expansion]"),
        ("[serving.gates]\nonboarding_days = 'many'", "serving.gates.onboarding_days"),
        ("[source", "Expected"),
    ],
)
def test_a_wrong_file_is_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refusal:
        load(file, source="parquet://here")
    assert says in str(refusal.value)


def test_a_variable_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text("[source]\nurl = 'csv://a'\n[serving]\ntop = 5\n", encoding="utf-8")
    monkeypatch.setenv("HEADROOM_SERVING__TOP", "7")
    settings = load(file)
    assert (settings.source.url, settings.serving.top) == ("csv://a", 7)
    assert settings.out_folder == tmp_path / "published"


def test_variables_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_SOURCE", "x")
    monkeypatch.setenv("HEADROOM_SOURCE__URL", "y")
    with pytest.raises(SettingsError):
        load()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('root = "x"', "found: root is not a setting"),
        (
            "[training]\nhorizon_days = 30",
            "found: training.horizon_days is not a setting: set horizon_days under [expansion].\n",
        ),
        ('model = ""', "model: String should have at least 1 character"),
    ],
)
def test_what_cannot_be_set_is_told_in_a_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path / "headroom.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("RESAMPLES", "0"), ("SEED", "-3")])
def test_values_that_no_verdict_could_be_given_with_are_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HEADROOM_TRAINING__{name}", value)
    with pytest.raises(SettingsError, match=rf"training\.{name.lower()}: .*it is '{value}'"):
        load()


@pytest.mark.parametrize("text", ["seed = 3", "[expansion]\nseed = 3", "[serving.gates]\nseed = 3"])
def test_a_key_of_another_table_is_refused_with_the_table_that_it_belongs_to(text: str, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"seed is not a setting: set seed under \[training\]\."):
        load(tmp_path / "headroom.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[serving]\nmodel = 'x'", "serving.model is not a setting: set model at the top of the file."),
        (
            "learning_rate = 0.1",
            "set learning_rate under [training.boosting] or under [training.motion_boosting].",
        ),
        ("[training.boosting]\nlearning_rte = 1", "learning_rte is not a setting (there is learning_rate"),
    ],
)
def test_a_key_out_of_place_is_told_every_place_that_it_has(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path / "headroom.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize("days", [30, 180])
def test_there_is_one_horizon_and_a_training_has_it(days: int, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(f"[expansion]\nhorizon_days = {days}", encoding="utf-8")
    settings = load(tmp_path / "headroom.toml")
    assert settings.training_settings.horizon_days == days
    assert settings.training_settings.model_dump(exclude={"horizon_days"}) == settings.training.model_dump()
    assert [place for place, keys in _tables(Settings) if "horizon_days" in keys] == ["expansion"]


def test_a_slip_in_what_is_signed_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["nps_lst", "nps_last", "account_id", "shuffled_time", "my_own"]
    monkeypatch.setenv("HEADROOM_TRAINING__SIGNED_OFF", json.dumps(names))
    (told,) = unknown_signatures(load(), ["my_own"])
    assert "nps_lst" in told
    assert "did you mean" in told


def defaults(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """The name and the default of every setting, at any depth."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from defaults(field.annotation)
        else:
            yield name, field.default


def valued(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module gives a value that nobody set: constants, defaults of arguments and of fields."""
    settings = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "BaseModel" in {ast.unparse(base) for base in node.bases}
    ]
    own = {id(line) for node in settings for line in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            given = [*node.args.posonlyargs, *node.args.args]
            yield from zip(
                [a.arg for a in given[len(given) - len(node.args.defaults) :]], node.args.defaults, strict=True
            )
            for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if value is not None:
                    yield argument.arg, value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            if id(node) not in own:
                yield node.target.id, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def repeated(text: str) -> set[str]:
    """The settings whose default a module states again under the same name."""
    known: dict[str, list[Any]] = {}
    for name, value in defaults(Settings):
        known.setdefault(name, []).append(value)
    found = set()
    for name, node in valued(ast.parse(text)):
        try:
            value = ast.literal_eval(node)
        except ValueError:
            continue
        if value is not None and value in known.get(name.lower(), []):
            found.add(name)
    return found - {"seed"}  # a fit of its own takes any; a training hands down the one that is set


def test_what_can_be_set_has_no_second_default() -> None:
    rooms = ("data", "features", "models", "serving", "flows")
    found = {path.name: repeated(path.read_text("utf-8")) for room in rooms for path in (ROOT / room).rglob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "FORECAST_RANGE = (0.8, 1.25)",
        "def told(value, currency: str = '$'): ...",
        "def told(value, *, top=20): ...",
        "class Terms:\n    horizon_days: int = 90",
    ],
)
def test_a_second_default_is_found(text: str) -> None:
    assert len(repeated(text)) == 1
    assert repeated("class Terms(BaseModel):\n    horizon_days: int = 90\nFAR, top = 90, None") == set()
