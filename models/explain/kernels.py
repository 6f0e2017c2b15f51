"""Compiled kernels: from rows to SHAP values and raw scores, block by block. See layout.py for the formula.

How it is made fast, so that nobody undoes it unknowing (``python -m tests.bench --only explainer`` tells):

- Each innermost loop runs over the rows of a block, which LLVM turns into vector instructions. What it takes to begin
  such a loop is paid once per node and block: with 64 rows in a block all takes a fifth longer than with 128, with 32
  three times as long (the loops are no longer vectors); more than 128 gain nothing, as less of a tree fits the cache.
- LLVM must see that what is written is not what is read, or it keeps a scalar loop, five times slower, silently.
  So all that belongs to a node is one record (state, products, sum of each row), values of the stack that are used
  together are neighbours, and values are read into variables before one of them is chosen.
- For the same reason the upward loops take their nodes from a list, ``backwards``: with a plain descending counter LLVM
  checks the overlap of all records of a tree at once, and finds one.
- Two quadrature points are taken at a time, ``_twice``, so that states and sums are read and written half as often and
  a node is looked up half as often; of an odd number of points one is left for ``go_down`` and ``go_up``.
- Buffers start at a multiple of 64 bytes, a cache line (models/explain/buffers.py).
- Several blocks share the tables of a tree before the next tree is fetched.
- Vectors are as wide as the processor has them (data/compiled/full_width.py).

Importing numba takes about half a second, so this module is imported when first needed.
"""

from typing import Any, NamedTuple

import numpy as np

from data.compiled.kernel import kernel, step
from models.explain.layout import (
    CATEGORY,
    LEFT_IS_LEAF,
    NAN_LEFT,
    PLAIN,
    RIGHT_IS_LEAF,
    ZERO_LEFT,
    ZERO_RIGHT,
    Columns,
    Factors,
    Layout,
    Trees,
)

BLOCK = 128
PRODUCT, SECOND, SUM = BLOCK, 2 * BLOCK, 3 * BLOCK
"""Where in a node's record its products at one point and the next, and its sums, start; its states are at 0."""
ZERO = float(np.float32(1e-35))
"""LightGBM takes what is not larger than this for zero."""
MISSING_LEFT, MISSING_RIGHT = np.int32(-1), np.int32(2**31 - 1)
BOTH_ARE_LEAVES = LEFT_IS_LEAF + RIGHT_IS_LEAF


class Buffers(NamedTuple):
    """What the kernels write on while they explain: made by models/explain/buffers.py, as that needs no compiling."""

    codes: np.ndarray
    leaf_stack: np.ndarray
    records: np.ndarray
    stack: np.ndarray
    parts: np.ndarray
    totals: np.ndarray
    column_values: np.ndarray
    backwards: np.ndarray


@step
def read_categories(words: np.ndarray, values: np.ndarray, rows: int, code: np.ndarray) -> None:
    """0 for the rows whose value is in a set of categories, 1 outside."""
    for r in range(rows):
        value = values[r]
        code[r] = 1  # also for NaN
        if value > -1.0 and value < 32.0 * len(words):
            category = int(value)
            code[r] -= (words[category >> 5] >> np.uint32(category & 31)) & np.uint32(1)


@step
def count_cuts(cuts: np.ndarray, values: np.ndarray, code: np.ndarray) -> None:
    """How many of the ascending cuts lie below each value; none below a missing one."""
    for r in range(BLOCK):
        code[r] = 0
    left = len(cuts)
    while left > 1:  # a binary search in step for all rows
        half = left // 2
        for r in range(BLOCK):
            code[r] += np.int32(half) if cuts[code[r] + half - 1] < values[r] else np.int32(0)
        left -= half
    for r in range(BLOCK):
        code[r] += np.int32(1) if cuts[code[r]] < values[r] else np.int32(0)


@step
def read_codes(columns: Columns, X: np.ndarray, start: int, codes: np.ndarray, column_values: np.ndarray) -> None:
    """The codes of one block: how many cuts of the column lie below the value, or the category. Compared in double."""
    rows = min(BLOCK, len(X) - start)
    for column in range(len(columns.feature)):
        feature, kind = columns.feature[column], columns.kind[column]
        code = codes[column]
        for r in range(rows):
            value = X[start + r, feature]
            column_values[r] = 0.0 if abs(value) <= ZERO else value
        if kind == CATEGORY:
            of_set = columns.category_set[column]
            words = columns.words[columns.word_start[of_set] : columns.word_start[of_set + 1]]
            read_categories(words, column_values, rows, code)
            continue
        if kind == PLAIN:
            for r in range(rows):
                value = column_values[r]
                column_values[r] = 0.0 if np.isnan(value) else value
        cuts = columns.cuts[columns.cut_start[column] : columns.cut_start[column + 1]]
        count_cuts(cuts, column_values, code)
        if kind != PLAIN:
            zero_too = kind in (ZERO_LEFT, ZERO_RIGHT)
            instead = MISSING_LEFT if kind in (ZERO_LEFT, NAN_LEFT) else MISSING_RIGHT
            for r in range(BLOCK):
                value = column_values[r]
                if np.isnan(value) or (zero_too and value == 0.0):
                    code[r] = instead


@step
def decide(trees: Trees, factors: Factors, first: int, nodes: int, codes: np.ndarray, records: np.ndarray) -> None:
    """The state of each row at each node: 1 or -1 where it passed what came before and goes left or right, else 0."""
    number = factors.side.dtype.type
    passed_left, passed_right, failed = number(1), number(-1), number(0)
    for i in range(nodes):
        node = first + i
        code, cut = codes[trees.column[node]], trees.cut[node]
        record, earlier, side = records[i + 1], records[trees.before[node]], factors.side[node]
        for r in range(BLOCK):
            way = passed_left if code[r] <= cut else passed_right
            record[r] = way if earlier[r] == side else failed


@step
def add_score(
    trees: Trees, tree: int, backwards: np.ndarray, codes: np.ndarray, stack: np.ndarray, score: np.ndarray
) -> None:
    """Add the value of the leaf that each row falls into, in float64 and in the order of the trees, as LightGBM."""
    first, nodes = trees.node_start[tree], trees.node_start[tree + 1] - trees.node_start[tree]
    for j in range(nodes):
        i = backwards[len(backwards) - nodes + j]
        node = first + i
        code, cut, at = (
            codes[trees.column[node]],
            trees.cut[node],
            stack[trees.slot[node] * BLOCK : (trees.slot[node] + 2) * BLOCK],
        )
        left_leaf, right_leaf, leaves = trees.left_leaf[node], trees.right_leaf[node], trees.leaves[node]
        if leaves == BOTH_ARE_LEAVES:
            for r in range(BLOCK):
                at[r] = left_leaf if code[r] <= cut else right_leaf
        elif leaves == LEFT_IS_LEAF:
            for r in range(BLOCK):
                of_right = at[r]
                at[r] = left_leaf if code[r] <= cut else of_right
        elif leaves == RIGHT_IS_LEAF:
            for r in range(BLOCK):
                of_left = at[r]
                at[r] = of_left if code[r] <= cut else right_leaf
        else:
            for r in range(BLOCK):
                of_right, of_left = at[r], at[BLOCK + r]
                at[r] = of_left if code[r] <= cut else of_right
    leaf_value = trees.leaf_value[trees.leaf_start[tree] : trees.leaf_start[tree + 1]]
    if nodes == 0:
        for r in range(BLOCK):
            score[r] += leaf_value[0]
    else:
        for r in range(BLOCK):
            score[r] += leaf_value[stack[r]]


@step
def share_left(state: Any, ratio: Any, slope: Any, curve: Any) -> Any:
    """The factor of going left, or of the edge above a node, at one point: see models/explain/layout.py."""
    return ratio + state * (slope + state * curve)


@step
def go_down(trees: Trees, factors: Factors, first: int, nodes: int, table: int, records: np.ndarray) -> None:
    """At one quadrature point, the product of the factors above each node."""
    for i in range(1, nodes):
        above, record = records[trees.parent[first + i] + 1], records[i + 1]
        ratio, slope, curve = factors.down[table + i, 0], factors.down[table + i, 1], factors.down[table + i, 2]
        for r in range(BLOCK):
            record[PRODUCT + r] = above[PRODUCT + r] * share_left(above[r], ratio, slope, curve)


@step
def go_down_twice(trees: Trees, factors: Factors, first: int, nodes: int, table: int, records: np.ndarray) -> None:
    """The same at this point and the next."""
    for i in range(1, nodes):
        above, record = records[trees.parent[first + i] + 1], records[i + 1]
        a, b = factors.down[table + i], factors.down[table + nodes + i]
        ratio_a, slope_a, curve_a = a[0], a[1], a[2]
        ratio_b, slope_b, curve_b = b[0], b[1], b[2]
        for r in range(BLOCK):
            state, product_a, product_b = above[r], above[PRODUCT + r], above[SECOND + r]
            record[PRODUCT + r] = product_a * share_left(state, ratio_a, slope_a, curve_a)
            record[SECOND + r] = product_b * share_left(state, ratio_b, slope_b, curve_b)


@step
def go_up(
    trees: Trees,
    factors: Factors,
    first: int,
    nodes: int,
    table: int,
    backwards: np.ndarray,
    records: np.ndarray,
    stack: np.ndarray,
) -> None:
    """At one quadrature point, the value below each node, and the node's part of its integral added to its sum."""
    for j in range(nodes):
        i = backwards[len(backwards) - nodes + j]
        node, row = first + i, table + i
        record, at = records[i + 1], stack[trees.slot[node] * 2 * BLOCK : (trees.slot[node] + 2) * 2 * BLOCK]
        ratio, slope, curve, size = factors.up[row, 0], factors.up[row, 1], factors.up[row, 2], factors.up[row, 3]
        left, right, leaves = factors.left_value[node], factors.right_value[node], trees.leaves[node]
        if leaves == BOTH_ARE_LEAVES:
            step = left - right
            size, ratio, slope, curve = size * step, right + ratio * step, slope * step, curve * step
            for r in range(BLOCK):
                state = record[r]
                record[SUM + r] += record[PRODUCT + r] * size
                at[r] = share_left(state, ratio, slope, curve)
        elif leaves:
            for r in range(BLOCK):
                state, other = record[r], at[r]
                difference = left - other
                record[SUM + r] += record[PRODUCT + r] * difference * size
                at[r] = other + difference * share_left(state, ratio, slope, curve)
        else:
            for r in range(BLOCK):
                state, of_right, of_left = record[r], at[r], at[2 * BLOCK + r]
                difference = of_left - of_right
                record[SUM + r] += record[PRODUCT + r] * difference * size
                at[r] = of_right + difference * share_left(state, ratio, slope, curve)


@step
def go_up_twice(
    trees: Trees,
    factors: Factors,
    first: int,
    nodes: int,
    table: int,
    backwards: np.ndarray,
    records: np.ndarray,
    stack: np.ndarray,
) -> None:
    """The same at this point and the next."""
    for j in range(nodes):
        i = backwards[len(backwards) - nodes + j]
        node = first + i
        record, at = records[i + 1], stack[trees.slot[node] * 2 * BLOCK : (trees.slot[node] + 2) * 2 * BLOCK]
        a, b = factors.up[table + i], factors.up[table + nodes + i]
        ratio_a, slope_a, curve_a, size_a = a[0], a[1], a[2], a[3]
        ratio_b, slope_b, curve_b, size_b = b[0], b[1], b[2], b[3]
        left, right, leaves = factors.left_value[node], factors.right_value[node], trees.leaves[node]
        if leaves == BOTH_ARE_LEAVES:
            step = left - right
            size_a, ratio_a, slope_a, curve_a = size_a * step, right + ratio_a * step, slope_a * step, curve_a * step
            size_b, ratio_b, slope_b, curve_b = size_b * step, right + ratio_b * step, slope_b * step, curve_b * step
            for r in range(BLOCK):
                state = record[r]
                record[SUM + r] += record[PRODUCT + r] * size_a + record[SECOND + r] * size_b
                at[r] = share_left(state, ratio_a, slope_a, curve_a)
                at[BLOCK + r] = share_left(state, ratio_b, slope_b, curve_b)
        elif leaves:
            for r in range(BLOCK):
                state, other_a, other_b = record[r], at[r], at[BLOCK + r]
                step_a, step_b = left - other_a, left - other_b
                record[SUM + r] += record[PRODUCT + r] * step_a * size_a + record[SECOND + r] * step_b * size_b
                at[r] = other_a + step_a * share_left(state, ratio_a, slope_a, curve_a)
                at[BLOCK + r] = other_b + step_b * share_left(state, ratio_b, slope_b, curve_b)
        else:
            for r in range(BLOCK):
                state, right_a, right_b = record[r], at[r], at[BLOCK + r]
                step_a, step_b = at[2 * BLOCK + r] - right_a, at[3 * BLOCK + r] - right_b
                record[SUM + r] += record[PRODUCT + r] * step_a * size_a + record[SECOND + r] * step_b * size_b
                at[r] = right_a + step_a * share_left(state, ratio_a, slope_a, curve_a)
                at[BLOCK + r] = right_b + step_b * share_left(state, ratio_b, slope_b, curve_b)


@step
def add_parts(trees: Trees, factors: Factors, first: int, nodes: int, records: np.ndarray, parts: np.ndarray) -> None:
    """Add the sum of each node to its feature, in float64, and start the next tree's sums at zero."""
    for i in range(nodes):
        record, part = records[i + 1], parts[trees.feature[first + i]]
        half, skew = factors.weight[first + i, 0], factors.weight[first + i, 1]
        for r in range(BLOCK):
            state = record[r]
            part[r] += np.float64(record[SUM + r] * (state * (half + state * skew)))
        for r in range(BLOCK):
            record[SUM + r] = 0


@kernel
def put_top(parts: np.ndarray, row: int, features: np.ndarray, values: np.ndarray) -> None:
    """The features of largest absolute value of one row, the largest first; of equal ones the first column first."""
    held, most = 0, len(features)
    for feature in range(len(parts)):
        value = parts[feature, row]
        if held == most and not abs(value) > abs(values[most - 1]):
            continue
        at = held if held < most else most - 1
        held = min(held + 1, most)
        while at > 0 and abs(value) > abs(values[at - 1]):
            features[at], values[at] = features[at - 1], values[at - 1]
            at -= 1
        features[at], values[at] = feature, value


@kernel
def explain_blocks(
    layout: Layout,
    X: np.ndarray,
    blocks_at_once: int,
    space: Buffers,
    scores: np.ndarray,
    values: np.ndarray,
    top_features: np.ndarray,
    top_values: np.ndarray,
) -> None:
    """Fill in raw scores, and SHAP values (rows x features) or the top ones (rows x k), whichever has columns."""
    trees, factors, columns = layout.trees, layout.factors, len(layout.columns.feature)
    codes, records, stack, backwards = space.codes, space.records, space.stack, space.backwards
    parts, totals = space.parts, space.totals
    for start in range(0, len(X), blocks_at_once * BLOCK):
        blocks = min(blocks_at_once, (len(X) - start + BLOCK - 1) // BLOCK)
        parts[:] = 0
        totals[:] = 0
        for b in range(blocks):
            read_codes(
                layout.columns, X, start + b * BLOCK, codes[b * columns : (b + 1) * columns], space.column_values
            )
        for tree in range(len(trees.points)):
            first = trees.node_start[tree]
            nodes = trees.node_start[tree + 1] - first
            for b in range(blocks):
                of_block = codes[b * columns : (b + 1) * columns]
                decide(trees, factors, first, nodes, of_block, records)
                add_score(trees, tree, backwards, of_block, space.leaf_stack, totals[b])
                if nodes:
                    records[1, PRODUCT:SUM] = 1
                table = trees.table_start[tree]
                for _ in range(trees.points[tree] // 2):
                    go_down_twice(trees, factors, first, nodes, table, records)
                    go_up_twice(trees, factors, first, nodes, table, backwards, records, stack)
                    table += 2 * nodes
                if trees.points[tree] % 2:
                    go_down(trees, factors, first, nodes, table, records)
                    go_up(trees, factors, first, nodes, table, backwards, records, stack)
                add_parts(trees, factors, first, nodes, records, parts[b * layout.features : (b + 1) * layout.features])
        for b in range(blocks):
            its_parts = parts[b * layout.features : (b + 1) * layout.features]
            for r in range(min(BLOCK, len(X) - start - b * BLOCK)):
                row = start + b * BLOCK + r
                scores[row] = totals[b, r]
                for feature in range(values.shape[1]):
                    values[row, feature] = its_parts[feature, r]
                if top_features.shape[1]:
                    put_top(its_parts, r, top_features[row], top_values[row])
