"""A first look at the models of a folder. MLflow, which knows all about them, takes seconds to import."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

DATABASE = "mlflow.db"
CHAMPION, PREVIOUS, CHALLENGER, RULE = "champion", "previous_champion", "challenger", "rule"
"""Aliases: what is served, what was served before it, the latest version, and the rule for a base without a model."""

AS_OF = "as-of"
"""What asks for the version that was the champion on the day of the list."""


def surely_lacks(folder: Path, name: str, aliases: Collection[str]) -> bool:
    """Is it certain that no version of the model bears one of these aliases? Where it is not, MLflow must be asked."""
    database = (folder / DATABASE).resolve()
    if not database.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("select alias from registered_model_aliases where name = ?", [name]).fetchall()
    except sqlite3.Error:  # another version of MLflow may keep them elsewhere
        return False
    return not {alias for (alias,) in rows} & set(aliases)
