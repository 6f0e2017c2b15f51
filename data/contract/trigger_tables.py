"""The tables of ``triggers.toml``, as they are written: what they mean is in ``data.contract.triggers``."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("triggers.toml")
TABLES: Mapping[str, Mapping[str, Any]] = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
"""The shipped triggers by their codes."""
OF_POINTS_RULE = {code: table for code, table in TABLES.items() if "points" in table}
"""Those that the points rule reads, in the order of the settings' page."""
