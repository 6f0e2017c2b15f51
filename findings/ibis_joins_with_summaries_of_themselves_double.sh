#!/bin/sh
# Ibis 12.0.0: joins that follow one another become one chain of joins, and what a later join reads is then no query of
# its own any more that could be named once. A table that is joined with a summary of itself, and the outcome with a
# summary of it again, is written into the SQL twice a step: four steps have 3,500 letters, eight have 80,000, twelve
# more than 1.5 million. The same figures by window functions grow by the same few letters a step.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb]==12.0.0"
"$folder/venv/bin/python" - <<'PYTHON'
import ibis

STEPS = (4, 8, 12)
sales = ibis.memtable({"shop": ["a", "a", "b"], "amount": [1, 2, 3]})


def by_joins(steps):
    rows = sales
    for _ in range(steps):
        totals = rows.group_by("shop").agg(total=rows.amount.sum())
        rows = rows.join(totals, "shop").select(rows.shop, amount=rows.amount + totals.total)
    return rows


def by_windows(steps):
    rows = sales
    for _ in range(steps):
        rows = rows.mutate(amount=rows.amount + rows.amount.sum().over(ibis.window(group_by="shop")))
    return rows


def letters(made):
    return [len(ibis.to_sql(made(steps), dialect="duckdb")) for steps in STEPS]


joins, windows = letters(by_joins), letters(by_windows)
assert joins[1] > 2**4 * joins[0] and joins[2] > 2**4 * joins[1], f"{joins}: they double no longer"
assert windows[2] < 4 * windows[0], f"{windows}: they grow by the same a step no longer"

same = [sorted(made(4).to_pyarrow()["amount"].to_pylist()) for made in (by_joins, by_windows)]
assert same[0] == same[1], same
print(f"ibis {ibis.__version__}: letters of SQL after {STEPS} steps: joins {joins}, windows {windows}; both give {same[0]}")
PYTHON
