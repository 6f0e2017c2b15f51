"""Wrong settings: each is one refusal that names the place. What can be set is set in one place."""

import ast
import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from data.errors import ModelError, SettingsError
from flows.run.ready import require_model
from flows.run.settings import Settings, _tables, load
from flows.stages.history import unknown_signatures
from flows.stages.inputs import provenance, setting_hashes

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


def test_the_models_lie_beside_the_settings_file_wherever_a_run_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "company").mkdir()
    file = tmp_path / "company" / "headroom.toml"
    file.write_text("model = 'ours'\n", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "company"):
        monkeypatch.chdir(folder)
        assert load(file).mlruns_folder == tmp_path / "company" / "mlruns"
    with pytest.raises(ModelError, match=f"no version of ours in {tmp_path / 'company' / 'mlruns'} is the champion"):
        require_model(load(file))


def test_a_folder_of_the_command_line_starts_at_the_working_folder_for_every_kind_of_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "w").mkdir()
    (tmp_path / "conf" / "headroom.toml").write_text("model = 'ours'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked = {url: load("conf/headroom.toml", url).address for url in ("w", "parquet://w", "spark://w", "record://w")}
    assert {url: address.path for url, address in asked.items()} == dict.fromkeys(asked, tmp_path / "w")
    for url in ("spark://", "spark://sales.crm", "postgres://me@host/w"):  # names of no folder
        assert load("conf/headroom.toml", url).source.url == url


def test_a_link_to_a_settings_file_stands_for_it_where_the_link_is(tmp_path: Path) -> None:
    """As Kubernetes shows one, whose folders come and go."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "headroom.toml").write_text("[serving]\nplaybook = 'own.toml'\n", encoding="utf-8")
    (tmp_path / "headroom.toml").symlink_to("..data/headroom.toml")
    settings = load(tmp_path / "headroom.toml")
    assert (settings.root, settings.playbook_file) == (tmp_path, tmp_path / "own.toml")


def test_every_folder_may_be_one_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "headroom.toml"
    file.write_text(
        "out = '~/a'\nreports = '~/a'\nmlruns = '~/a'\nrecord.folder = '~/a'\nstore.path = '~/a'\n"
        "serving.playbook = '~/a'\n",
        encoding="utf-8",
    )
    there = load(file)
    folders = [there.out_folder, there.reports_folder, there.mlruns_folder, there.history_folder, there.kept_folder]
    assert {*folders, there.playbook_file, load(file, out="~/a").out_folder} == {tmp_path / "a"}


PLACES = ("out", "reports", "mlruns", "record.folder", "store.path", "serving.playbook")


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("url", ["s3://me:s3cret@bucket/lists", "gs:/bucket", "[abfss://lists"])
def test_a_url_is_no_place_on_this_machine(name: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(f"{name} = {url!r}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path / "headroom.toml")
    assert f"found: {name}: Value error, it names a place on this machine, not a URL.\n" in str(refused.value)


@pytest.mark.parametrize("url", ["postgres://me:s3cret@host/db", Path("postgres://me:s3cret@host/db")])
def test_a_url_is_no_folder_that_a_run_is_given(url: Path | str) -> None:
    """By the command line, which has made it a path, or by a deployment."""
    with pytest.raises(SettingsError, match=r"out: Value error, it names a place on this machine, not a URL\.\n"):
        load(out=url)


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text("out = 'lists:2026/all'\nreports = 'c:/pages'\n", encoding="utf-8")
    settings = load(tmp_path / "headroom.toml")
    assert (settings.out_folder, settings.reports) == (tmp_path / "lists:2026" / "all", Path("c:/pages"))


def test_the_secrets_of_a_sign_in_are_variables_and_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_SESSION_SECRET", "of the sessions")
    monkeypatch.setenv("HEADROOM_OIDC_SECRET", "of the client")
    assert "of the" not in repr(load())
    file = tmp_path / "headroom.toml"
    for key in ("session_secret", "serve.session_secret", "serve.oidc.client_secret"):
        file.write_text(f"{key} = 'of the sessions'\n", encoding="utf-8")
        with pytest.raises(SettingsError, match=rf"{key} is not a setting"):
            load(file)


def test_who_may_look_is_told_by_the_file_and_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text("[serve]\nsign_in = 'proxy'\n[serve.people]\n'Ada@example.com' = { owners = ['Ada'] }\n")
    monkeypatch.setenv("HEADROOM_SERVE__PUBLIC_URL", "https://headroom.example.com")
    monkeypatch.setenv("HEADROOM_SERVE__PROXY__PEERS", "['10.0.0.5/32']")
    serve = load(file).serve
    assert (serve.public_url, list(serve.people)) == ("https://headroom.example.com", ["ada@example.com"])
    assert [str(peer) for peer in serve.proxy.peers] == ["10.0.0.5/32"]
    monkeypatch.setenv("HEADROOM_SERVE__PUBLIC_URL", "http://headroom.example.com")
    with pytest.raises(SettingsError, match=r"serve\.public_url: Value error, it must begin with https://"):
        load(file)


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
        ('serving.top = "off"', "serving.top: Input should be a valid integer, unable to parse string as an integer"),
        ('training.without_model = "off"', "Input should be 'refuse' or 'rule' (it is 'off')"),
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
    with pytest.raises(SettingsError, match=rf"training\.{name.lower()}: .*\w \(it is '{value}'\)"):
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


NAMES = [".".join([*filter(None, [table]), key]) for table, keys in _tables(Settings) for key in keys]


def nested(name: str, value: Any) -> dict[str, Any]:
    """The values of a file that sets this alone."""
    return reduce(lambda inner, key: {key: inner}, reversed(name.split(".")), value)


def at(settings: Settings, name: str) -> Any:
    return reduce(getattr, name.split("."), settings)


def can_do_without(name: str) -> bool:
    try:
        return at(Settings.model_validate(nested(name, None)), name) is None
    except ValidationError:
        return False


OPTIONAL = [name for name in NAMES if can_do_without(name)]


def variable(name: str) -> str:
    return f"HEADROOM_{name.replace('.', '__').upper()}"


@pytest.mark.parametrize("name", OPTIONAL)
def test_off_is_no_value_in_the_file_and_in_a_variable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also to the hashes that say which setting of a list is another."""
    file, none = tmp_path / "headroom.toml", Settings.model_validate(nested(name, None) | {"root": tmp_path})
    file.write_text(f'{name} = "off"\n', encoding="utf-8")
    by_file = load(file)
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv(variable(name), "off")
    for read in (by_file, load(file)):
        assert at(read, name) is None
        assert read == none
        assert setting_hashes(read) == setting_hashes(none)


MAKE_NO_LIST = {
    *("root", "out", "reports", "mlruns", "log"),
    *("record", "store", "figures", "publish", "serve", "outcomes", "retention", "writeback", "notify", "monitor"),
}
"""The tables and settings that say where a list lies, who may see it, what is told of it and whom."""


def test_of_each_table_it_is_decided_whether_it_makes_a_list() -> None:
    made = {place.partition(".")[0] for place in setting_hashes(Settings())}
    assert made == {*Settings.model_fields, "playbook"} - MAKE_NO_LIST


def test_who_may_sign_in_or_is_told_is_nothing_that_a_list_was_made_from(tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text(
        "reports = 'pages'\nserve.people.'ada@example.com' = { owners = ['Ada Lovelace'] }\n"
        "notify.to.'Ada Lovelace' = { email = 'ada@example.com' }\nwriteback.to = 'hubspot'\n"
        "monitor.days = 100\nfigures.gross_margin = 0.5\n",
        encoding="utf-8",
    )
    assert setting_hashes(load(file)) == setting_hashes(Settings())
    assert provenance(load(file)) == provenance(Settings())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPTIONAL])
def test_off_is_a_value_like_any_other_where_there_must_be_one(name: str, tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text(f'{name} = "off"\n', encoding="utf-8")
    if refused := refusal_of(file):
        assert f"found: {name}: " in refused
    else:
        assert at(load(file), name) in ("off", Path("off"), False)


def test_off_takes_back_what_the_file_says_and_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text('serving.gates = { min_csat = 4, usage_fall = "off" }\n', encoding="utf-8")
    monkeypatch.setenv(variable("serving.gates.min_csat"), "off")
    monkeypatch.setenv(variable("serving.gates.usage_fall"), "-0.5")
    gates = load(file).serving.gates
    assert (gates.min_csat, gates.usage_fall) == (None, -0.5)


def test_off_is_no_value_in_a_line_of_a_table_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text(
        'notify.to."Ada Lovelace" = { email = "ada@example.com", slack = "off" }\nsource.tables = { users = "off" }\n',
        encoding="utf-8",
    )
    assert load(file).notify.to["Ada Lovelace"].slack is None
    assert load(file).source.tables == {"users": "off"}


PASSWORD = "s3cret"
ADDRESS = f"postgres://reader:{PASSWORD}@warehouse/db"


@pytest.mark.parametrize(
    "name", [*NAMES, "sorce", "sorce.url", "source.urll", "source.url.more", "source.tables.accounts"]
)
@pytest.mark.parametrize("value", [ADDRESS, f'["{ADDRESS}"]', f"[{ADDRESS}", f"host=warehouse password={PASSWORD}"])
def test_no_refusal_shows_a_password_wherever_it_was_put(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a variable, and by the file, as it is and in a list and a table."""
    *table, key = name.split(".")
    texts = [json.dumps(value), json.dumps([value]), f"{{ inner = {json.dumps(value)} }}"]
    files = [f"[{'.'.join(table)}]\n{key} = {text}" if table else f"{key} = {text}" for text in texts]
    with monkeypatch.context() as patched:
        patched.setenv(f"HEADROOM_{name.replace('.', '__').upper()}", value)
        assert PASSWORD not in refusal_of(tmp_path / "none.toml")
    for file in files:
        (tmp_path / "headroom.toml").write_text(file, encoding="utf-8")
        assert PASSWORD not in refusal_of(tmp_path / "headroom.toml")


def refusal_of(file: Path) -> str:
    """What a refusal says, or nothing."""
    try:
        load(file if file.exists() else None)
    except SettingsError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SORCE", "sorce is not a setting (there is source: did you mean that?)"),
        ("SORCE__URL", "sorce.url is not a setting: set url under [source]"),
        ("SOURCE__URLL", "source.urll is not a setting (there is url: did you mean that?)"),
        ("SOURCE__URL__MORE", "source.url.more is not a setting"),
        ("OUT__FOLDER", "out.folder is not a setting"),
        ("TRAINING__PROMOTION__MAX_EC", "training.promotion.max_ec is not a setting (there is max_ece"),
        ("TRAINING__HORIZON_DAYS", "training.horizon_days is not a setting: set horizon_days under [expansion]"),
        ("ROOT", "root is not a setting"),
    ],
)
def test_a_variable_that_leads_nowhere_is_refused(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside one that leads to the same setting."""
    monkeypatch.setenv("HEADROOM_SOURCE__URL", "csv://a")
    monkeypatch.setenv(f"HEADROOM_{name}", "x")
    with pytest.raises(SettingsError) as refused:
        load()
    assert says in str(refused.value)


def test_variables_reach_every_depth_and_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text("[training.promotion]\nauc_margin = 0.5\n[source.tables]\nusers = 'select 2'\n", encoding="utf-8")
    for name, value in {
        "OUT": "elsewhere",
        "SOURCE__TABLES__ACCOUNTS": "select 1",
        "TRAINING__SIGNED_OFF": "['mrr', \"seats\"]",
        "TRAINING__PROMOTION__FORECAST_RANGE": "[0.5, 2]",
        "TRAINING__SHUFFLED_AUC": "0.8",
        "SERVING__GATES__ONBOARDING_DAYS": "30",
        "SERVING__CURRENCY": "[x]",
        "SERVING__PLAYBOOK": "mine.toml",
        "BASES": "not a setting",
    }.items():
        monkeypatch.setenv(f"HEADROOM_{name}", value)
    read = load(file)
    assert read.out == Path("elsewhere")
    assert read.source.tables == {"accounts": "select 1", "users": "select 2"}
    assert read.training.signed_off == ("mrr", "seats")
    assert (read.training.promotion.forecast_range, read.training.promotion.auc_margin) == ((0.5, 2), 0.5)
    assert (read.training.shuffled_auc, read.serving.gates.onboarding_days) == (0.8, 30)
    assert (read.serving.currency, read.serving.playbook) == ("[x]", Path("mine.toml"))
    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("outer", "inner"), [("SOURCE", "URL"), ("TRAINING", "SEED"), ("TRAINING__PROMOTION", "MAX_ECE")]
)
@pytest.mark.parametrize("outer_first", [True, False])
def test_a_table_and_one_of_its_settings_contradict_each_other(
    outer: str, inner: str, outer_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"HEADROOM_{outer}", f"HEADROOM_{outer}__{inner}"]
    for name in names if outer_first else names[::-1]:
        monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=outer.lower().replace("__", r"\.")):
        load()


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
