"""Which sentence of a story states what a play rests on: it is shown before the others of its story.

A play rests on what the first comparison of one of its ``requires`` asks about: `registered_users > seats and ...` on
registered users. A sentence states it where it rests on that feature, and the play answers the sentence's reason code.
Which of the sentences is told first, ``serving.render.leading`` says.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from data.conditions import Condition
from serving.reasons.playbook import Play

Objects = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]
Holds = Callable[[Condition], Mask]
"""The accounts of which a condition holds."""


def states_the_fact(
    row: npt.NDArray[np.int64], code: Objects, numbers_from: Sequence[str], plays: Collection[Play], holds: Holds
) -> Mask:
    """Of each reason that is told: does its sentence state what a play rests on, before any play is chosen?

    ``row``: the account, by its place in what ``holds`` gives. The play: the first of ``plays`` that answers the
    reason's code, and that is true of the account.
    """
    named = list(zip(row.tolist(), code.tolist(), numbers_from, strict=True))
    asked = {told: _asked_of([play for play in plays if told in play.reasons], holds) for told in set(code.tolist())}
    return np.array([asked[told].get(place, "") in names.split(",") for place, told, names in named], dtype=bool)


def _asked_of(plays: Sequence[Play], holds: Holds) -> dict[int, str]:
    """What the first of these plays that is true of an account rests on, by the account's place."""
    asked: dict[int, str] = {}
    for play in plays:
        barred = set().union(*(np.flatnonzero(holds(bar)).tolist() for bar in play.bars))
        for condition in play.facts:
            for place in np.flatnonzero(holds(condition)).tolist():
                if place not in barred:
                    asked.setdefault(place, condition.subject)
    return asked
