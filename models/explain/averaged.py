"""A model that does without some of its features: every split on one of them is averaged over its training rows.

That is the value of path-dependent SHAP for a row of which only the other features are known, E[f(x) | x_S], and it is
a sum of trees again: a split that is not asked sends w of the row to the left and 1 - w to the right, so that the tree
is the sum of two trees, with their leaves times w and 1 - w. Branches that are split no further share a tree, so there
are hardly more leaves than before. The expected value is the same, and a feature that is not asked adds nothing.
"""

from collections.abc import Set
from dataclasses import dataclass
from itertools import zip_longest

from models.explain.lightgbm_text import CATEGORICAL, Tree, read

ROWS = 10**9
"""The training rows that a new tree is said to have: shares of rows are kept to so many parts."""
END = "\nend of trees"


@dataclass(frozen=True)
class _Split:
    """A split of the tree it came from, ``share`` of whose rows go left."""

    node: int
    share: float
    left: "_Branch"
    right: "_Branch"


_Branch = _Split | float
"""What is below a node: a split, or the value of a leaf."""


def averaged_over(text: str, features: Set[int]) -> str:
    """LightGBM's text of the same model without these features, by the numbers of their columns, which stay.

    Raises NotCoveredError as ``lightgbm_text.read`` does.
    """
    before, end, after = text.partition(END)
    head, *blocks = before.split("\nTree=")
    constant, kept = 0.0, []
    for tree, block in zip(read(text).trees, blocks, strict=True):
        if not features & set(tree.feature.tolist()):
            kept.append(block.partition("\n")[2].strip("\n"))
            continue
        for branch in _branches(tree, 0, features):
            if isinstance(branch, float):
                constant += branch
            else:
                kept.append(_written(branch, tree))
    kept.append(_stump(constant))
    lines = [line for line in head.splitlines() if not line.startswith("tree_sizes=")]
    trees = [f"Tree={number}\n{block}\n\n" for number, block in enumerate(kept)]
    return "\n".join(lines).rstrip("\n") + "\n\n" + "\n".join(trees) + end + after


def _branches(tree: Tree, child: int, features: Set[int]) -> list[_Branch]:
    """What is below a child, as branches to be added up."""
    if child < 0:
        return [float(tree.leaf_value[~child])]
    left, right = (_branches(tree, int(side[child]), features) for side in (tree.left, tree.right))
    share = tree.count(int(tree.left[child])) / tree.count(child)
    if int(tree.feature[child]) in features:
        return _together([*(_times(b, share) for b in left), *(_times(b, 1 - share) for b in right)])
    return [_Split(child, share, *pair) for pair in zip_longest(left, right, fillvalue=0.0)]


def _together(branches: list[_Branch]) -> list[_Branch]:
    """The same with the leaves among them as one."""
    leaves = [branch for branch in branches if isinstance(branch, float)]
    splits: list[_Branch] = [branch for branch in branches if not isinstance(branch, float)]
    return [*splits, sum(leaves)] if leaves else splits


def _times(branch: _Branch, weight: float) -> _Branch:
    if isinstance(branch, float):
        return branch * weight
    return _Split(branch.node, branch.share, _times(branch.left, weight), _times(branch.right, weight))


def _stump(value: float) -> str:
    return f"num_leaves=1\nnum_cat=0\nleaf_value={value!r}\nleaf_count={ROWS}\nis_linear=0\nshrinkage=1"


class _Lines:
    """The nodes and leaves of one tree in the order in which LightGBM numbers them: parents before children."""

    def __init__(self, branch: _Split) -> None:
        self.nodes: list[_Split] = []
        self.children: list[list[int]] = []
        self.node_counts: list[int] = []
        self.leaves: list[float] = []
        self.leaf_counts: list[int] = []
        self._add(branch, ROWS)

    def _add(self, branch: _Branch, rows: int) -> int:
        """The number of a branch, with all that is below it."""
        if isinstance(branch, float):
            self.leaves.append(branch)
            self.leaf_counts.append(rows)
            return ~(len(self.leaves) - 1)
        number = len(self.nodes)
        self.nodes.append(branch)
        self.node_counts.append(rows)
        self.children.append([])
        left = min(max(round(rows * branch.share), 1), rows - 1)
        self.children[number] = [self._add(branch.left, left), self._add(branch.right, rows - left)]
        return number


def _written(branch: _Split, tree: Tree) -> str:
    """The text of one tree."""
    lines = _Lines(branch)
    nodes = [split.node for split in lines.nodes]
    words = tree.category_words
    boundaries = [sum(map(len, words[:place])) for place in range(len(words) + 1)]
    fields: dict[str, list[object]] = {
        "num_leaves": [len(lines.leaves)],
        "num_cat": [len(words)],
        "split_feature": tree.feature[nodes].tolist(),
        "split_gain": [0] * len(nodes),
        "threshold": [
            int(cut) if kind & CATEGORICAL else repr(cut)
            for cut, kind in zip(tree.threshold[nodes].tolist(), tree.decision_type[nodes].tolist(), strict=True)
        ],
        "decision_type": tree.decision_type[nodes].tolist(),
        "left_child": [left for left, _ in lines.children],
        "right_child": [right for _, right in lines.children],
        "leaf_value": [repr(value) for value in lines.leaves],
        "leaf_weight": [0] * len(lines.leaves),
        "leaf_count": list(lines.leaf_counts),
        "internal_value": [0] * len(nodes),
        "internal_weight": [0] * len(nodes),
        "internal_count": list(lines.node_counts),
    }
    if words:
        fields["cat_boundaries"] = list(boundaries)
        fields["cat_threshold"] = [word for of_set in words for word in of_set.tolist()]
    fields |= {"is_linear": [0], "shrinkage": [1]}
    return "\n".join(f"{name}={' '.join(map(str, values))}" for name, values in fields.items())
