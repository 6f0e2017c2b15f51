from features.catalogue import full_catalogue
from features.missing_features import say_missing

CARDS = full_catalogue()


def test_a_lost_table_is_named_before_its_features_and_they_are_counted() -> None:
    asked = [*CARDS, "health_score", "fit_segment"]
    lost = [name for name, card in CARDS.items() if "tickets" in card.tables]
    told = say_missing(asked, lost)
    assert told.startswith(f"missing: table tickets, all {len(lost)} features of it ({lost[0]}, ")
    assert told.endswith(f" and {len(lost) - 5} more)")
    assert "; " not in told


def test_what_a_table_still_gives_and_the_teams_own_are_told_by_name() -> None:
    asked = [*CARDS, "health_score", "fit_segment"]
    assert say_missing(asked, ["fit_segment"]) == "missing: fit_segment (table account_features)"
    told = say_missing(asked, ["health_score", "fit_segment", "nps_last"])
    assert told == (
        "missing: table account_features, all 2 features of it (health_score, fit_segment); nps_last (table crm_events)"
    )
    assert say_missing(asked, []) == ""


def test_every_feature_can_be_told() -> None:
    """Also those of no table, such as the month."""
    assert any(not card.tables for card in CARDS.values())
    for name in CARDS:
        assert say_missing([*CARDS], [name]).startswith("missing: ")
    assert "(account_id" not in say_missing([*CARDS], [*CARDS])
