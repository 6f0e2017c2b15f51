"""How our loops are compiled: without Python's lock, kept on disk, at the full width of the processor's vectors."""

from collections.abc import Callable
from typing import Any

import numba

from data.compiled import full_width


def kernel(function: Callable[..., Any], **more: Any) -> Any:
    """Compile when first called, and keep the result on disk where that is possible.

    numba refuses to keep it, when the module is imported, where neither the folder of this file nor the home folder
    can be written; then every process compiles for itself.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"contract"},
        "error_model": "numpy",
        **full_width.options(),
        **more,
    }
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(**options)(function)
    _forget_what_cannot_be_read(compiled)
    return compiled


def _forget_what_cannot_be_read(compiled: Any) -> None:
    """Empty the list of what was kept if it names a tuple that is no longer there, as that of other code may.

    numba (0.68) reads the list before it sees that it is of another version of this file.
    """
    try:
        compiled._cache._cache_file._load_index()
    except (AttributeError, ImportError):
        compiled._cache.flush()


def step(function: Callable[..., Any]) -> Any:
    """A kernel that only kernels call: without the ways in from Python and C, which are a quarter of all compiling.

    A step called from Python ends the process.
    """
    return kernel(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)
