"""What a run of monitoring found, drawn: two matured lists and a pending one, alarms with names of all kinds."""

from datetime import date

from serving.monitoring.contract import (
    BINS,
    CALIBRATION,
    COLUMNS,
    DRIFT,
    FEEDS,
    FIGURES,
    LISTS,
    MONITORING_TABLES,
    SLICES,
)
from serving.monitoring.standing import StandingAlarm
from serving.monitoring.store import Monitoring, frame_of

DAY = date(2026, 10, 1)
FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 29)
NASTY = '<b>mrr</b> "x"\n\\'


def alarm(key: str = "unit_changed:subscriptions.mrr", **given: object) -> StandingAlarm:
    told = {
        "title": "A unit changed",
        "text": "subscriptions.mrr is 100 times what it was.",
        "test": "every quantile became 100 times what it was",
        "value": 100.0,
        "threshold": 1.0,
        "owner": "data engineering",
        "next_step": "Put the unit back.",
        "since": DAY,
    }
    return StandingAlarm(key, **told | given)


def _matured(day: date, expansions: int) -> dict[str, object]:
    rate = expansions / 400
    return {
        **_list(day, date(2026, 9, 27), 1.0),
        "without_outcome": 2,
        "expansions": expansions,
        "rate": rate,
        "rate_low": rate / 2,
        "rate_high": rate * 2,
        "ranked_expansions": expansions - 3,
        "hits_at_20": 9,
        "first_of_books": 160,
        "hits_in_books": expansions // 2,
        "expected_expansions": 44.0,
        "expected_arr": 120_000.0,
        "realised_arr": 98_000.0,
    }


def _list(day: date, matures_on: date, share: float) -> dict[str, object]:
    return {
        "snapshot_date": day,
        "model_version": "1",
        "horizon_days": 90,
        "matures_on": matures_on,
        "share_come": share,
        "is_matured": share == 1.0,
        "learnt_ahead": day == FIRST,
        "accounts": 402,
        "ranked": 300,
    }


def _slice(by: str, value: str, expansions: int) -> dict[str, object]:
    return {
        "snapshot_date": SECOND,
        "by": by,
        "value": value,
        "accounts": 40,
        "ranked": 30,
        "first": 20,
        "first_expansions": 5,
        "expansions": expansions,
        "of_that_motion": 3 if by == "motion" else None,
        "expected_expansions": 4.4,
        "expected_arr": None,
        "realised_arr": 1_000.0,
    }


def found(*alarms: StandingAlarm) -> Monitoring:
    """What a run on ``DAY`` found."""
    rows: dict[str, list[dict[str, object]]] = {
        LISTS.name: [_matured(FIRST, 40), _matured(SECOND, 48), _list(DAY, date(2026, 12, 30), 0.25)],
        FIGURES.name: [
            {"snapshot_date": SECOND, "of": "list", "metric": "lift_at_20", "value": 2.5, "by_chance": 1.0},
            {
                "snapshot_date": SECOND,
                "of": "model",
                "metric": "forecast_over_realised",
                "value": 0.9,
                "by_chance": None,
            },
            {"snapshot_date": SECOND, "of": "model", "metric": "auc", "value": None, "by_chance": 0.5},
        ],
        SLICES.name: [
            _slice("owner", "Ana Costa", 7),
            _slice("owner", "Björn Ek", 9),
            _slice("owner", "(no owner)", 1),
            _slice("motion", "seat", 8),
            _slice("play", "seat_over", 6),
            _slice("story", "seats_in_use", 6),
        ],
        CALIBRATION.name: [
            {
                "snapshot_date": SECOND,
                "above": 0.1,
                "up_to": 0.2,
                "accounts": 50,
                "expected_expansions": 7.5,
                "expansions": 8,
                "rate_low": 0.09,
                "rate_high": 0.28,
            }
        ],
        DRIFT.name: [
            {
                "snapshot_date": DAY,
                "column": name,
                "since": "since the training",
                "weight": weight,
                "psi": psi,
                "psi_by_chance": 0.1,
                "ks": None,
                "missing_before": 0.0,
                "missing_now": 0.02,
                "unit_factor": None,
                "because_of": because,
            }
            for name, weight, psi, because in (
                ("propensity", None, 0.05, None),
                ("seats", 0.2, 0.4, None),
                (NASTY, 0.1, 3.0, "usage_events"),
            )
        ],
        BINS.name: [{"snapshot_date": DAY, "column": "seats", "edges": [1.0, 5.0], "counts": [3.0, 4.0, 0.0, 1.0]}],
        FEEDS.name: [
            {"table": "tickets", "last_day": date(2026, 9, 1), "silent_days": 29},
            {
                "table": "usage_events",
                "last_day": date(2026, 9, 30),
                "period_days": 7,
                "rows": 900,
                "usual_rows": 1_000.5,
            },
        ],
        COLUMNS.name: [],
    }
    return Monitoring(DAY, {name: frame_of(MONITORING_TABLES[name], told) for name, told in rows.items()}, alarms)
