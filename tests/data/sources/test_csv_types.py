"""One reading for one CSV file: SQL sees numbers and dates only where a text keeps what it means by name."""

from collections.abc import Sequence
from pathlib import Path

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contract.inputs import Kind
from data.errors import ContractError
from data.sources.connect import connect
from data.sources.csv_types import typed_columns
from data.sources.staging import cast
from tests.data.sources.test_connect import MINIMAL, csv_base, staged

SEEN_AS = {
    "BIGINT": [["1", "22", "-3"], ["0", ""]],
    "DECIMAL(18, 2)": [["99.90", "100.00"], ["-0.50", "5.10"]],
    "DOUBLE": [["99.95", "100.0", "1e-05"], ["100", "99.9"], ["100", "99.90", "3.5"]],
    "DATE": [["2024-01-05", "2024-02-29"], ["2024-01-05", "infinity"]],
    "TIMESTAMP": [["2024-01-05T10:00:00", "2024-01-05 10:00"], ["2024-01-05", "2024-01-05 10:00:00.5"]],
    "TIMESTAMP WITH TIME ZONE": [["2024-01-05T10:00:00Z", "2024-01-05"], ["2024-01-05 10:00:00+02", "2024-01-06"]],
    "VARCHAR": [
        ["007", "12"],
        ["1e5", "2"],
        ["12e45", "3"],
        ["0x1F", "2"],
        ["1_000", "2"],
        ["+5", "6"],
        [" 5", "6"],
        ["1,200", "6"],
        ["1.1", "1.10", "2"],  # two names, or one number written twice
        ["12345678901234567890", "1.5"],
        ["02/01/2024", "03/05/2024"],
        ["25/12/2024", "26/12/2024"],
        ["2024-02-30", "2024-02-29"],
        ["nan", "1.5"],
        ["12", "n/a"],
        ["True", "false"],  # conditions take it
        ["", ""],
    ],
}


def types_of(values: Sequence[str], **options: object) -> str:
    con = ibis.duckdb.connect()
    con.create_table("t", ibis.memtable([(value,) for value in values], schema={"c": "string"}))
    return typed_columns(con, "select * from t", ["c"], **options).types["c"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "values"), [(kind, values) for kind, many in SEEN_AS.items() for values in many])
def test_a_column_has_a_type_only_where_every_value_is_written_as_it(kind: str, values: list[str]) -> None:
    assert types_of(values) == kind


def test_what_the_first_rows_look_like_does_not_decide() -> None:
    assert types_of([*["12"] * 5000, "007"]) == "VARCHAR"


def test_in_the_own_features_true_is_a_number_and_a_missing_one_may_be_nan() -> None:
    assert types_of(["1.5", "nan", "NaN"], own=["c"]) == "DOUBLE"
    assert types_of(["True", "false"], own=["c"]) == "BOOLEAN"


TEXTS = st.one_of(
    st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{1,3})?(e-?[0-9])?", fullmatch=True),
    st.from_regex(r"202[0-9]-0[1-9]-[0-3][0-9]([ T][0-2][0-9]:00(:00)?Z?)?", fullmatch=True),
    st.sampled_from(["007", "0x1F", "1e5", "1.10", "1.1", "True", "true", "02/01/2024", "infinity", "nan", "", "a"]),
)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_text_means_the_same_by_name_and_by_sql(values: list[str]) -> None:
    con = ibis.duckdb.connect()
    con.raw_sql("set timezone = 'UTC'")
    text = con.create_table("t", ibis.memtable(list(enumerate(values)), schema={"row": "int64", "c": "string"}))
    typed = typed_columns(con, 'select "row", c from t', ["c"])
    con.raw_sql(f"create view typed as {typed.reading('from t', ['row', 'c'])}")
    by_sql = con.table("typed")
    for kind in Kind:
        if kind in (Kind.ID, Kind.TEXT) and typed.respelled:
            continue  # refused, see below
        by_name, other = (
            table.order_by("row").select(value=cast(table.c, kind)).to_pyarrow()["value"].to_pylist()
            for table in (text, by_sql)
        )
        assert by_name == other, (kind, typed.types)


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_dates_and_ids_are_not_guessed_under_sql_and_amounts_can_be_added(tmp_path: Path) -> None:
    csv_base(tmp_path)
    (tmp_path / "deals.csv").write_text(
        "cust,level,price,seats,since\n1e5,007,10.5,3,2024-01-05\n1e5,007,20,4,2024-01-05\n0x1F,1,2.25,4,2024-02-01\n"
    )
    query = (
        "select cust as account_id, 'core' as product, level as plan, sum(price * seats) as mrr, since as valid_from "
        "from deals where since < date '2024-02-01' group by all"
    )
    row = staged(connect(f"csv://{tmp_path}", {"subscriptions": query}), "subscriptions")
    assert (row["account_id"], row["plan"], row["mrr_e4"]) == ("1e5", "007", 1_115_000)  # 10.5 x 3 + 20 x 4


def test_us_dates_stay_text_under_sql_too(tmp_path: Path) -> None:
    lines = "account_id,product,plan,mrr,valid_from\n1,core,basic,10.5,02/01/2024\n"
    csv_base(tmp_path, subscriptions=lines)
    (tmp_path / "lines.csv").write_text(lines)
    by_name = connect(f"csv://{tmp_path}")
    by_sql = connect(f"csv://{tmp_path}", {"subscriptions": "select * from lines"})
    said = connect(
        f"csv://{tmp_path}",
        {"subscriptions": "select * replace (strptime(valid_from, '%m/%d/%Y') as valid_from) from lines"},
    )
    assert staged(by_name, "subscriptions") == staged(by_sql, "subscriptions")
    assert staged(by_sql, "subscriptions")["valid_from"] is None
    assert str(staged(said, "subscriptions")["valid_from"]) == "2024-02-01"


def test_a_name_that_would_be_written_otherwise_is_refused(tmp_path: Path) -> None:
    csv_base(tmp_path)
    (tmp_path / "lines.csv").write_text(
        "account_id,product,plan,mrr,valid_from\n1,core,100,10.5,2024-01-05\n1,core,99.90,10.5,2024-01-05\n"
    )
    with pytest.raises(ContractError, match=r"plan \(float64\)(.|\n)*cast\(plan as varchar\)"):
        connect(f"csv://{tmp_path}", {"subscriptions": "select * from lines"})
    said = connect(
        f"csv://{tmp_path}", {"subscriptions": "select * replace (cast(plan as varchar) as plan) from lines"}
    )
    assert staged(said, "subscriptions")["plan"] == "100.0"


def test_a_file_that_no_query_reads_from_is_not_opened(tmp_path: Path) -> None:
    csv_base(tmp_path)
    (tmp_path / "name.csv").write_text("id\n1,2\n")  # malformed; `name` is a column of the query, not its table
    source = connect(f"csv://{tmp_path}", {"accounts": "select account_id, name, created_at from accounts"})
    assert set(source.tables) == set(MINIMAL)
