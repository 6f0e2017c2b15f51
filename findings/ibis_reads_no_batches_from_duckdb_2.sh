#!/bin/sh
# ibis-framework 12.0.0 on duckdb 2.0.0, which its requirements admit: a table is read whole (`to_pyarrow`), but asking
# for it in batches (`to_pyarrow_batches`) or giving SQL of one's own (`con.sql`) raises AttributeError, for methods that
# this release of duckdb no longer has. Only the first reading tells; installing and connecting do not.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb]==12.0.0" "duckdb==2.0.0"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import ibis

con = ibis.duckdb.connect()
con.con.execute("create table plans as select unnest([5, 8]) as seats")
table = con.table("plans")
assert table.to_pyarrow().to_pydict() == {"seats": [5, 8]}


def missing(read) -> str:
    try:
        read()
    except AttributeError as error:
        return error.name
    raise AssertionError("it could be read")


seen = {
    "to_pyarrow_batches": missing(lambda: list(table.to_pyarrow_batches())),
    "sql": missing(lambda: con.sql("select 1 as seats")),
}
assert seen == {"to_pyarrow_batches": "fetch_record_batch", "sql": "fetch_arrow_table"}, seen
print(f"ibis-framework {version('ibis-framework')}, duckdb {version('duckdb')}: to_pyarrow reads; missing: {seen}")
PYTHON
