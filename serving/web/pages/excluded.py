"""Who is not ranked, and why: every customer of the base can be found here by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.contract.outputs import SHOWN_UNDER
from serving.ranking.gates import gate_label
from serving.web.index import ListIndex, Mask
from serving.web.pages.my_list import (
    Desk,
    ListRow,
    Options,
    Tile,
    found_by,
    on_page,
    options_with,
    rows,
    seen_by,
)
from serving.web.query import ApartQuery, ListQuery, Shown


@dataclass(frozen=True)
class ExcludedPage:
    """A page of those set apart. ``ranked`` + ``apart`` = ``base``: all customers that may be seen.

    ``under``, ``gates``: how many stand under each heading, and did not pass each gate.
    """

    query: ApartQuery
    rows: tuple[ListRow, ...]
    found: int
    pages: int
    base: int
    ranked: int
    apart: int
    under: tuple[Tile, ...]
    gates: tuple[Tile, ...]
    options: Mapping[str, Options]


def excluded_page(index: ListIndex, query: ApartQuery, desk: Desk, page_rows: int) -> ExcludedPage:
    """A page of those set apart, the likeliest first; with a name looked for: of all customers."""
    seen = seen_by(index, desk.sight)
    apart = seen & ~index.is_ranked
    shown = shown_of(query)
    places = np.flatnonzero(_asked_for(index, query, {Shown.ALL: seen, Shown.APART: apart}.get(shown, seen & ~apart)))
    here, page, pages = on_page(places, query.page, page_rows)
    return ExcludedPage(
        query.model_copy(update={"page": page}),
        rows(index, here, ListQuery(), desk),
        len(places),
        pages,
        base=int(seen.sum()),
        ranked=int((seen & index.is_ranked).sum()),
        apart=int(apart.sum()),
        under=_headings(index, apart),
        gates=_gates(index, apart),
        options=_options(index, seen, query),
    )


def shown_of(query: ApartQuery) -> Shown:
    """Which customers are shown: those asked for, or those that are likely to be meant."""
    return Shown(query.show) if query.show else Shown.ALL if query.q.strip() else Shown.APART


def _asked_for(index: ListIndex, query: ApartQuery, among: Mask) -> Mask:
    held = found_by(index, query, among)
    if query.under:
        held &= index.under.equals(query.under)
    if query.gate:
        has_gate = [query.gate in codes.split(";") for codes in index.gates.labels]
        held &= np.array([*has_gate, False], dtype=bool)[index.gates.codes]  # -1, none, is the last
    return held


def _headings(index: ListIndex, apart: Mask) -> tuple[Tile, ...]:
    counts = {under: int((apart & index.under.equals(under)).sum()) for under in SHOWN_UNDER}
    return tuple(Tile(under, under.capitalize(), count) for under, count in counts.items() if count)


def _gates(index: ListIndex, apart: Mask) -> tuple[Tile, ...]:
    """How many did not pass each gate, most first; who did not pass two is counted at both."""
    counts: Counter[str] = Counter()
    of_codes = np.bincount(index.gates.codes[apart], minlength=len(index.gates.labels))
    for codes, count in zip(index.gates.labels, of_codes.tolist(), strict=True):
        counts.update(dict.fromkeys(codes.split(";"), count))
    return tuple(Tile(code, gate_label(code), count) for code, count in counts.most_common() if count)


def _options(index: ListIndex, seen: Mask, query: ApartQuery) -> dict[str, Options]:
    codes = sorted({code for codes in index.gates.among(seen) for code in codes.split(";")})
    of_page: dict[str, list[tuple[str, str]]] = {
        "owner": [(owner, owner) for owner in index.owners.among(seen)],
        "under": [(under, under.capitalize()) for under in SHOWN_UNDER],
        "gate": [(code, gate_label(code)) for code in codes],
    }
    return {name: options_with(options, str(getattr(query, name))) for name, options in of_page.items()}
