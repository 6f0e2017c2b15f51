#!/bin/sh
# Ibis 12.0.0 with sqlglot 30.18.0, which it allows: a `Drop` whose name is given as text is written without the name
# ("DROP VIEW IF EXISTS"). Ibis ends `create_table` of data in memory with one, so that on DuckDB no table can be made of
# an Arrow table or of a pandas frame: a parser error that says nothing of either library. With sqlglot 30.17.0 it can.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
for version in 30.17.0 30.18.0; do
    "$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb]==12.0.0" "duckdb==2.0.0" "sqlglot==$version"
    "$folder/venv/bin/python" - <<'PYTHON'
import ibis
import pandas as pd
import sqlglot
from sqlglot import expressions

dropped = expressions.Drop(kind="VIEW", this="sales", exists=True).sql("duckdb")
try:
    made = ibis.duckdb.connect().create_table("sales", pd.DataFrame({"amount": [1, 2]})).count().execute()
except Exception as error:  # the driver's own class, which is no concern here
    made = str(error).splitlines()[0]
expected = {
    "30.17.0": ("DROP VIEW IF EXISTS sales", 2),
    "30.18.0": ("DROP VIEW IF EXISTS", 'Parser Error: syntax error at or near "EXISTS"'),
}
assert (dropped, made) == expected[sqlglot.__version__], (sqlglot.__version__, dropped, made)
print(f"ibis {ibis.__version__}, sqlglot {sqlglot.__version__}: {dropped!r}; create_table: {made}")
PYTHON
done
