#!/bin/sh
# scipy 1.17.1: `ks_2samp` of one value against many, all on one side of it, has a chance of exactly 0 by the asymptotic
# method: it rounds the effective size n/(n + 1) to 1. Against two values the exact chance is 2/3. From 10,001 values on
# the default method is the asymptotic one, and its chance falls from 2/10,001 to 0. Of one value against one it is not a
# number, with a warning of a division by zero.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "scipy==1.17.1" "numpy==2.4.6"
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import scipy
from scipy.stats import ks_2samp

two = {method: ks_2samp([1.0], [2.0, 3.0], method=method).pvalue for method in ("exact", "asymp")}
assert np.isclose(two["exact"], 2 / 3), two
assert two["asymp"] == 0, two
many = {size: ks_2samp([0.0], np.arange(1.0, size + 1)).pvalue for size in (10_000, 10_001)}
assert np.isclose(many[10_000], 2 / 10_001), many
assert many[10_001] == 0, many
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    one = ks_2samp([1.0], [2.0], method="asymp").pvalue
assert np.isnan(one), one
assert [str(warning.message) for warning in told][:1] == ["divide by zero encountered in divide"], told
print(f"scipy {scipy.__version__}: of 1 against 2: {two}; against 10,000 and 10,001: {many}; against 1: {one}, {told[0].message}")
PYTHON
