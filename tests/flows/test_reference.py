"""The reference pages say what the code says."""

import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pytest

from data.errors import SettingsError
from data.mappings.catalogue import ReadyMapping, mappings
from flows.reference import PAGES, mappings_page, outputs_page, settings_page
from flows.run.settings import OFF, Settings, load
from serving.ranking.gates import LABELS, gates_in_use
from serving.settings import GateThresholds

DOCS = Path(__file__).parents[2] / "docs"
UNSAFE = "- Not safe without "


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_would_be_written(page: str) -> None:
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), f"docs/{page} is out of date: run `make docs`"


class PrintedSetting(NamedTuple):
    """A line of the page of settings: the key with its table, the default as printed, the words, which may be none."""

    name: str
    default: str
    words: list[str]


def printed() -> Iterator[PrintedSetting]:
    table = ""
    for line in settings_page().splitlines():
        if heading := re.fullmatch(r"## (?:\[(.*)\]|top of the file)", line):
            table = f"{heading[1]}." if heading[1] else ""
        elif line.startswith("| `"):
            _, key, default, words, *_ = (cell.strip() for cell in line.split("|"))
            yield PrintedSetting(f"{table}{key.strip('`')}", default.strip("`"), re.findall("`(.*?)`", words))


PRINTED = list(printed())


def test_every_default_on_the_page_reads_back_as_it_is(tmp_path: Path) -> None:
    text = "".join(f"{setting.name} = {setting.default}\n" for setting in PRINTED if setting.default)
    (tmp_path / "headroom.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "headroom.toml") == Settings(root=tmp_path)
    without = [setting.name for setting in PRINTED if not setting.default]
    assert without
    assert all(reduce(getattr, name.split("."), Settings()) is None for name in without)


@pytest.mark.parametrize("setting", PRINTED, ids=lambda setting: setting.name)
def test_the_words_of_a_setting_are_on_the_page(setting: PrintedSetting, tmp_path: Path) -> None:
    """Each is read, and no refusal of another names one that is not there."""
    file, own, refusal = tmp_path / "headroom.toml", {word.strip('"') for word in setting.words} - {OFF}, ""
    for word in setting.words:
        file.write_text(f"{setting.name} = {word}\n", encoding="utf-8")
        read = reduce(getattr, setting.name.split("."), load(file))
        assert read == (None if word == f'"{OFF}"' else word.strip('"'))
    file.write_text(f'{setting.name} = "no such word"\n', encoding="utf-8")
    try:
        load(file)
    except SettingsError as refused:
        refusal = str(refused)
    named = re.search(r"Input should be ('.*') \(it is", refusal)
    assert set(re.findall("'(.*?)'", named[1] if named else "")) == own


def test_every_code_of_a_gate_is_on_the_page_with_the_setting_that_switches_it_off() -> None:
    rows = outputs_page().partition("<!-- gates: made")[2].partition("<!-- end of gates")[0]
    settings = dict(re.findall(r"^\| `(\w+)` \|.*?\| `(\w+)` \|", rows, re.MULTILINE))
    assert settings.keys() == LABELS.keys()
    for code, setting in settings.items():
        assert code not in {gate.code for gate, _ in gates_in_use(GateThresholds.model_validate({setting: None}))}


@pytest.mark.parametrize("mapping", mappings().values(), ids=list(mappings()))
def test_a_mapping_is_told_by_what_is_landed(mapping: ReadyMapping) -> None:
    """Its tables and columns stand there under the names that somebody finds in a warehouse, each once."""
    section = mappings_page().split(f"## {mapping.title}\n")[1].split("\n## ")[0].splitlines()
    (tables,) = (line.removeprefix("Tables: ").rstrip(".") for line in section if line.startswith("Tables: "))
    told = re.split(r", |; if there: ", tables)
    assert len(told) == len(set(told))
    unsafe = [line.partition(": ")[0].removeprefix(UNSAFE) for line in section if line.startswith(UNSAFE)]
    assert len(unsafe) == sum(len(given.caveats) for given in mapping.gives.values())
    landed = {name for key, spec in mapping.tables.items() for name in spec.names or (key,)}
    columns = {column.name for spec in mapping.tables.values() for column in (spec.columns | spec.optional).values()}
    for place in re.findall(r"`([^`]+)`", " ".join([*told, *unsafe])):
        table, _, column = place.partition(".")
        assert (table in landed and column in {"", *columns}) or place in columns, place
