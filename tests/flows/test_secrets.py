"""Secrets planted wherever one can stand: none is found in what is printed and written, run through or refused."""

from pathlib import Path

import pytest

from flows.run.settings import load
from flows.run.variables import SECRETS
from serving.messages.settings import SLACK_URL
from tests.flows.conftest import END, Headroom

PLANTED = "hunter2-planted"
OTHERS = ("PGPASSWORD", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PREFECT_API_KEY", "SNOWFLAKE_PASSWORD")
URL = f"https://me:{PLANTED}@server.example.com/x?token={PLANTED}"
DATABASE = f"postgres://me:{PLANTED}@db/crm"


def holding(folder: Path) -> list[str]:
    """The files below a folder in whose bytes, name, or zipped parts a planted secret stands."""
    secret = PLANTED.encode()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if secret in path.read_bytes() or PLANTED in path.name]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret of the environment, and MLflow's own address, which a run does not ask."""
    for name in (*SECRETS, *OTHERS):
        monkeypatch.setenv(name, PLANTED)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, f"http://me:{PLANTED}@127.0.0.1:9")


def test_a_run_writes_none_of_them(
    planted: None, headroom: Headroom, warehouse: Path, trained_mlruns: Path, with_model: None, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", out)
    assert ran.code == 0, ran.err
    assert "logged to MLflow" in ran.err
    shown = headroom("top", "--out", out)
    verified = headroom("verify", "--source", warehouse, "--out", out)
    checked = headroom("check", "--source", warehouse)
    assert (shown.code, verified.code, checked.code) == (0, 0, 0)
    examined = headroom("doctor", "--source", warehouse, "--out", out)  # the planted channels are no addresses
    assert f"Open the channel that {SLACK_URL} names" in examined.out
    told = "".join(one.out + one.err for one in (ran, shown, verified, checked, examined))
    assert PLANTED not in told
    assert holding(tmp_path) == []
    assert holding(trained_mlruns) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("source.url", DATABASE),
        ("source.url", f"me:{PLANTED}@db/crm"),
        ("source.url", f"parquet://me:{PLANTED}@db/crm"),
        ("source.url", f"postgres://me@db/crm?sslpassword={PLANTED}"),
        ("publish.url", DATABASE),
        ("publish.url", f"postgres://me@db/crm?sslpassword={PLANTED}"),
        ("publish.url", URL),
        ("record.url", DATABASE),
        ("outcomes.url", DATABASE),
        ("outcomes.url", f"me:{PLANTED}@db/crm"),
        ("outcomes.url", f"sqlite:///db?password={PLANTED}"),
        ("mlruns", URL),
        ("out", URL),
        ("reports", URL),
        ("record.folder", URL),
        ("store.path", URL),
        ("serving.playbook", DATABASE),
        ("writeback.hubspot.url", URL),
        ("writeback.salesforce.url", URL),
        ("serve.oidc.issuer", URL),
        ("serve.public_url", URL),
        ("notify.pages_url", URL),
    ],
)
@pytest.mark.parametrize("command", ["score", "record", "serve", "init"])
def test_a_url_with_a_password_is_refused_before_it_is_told(
    planted: None, setting: str, value: str, command: str, headroom: Headroom, warehouse: Path, tmp_path: Path
) -> None:
    """Or not asked at all by a command that does not need it."""
    *table, key = setting.split(".")
    lines = [f"[{'.'.join(table)}]"] * bool(table) + [f'{key} = "{value}"']
    if setting != "source.url":
        lines += ["[source]", f'url = "parquet://{warehouse}"']
    (tmp_path / "headroom.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = headroom(command)
    assert PLANTED not in ran.out + ran.err
    assert "Traceback" not in ran.err
    (tmp_path / "headroom.toml").unlink()
    assert holding(tmp_path) == []


def test_what_says_where_the_runs_are_kept_has_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.run.under_prefect import server

    with temporary_settings({PREFECT_API_URL: f"http://me:{PLANTED}@127.0.0.1:4200/api"}), server(tmp_path) as where:
        assert where == "the runs are kept by Prefect at http://me:***@127.0.0.1:4200/api"


def test_the_url_of_a_sign_in_or_a_crm_holds_no_password(tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    for table in ("writeback.salesforce", "writeback.hubspot"):
        file.write_text(f'[{table}]\nurl = "{URL}"\n', encoding="utf-8")
        with pytest.raises(Exception, match="leave the user and the password out") as refused:
            load(file)
        assert PLANTED not in str(refused.value)
