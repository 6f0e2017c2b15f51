"""LightGBM's text model, read into plain arrays: the trees as they are stored, nothing computed.

Field names are those of the text (LightGBM 4, ``model_to_string``). Children are node numbers, or
``~leaf`` if negative.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from data.errors import ModelError

CATEGORICAL, DEFAULT_LEFT = 1, 2
"""Bits of a decision type; bits 2 and 3 are the missing type: 0 none, 1 zero, 2 NaN."""


class NotCoveredError(ModelError):
    """A kind of model that the fast explainer does not cover, by name; LightGBM's own contributions can serve."""


@dataclass(frozen=True)
class Tree:
    """One tree. Arrays of one entry per node (split) or per leaf; leaf values include the shrinkage."""

    feature: np.ndarray
    threshold: np.ndarray
    decision_type: np.ndarray
    left: np.ndarray
    right: np.ndarray
    node_count: np.ndarray
    leaf_value: np.ndarray
    leaf_count: np.ndarray
    category_words: tuple[np.ndarray, ...]
    """Sets of categories that go left, 32 a word; the threshold of a categorical node is its number in here."""

    def count(self, child: int) -> float:
        """Training rows at a child (a node, or ``~leaf``)."""
        return float(self.node_count[child] if child >= 0 else self.leaf_count[~child])

    def depth(self) -> int:
        """Splits on the longest path; a node comes before its children."""
        depths = np.ones(len(self.feature), dtype=np.int64)
        for node, children in enumerate(zip(self.left.tolist(), self.right.tolist(), strict=True)):
            for child in children:
                if child >= 0:
                    depths[child] = depths[node] + 1
        return int(depths.max(initial=0))

    def expected_value(self) -> float:
        """The mean of the leaves, weighted by their training rows."""
        if len(self.leaf_value) == 1:
            return float(self.leaf_value[0])
        return float(self.leaf_value @ (self.leaf_count / self.leaf_count.sum()))


@dataclass(frozen=True)
class Model:
    """``features`` columns, and the trees in their order. Their raw score is the sum, also of a random forest."""

    features: int
    trees: tuple[Tree, ...]


def read(text: str, num_iteration: int | None = None) -> Model:
    """The model in LightGBM's text; its first ``num_iteration`` trees if given.

    Raises NotCoveredError for multi-class models, linear trees, and trees whose counts of training rows do not add up
    (path-dependent SHAP values weigh by them); ModelError for text that is no model.
    """
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    header = _fields(head)
    if not text.startswith("tree") or "max_feature_idx" not in header:
        raise ModelError("Explain a booster.", "text that is no LightGBM model.", "Give the text of model_to_string().")
    outputs = int(header.get("num_tree_per_iteration", "1"))
    if outputs != 1:
        raise _not_covered(f"a multi-class model ({outputs} outputs)")
    trees = tuple(_tree(_fields(block)) for block in blocks[:num_iteration])
    return Model(int(header["max_feature_idx"]) + 1, trees)


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: dict[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise _not_covered("linear trees")

    def numbers(name: str, kind: Any = np.int64) -> np.ndarray:
        return np.array(fields.get(name, "").split(), dtype=kind)

    boundaries, words = numbers("cat_boundaries"), numbers("cat_threshold", np.uint32)
    tree = Tree(
        feature=numbers("split_feature"),
        threshold=numbers("threshold", np.float64),
        decision_type=numbers("decision_type"),
        left=numbers("left_child"),
        right=numbers("right_child"),
        node_count=numbers("internal_count"),
        leaf_value=numbers("leaf_value", np.float64),
        leaf_count=numbers("leaf_count"),
        category_words=tuple(words[a:b] for a, b in pairwise(boundaries)),
    )
    if len(tree.feature):
        _check_counts(tree)
    return tree


def _check_counts(tree: Tree) -> None:
    sizes = len(tree.node_count) == len(tree.feature) and len(tree.leaf_count) == len(tree.leaf_value)
    if sizes:
        children = np.stack([tree.left, tree.right])
        of_nodes = tree.node_count[np.maximum(children, 0)]
        counts = np.where(children >= 0, of_nodes, tree.leaf_count[np.maximum(~children, 0)])
        if (counts > 0).all() and (counts.sum(axis=0) == tree.node_count).all():
            return
    raise _not_covered("trees whose counts of training rows are missing or do not add up")


def _not_covered(what: str) -> NotCoveredError:
    return NotCoveredError(
        asked="Explain a booster by quadrature.",
        found=f"{what}, which it does not cover.",
        todo="Use LightGBM's own contributions (predict with pred_contrib) for this booster.",
    )
