"""The page of the output tables names every column that is published, and every entry of ``because``."""

from pathlib import Path

import pytest

from data.contract.score_change import NotSplit
from serving.changes.ranks import CHANGE_COLUMNS, CHANGE_REASON_COLUMNS
from serving.publish import TABLES
from serving.ranking.rank import EXCLUSION_COLUMNS, SCORE_COLUMNS
from serving.reasons.choose import COLUMNS

PAGE = Path(__file__).parents[3] / "docs" / "outputs.md"
SECTIONS = {
    "scores": SCORE_COLUMNS,
    "attributions": ("snapshot_date", "account_id", "base_log_odds"),
    "reasons": COLUMNS,
    "exclusions": EXCLUSION_COLUMNS,
    "changes": (*CHANGE_COLUMNS, *(code.value for code in NotSplit)),
    "change_reasons": CHANGE_REASON_COLUMNS,
}


def test_every_table_has_a_section() -> None:
    assert set(SECTIONS) == set(TABLES)


@pytest.mark.parametrize("table", SECTIONS)
def test_every_column_is_described(table: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {table}\n")[1].split("\n## ")[0]
    assert [name for name in SECTIONS[table] if f"`{name}`" not in section] == []
