#!/bin/sh
# Ibis 12.0.0 and ClickHouse 26.9 (chdb-core 26.9.0): `rank()` of equal values differs, where it is one number on every
# other engine. Ibis writes the window with a frame of rows, "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
# which standard SQL leaves without effect on a rank; ClickHouse then takes each row for a peer of itself alone.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[clickhouse,duckdb]==12.0.0" "sqlglot==30.17.0" "duckdb==2.0.0" \
    "chdb-core==26.9.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import chdb
import duckdb
import ibis

points = ibis.table({"x": "int64"}, name="points")
ranked = points.select("x", place=ibis.rank().over(order_by=points.x) + 1).order_by("x", "place")
rows = "with points as (select 1 as x union all select 1 union all select 2) "


def on_clickhouse(sql):
    return [tuple(map(int, line.split(","))) for line in str(chdb.query(rows + sql, "CSV")).splitlines()]


written = ibis.to_sql(ranked, dialect="clickhouse")
frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
assert frame in " ".join(written.split()), written
seen = {
    "ibis on ClickHouse": on_clickhouse(written),
    "ClickHouse without the frame": on_clickhouse("select x, rank() over (order by x) as place from points order by all"),
    "ibis on DuckDB": duckdb.sql(rows + ibis.to_sql(ranked, dialect="duckdb")).fetchall(),
}
for name, found in seen.items():
    print(f"{name}: {found}")
assert seen["ibis on ClickHouse"] == [(1, 1), (1, 2), (2, 3)]
assert seen["ClickHouse without the frame"] == seen["ibis on DuckDB"] == [(1, 1), (1, 1), (2, 3)]
PYTHON
