#!/bin/sh
# DuckDB 2.0.0: `split_part` is a macro now, and a filter on it is refused where its first argument is a function of a
# constant null: "BindBuiltinScalarFunction did not return a BoundFunctionExpression". Without the filter it is null.
# So SQL that stands in for a missing column with `cast(null as text)` must not use split_part.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

con = duckdb.connect()
con.execute("create table t as select 'a' as id")
inner = "select id, split_part(regexp_replace(m, 'a', ''), '/', 1) as part from (select id, cast(null as text) as m from t)"
assert con.execute(f"select * from ({inner})").fetchall() == [("a", None)]
try:
    con.execute(f"select * from ({inner}) where part <> ''")
except duckdb.InvalidInputException as error:
    assert "did not return a BoundFunctionExpression" in str(error), error
else:
    raise SystemExit("the filter is accepted: this is no longer so")
print(f"duckdb {duckdb.__version__}: a filter on split_part of a function of a null is refused (InvalidInputException)")
PYTHON
