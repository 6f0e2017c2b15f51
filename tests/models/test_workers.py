"""How much of the machine is used."""

import os

import pytest
from joblib import cpu_count


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot hold a process to some cores")
def test_a_process_that_is_held_to_one_core_uses_one() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cpu_count() == 1
    finally:
        os.sched_setaffinity(0, allowed)
