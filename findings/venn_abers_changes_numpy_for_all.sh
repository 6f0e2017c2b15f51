#!/bin/sh
# venn-abers 1.5.4: importing it tells numpy, for the whole process, to keep silent about divisions by zero and invalid
# numbers (`numpy.seterr`), so that a program that treats those warnings as errors no longer meets them. Nothing says so.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "venn-abers==1.5.4" "numpy==2.4.6"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np

before = np.geterr()
import venn_abers  # noqa: E402, F401

after = np.geterr()
changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
assert changed == {"divide": ("warn", "ignore"), "invalid": ("warn", "ignore")}, changed
print(f"venn-abers {version('venn-abers')}, numpy {np.__version__}: changed by the import: {changed}")
PYTHON
