"""What a column tells of companies and people is said wherever a column of that name stands."""

import pytest

from data.contract import inputs, outputs
from data.contract.vocabulary import Personal
from data.figures.tables import FIGURES

MARKS = {
    "account_id": Personal.ACCOUNT,
    "parent_id": Personal.ACCOUNT,
    "group_id": Personal.ACCOUNT,
    "group_name": Personal.NAME,
    "owner": Personal.OWNER,
    "user_id": Personal.USER,
    "email_domain": Personal.DOMAIN,
    "text": Personal.TEXT,
}


EVERY_TABLE = [*inputs.TABLES.values(), *outputs.TABLES.values(), *FIGURES.values()]


@pytest.mark.parametrize("table", EVERY_TABLE, ids=lambda table: table.name)
def test_a_column_of_that_name_has_its_mark(table: inputs.Table | outputs.OutputTable) -> None:
    marks = {column.name: column.personal for column in table.columns if column.name in MARKS}
    assert marks == {name: MARKS[name] for name in marks}


def test_what_tells_of_another_account_is_known() -> None:
    assert outputs.SCORES.of_other_accounts == {"group_id": ("group_id", "group_name")}
    assert [c.name for table in inputs.TABLES.values() for c in table.columns if c.other_account] == ["parent_id"]
