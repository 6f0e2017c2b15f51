"""The list that was published last, and the model it was scored with: what today's scores are compared with."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pandas as pd

from data.contract.score_change import Change
from flows.run.progress import say
from flows.run.settings import Settings
from models.changes.previous_scores import PreviousScores
from models.changes.score_change import replacement, split
from models.estimators.bundle import Bundle
from models.registry.champion import served_before
from models.registry.mlflow_store import ModelRegistry
from serving.published.context import ListContext
from serving.published.read import PublishedList, list_before
from serving.published.row_file import RowFile

COMPARED = ("account_id", "run_id", "log_odds", "base_log_odds", "propensity")
"""What the model's part of a change is computed from."""


@dataclass(frozen=True)
class LastList:
    """``listing``: None where nothing was published before. ``bundle``: its model; None, and why, if it is gone."""

    listing: PublishedList | None
    bundle: Bundle | None
    not_there: str = ""

    def replaced_by(self, new: Bundle) -> str:
        """What took the place of its model, in words."""
        return replacement(self.bundle, new)

    def change(
        self,
        new: Bundle,
        scores: pd.DataFrame,
        attributions: pd.DataFrame,
        rows: pd.DataFrame,
        context: ListContext,
    ) -> Change:
        """What changed for some accounts: their scores and attributions by ``new``, and their feature rows."""
        codes = {name: card.reason_code for name, card in context.catalogue.items()}
        before = self._of(rows["account_id"], context)
        change = split(self.bundle, new, before, rows, scores, codes, attributions=attributions)
        return replace(change, not_asked=self.not_there or change.not_asked)

    def _refused(self, context: ListContext) -> str:
        """Why the model of the last list cannot be asked about today's rows; empty if nothing is known against it."""
        if context.muted:  # the model of the last list may have asked for other features than that of today
            return "not all is known today that a model may ask for: a feed has fallen silent"
        silent = [] if self.listing is None else self.listing.silent
        return f"of the last list it was not known: {', '.join(silent)} had fallen silent" if silent else ""

    def _of(self, accounts: pd.Series, context: ListContext) -> PreviousScores | None:
        if self.listing is None:
            return None
        scores = self.listing.scores(*COMPARED)
        there = scores["account_id"].isin(accounts)
        return PreviousScores(scores[there], self._attributions.read(accounts), self._refused(context))

    @cached_property
    def _attributions(self) -> RowFile:
        # Laid down when the first part asks, beside the list: what finds no room there is told as publishing tells it.
        assert self.listing is not None, "a list was published before"
        return RowFile(self.listing.path("attributions"), self.listing.folder.parent)


def last_list(settings: Settings, before: date, new: Bundle) -> LastList:
    """The latest list of a day before ``before``. A model that is gone or was changed is told, and asked nothing."""
    listing = list_before(settings.out_folder, before)
    if listing is None:
        return LastList(None, None)
    listing.require("scores", "attributions")
    run_id = listing.manifest["run_id"]
    if run_id == new.run_id:
        return LastList(listing, new)
    bundle, why = served_before(ModelRegistry(settings.mlruns_folder, settings.model), run_id)
    if bundle is None:
        say(f"warning: why scores changed since {listing.snapshot_date} cannot be told: {why}")
    return LastList(listing, bundle, why)
