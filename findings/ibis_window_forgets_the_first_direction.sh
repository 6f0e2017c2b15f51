#!/bin/sh
# Ibis 12.0.0: a window that is ordered by a column falling, by others, and by the same column rising (to end ties) is
# compiled with the column once: in its first place, and with its last direction. So the rows are numbered the other way
# round, without a word. `Table.order_by` refuses the same keys ("Duplicate column name").
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb]==12.0.0"
"$folder/venv/bin/python" - <<'PYTHON'
import ibis
from ibis.common.exceptions import IbisInputError

sales = ibis.memtable({"shop": ["a", "a", "a"], "amount": [10, 20, 30], "day": [1, 2, 3]})


def numbered(keys):
    place = ibis.row_number().over(ibis.window(group_by="shop", order_by=keys))
    return sales.mutate(place=place).order_by("place").to_pyarrow()["amount"].to_pylist()


falling = [sales.amount.desc(), sales.day]
assert numbered(falling) == [30, 20, 10]
largest_first = [*falling, sales.amount]
assert numbered(largest_first) == [10, 20, 30], "the falling key is kept: this is no longer so"
try:
    sales.order_by(largest_first)
except IbisInputError as error:
    assert "Duplicate column name" in str(error), error
else:
    raise SystemExit("order_by takes the keys: this is no longer so")
print(f"ibis {ibis.__version__}: window(order_by=[amount desc, day, amount]) numbers 10, 20, 30; order_by refuses it")
PYTHON
