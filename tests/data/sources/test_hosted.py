"""Warehouses behind a driver: what an address tells it, where secrets come from, what is said without it."""

import importlib.util
import tomllib
from pathlib import Path

import ibis
import pytest

from data.errors import SourceError
from data.sources.address import SCHEMES
from data.sources.connect import connect
from data.sources.kinds.hosted import HOSTED, in_small_letters, parameters

TOLD = {
    "snowflake://ann%40x@my-Org/CRM/PUBLIC?warehouse=small&role=reader": {
        "user": "ann@x",
        "account": "my-Org",
        "database": "CRM",
        "schema": "PUBLIC",
        "warehouse": "small",
        "role": "reader",
        "password": "secret",
        "create_object_udfs": False,
    },
    "databricks://host/main/crm?http_path=/sql/1.0/warehouses/x": {
        "server_hostname": "host",
        "catalog": "main",
        "schema": "crm",
        "http_path": "/sql/1.0/warehouses/x",
        "access_token": "secret",
    },
    "trino://ann@host:8443/hive/crm?http_scheme=https": {
        "user": "ann",
        "host": "host",
        "port": 8443,
        "database": "hive",
        "schema": "crm",
        "http_scheme": "https",
        "auth": "secret",
    },
    "clickhouse://ann@host:8443/crm?secure=true": {
        "user": "ann",
        "host": "host",
        "port": 8443,
        "database": "crm",
        "secure": True,
        "password": "secret",
    },
    "clickhouse://ann@[fd00::Ab]:8123/crm": {
        "user": "ann",
        "host": "[fd00::Ab]",
        "port": 8123,
        "database": "crm",
        "password": "secret",
    },
    "trino://[::1]/hive": {"host": "[::1]", "database": "hive", "auth": "secret"},
}


@pytest.mark.parametrize("url", TOLD)
def test_what_an_address_tells_the_driver(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in HOSTED.values():
        for variable in kind.secrets.values():
            monkeypatch.setenv(variable, "secret" if not variable.endswith("FILE_PWD") else "")
    assert parameters(url) == TOLD[url]


def test_without_a_secret_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLICKHOUSE_PASSWORD", raising=False)
    assert parameters("clickhouse://host") == {"host": "host"}


@pytest.mark.parametrize("scheme", HOSTED)
def test_without_its_driver_the_extra_is_named(scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match=rf"extra headroom\[{scheme}\]"):
        connect(f"{scheme}://host/db", root=tmp_path)


def test_every_hosted_warehouse_has_a_scheme_and_an_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    hosted = {name for name, scheme in SCHEMES.items() if "hosted" in scheme.opener}
    assert hosted == set(HOSTED)
    assert hosted <= set(project["optional-dependencies"])
    assert all(project["optional-dependencies"][name][0].startswith(f"ibis-framework[{name}]") for name in hosted)


def test_columns_in_capitals_are_the_contracts() -> None:
    table = ibis.table({"ACCOUNT_ID": "string", "Name": "string", "name": "string", "OTHER": "int64"}, name="t")
    assert in_small_letters("accounts", table).columns == ("account_id", "Name", "name", "OTHER")
