"""Makes what the compiled kernels write on, and calls them with it: for each call, so that threads share nothing.

Importing it imports numba. BLOCK and the layout of a record stay with the kernels: numba compiles again when their file
changes, not when another does.
"""

from typing import Any

import numpy as np

from models.explain.kernels import BLOCK, SUM, Buffers, explain_blocks
from models.explain.layout import Layout

BLOCKS = 4
"""Blocks explained at a time."""
CACHE_LINE = 64


def explain_rows(
    layout: Layout,
    X: np.ndarray,
    scores: np.ndarray,
    values: np.ndarray,
    top_features: np.ndarray,
    top_values: np.ndarray,
) -> None:
    """Fill in raw scores, and SHAP values (rows x features) or the top ones (rows x k), whichever has columns."""
    blocks_at_once = min(BLOCKS, (len(X) + BLOCK - 1) // BLOCK)
    space = buffers(layout, blocks_at_once)
    explain_blocks(layout, X, blocks_at_once, space, scores, values, top_features, top_values)


def buffers(layout: Layout, blocks: int) -> Buffers:
    """For so many blocks at once."""
    kind = layout.factors.side.dtype
    records = buffer(layout.most_nodes + 1, SUM + BLOCK, kind)
    records[0, :BLOCK] = 1  # what every row has passed that meets a feature for the first time
    return Buffers(
        codes=buffer(blocks * len(layout.columns.feature), BLOCK, np.int32),
        leaf_stack=buffer(layout.most_slots, BLOCK, np.int32).reshape(-1),
        records=records,
        stack=buffer(layout.most_slots, 2 * BLOCK, kind).reshape(-1),
        parts=buffer(blocks * layout.features, BLOCK, np.float64),
        totals=buffer(blocks, BLOCK, np.float64),
        column_values=np.zeros(BLOCK),
        backwards=np.arange(layout.most_nodes)[::-1].copy(),
    )


def buffer(rows: int, columns: int, kind: Any) -> np.ndarray:
    """Zeros that start at a cache line."""
    size = np.dtype(kind).itemsize
    flat = np.zeros(rows * columns + CACHE_LINE // size, kind)
    first = (-flat.ctypes.data) % CACHE_LINE // size
    return flat[first : first + rows * columns].reshape(rows, columns)
