"""Our kernels fill the processor's vectors, and what others compile beside them is as numba would have it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from data.compiled import full_width

ROOT = Path(__file__).parents[3]
FEATURES = {name for name, there in binding.get_host_cpu_features().items() if there}
AVX512 = pytest.mark.skipif(
    not set(full_width.NEEDED) <= FEATURES, reason="the processor has no vectors of 512 bits to fill"
)

BOTH = """
import sys
import numba
import numpy as np
from data.compiled.kernel import kernel, step


def add(x, y):
    for i in range(len(x)):
        y[i] += 3.0 * x[i]


@numba.njit
def of_others(x, y):
    for i in range(len(x)):
        y[i] += 3.0 * x[i]


add_step = step(add)


@kernel
def ours(x, y):
    add_step(x, y)


@numba.njit
def of_others_later(x, y):
    for i in range(len(x)):
        y[i] -= x[i]


x, y = np.arange(100.0), np.zeros(100)
for compiled in (of_others, ours, of_others_later):
    compiled(x, y)
    kept = sum(compiled.stats.cache_hits.values())  # numba cannot show the instructions of what it has kept
    wide = "kept" if kept else "zmm" in "".join(compiled.inspect_asm().values())
    print(wide, compiled.targetdescr.target_context.codegen().magic_tuple()[1], end=" ")
print(y.sum())
"""


def said_on(processor: str, code: str, folder: Path, features: str | None = None) -> list[str]:
    """What a process says that takes the machine for this processor, if one is named, and keeps what it compiles."""
    script = folder / "script.py"
    if not script.exists():
        script.write_text(code)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "kept")}
    if processor:
        environment["NUMBA_CPU_NAME"] = processor
    if features is not None:
        environment["NUMBA_CPU_FEATURES"] = features
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.split()


def compiled_on(processor: str, folder: Path, features: str | None = None) -> list[str]:
    """Of each function, has it vectors of 512 bits (or is it kept on disk) and what it is tuned as; then the sum."""
    return said_on(processor, BOTH, folder, features)


INTEL, OTHERS = "icelake-server", ["False", "icelake-server"]
SUM = str(sum(range(100)) * 5.0)


@AVX512
def test_ours_alone_are_compiled_for_the_full_width(tmp_path: Path) -> None:
    """LLVM fills half of the vectors of this processor: ``of_others`` shows it, before ours was compiled and after."""
    tuned = full_width.TUNED_AS
    assert compiled_on(INTEL, tmp_path) == [*OTHERS, "True", tuned, *OTHERS, SUM]
    assert compiled_on(INTEL, tmp_path) == [*OTHERS, "kept", tuned, *OTHERS, SUM]


EXPLAINER = """
import numba
from models.explain import kernels
numbers = numba.float64[::1]
kernels.count_cuts.compile((numbers, numbers, numba.int32[::1]))
print("zmm" in "".join(kernels.count_cuts.inspect_asm().values()))
"""


@AVX512
@pytest.mark.parametrize("processor", [INTEL, ""])
def test_the_explainer_fills_the_vectors(processor: str, tmp_path: Path) -> None:
    assert said_on(processor, EXPLAINER, tmp_path) == ["True"]


@AVX512
def test_what_is_kept_for_one_target_is_not_taken_for_another(tmp_path: Path) -> None:
    compiled_on(INTEL, tmp_path)
    narrow = binding.get_host_cpu_features()
    narrow.update({name: False for name in narrow if name.startswith("avx512")})
    assert compiled_on(INTEL, tmp_path, narrow.flatten()) == [*OTHERS * 3, SUM]


@pytest.mark.parametrize(
    ("processor", "features", "wanted"),
    [
        ("icelake-server", full_width.NEEDED, True),
        ("sapphirerapids", (*full_width.NEEDED, "avx512fp16"), True),
        ("icelake-server", full_width.NEEDED[1:], False),
        ("haswell", ("avx2",), False),
        ("znver5", full_width.NEEDED, False),  # LLVM fills them
        ("apple-m1", ("neon",), False),
        ("", (), False),
    ],
)
def test_it_is_wanted_where_there_are_vectors_that_would_not_be_filled(
    processor: str, features: tuple[str, ...], wanted: bool
) -> None:
    assert full_width.is_wanted(processor, features) is wanted
