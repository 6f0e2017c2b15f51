"""``headroom figures`` from the command line, on the small simulated base."""

import json
import re
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.contract.vocabulary import MOVEMENT_CLASSES
from data.figures.figures import company_figures
from data.figures.tables import FIGURES
from data.sources.known import known_before
from flows.run.settings import load
from flows.stages.base import read_source
from tests import house
from tests.flows.conftest import END, Headroom
from tests.flows.drawn_figures import write_drawn_figures
from tests.flows.test_bases import example
from tests.properties.figures_by_hand import assert_sums_of_accounts


@pytest.fixture(scope="module")
def written(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The figures of the small base. Shared: they are only read."""
    from flows.pipelines.figures import figures

    folder = tmp_path_factory.mktemp("reports") / "figures"
    figures(source=f"parquet://{warehouse}", snapshot_date=END, out=folder)
    return folder


def read(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in FIGURES}


def test_the_tables_are_as_they_are_declared(written: Path) -> None:
    for name, table in FIGURES.items():
        assert tuple(pq.read_schema(written / f"{name}.parquet").names) == table.names
        rows = pd.read_parquet(written / f"{name}.parquet")
        assert not rows.duplicated(list(table.key)).any(), name
        for column in table.columns:
            assert column.nullable or rows[column.name].notna().all(), (name, column.name)
            assert not column.words or set(rows[column.name]) <= set(column.words)
        if "slice" not in table.order:  # a slice that is not known stands last
            pd.testing.assert_frame_equal(rows, rows.sort_values(list(table.order), ignore_index=True), obj=name)
    assert read(written)["bridge"].query("dimension == 'all'").shape[0] == 36


def assert_every_month_closes(bridge: pd.DataFrame) -> None:
    """Start and movements are the end, and the end is the start of the next month, slice by slice."""
    moved = bridge[[f"{name}_e4" for name in MOVEMENT_CLASSES]].sum(axis=1)
    assert (bridge["mrr_start_e4"] + moved == bridge["mrr_end_e4"]).all()
    following = bridge.assign(month=pd.to_datetime(bridge["month"]) - pd.DateOffset(months=1))
    key = ["dimension", "slice", "month"]
    both = bridge.assign(month=pd.to_datetime(bridge["month"])).merge(following, on=key, suffixes=("", "_next"))
    assert (both["mrr_end_e4"] == both["mrr_start_e4_next"]).all()
    assert len(both) > len(bridge) / 2


def test_every_month_of_every_slice_closes_to_the_cent(written: Path) -> None:
    assert_every_month_closes(read(written)["bridge"])


def test_every_figure_of_a_month_is_the_sum_of_its_accounts(written: Path) -> None:
    tables = read(written)
    days = {
        "account_movements": "month",
        "figure_accounts": "acquisition_quarter",
        "motion_orders": "acquisition_quarter",
        "bridge": "month",
        "retention": "month",
    }
    for name, day in days.items():
        tables[name][day] = pd.to_datetime(tables[name][day])
    last = tables["bridge"].month.max()
    of_last = {name: tables[name][tables[name].month == last] for name in ("bridge", "retention")}
    assert_sums_of_accounts(tables | of_last)


def test_the_page_stands_alone_and_names_the_rules(written: Path) -> None:
    page = (written / "figures.html").read_text(encoding="utf-8")
    bare = re.sub(r"data:image/svg\+xml;base64,[^\"]+", "", page)
    assert not re.search(r"<script|<link|https?://", bare)
    assert "nan" not in bare.lower().split()
    assert page.count("data:image/svg+xml;base64,") == 4
    assert "by the SaaS Metrics Standards Board" in page
    assert "no movement" in page  # of currency
    last = read(written)["bridge"].query("dimension == 'all'").iloc[-1]
    assert f"${last.mrr_end_e4 / 10_000:,.2f}" in page
    for name in ("bridge", "cohorts", "time_to_expansion", "nrr_by_segment"):
        assert (written / f"{name}.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_the_page_says_whether_the_company_is_ready_and_by_which_signals(written: Path) -> None:
    page, tables = (written / "figures.html").read_text(encoding="utf-8"), read(written)
    said = json.loads((written / "figures.json").read_text(encoding="utf-8"))
    assert f"<h2>Ready for an expansion motion: {said['ready']}</h2>" in page
    counted = tables["readiness"].set_index("criterion").loc["signals", "value"]
    signals = tables["signals"]
    assert counted == signals[signals.is_signal].story.nunique() > 0
    assert "seat_utilization_28d" in set(signals[signals.is_signal].feature)  # which the simulated base is made with
    worth = tables["table_worth"].set_index("table")
    assert worth.is_there.all()
    assert worth.loc["tickets", "auc_without"] == worth.loc["tickets", "auc"] - worth.loc["tickets", "worth"]
    assert 0 < worth.loc["users", "coverage"] <= 1
    assert worth.literature.isna().all()  # what is there is measured


def test_the_question_of_the_docs_is_answered(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "figures").symlink_to(written)
    monkeypatch.chdir(tmp_path)
    (asked,) = re.findall(
        r"```sql\n(.*?)```", (house.ROOT / "docs" / "figures.md").read_text(encoding="utf-8"), re.DOTALL
    )
    tables = read(written)
    smb = tables["bridge"].query("dimension == 'segment' and slice == 'smb'").set_index("month").contraction_e4
    with duckdb.connect() as con:
        answer = con.execute(asked.replace("2026-09-01", f"{smb.index[-1]:%Y-%m-%d}")).fetchall()
    assert sum(round(mrr * 10_000) for _, mrr in answer) == smb.iloc[-1] < 0


def test_a_segment_leads_and_a_second_run_says_the_same(warehouse: Path, headroom: Headroom) -> None:
    source = ("--source", f"parquet://{warehouse}", "--snapshot-date", END, "--no-signals")
    ran = headroom("figures", *source, "--segment", "smb", "--months", 6)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "figures of smb, December 2025, as known before 2026-01-01"
    tables = read(Path("reports/figures"))
    year = tables["retention"].query("dimension == 'segment' and slice == 'smb' and months == 12").iloc[-1]
    assert f"NRR, year                    {year.nrr:.1%}   by the SaaS Metrics Standards Board" in ran.out
    assert f"motions alone              {year.nrr_motions:.1%}   price: {year.nrr_price:.1%}" in ran.out
    assert tables["bridge"].month.nunique() == 6
    files = {path.name: path.read_bytes() for path in Path("reports/figures").iterdir()}
    assert headroom("figures", *source, "--segment", "smb", "--months", 6).out == ran.out
    assert {path.name: path.read_bytes() for path in Path("reports/figures").iterdir()} == files


def test_another_run_of_the_same_day_repeats_what_changed(tmp_path: Path) -> None:
    """A line of a new customer in March became known in June, after the figures of May were told."""
    lines = """
        account_id | product | plan | mrr | valid_from | known_at
        acme       | core    | team | 100 | 2026-01-01 | 2026-01-01
    """
    late = f"{lines}    best       | core    | team | 50  | 2026-03-01 | 2026-06-20\n"
    folder, of_settings = tmp_path / "figures", load()

    def run(day: date, text: str) -> pd.DataFrame:
        write_drawn_figures(folder, of_settings, day, subscriptions=text)
        return pd.read_parquet(folder / "rebuilt.parquet")

    assert run(date(2026, 6, 1), lines).empty
    changed = run(date(2026, 7, 1), late)
    assert changed[["account_id", "before_e4", "after_e4"]].to_numpy().tolist() == [["best", 0, 50_0000]]
    pd.testing.assert_frame_equal(run(date(2026, 7, 1), late), changed)
    assert run(date(2026, 7, 1), lines).empty  # other movements: what it would be held against is gone
    changed = run(date(2026, 8, 1), lines.replace("| 100 |", "| 120 |"))
    assert list(changed.why) == ["a row of its was rewritten, added or taken away afterwards"]


@pytest.mark.slow
def test_a_later_run_says_which_months_changed_and_why(spoilt: Path, headroom: Headroom) -> None:
    source = ("--source", f"parquet://{spoilt}", "--out", "figures", "--no-signals")
    assert headroom("figures", *source, "--snapshot-date", date(2025, 11, 1)).code == 0
    lines = pd.read_parquet(spoilt / "subscriptions.parquet")
    late = lines.iloc[[0]].assign(
        account_id=lines.account_id.iloc[0], product="Late", plan="one", mrr=100.0,
        valid_from=pd.Timestamp("2025-08-05"), valid_to=None, known_at=pd.Timestamp("2025-11-20"),
    )  # fmt: skip
    pd.concat([lines, late.astype(lines.dtypes)]).to_parquet(spoilt / "subscriptions.parquet")
    ran = headroom("figures", *source, "--snapshot-date", date(2025, 12, 1))
    assert ran.code == 0, ran.err
    changed = read(Path("figures"))["rebuilt"]
    row = changed[(changed.account_id == lines.account_id.iloc[0]) & (changed.month == date(2025, 8, 1))]
    assert list(row.after_e4 - row.before_e4) == [100_0000]
    assert list(row.why) == ["a row of its became known late"]
    known_in_time = changed[changed.why == "the month was not settled"]
    assert (known_in_time.month == date(2025, 10, 1)).all()
    assert f"{len(changed):,} rows (rebuilt.parquet)" in ran.out


def test_what_cannot_be_told_is_one_message(warehouse: Path, headroom: Headroom, tmp_path: Path) -> None:
    source = ("--source", f"parquet://{warehouse}", "--snapshot-date", END)
    refused = headroom("figures", *source, "--segment", "SMB")
    assert refused.code == 1
    assert "Show the figures of the segment SMB." in refused.err
    assert "(there is smb: did you mean that?)" in refused.err
    assert not (tmp_path / "reports").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("to keep")
    refused = headroom("figures", *source, "--out", "mine")
    assert refused.code == 1
    assert "it holds something else" in refused.err
    assert (tmp_path / "mine" / "letter.txt").read_text() == "to keep"


@pytest.mark.bases
@pytest.mark.parametrize(("name", "day"), [("fightchurn_crm5", "2024-01-01"), ("online_retail", "2011-12-01")])
def test_every_month_of_a_base_that_nobody_here_wrote_closes_to_the_cent(name: str, day: str, bases: Path) -> None:
    settings = example(name, bases)
    with known_before(read_source(settings), date.fromisoformat(day), date.fromisoformat(day)) as base:
        tables = company_figures(base, settings.expansion, 120).tables
    assert tables["bridge"]["month"].nunique() >= 12
    assert_every_month_closes(tables["bridge"])
    assert (tables["retention"].grr <= tables["retention"].nrr).all()
