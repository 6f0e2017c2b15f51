"""Each feature is asserted by name in a spec test of this folder: what nobody could read aloud, nobody should trust."""

import ast
from pathlib import Path

import features.build.build  # noqa: F401  it defines the features
from features.definition import REGISTRY

SPECS = Path(__file__).parent


def asserted_names(source: str) -> set[str]:
    """The columns that the assertions of a module read: ``row.mrr`` as well as ``row["mrr"]`` and ``rows.mrr[...]``."""
    names = set()
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Assert):
            for node in ast.walk(statement.test):
                if isinstance(node, ast.Attribute):
                    names.add(node.attr)
                elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    names.add(node.slice.value)
    return names


def without_a_spec(features: set[str], sources: list[str]) -> list[str]:
    return sorted(features.difference(*(asserted_names(source) for source in sources)))


def test_each_feature_is_asserted_in_a_spec_test() -> None:
    features = {name for name, feature in REGISTRY.features.items() if feature.card is not None}
    sources = [path.read_text(encoding="utf-8") for path in sorted(SPECS.glob("test_features_*.py"))]
    missing = without_a_spec(features, sources)
    assert not missing, (
        f"no spec test says what these features are: {', '.join(missing)}. "
        "Add their rows to the drawn tables of tests/spec/test_features_<area>.py, and a test that asserts the value "
        "with its arithmetic left visible, as `assert row.seat_utilization_28d == 46 / 50`."
    )


def test_naming_a_feature_is_not_enough() -> None:
    source = """
def test_seats(row, rows):
    "seats_free is mentioned"
    unused = row.mrr
    assert "tier" not in row
    assert row.seats == 50
    assert rows.products["acme"] == rows["teams"]["acme"]
"""
    features = {"seats", "products", "teams", "mrr", "tier", "seats_free"}
    assert without_a_spec(features, [source]) == ["mrr", "seats_free", "tier"]
