"""Compiled kernels: from rows to SHAP values and raw scores, block by block. See models/forest.py for the formula.

How it is made fast, so that nobody undoes it unknowing (``python -m tests.bench --only explainer`` tells):

- Each innermost loop runs over the rows of a block, which LLVM turns into vector instructions. What it takes to begin
  such a loop is paid once per node and block: with 64 rows in a block all takes a fifth longer than with 128, with 32
  three times as long (the loops are no longer vectors); more than 128 gain nothing, as less of a tree fits the cache.
- LLVM must see that what is written is not what is read, or it keeps a scalar loop, five times slower, silently.
  So all that belongs to a node is one record (state, product, sum of each row), two values of the stack that are
  used together are neighbours, and values are read into variables before one of them is chosen.
- For the same reason the upward loops take their nodes from a list, ``backwards``: with a plain descending counter LLVM
  checks the overlap of all records of a tree at once, and finds one.
- Buffers start at a multiple of 64 bytes, a cache line.
- Four blocks share the tables of a tree before the next tree is fetched.

Importing numba takes about half a second, so this module is imported when first needed.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from models.forest import (
    CATEGORY,
    LEFT_IS_LEAF,
    NAN_LEFT,
    PLAIN,
    RIGHT_IS_LEAF,
    ZERO_LEFT,
    ZERO_RIGHT,
    Forest,
)

BLOCK = 128
BLOCKS = 4
CACHE_LINE = 64
ZERO = float(np.float32(1e-35))
"""LightGBM takes what is not larger than this for zero."""
MISSING_LEFT, MISSING_RIGHT = np.int32(-1), np.int32(2**31 - 1)
BOTH_ARE_LEAVES = LEFT_IS_LEAF + RIGHT_IS_LEAF


def kernel(function: Callable[..., Any]) -> Any:
    """Compile when first called, and keep the result on disk where that is possible.

    numba refuses to keep it, when the module is imported, where neither the folder of this file nor the home folder
    can be written; then every process compiles for itself.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(**options)(function)


@kernel
def buffer(rows: int, columns: int, like: np.ndarray) -> np.ndarray:
    """Zeros of the type of ``like``, starting at a cache line."""
    flat = np.zeros(rows * columns + CACHE_LINE // like.itemsize, like.dtype)
    first = (-flat.ctypes.data) % CACHE_LINE // like.itemsize
    return flat[first : first + rows * columns].reshape(rows, columns)


@kernel
def read_codes(forest: Forest, X: np.ndarray, start: int, codes: np.ndarray, column_values: np.ndarray) -> None:
    """The codes of one block: how many cuts of the column lie below the value, or the category. Compared in double."""
    rows = min(BLOCK, len(X) - start)
    for column in range(len(forest.column_feature)):
        feature, kind = forest.column_feature[column], forest.column_kind[column]
        code = codes[column]
        for r in range(rows):
            value = X[start + r, feature]
            column_values[r] = 0.0 if abs(value) <= ZERO else value
        if kind == CATEGORY:
            of_set = forest.column_set[column]
            words = forest.words[forest.word_start[of_set] : forest.word_start[of_set + 1]]
            for r in range(rows):
                value = column_values[r]
                code[r] = 1  # also for NaN
                if value > -1.0 and value < 32.0 * len(words):
                    category = int(value)
                    code[r] -= (words[category >> 5] >> np.uint32(category & 31)) & np.uint32(1)
            continue
        if kind == PLAIN:
            for r in range(rows):
                value = column_values[r]
                column_values[r] = 0.0 if np.isnan(value) else value
        cuts = forest.cuts[forest.cut_start[column] : forest.cut_start[column + 1]]
        for r in range(BLOCK):
            code[r] = 0
        left = len(cuts)
        while left > 1:  # a binary search in step for all rows
            half = left // 2
            for r in range(BLOCK):
                code[r] += np.int32(half) if cuts[code[r] + half - 1] < column_values[r] else np.int32(0)
            left -= half
        for r in range(BLOCK):
            code[r] += np.int32(1) if cuts[code[r]] < column_values[r] else np.int32(0)
        if kind != PLAIN:
            zero_too = kind in (ZERO_LEFT, ZERO_RIGHT)
            instead = MISSING_LEFT if kind in (ZERO_LEFT, NAN_LEFT) else MISSING_RIGHT
            for r in range(BLOCK):
                value = column_values[r]
                if np.isnan(value) or (zero_too and value == 0.0):
                    code[r] = instead


@kernel
def decide(forest: Forest, first: int, nodes: int, codes: np.ndarray, records: np.ndarray) -> None:
    """The state of each row at each node: 1 or -1 where it passed what came before and goes left or right, else 0."""
    number = forest.side.dtype.type
    passed_left, passed_right, failed = number(1), number(-1), number(0)
    for i in range(nodes):
        node = first + i
        code, cut = codes[forest.column[node]], forest.cut[node]
        record, earlier, side = records[i + 1], records[forest.before[node]], forest.side[node]
        for r in range(BLOCK):
            way = passed_left if code[r] <= cut else passed_right
            record[r] = way if earlier[r] == side else failed


@kernel
def add_score(
    forest: Forest, tree: int, backwards: np.ndarray, codes: np.ndarray, stack: np.ndarray, score: np.ndarray
) -> None:
    """Add the value of the leaf that each row falls into, in float64 and in the order of the trees, as LightGBM."""
    first, nodes = forest.node_start[tree], forest.node_start[tree + 1] - forest.node_start[tree]
    for j in range(nodes):
        i = backwards[len(backwards) - nodes + j]
        node = first + i
        code, cut, at = (
            codes[forest.column[node]],
            forest.cut[node],
            stack[forest.slot[node] * BLOCK : (forest.slot[node] + 2) * BLOCK],
        )
        left_leaf, right_leaf, leaves = forest.left_leaf[node], forest.right_leaf[node], forest.leaves[node]
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
    leaf_value = forest.leaf_value[forest.leaf_start[tree] : forest.leaf_start[tree + 1]]
    if nodes == 0:
        for r in range(BLOCK):
            score[r] += leaf_value[0]
    else:
        for r in range(BLOCK):
            score[r] += leaf_value[stack[r]]


@kernel
def go_down(forest: Forest, first: int, nodes: int, table: int, records: np.ndarray) -> None:
    """At one quadrature point, the product of the factors above each node."""
    for i in range(1, nodes):
        above, record = records[forest.parent[first + i] + 1], records[i + 1]
        ratio, slope, curve = forest.down[table + i, 0], forest.down[table + i, 1], forest.down[table + i, 2]
        for r in range(BLOCK):
            state = above[r]
            record[BLOCK + r] = above[BLOCK + r] * (ratio + state * (slope + state * curve))


@kernel
def go_up(
    forest: Forest, first: int, nodes: int, table: int, backwards: np.ndarray, records: np.ndarray, stack: np.ndarray
) -> None:
    """At one quadrature point, the value below each node, and the node's part of its integral added to its sum."""
    for j in range(nodes):
        i = backwards[len(backwards) - nodes + j]
        node, row = first + i, table + i
        record, at = records[i + 1], stack[forest.slot[node] * BLOCK : (forest.slot[node] + 2) * BLOCK]
        ratio, slope, curve, size = forest.up[row, 0], forest.up[row, 1], forest.up[row, 2], forest.up[row, 3]
        left, right, leaves = forest.left_value[node], forest.right_value[node], forest.leaves[node]
        if leaves == BOTH_ARE_LEAVES:
            step = left - right
            size, ratio, slope, curve = size * step, right + ratio * step, slope * step, curve * step
            for r in range(BLOCK):
                state = record[r]
                record[2 * BLOCK + r] += record[BLOCK + r] * size
                at[r] = ratio + state * (slope + state * curve)
        elif leaves == LEFT_IS_LEAF:
            for r in range(BLOCK):
                state, of_right = record[r], at[r]
                difference = left - of_right
                record[2 * BLOCK + r] += record[BLOCK + r] * difference * size
                at[r] = of_right + difference * (ratio + state * (slope + state * curve))
        elif leaves == RIGHT_IS_LEAF:
            for r in range(BLOCK):
                state, of_left = record[r], at[r]
                difference = of_left - right
                record[2 * BLOCK + r] += record[BLOCK + r] * difference * size
                at[r] = right + difference * (ratio + state * (slope + state * curve))
        else:
            for r in range(BLOCK):
                state, of_right, of_left = record[r], at[r], at[BLOCK + r]
                difference = of_left - of_right
                record[2 * BLOCK + r] += record[BLOCK + r] * difference * size
                at[r] = of_right + difference * (ratio + state * (slope + state * curve))


@kernel
def add_parts(forest: Forest, first: int, nodes: int, records: np.ndarray, parts: np.ndarray) -> None:
    """Add the sum of each node to its feature, in float64, and start the next tree's sums at zero."""
    for i in range(nodes):
        record, part = records[i + 1], parts[forest.feature[first + i]]
        half, skew = forest.weight[first + i, 0], forest.weight[first + i, 1]
        for r in range(BLOCK):
            state = record[r]
            part[r] += np.float64(record[2 * BLOCK + r] * (state * (half + state * skew)))
        for r in range(BLOCK):
            record[2 * BLOCK + r] = 0


@kernel
def put_top(parts: np.ndarray, row: int, features: np.ndarray, values: np.ndarray) -> None:
    """The features of largest absolute value of one row, the largest first; of equal ones the first column first."""
    found, most = 0, len(features)
    for feature in range(len(parts)):
        value = parts[feature, row]
        if found == most and not abs(value) > abs(values[most - 1]):
            continue
        at = found if found < most else most - 1
        found = min(found + 1, most)
        while at > 0 and abs(value) > abs(values[at - 1]):
            features[at], values[at] = features[at - 1], values[at - 1]
            at -= 1
        features[at], values[at] = feature, value


@kernel
def explain_rows(
    forest: Forest,
    X: np.ndarray,
    scores: np.ndarray,
    values: np.ndarray,
    top_features: np.ndarray,
    top_values: np.ndarray,
) -> None:
    """Fill in raw scores, and SHAP values (rows x features) or the top ones (rows x k), whichever has columns."""
    blocks_at_once = min(BLOCKS, (len(X) + BLOCK - 1) // BLOCK)
    columns = len(forest.column_feature)
    integer = np.zeros(1, np.int32)
    codes = buffer(blocks_at_once * columns, BLOCK, integer)
    leaf_stack = buffer(forest.most_slots, BLOCK, integer).reshape(-1)
    records = buffer(forest.most_nodes + 1, 3 * BLOCK, forest.side)
    records[0, :BLOCK] = 1  # what every row has passed that meets a feature for the first time
    stack = buffer(forest.most_slots, BLOCK, forest.side).reshape(-1)
    parts = buffer(blocks_at_once * forest.features, BLOCK, scores)
    totals = buffer(blocks_at_once, BLOCK, scores)
    column_values = np.zeros(BLOCK)
    backwards = np.arange(forest.most_nodes)[::-1].copy()
    for start in range(0, len(X), blocks_at_once * BLOCK):
        blocks = min(blocks_at_once, (len(X) - start + BLOCK - 1) // BLOCK)
        parts[:] = 0
        totals[:] = 0
        for b in range(blocks):
            read_codes(forest, X, start + b * BLOCK, codes[b * columns : (b + 1) * columns], column_values)
        for tree in range(len(forest.points)):
            first = forest.node_start[tree]
            nodes = forest.node_start[tree + 1] - first
            for b in range(blocks):
                of_block = codes[b * columns : (b + 1) * columns]
                decide(forest, first, nodes, of_block, records)
                add_score(forest, tree, backwards, of_block, leaf_stack, totals[b])
                if nodes:
                    records[1, BLOCK : 2 * BLOCK] = 1
                for point in range(forest.points[tree]):
                    table = forest.table_start[tree] + point * nodes
                    go_down(forest, first, nodes, table, records)
                    go_up(forest, first, nodes, table, backwards, records, stack)
                add_parts(forest, first, nodes, records, parts[b * forest.features : (b + 1) * forest.features])
        for b in range(blocks):
            its_parts = parts[b * forest.features : (b + 1) * forest.features]
            for r in range(min(BLOCK, len(X) - start - b * BLOCK)):
                row = start + b * BLOCK + r
                scores[row] = totals[b, r]
                for feature in range(values.shape[1]):
                    values[row, feature] = its_parts[feature, r]
                if top_features.shape[1]:
                    put_top(its_parts, r, top_features[row], top_values[row])
