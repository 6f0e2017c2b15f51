"""What makes accounts alike is defined once: another part of it reaches the features and the sentences alike."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.contract.inputs import TABLES, Kind
from data.contract.likeness import LIKENESS, PROFILE, Alike
from data.ledger.rules import ExpansionRules
from features.cohort import cohort
from features.views import whole_base as likeness
from features.views.whole_base import WholeBaseViews
from flows.stages import inputs as steps
from serving.reasons import playbook
from tests.drawn import SNAPSHOT, base, known

ROOT = Path(__file__).parents[2]
ACCOUNTS = """
    account_id | name | created_at | segment | industry | region | employees
    acme       | acme | 2020-01-01 | smb     | bank     | north  | 10
    bolt       | bolt | 2020-01-01 | smb     | bank     | south  | 11
    cora       | cora | 2020-01-01 |         |          |        |
    """
LINES = """
    account_id | product | plan | mrr | seats | valid_from
    acme       | core    | team | 100 | 10    | 2025-07-01
    bolt       | core    | team | 100 | 10    | 2025-07-01
    cora       | core    | team | 100 | 10    | 2025-07-01
    """
REGION = Alike("region", "region", "region")
ORDERS = [LIKENESS, LIKENESS[::-1], (REGION, *LIKENESS), (*LIKENESS[1:], REGION), LIKENESS[1:2]]


def profiles() -> list[dict[str, object]]:
    tables = base(accounts=ACCOUNTS, subscriptions=LINES)
    views = WholeBaseViews(tables, cohort(tables, [SNAPSHOT]), [SNAPSHOT], ExpansionRules())
    return views.profiles.order_by("account_id").drop("account_id", "snapshot_date").to_pyarrow().to_pylist()


def knows(accounts: str = ACCOUNTS) -> tuple[str, ...]:
    return steps.likeness(known(base(accounts=accounts, subscriptions=LINES)))


@pytest.fixture
def alike(request: pytest.FixtureRequest) -> Iterator[tuple[Alike, ...]]:
    """The definition replaced wherever it is used."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (likeness, steps, playbook):
            patch.setattr(module, "LIKENESS", request.param)
        yield request.param


@pytest.mark.parametrize("alike", ORDERS, indirect=True)
def test_features_and_words_follow_the_definition(alike: tuple[Alike, ...]) -> None:
    shown = profiles()
    expected = [
        {"segment": "smb", "size_band": 0, "industry": "bank", "region": "north"},
        {"segment": "smb", "size_band": 1, "industry": "bank", "region": "south"},
        {"segment": "-", "size_band": -1, "industry": "-", "region": "-"},
    ]
    assert shown == [{part.name: row[part.name] for part in alike} for row in expected]
    assert knows() == tuple(part.word for part in alike)


@pytest.mark.parametrize("alike", ORDERS[:4], indirect=True)
@pytest.mark.parametrize("unknown", LIKENESS)
def test_what_a_base_does_not_know_is_left_out_by_its_own_word(alike: tuple[Alike, ...], unknown: Alike) -> None:
    without = ACCOUNTS.replace(unknown.column, "unread")
    assert knows(without) == tuple(part.word for part in alike if part != unknown)


def test_what_peers_share_is_derived() -> None:
    assert tuple(part.name for part in LIKENESS if part.of_peers) == PROFILE
    assert tuple(part.word for part in LIKENESS) == playbook.ALL_KNOWN
    assert tuple(part.word for part in LIKENESS if part.of_peers) == playbook.OF_PEERS


@pytest.mark.parametrize("part", LIKENESS, ids=lambda part: part.name)
def test_every_part_is_an_optional_column_of_accounts(part: Alike) -> None:
    column = TABLES["accounts"].column(part.column)
    assert (column.staged_name, column.required) == (part.column, False)
    assert (column.kind is Kind.COUNT) == bool(part.bands)
    assert list(part.bands) == sorted(part.bands)


def test_the_parts_are_listed_in_one_place() -> None:
    """No module names two of them side by side: as columns, as what is compared, or as words."""
    kinds = [{getattr(part, name) for part in LIKENESS} for name in ("column", "name", "word")]
    listed = []
    for path in (p for room in ("features", "models", "serving", "flows") for p in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                words = {part.value for part in node.elts if isinstance(part, ast.Constant)}
                if any(len(words & kind) > 1 for kind in kinds):
                    listed.append(f"{path.name}:{node.lineno}")
    assert listed == []
