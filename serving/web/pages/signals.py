"""The signal behind each reason of an account over the last year, drawn and in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from data.contract.outputs import SIGNALS
from serving.published.read import PublishedList
from serving.reasons.fallback import capital, say_value
from serving.reasons.formats import say_day
from serving.web.drawing import Corners, spark
from serving.web.ready import OF_AN_ACCOUNT

FEWEST = 3
"""Of fewer days nothing is drawn."""


@dataclass(frozen=True)
class Signal:
    """What a reason rests on: ``words`` say where it went, ``heard`` what the eye sees besides; ``runs`` are drawn."""

    words: str
    heard: str
    runs: tuple[Corners, ...]


def signals_of(listing: PublishedList, account_id: str) -> dict[str, Signal]:
    """The signals of an account by reason code; none of an account, or a list, that has none."""
    rows = listing.of_account(SIGNALS.name, account_id, OF_AN_ACCOUNT[SIGNALS.name])
    cards, currency = listing.manifest.get("signals", {}), listing.manifest["serving"]["currency"]
    of_code = ((code, list(known)) for code, known in groupby(rows, itemgetter("reason_code")))
    return {code: _signal(known, cards, currency) for code, known in of_code if len(known) >= FEWEST}


def _signal(rows: list[dict[str, Any]], cards: Mapping[str, Mapping[str, str]], currency: str) -> Signal:
    card = cards[rows[0]["feature"]]
    days, values = [row["day"] for row in rows], [row["value"] for row in rows]
    first, last, low, high = _said([values[0], values[-1], min(values), max(values)], card["unit"], currency)
    went = f"{first} throughout" if low == high else f"from {first} to {last}"
    return Signal(
        f"{capital(card['label'])}: {went}, {say_day(days[0])} to {say_day(days[-1])}",
        f"drawn by month, {len(days)} days; lowest {low}, highest {high}",
        spark(days, values),
    )


def _said(values: Iterable[float], unit: str, currency: str) -> list[str]:
    return [say_value(value, unit, currency) for value in values]
