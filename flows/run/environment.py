"""What the process is told before Prefect and MLflow are imported: stay quiet, stay here, send nothing home.

Set, not forced: whoever runs a Prefect server or wants more logging says so in the environment, and that wins.
"""

import os

DEFAULTS = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the default of 20 fails on a busy machine
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",  # of the console: the run keeps all of its lines
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "Agg",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait slow each other down on a busy machine
    "OPENBLAS_NUM_THREADS": "1",  # so do these; the sums are small, and whole models are fitted side by side
}


ONE_MESSAGE = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
"""For a command line, which tells an error itself: Prefect would print it again, with a traceback, for each task."""


def prepare(*, one_message: bool = False) -> None:
    """Fill in what the environment does not say itself."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name, value in ONE_MESSAGE.items() if one_message else ():
        if os.environ[name] == DEFAULTS[name]:
            os.environ[name] = value


def give_memory_back() -> None:
    """For a process that lives long, before PyArrow is imported: what the reading of a list took is not kept."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
