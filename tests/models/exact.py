"""Slow, plain Shapley values of a LightGBM model, to check the fast ones with: fractions, and every subset of features.

The value of a set of features, in one tree: follow the row where the feature of a node is in the set, and average both
children by their training rows where it is not.
"""

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import lightgbm
import numpy as np

ZERO = float(np.float32(1e-35))


def goes_left(node: dict[str, Any], value: float) -> bool:
    """LightGBM's decision at one node of its JSON dump."""
    if node["decision_type"] == "==":
        known = not math.isnan(value) and -1 < value < 2**31
        return known and str(int(value)) in node["threshold"].split("||")
    missing = node["missing_type"]
    if abs(value) <= ZERO or (math.isnan(value) and missing != "NaN"):
        value = 0.0
    if (missing == "NaN" and math.isnan(value)) or (missing == "Zero" and value == 0):
        return bool(node["default_left"])
    return bool(value <= node["threshold"])


def rows_of(node: dict[str, Any]) -> int:
    return int(node["internal_count"] if "split_index" in node else node["leaf_count"])


def value(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> Fraction:
    """What is expected of one tree for a row of which only these features are known."""
    if "split_index" not in node:
        return Fraction(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return value(left if goes_left(node, row[node["split_feature"]]) else right, row, known)
    parts = [rows_of(child) * value(child, row, known) for child in (left, right)]
    return sum(parts, Fraction(0)) / rows_of(node)


def features_of(node: dict[str, Any]) -> set[int]:
    if "split_index" not in node:
        return set()
    return {node["split_feature"]} | features_of(node["left_child"]) | features_of(node["right_child"])


def shapley(booster: lightgbm.Booster, row: np.ndarray) -> list[Fraction]:
    """The Shapley value of each feature for one row, and the base value at the end."""
    dump = booster.dump_model()
    phi = [Fraction(0)] * (booster.num_feature() + 1)
    for tree in (t["tree_structure"] for t in dump["tree_info"]):
        players = sorted(features_of(tree))
        worth = {
            frozenset(known): value(tree, row, frozenset(known))
            for size in range(len(players) + 1)
            for known in combinations(players, size)
        }
        phi[-1] += worth[frozenset()]
        for known, without in worth.items():
            for player in set(players) - known:
                orders = len(players) * math.comb(len(players) - 1, len(known))
                phi[player] += (worth[known | {player}] - without) / orders
    return phi
