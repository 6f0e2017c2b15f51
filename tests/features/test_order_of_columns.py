"""The model's columns stand in the order of the business areas, whatever was imported first."""

import json
import subprocess
import sys
from itertools import groupby

import pytest

from features.catalogue import AREAS, full_catalogue
from features.definition import REGISTRY, Feature, Registry

NAMES = "import json, features.catalogue as b; print(json.dumps(list(b.full_catalogue())))"


def test_the_areas_stand_one_after_the_other() -> None:
    areas = [area for area, _ in groupby(feature.area for feature in REGISTRY.features.values())]
    assert areas == [area.__name__ for area in AREAS]


@pytest.mark.parametrize("area", [AREAS[0].__name__, AREAS[-1].__name__])
def test_what_is_imported_first_does_not_matter(area: str) -> None:
    run = subprocess.run([sys.executable, "-c", f"import {area}; {NAMES}"], capture_output=True, check=True)
    assert json.loads(run.stdout) == list(full_catalogue())


def test_a_feature_of_no_area_is_refused() -> None:
    registry = Registry({"stray": Feature("stray", "row", lambda rows: rows.seats, (), area="elsewhere")})
    with pytest.raises(ValueError, match="elsewhere, which is no business area"):
        registry.arrange(["features.definitions.usage"])
