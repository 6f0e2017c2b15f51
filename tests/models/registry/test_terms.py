from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from data.errors import ModelError
from models.registry.champion import load_as_of, promote, rollback
from models.registry.mlflow_store import ModelRegistry
from models.registry.terms import Term, champion_on, next_term, terms_in
from models.training.promotion import Choice, Decision
from models.training.train import TrainedModel
from tests.models.mlflow_template import log

KEEP = Decision(Choice.KEEP, ("because",), (), "1", 0, {})
JULY, AUGUST, OCTOBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 10, 1)
TERMS = [Term(JULY, "1"), Term(AUGUST, "3")]


def today() -> date:
    return datetime.now(UTC).date()


def trained_on(day: date) -> dict[str, dict[str, date]]:
    return {"parameters": {"snapshot_date": day}}


@pytest.mark.parametrize(
    ("trained_as_of", "since"),
    [(OCTOBER, OCTOBER), (AUGUST, AUGUST), (JULY, date(2026, 11, 3)), (None, date(2026, 11, 3))],
)
def test_a_term_begins_on_the_day_of_the_training_unless_a_later_one_has_begun(
    trained_as_of: date | None, since: date
) -> None:
    assert next_term(TERMS, "4", trained_as_of, date(2026, 11, 3)) == Term(since, "4")


def test_the_champion_of_a_day_is_the_last_that_became_it_until_then() -> None:
    days = [JULY, date(2026, 7, 31), AUGUST, date(2030, 1, 1)]
    assert [champion_on(TERMS, day, "headroom") for day in days] == ["1", "1", "3", "3"]
    assert champion_on([*TERMS, Term(AUGUST, "4")], AUGUST, "headroom") == "4"
    with pytest.raises(ModelError, match="the first, version 1, has been since 2026-07-01"):
        champion_on(TERMS, date(2026, 6, 30), "headroom")
    with pytest.raises(ModelError, match="none ever was"):
        champion_on([], JULY, "headroom")


def test_terms_are_read_by_number() -> None:
    tags = {f"headroom.champion.{number}": f"2026-07-{number:02} {number}" for number in range(1, 12)}
    assert [term.version for term in terms_in({"motions": "seat", **tags})] == [str(n) for n in range(1, 12)]


def test_a_tag_that_somebody_wrote_otherwise_is_named() -> None:
    with pytest.raises(ModelError, match=r"(?s)the tag headroom.champion.2 .* is `version 7`.*as `2026-08-01 5`"):
        terms_in({"headroom.champion.1": "2026-07-01 1", "headroom.champion.2": "version 7"})


def test_the_registry_keeps_who_served_when(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    assert registry.terms() == []
    log(registry, trained, "d1", **trained_on(JULY))
    log(registry, trained, "d2", decision=KEEP, **trained_on(AUGUST))
    log(registry, trained, "d3", **trained_on(AUGUST))
    assert registry.terms() == TERMS
    assert [load_as_of(registry, day).version for day in (JULY, AUGUST, OCTOBER)] == ["1", "3", "3"]
    promote(registry, "2", "the list looks right")
    assert rollback(registry) == ("3", "2")
    log(registry, trained, "d4", **trained_on(JULY))  # learnt anew as of an earlier day, it serves from today on
    by_hand = [Term(today(), version) for version in ("2", "3", "4")]
    assert registry.terms() == [*TERMS, *by_hand]
    assert load_as_of(registry, OCTOBER).version == "3"


def test_a_champion_of_an_earlier_release_has_served_since_its_training(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1", **trained_on(JULY))
    registry._client().delete_registered_model_tag("headroom", "headroom.champion.1")
    assert registry.terms() == [Term(JULY, "1")]
    log(registry, trained, "d2", **trained_on(AUGUST))
    assert registry.terms() == [Term(JULY, "1"), Term(AUGUST, "2")]
