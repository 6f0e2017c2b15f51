"""Which triggers fire for which accounts, and what is said of it with the account's own numbers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from data.contract.outputs import TRIGGERS
from serving.reasons.playbook import ListTrigger, Playbook
from serving.reasons.render import Facts

TYPES = {"account_id": "str", "trigger_code": "str", "motion": "str", "text": "str"}


def fired(accounts: pd.Series, facts: Facts, playbook: Playbook, currency: str) -> pd.DataFrame:
    """One row: a trigger that fires for an account, as ``account_id, trigger_code, motion, text``, by account and code.

    ``facts`` are of ``accounts``, in their order. An account that a gate sets apart has its triggers too.
    """
    ids = accounts.to_numpy(object)
    rows = [
        (ids[place], code, trigger.motion, text)
        for code, trigger in playbook.triggers.items()
        for place, text in _told(trigger, facts, currency)
    ]
    made = pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)
    return made.sort_values(list(TRIGGERS.order), ignore_index=True)


def _told(trigger: ListTrigger, facts: Facts, currency: str) -> Iterator[tuple[int, str]]:
    """The places of the accounts for which it fires, each with what is said of it."""
    fires = trigger.fires(facts.numbers, facts.size)
    known = replace(facts, numbers={**facts.numbers, **trigger.stated(facts.size)})
    chosen = known.first(trigger.tellings)
    for number, telling in enumerate(trigger.tellings):
        at = np.flatnonzero(fires & (chosen == number))
        yield from zip(at.tolist(), known.say(telling, at, currency), strict=True)
