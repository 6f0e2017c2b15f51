"""Trees laid out for the explainer: flat arrays, nodes in preorder, and what the quadrature needs of each node.

The value of a tree when each feature takes part with probability t, features that do not take part being averaged over
the training rows, is a polynomial in t on every path: each feature of the path is a factor z + t (o - z), where z is
the share of the training rows that its splits let through and o is 1 if the row passes all of them, else 0. SHAP values
are integrals over t from 0 to 1 of products of these factors, of degree d - 1 for d distinct features, which ceil(d/2)
Gauss-Legendre points integrate exactly (Wettenstein, Mitchell, Yu: Quadrature TreeSHAP, arXiv 2605.04497).

At a node, z and o are those of its feature on the path so far (1 and 1 if it is new), and z_left + z_right = z. With
f = z + t (1 - z) the factor so far of a row that passed, the factor of going left, relative to the one so far, is

    a = (z_left + t (1 - z_left)) / f   for rows that passed and go left,
    b = z_left (1 - t) / f              for rows that passed and go right,
    r = z_left / z                      for rows that did not pass,

all known before any row is. With a state of 1, -1 and 0 for the three, it is r + state (slope + state curve): slope =
(a - b)/2 and curve = (a + b)/2 - r. The node's part of the SHAP value of its feature is the integral of

    weight (product of the factors above the node) (value left - value right) / f^2

where weight is z_right, -z_left and 0 for the three states. New and repeated features need no separate treatment.
Nor does it matter which side is called left: where the right child alone is a leaf, the two change places (f^2 counts
as negative), so that the leaf is the left one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from models.explain.lightgbm_text import CATEGORICAL, DEFAULT_LEFT, Model, Tree

PLAIN, ZERO_LEFT, ZERO_RIGHT, NAN_LEFT, NAN_RIGHT, CATEGORY = range(6)
"""What a column of codes does with a missing value: takes it for zero; sends zero and NaN, or NaN, left or right."""
LEFT, RIGHT = 1, -1
LEFT_IS_LEAF, RIGHT_IS_LEAF = 2, 1


class Columns(NamedTuple):
    """The columns of codes: a feature and what it does with a missing value, or a set of categories."""

    feature: np.ndarray
    kind: np.ndarray
    category_set: np.ndarray
    cut_start: np.ndarray
    cuts: np.ndarray
    # sets of categories
    word_start: np.ndarray
    words: np.ndarray


class Trees(NamedTuple):
    """Nodes and leaves of all trees, one tree after the other."""

    # one entry per tree, and one more at the end for those that say where the nodes, leaves or tables of a tree start
    node_start: np.ndarray
    leaf_start: np.ndarray
    table_start: np.ndarray
    points: np.ndarray
    # one entry per node
    feature: np.ndarray
    column: np.ndarray
    cut: np.ndarray
    """The largest code of the column that goes left."""
    before: np.ndarray
    """The node's predecessor on the path with the same feature, counted from 1 in its tree; 0 if there is none."""
    parent: np.ndarray
    slot: np.ndarray
    """Where on the stack of the upward pass the value of the node is put."""
    leaves: np.ndarray
    left_leaf: np.ndarray
    right_leaf: np.ndarray
    # one entry per leaf
    leaf_value: np.ndarray


class Factors(NamedTuple):
    """What is multiplied, in float32 or float64."""

    # one entry per node
    side: np.ndarray
    left_value: np.ndarray
    """Of the left leaf, or of the only one."""
    right_value: np.ndarray
    weight: np.ndarray
    # one row per tree, point and node: r, slope, curve and (quadrature weight) / f^2, of going to the right where that
    # is the only leaf; r, slope and curve of the parent
    up: np.ndarray
    down: np.ndarray


class Layout(NamedTuple):
    """All that the kernels need of a model, as they take it. Most take a part of it, which compiles in half the time.

    Kernels that do without ``factors`` are compiled once, the others once for each precision.
    """

    columns: Columns
    trees: Trees
    factors: Factors
    features: int
    most_nodes: int
    most_slots: int

    def in_precision(self, kind: type) -> "Layout":
        """The same with what is multiplied in float32 or float64; thresholds and the score stay float64."""
        return self._replace(factors=Factors(*(factor.astype(kind) for factor in self.factors)))


@dataclass
class _Node:
    """One node of one tree: see Layout. ``share`` is z, ``left_share`` and ``right_share`` are those after it."""

    number: int
    parent: int
    parent_side: int
    slot: int
    before: int
    side: int
    share: float
    left_share: float
    right_share: float


@dataclass
class _TreeLayout:
    nodes: list[_Node] = field(default_factory=list)
    most_features: int = 0


def lay_out(model: Model) -> Layout:
    """The flat arrays of a model, in float64."""
    layouts = [_preorder(tree) for tree in model.trees]
    order = [np.array([node.number for node in layout.nodes], dtype=np.int64) for layout in layouts]
    points = np.array([(layout.most_features + 1) // 2 for layout in layouts], dtype=np.int64)
    sizes = np.array([len(numbers) for numbers in order], dtype=np.int64)
    nodes = [node for layout in layouts for node in layout.nodes]
    left, right = (
        _joined([getattr(t, s)[o] for t, o in zip(model.trees, order, strict=True)]) for s in ("left", "right")
    )
    centred = [tree.leaf_value - tree.expected_value() for tree in model.trees]
    values = [np.append(c, 0.0) for c in centred]  # an inner child (number >= 0) reads the 0 at the end
    pairs = list(zip(model.trees, order, values, strict=True))
    left_value, right_value = (
        _joined([v[np.where(getattr(t, s)[o] < 0, ~getattr(t, s)[o], -1)] for t, o, v in pairs], np.float64)
        for s in ("left", "right")
    )
    leaves = LEFT_IS_LEAF * (left < 0) + RIGHT_IS_LEAF * (right < 0)
    turned = leaves == RIGHT_IS_LEAF
    starts = _starts(sizes)
    tables = [
        _tables(layout.nodes, turned[start : start + len(layout.nodes)], int(n))
        for layout, start, n in zip(layouts, starts[:-1], points, strict=True)
    ]
    shares = np.array([(n.share / 2, (n.right_share - n.left_share) / 2) for n in nodes]).reshape(-1, 2)
    columns, looked_at = _columns(model.trees, order)
    return Layout(
        columns,
        Trees(
            node_start=starts,
            leaf_start=_starts([len(tree.leaf_value) for tree in model.trees]),
            table_start=_starts(sizes * points),
            points=points,
            **looked_at,
            before=np.array([n.before for n in nodes], dtype=np.int64),
            parent=np.array([n.parent for n in nodes], dtype=np.int64),
            slot=np.array([n.slot for n in nodes], dtype=np.int64),
            leaves=leaves,
            left_leaf=np.maximum(~left, 0).astype(np.int32),
            right_leaf=np.maximum(~right, 0).astype(np.int32),
            leaf_value=_joined([tree.leaf_value for tree in model.trees], np.float64),
        ),
        Factors(
            side=np.array([n.side for n in nodes], dtype=np.float64),
            left_value=np.where(turned, right_value, left_value),
            right_value=right_value,
            weight=shares,
            up=np.concatenate([np.zeros((0, 4)), *[up for up, _ in tables]]),
            down=np.concatenate([np.zeros((0, 3)), *[down for _, down in tables]]),
        ),
        features=model.features,
        most_nodes=int(sizes.max(initial=0)),
        most_slots=max([n.slot for n in nodes], default=0) + 2,
    )


def _joined(parts: Sequence[np.ndarray], kind: Any = np.int64) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)


def _starts(sizes: Any) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _preorder(tree: Tree) -> _TreeLayout:
    """Nodes, left before right. The upward pass runs backwards, so a right child is done before its left sibling."""
    layout = _TreeLayout()
    if not len(tree.feature):
        return layout
    features, left, right = tree.feature.tolist(), tree.left.tolist(), tree.right.tolist()
    new = (1.0, 0, LEFT)  # the share, node and side of a feature that the path has not met
    waiting: list[tuple[int, int, int, int, dict[int, tuple[float, int, int]]]] = [(0, 0, LEFT, 0, {})]
    while waiting:
        number, parent, parent_side, slot, path = waiting.pop()
        feature, here = features[number], len(layout.nodes)
        share, before, side = path.get(feature, new)
        each = share / tree.count(number)
        left_share, right_share = each * tree.count(left[number]), each * tree.count(right[number])
        layout.nodes.append(_Node(number, parent, parent_side, slot, before, side, share, left_share, right_share))
        layout.most_features = max(layout.most_features, len(path) + (feature not in path))
        if right[number] >= 0:
            waiting.append((right[number], here, RIGHT, slot, {**path, feature: (right_share, here + 1, RIGHT)}))
        if left[number] >= 0:
            above = slot + (right[number] >= 0)
            waiting.append((left[number], here, LEFT, above, {**path, feature: (left_share, here + 1, LEFT)}))
    return layout


def _tables(nodes: list[_Node], turned: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of ``up`` and ``down`` of one tree, point by point and node by node; ``turned`` changes the places."""
    if not nodes:
        return np.zeros((0, 4)), np.zeros((0, 3))
    place, size = np.polynomial.legendre.leggauss(points)
    t, size = (place[:, None] + 1) / 2, size[:, None] / 2
    share = np.array([n.share for n in nodes])
    factor = share + t * (1 - share)

    def edge(after: np.ndarray, side: int) -> np.ndarray:
        passed, failed = (after + t * (1 - after)) / factor, after * (1 - t) / factor
        ratio = np.broadcast_to(after / share, factor.shape)
        return np.stack([ratio, side * (passed - failed) / 2, (passed + failed) / 2 - ratio], axis=-1)

    to_left = edge(np.array([n.left_share for n in nodes]), LEFT)
    to_right = edge(np.array([n.right_share for n in nodes]), RIGHT)
    parent = np.array([n.parent for n in nodes])
    came_left = np.array([n.parent_side == LEFT for n in nodes])[None, :, None]
    down = np.where(came_left, to_left[:, parent], to_right[:, parent])
    up = np.concatenate([to_left, (size / factor**2)[..., None]], axis=-1)
    up[:, turned] = np.concatenate([to_right, (-size / factor**2)[..., None]], axis=-1)[:, turned]
    return up.reshape(-1, 4), down.reshape(-1, 3)


def _columns(trees: Sequence[Tree], order: Sequence[np.ndarray]) -> tuple[Columns, dict[str, np.ndarray]]:
    """The columns of codes; and of each node its feature, which column it looks at and where it cuts."""
    pairs = list(zip(trees, order, strict=True))
    feature = _joined([tree.feature[o] for tree, o in pairs])
    threshold = _joined([tree.threshold[o] for tree, o in pairs], np.float64)
    decision = _joined([tree.decision_type[o] for tree, o in pairs])
    sets = [words for tree in trees for words in tree.category_words]
    first_set = np.repeat(_starts([len(t.category_words) for t in trees])[:-1], [len(o) for o in order])
    missing, left_too = (decision >> 2) & 3, (decision & DEFAULT_LEFT) > 0
    kind = np.where(missing == 0, PLAIN, np.where(missing == 1, ZERO_RIGHT, NAN_RIGHT) - left_too)
    categorical = (decision & CATEGORICAL) > 0
    kind = np.where(categorical, CATEGORY, kind)
    category_set = np.where(categorical, threshold + first_set, 0).astype(np.int64)
    names, column = np.unique(np.stack([feature, kind, category_set]), axis=1, return_inverse=True)
    column = column.reshape(-1).astype(np.int64)
    cuts, cut = [], np.zeros(len(feature), dtype=np.int64)  # a category's code is 0 in its set and 1 outside
    for number, its_kind in enumerate(names[1]):
        nodes = column == number
        cuts.append(np.zeros(0) if its_kind == CATEGORY else np.unique(threshold[nodes]))
        if its_kind != CATEGORY:
            cut[nodes] = np.searchsorted(cuts[-1], threshold[nodes])
    columns = Columns(
        feature=names[0].astype(np.int64),
        kind=names[1].astype(np.int64),
        category_set=names[2].astype(np.int64),
        cut_start=_starts([len(c) for c in cuts]),
        cuts=_joined(cuts, np.float64),
        word_start=_starts([len(s) for s in sets]),
        words=_joined(sets, np.uint32),
    )
    return columns, {"feature": feature, "column": column, "cut": cut.astype(np.int32)}
