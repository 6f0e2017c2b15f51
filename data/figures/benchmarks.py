"""What companies of the same size come to: benchmarks by ARR, each with its year and where it is from."""

from dataclasses import dataclass

from data.contract.vocabulary import E4
from data.figures.accounts.calendar import YEAR_MONTHS
from data.figures.headline import Headline

PRACTICE = "rule of thumb of expansion practice, 2026; it names no survey"
KBCM = "KBCM and Sapphire, private SaaS survey, 2024"


@dataclass(frozen=True)
class ArrStage:
    """Companies below an ARR of ``below`` (in the reporting currency, which is taken for dollars), and not of the
    stage before. Each pair is low and high: the median share of expansion in new ARR, its top quarter, NRR.
    """

    name: str
    below: float
    expansion_share: tuple[float, float]
    top_quarter: tuple[float, float]
    nrr: tuple[float, float]


STAGES = (
    ArrStage("$1M to $5M", 5e6, (0.05, 0.10), (0.12, 0.15), (0.95, 1.10)),
    ArrStage("$5M to $15M", 15e6, (0.10, 0.15), (0.18, 0.22), (1.00, 1.15)),
    ArrStage("$15M to $50M", 50e6, (0.15, 0.20), (0.25, 0.30), (1.05, 1.20)),
    ArrStage("$50M to $100M", 100e6, (0.20, 0.28), (0.30, 0.40), (1.10, 1.25)),
    ArrStage("over $100M", float("inf"), (0.25, 0.35), (0.40, 0.55), (1.15, 1.35)),
)
SMALLEST_ARR = 1e6
"""Below it nobody says what is usual."""
GRR_QUARTILES = (0.82, 0.91, 0.95)
STRONG_NRR, BEST_NRR = 1.10, 1.20


@dataclass(frozen=True)
class BenchmarkedFigure:
    """One figure beside what is usual. ``value`` is a share, None where it cannot be told."""

    figure: str
    value: float | None
    usual: str
    source: str


def stage_of(arr: float) -> ArrStage | None:
    """The stage of a company by its ARR; None below the smallest."""
    return next((stage for stage in STAGES if arr < stage.below), None) if arr >= SMALLEST_ARR else None


def comparisons(whole: Headline) -> list[BenchmarkedFigure]:
    """The leading figures of a whole company beside what is usual; without a stage only GRR."""
    year, expansion = whole.year, whole.expansion
    stage = stage_of(YEAR_MONTHS * whole.bridge["mrr_end_e4"] / E4)
    quartiles = ", ".join(f"{value:.0%}" for value in GRR_QUARTILES)
    found = [BenchmarkedFigure("GRR, year", year["grr"] if year else None, f"quartiles {quartiles}", KBCM)]
    if stage is not None:
        best = f"; over {STRONG_NRR:.0%} is strong, over {BEST_NRR:.0%} best in class"
        is_year = expansion is not None and expansion["months"] == YEAR_MONTHS
        share = expansion["kept_share"] if expansion is not None and is_year else None
        usual = f"median {_between(stage.expansion_share)}, top quarter {_between(stage.top_quarter)} at {stage.name}"
        nrr = f"{_between(stage.nrr)} at {stage.name}{best}"
        found.append(BenchmarkedFigure("NRR, year", year["nrr"] if year else None, nrr, PRACTICE))
        found.append(BenchmarkedFigure("expansion kept, share of new ARR", share, usual, PRACTICE))
    return found


def _between(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.0%} to {ends[1]:.0%}"
