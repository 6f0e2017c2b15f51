"""The process of a Prefect server of our own: it ends with the run that started it, however that ended.

python -m flows.run.prefect_server PORT PARENT

PARENT: the process id of the run, which may be gone before this process can ask for it.
"""

import os
import signal
import sys
import threading
import time

import uvicorn

APP = "prefect.server.api.server:create_app"
LOOKS_EVERY_SECONDS = 0.5


def _end_with(parent: int) -> None:
    """A parent that was killed cannot say so: its child is then the child of another."""
    while os.getppid() == parent:
        time.sleep(LOOKS_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main(port: int, parent: int) -> None:
    """Serve Prefect on this machine. Ctrl-C in the terminal of the run is not for it: the run needs it to the end."""
    os.setsid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    uvicorn.run(APP, factory=True, host="127.0.0.1", port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
