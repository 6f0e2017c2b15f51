"""What is done in one place is named in no other: the clock of what was known, the engines, how a URL is told."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.sources.address import SCHEMES
from tests import house

OF_THE_CLOCK = {"data.time_cut", "data.sources.staging"}
"""The cuts themselves, and what makes the column."""
ENGINES = {"pyspark", "get_backend", *SCHEMES} - {"parquet", "csv", "record"}
"""Every kind of source that is not a format of files; a history is Parquet files, and the name of a command."""
IS_A_URL = re.compile(r"(^|\.|_)(url|uri|issuer)$")
ASKED_OF_A_SERVER = {
    ("serving.crm.salesforce", "url"),
    ("serving.messages.rows", "self.pages_url"),
    ("serving.access.oidc", "self.settings.public_url"),
    ("models.registry.mlflow_store", "client.get_run(run_id).info.artifact_uri"),
}
"""Where a text with a URL in it is the address that is asked, a link, or a place that MLflow keeps."""
DIALECTS = "features.sql"
"""It names the dialects of warehouses, which are its own."""


def names_in(path: Path) -> Iterator[str]:
    """Every name of a module, whether it is an attribute, an argument, a variable, an import or a text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)) | ast.arg(arg=name):
                yield name
            case ast.Constant(value=str(name)):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")


@pytest.mark.parametrize("module", sorted(house.modules().keys() - OF_THE_CLOCK))
def test_what_was_known_is_cut_by_the_clock_alone(module: str) -> None:
    assert "known_on" not in set(names_in(house.modules()[module]))


def test_the_clock_is_found_where_it_is() -> None:
    assert all("known_on" in set(names_in(house.modules()[module])) for module in OF_THE_CLOCK)


@pytest.mark.parametrize("module", sorted(house.modules().keys() - {"data.shown.urls"}))
def test_a_url_is_told_by_one_function(module: str) -> None:
    """What stands in a text is `shown_url(...)`, or `shown` of an address: a password would be told with the URL."""
    tree = ast.parse(house.modules()[module].read_text(encoding="utf-8"))
    bare = [ast.unparse(part.value) for part in ast.walk(tree) if isinstance(part, ast.FormattedValue)]
    assert [name for name in bare if IS_A_URL.search(name) and (module, name) not in ASKED_OF_A_SERVER] == []


@pytest.mark.parametrize("room", ["data", "features", "flows"])
def test_which_engine_it_is_concerns_the_sources_alone(room: str) -> None:
    asking = {
        module: found
        for module, path in house.modules().items()
        if module.startswith(f"{room}.") and not module.startswith("data.sources.") and module != DIALECTS
        if (found := set(names_in(path)) & ENGINES)
    }
    assert asking == {}


PRINTS = {"flows.run.printed", "flows.run.progress", "flows.run.log", "flows.run.ending"}
"""What writes to the terminal: for people without what it obeys, for programs as it is."""


@pytest.mark.parametrize("module", sorted(house.modules().keys() - PRINTS))
def test_what_is_printed_is_printed_in_one_place(module: str) -> None:
    """By `print_line`, `print_lines` or `print_table`: a name of the base would move the cursor, or turn the line."""
    calls = (
        node.func
        for node in ast.walk(ast.parse(house.modules()[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
