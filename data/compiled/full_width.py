"""A target of numba's that fills the widest vectors of the processor, for our kernels alone.

On Intel's processors with AVX-512 LLVM takes vectors of 256 bits, half of what they have, to spare other programs the
lower clock of the first of these processors. Loops that do nothing else lose more than a third of their time by it.
Here the code is tuned as for a processor of AMD's with AVX-512, whose vectors LLVM fills; which instructions may be
used is still what the machine has. Code that others compile in the same process is as numba would have it, as this
target has a context and an engine of its own, by numba's way of adding targets (``numba.core.target_extension``).
"""

from collections.abc import Collection
from functools import cache, partial

import numba
from numba.core import cpu, registry
from numba.core.codegen import JITCPUCodegen
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_registry
from numba.core.utils import threadsafe_cached_property

NAME = "headroom_full_width"
TUNED_AS = "znver4"
"""LLVM's name of the processor whose tuning is taken."""
FILLED_BY_DEFAULT = "znver"
"""LLVM fills the vectors of processors whose names begin so."""
NEEDED = ("avx512f", "avx512bw", "avx512dq", "avx512vl")


class FullWidth(CPU):
    """The target's name to numba: all that is written for ``CPU`` is for it too."""


class _Codegen(JITCPUCodegen):
    def _get_host_cpu_name(self) -> str:
        """Also part of the key under which compiled code is kept on disk."""
        return TUNED_AS


class _Context(cpu.CPUContext):
    def init(self) -> None:
        super().init()
        self._internal_codegen = _Codegen("headroom.exec")


class _Target(registry.CPUTarget):
    @threadsafe_cached_property
    def _toplevel_target_context(self) -> _Context:
        return _Context(self.typing_context, NAME)


class _Dispatcher(registry.CPUDispatcher):
    targetdescr = _Target(NAME)


def is_wanted(processor: str, features: Collection[str]) -> bool:
    """Has this processor, by LLVM's name of it, vectors of 512 bits that LLVM does not fill?"""
    return set(NEEDED) <= set(features) and not processor.startswith(FILLED_BY_DEFAULT)


@cache
def options() -> dict[str, str]:
    """What numba's decorators are to be told: this target where it is wanted, nothing elsewhere."""
    usual = registry.cpu_target.target_context.codegen()
    processor, features = usual.magic_tuple()[1:]
    if not is_wanted(processor, {name[1:] for name in features.split(",") if name.startswith("+")}):
        return {}
    target_registry[NAME] = FullWidth
    dispatcher_registry[FullWidth] = _Dispatcher
    jit_registry[FullWidth] = partial(numba.jit, _target=NAME)
    return {"_target": NAME}
