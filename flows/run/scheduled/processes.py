"""Is the process of a run still there? Prefect cannot say: it is told of an end only by the process itself."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

HOST, PID = "headroom.host", "headroom.pid"
"""Labels of a run: where it runs."""
OF_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable that Prefect starts the process of a run with."""


def own_labels() -> dict[str, Any]:
    """Where this process runs."""
    return {HOST: socket.gethostname(), PID: os.getpid()}


def is_gone(run_id: UUID, labels: Mapping[str, Any]) -> bool | None:
    """Has the process of a run ended? None where that cannot be seen: it ran elsewhere, or did not say where."""
    if labels.get(HOST) != socket.gethostname() or PID not in labels:
        return None
    pid = int(labels[PID])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's; whose run it is, only its environment would say
        return None
    return not _runs(pid, run_id)


def _runs(pid: int, run_id: UUID) -> bool:
    """Is that process the one of the run? A number is given out again. Where it cannot be read, it is taken for it."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile, or nobody has asked yet how it ended
        return False
    except OSError:
        return True
    return f"{OF_RUN}={run_id}".encode() in variables
