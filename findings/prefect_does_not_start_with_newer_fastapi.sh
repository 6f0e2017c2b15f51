#!/bin/sh
# Prefect 3.8.8 with FastAPI 0.155.0, which it allows: the API of its server cannot be imported ("Body() got an unexpected
# keyword argument 'min_items'"), so that neither a server nor a flow run without one starts. With FastAPI 0.154.0 it can.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
export PREFECT_HOME="$folder/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
for version in 0.154.0 0.155.0; do
    "$folder/venv/bin/pip" install --quiet "prefect==3.8.8" "fastapi==$version"
    "$folder/venv/bin/python" - <<'PYTHON'
import warnings

import fastapi
import prefect

warnings.simplefilter("ignore")  # 0.154.0 warns of the same argument
try:
    import prefect.server.api.server  # noqa: F401

    seen = "can be imported"
except TypeError as error:
    seen = str(error)
expected = {
    "0.154.0": "can be imported",
    "0.155.0": "Body() got an unexpected keyword argument 'min_items'",
}
assert seen == expected[fastapi.__version__], (fastapi.__version__, seen)
print(f"prefect {prefect.__version__}, fastapi {fastapi.__version__}: the server's API: {seen}")
PYTHON
done
