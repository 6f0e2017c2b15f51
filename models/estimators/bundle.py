"""What one trained model is: everything that scoring needs, as text files and without pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.contract.vocabulary import LIKELIHOOD
from data.errors import ModelError
from models.estimators import boosting
from models.estimators.amounts import Amounts
from models.estimators.boosting import Booster
from models.estimators.calibration import Calibrator, calibrator_from_dict
from models.estimators.categories import Categories
from models.estimators.cross_sell import CrossSellModel
from models.estimators.expected_arr import ExpectedArr
from models.estimators.reference import ReferenceBase
from models.venn_abers import PropensityRange


class OutdatedModelError(ModelError):
    """A stored model in the form of another version of Headroom: nothing is wrong with it, but it cannot be read."""


DESCRIPTION = "bundle.json"
ANY = "any"
"""The model that is ranked by, among those of the motions."""
FORMAT = 6


@dataclass(frozen=True)
class Propensity:
    """A booster and the map from its log-odds to a propensity.

    ``booster`` is None for a motion that has the same labels as any expansion: its propensity is that of any.
    ``likely_range``: how sure the propensity is; None where that was not learnt: of a motion, of a rule, and of models
    stored before 29 November 2026.
    """

    booster: Booster | None
    calibrator: Calibrator
    likely_range: PropensityRange | None = None

    def told(self, log_odds: np.ndarray) -> dict[str, np.ndarray]:
        """The propensity of each row and the low and high of its range (NaN without one), as columns of ``scores``.

        ``log_odds``: raw, of the booster.
        """
        calibrated, unknown = self.calibrator.log_odds(log_odds), np.full(len(log_odds), np.nan)
        low, high = (unknown, unknown) if self.likely_range is None else self.likely_range.of(calibrated)
        return dict(zip(LIKELIHOOD, (self.calibrator.propensity(log_odds), low, high), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """All but the booster, which has a file of its own."""
        stored = {"booster": self.booster is not None, "calibrator": self.calibrator.to_dict()}
        return stored if self.likely_range is None else stored | {"likely_range": self.likely_range.to_dict()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], booster: str) -> "Propensity":
        """Read back; ``booster``: its text, where there is one."""
        likely_range = stored.get("likely_range")
        return cls(
            boosting.from_text(booster) if stored["booster"] else None,
            calibrator_from_dict(stored["calibrator"]),
            None if likely_range is None else PropensityRange.from_dict(likely_range),
        )


@dataclass(frozen=True)
class Bundle:
    """One trained model.

    ``categories`` are the values of the text-valued features. ``any_expansion`` is the model that is ranked by and
    explained; ``motions`` are those that could be learnt, and ``withheld`` says of each other motion why not.
    ``expected_arr`` says how large accounts lean and how wrong expected ARR may be; ``cross_sell`` says which product
    a cross-sell would be of. ``facts`` are plain values: period, rows, expansions, rounds, seed. ``reference`` is the
    base on the day of the training; None if it is not known.
    ``version``, ``run_id`` and ``name`` (of the registered model) are empty until the model is in the registry, and so
    is ``sha256``, the hash of its description, in which those of all its parts stand.
    """

    feature_names: tuple[str, ...]
    any_expansion: Propensity
    motions: Mapping[str, Propensity]
    withheld: Mapping[str, str]
    all_motions_modelled: bool
    amounts: Amounts | None
    expected_arr: ExpectedArr | None = None
    cross_sell: CrossSellModel | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    categories: Categories = field(default_factory=dict)
    reference: ReferenceBase | None = None
    version: str = ""
    run_id: str = ""
    name: str = ""
    sha256: str = ""

    @property
    def booster(self) -> Booster:
        """The booster that is served and explained."""
        assert self.any_expansion.booster is not None
        return self.any_expansion.booster

    @property
    def learnt_until(self) -> date:
        """The day before which everything happened that it learnt from: the end of the last label window."""
        return date.fromisoformat(self.facts["last_snapshot"]) + timedelta(days=self.facts["horizon_days"])

    def registered(self, version: str, run_id: str, name: str = "") -> "Bundle":
        return replace(self, version=version, run_id=run_id, name=name)

    def to_files(self) -> dict[str, str]:
        """File name to text: one file per booster, and ``bundle.json`` with the rest.

        ``sha256`` has the hash of each booster and of each part of the description; that of a calibrator is taken
        together with its booster's, so that it fits no other.
        """
        models = {ANY: self.any_expansion, **self.motions}
        boosters = {
            booster_file(name): boosting.to_text(m.booster) for name, m in models.items() if m.booster is not None
        }
        description = {
            "format": FORMAT,
            "feature_names": list(self.feature_names),
            "categories": {name: list(values) for name, values in self.categories.items()},
            "models": {name: m.to_dict() for name, m in models.items()},
            "withheld": dict(self.withheld),
            "all_motions_modelled": self.all_motions_modelled,
            "amounts": None if self.amounts is None else self.amounts.to_dict(),
            "expected_arr": None if self.expected_arr is None else self.expected_arr.to_dict(),
            "offers": None if self.cross_sell is None else self.cross_sell.to_dict(),
            "facts": dict(self.facts),
            "reference": None if self.reference is None else self.reference.to_dict(),
        }
        description = json.loads(json.dumps(description))
        description["sha256"] = _hashes(description, boosters)
        return {**boosters, DESCRIPTION: json.dumps(description, indent=1)}

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> "Bundle":
        """Read back what ``to_files`` gave. Raises ModelError if a file is missing or was changed."""
        stored = _described(_part(files, DESCRIPTION))
        if stored.get("format") != FORMAT:
            raise OutdatedModelError(
                "Read a stored model.",
                f"its files are of format {stored.get('format')!r}, and this version of Headroom reads {FORMAT}.",
                "Train again with this version, or score with the one that stored it.",
            )
        boosters = {
            booster_file(name): _part(files, booster_file(name)) for name, m in stored["models"].items() if m["booster"]
        }
        _require_unchanged(stored.pop("sha256", {}), _hashes(stored, boosters))
        models = {
            name: Propensity.from_dict(model, boosters.get(booster_file(name), ""))
            for name, model in stored["models"].items()
        }
        bundle = cls(
            feature_names=tuple(stored["feature_names"]),
            categories={name: tuple(values) for name, values in stored["categories"].items()},
            any_expansion=models.pop(ANY),
            motions=models,
            withheld=stored["withheld"],
            all_motions_modelled=stored["all_motions_modelled"],
            amounts=None if stored["amounts"] is None else Amounts.from_dict(stored["amounts"]),
            expected_arr=None if stored["expected_arr"] is None else ExpectedArr.from_dict(stored["expected_arr"]),
            cross_sell=None if stored["offers"] is None else CrossSellModel.from_dict(stored["offers"]),
            facts=stored["facts"],
            reference=ReferenceBase.from_dict(stored["reference"]) if stored.get("reference") else None,
            sha256=_hash(files[DESCRIPTION]),
        )
        boosting.check_columns(boosting.feature_names(bundle.booster), list(bundle.feature_names))
        return bundle


@dataclass(frozen=True)
class Champion:
    """The model that is served, and its own predictions of days it had not learnt from."""

    bundle: Bundle
    predictions: pd.DataFrame


def booster_file(name: str) -> str:
    """The file of the booster of a motion, or of ``ANY``."""
    return f"booster_{name}.txt"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _part(files: Mapping[str, str], name: str) -> str:
    if name not in files:
        raise ModelError(
            "Read a stored model.", f"no {name}; there is {', '.join(sorted(files)) or 'nothing'}.", "Train again."
        )
    return files[name]


def _described(text: str) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError("Read a stored model.", f"{DESCRIPTION} that is no JSON ({error}).", "Restore it.") from error
    return stored


def _hashes(description: Mapping[str, Any], boosters: Mapping[str, str]) -> dict[str, str]:
    """The sha256 of each booster and of each part of a description, by the name that a refusal gives it."""
    of_boosters = {name: _hash(text) for name, text in boosters.items()}
    calibrators = {
        f"the calibrator of {name}": _hash(_written(model) + of_boosters.get(booster_file(name), ""))
        for name, model in description["models"].items()
    }
    parts = {f"{part} of {DESCRIPTION}": _hash(_written(value)) for part, value in description.items()}
    return {**of_boosters, **calibrators, **parts}


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _require_unchanged(stored: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise ModelError, naming the first part that is not the one this model was stored with."""
    for name in (*now, *(stored.keys() - now.keys())):
        if stored.get(name) != now.get(name):
            raise ModelError(
                "Read a stored model.",
                f"{name} is not the one this model was stored with.",
                "Restore its files, choose another version, or train again.",
            )
