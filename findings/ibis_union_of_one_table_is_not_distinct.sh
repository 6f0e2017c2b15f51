#!/bin/sh
# Ibis 12.0.0: `ibis.union(*tables, distinct=True)` of a list that happens to hold one table gives that table as it is,
# its duplicates with it; of the same table twice each row comes once. So what is united from the tables that are there
# counts accounts where there are two, and rows where there is one.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb]==12.0.0"
"$folder/venv/bin/python" - <<'PYTHON'
import ibis

lines = ibis.memtable({"account": ["a", "a", "b"]})


def rows(*tables):
    return ibis.union(*tables, distinct=True).count().to_pyarrow().as_py()


of_one, of_two = rows(lines), rows(lines, lines)
assert (of_one, of_two) == (3, 2), f"of one table {of_one} rows, of two {of_two}: this is no longer so"
print(f"ibis {ibis.__version__}: union(distinct=True) of one table with 2 accounts has {of_one} rows, of two {of_two}")
PYTHON
