"""Is the process of a run still there? Prefect cannot say: it is told of an end only by the process itself."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

HOST, NAMESPACE, PID = "headroom.host", "headroom.pid_namespace", "headroom.pid"
"""Labels of a run: where it runs. A container may have the name of its host, and numbers its own processes."""
PROCESSES = Path("/proc")
"""Where Linux tells of processes; other systems have no such place."""
OF_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable that Prefect starts the process of a run with."""


def own_labels() -> dict[str, Any]:
    """Where this process runs."""
    return {**_machine(), PID: os.getpid()}


def _machine() -> dict[str, Any]:
    """Within what a number of a process means one process."""
    try:
        namespace = str((PROCESSES / "self" / "ns" / "pid").readlink())
    except OSError:
        namespace = ""
    return {HOST: socket.gethostname(), NAMESPACE: namespace}


def is_gone(run_id: UUID, labels: Mapping[str, Any]) -> bool | None:
    """Has the process of a run ended? None where that cannot be seen: it ran elsewhere, or did not say where."""
    if PID not in labels or not labels.items() >= _machine().items():
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
    if not (PROCESSES / "self").exists():
        return True
    try:
        variables = (PROCESSES / str(pid) / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile, or nobody has asked yet how it ended
        return False
    except OSError:
        return True
    return f"{OF_RUN}={run_id}".encode() in variables
