"""What the process is told before Prefect and MLflow are imported: stay quiet, stay here, send nothing home.

Set, not forced: whoever runs a Prefect server or wants more logging says so in the environment, and that wins.
"""

import os

DEFAULTS = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the default of 20 fails on a busy machine
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "Agg",
}


def prepare() -> None:
    """Fill in what the environment does not say itself."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
