"""The difference between the arms with its intervals: for one day that was named before, and for whoever looks daily.

The difference of means is adjusted by what was known before (CUPED: Deng, Xu, Kohavi and Walker, WSDM 2013), with one
slope for both arms. Its variance is that of the clusters' influence (Liang and Zeger, 1986). Where a cluster lies in
one arm, as it was drawn, both arms are also taken to spread alike, and the larger variance counts: expansions are few,
and an arm that happened to see hardly any would else look sure of it; and where being listed does harm, those that are
held out spread more, and they are few.

The interval for one day is the usual one. It is wrong for whoever looks every day and stops when it pleases: each look
is one more chance to take an accident for an effect. The confidence sequence holds on all days at once: the asymptotic
one of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Time-uniform central limit theory and asymptotic confidence
sequences, 2021, theorem 2.2), which mixes over normal effects (Robbins, 1970). With n rows, variance of a row s^2 and a
constant r, which is chosen before the first look:

    difference +- s sqrt(2 (n r^2 + 1) / (n^2 r^2) log(sqrt(n r^2 + 1) / alpha))

It is narrowest at n* rows where n* r^2 = -W(-alpha^2 / e) - 1, with W the lower branch of Lambert's function; there it
is half as wide again as the usual one. Here s^2 is n times the variance of the difference.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw
from scipy.stats import norm
from scipy.stats import t as student

from models.experiment.moments import HELD_OUT, LISTED, Floats, Moments
from models.monitoring.intervals import USUAL_ERROR

LEAST_EXPANSIONS = 20
"""So many accounts that are held out must have expanded before anything is told: fewer are no normal mean."""


@dataclass(frozen=True)
class ArmDifference:
    """Listed minus held out, as arrays over the leading axes of the moments.

    ``value`` is adjusted, the means ``listed`` and ``held_out`` are not. ``degrees``: of freedom of the ``error``.
    """

    value: Floats
    error: Floats
    rows: Floats
    degrees: Floats
    listed: Floats
    held_out: Floats

    def on_a_day(self, error_rate: float = USUAL_ERROR) -> tuple[Floats, Floats]:
        """The interval for one day that was named before."""
        reach = student.isf(error_rate / 2, self.degrees) * self.error
        return self.value - reach, self.value + reach

    def on_all_days(self, planned_rows: float, error_rate: float = USUAL_ERROR) -> tuple[Floats, Floats]:
        """The confidence sequence, narrowest at so many rows; wider where few clusters tell the error."""
        for_few = student.isf(error_rate / 2, self.degrees) / norm.isf(error_rate / 2)
        reach = reach_on_all_days(self.rows, planned_rows, error_rate) * self.error * for_few
        return self.value - reach, self.value + reach


def difference(moments: Moments, *, in_one_arm: bool = True) -> ArmDifference:
    """The adjusted difference of the arms' means of the outcome, which is the last of a row's values.

    ``in_one_arm``: every cluster lies in one arm. Not a number where an arm has no row.
    """
    counts = moments.sums[..., :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = moments.sums / counts
        slopes = _slopes(moments, means)
        by_row = np.concatenate([-slopes, np.ones_like(slopes[..., :1])], axis=-1)  # outcome - slopes x covariates
        adjusted = np.einsum("...d,...ad->...a", by_row, means[..., 1:])
        residual = np.stack(
            [np.concatenate([-adjusted[..., [arm]], by_row], axis=-1) for arm in (LISTED, HELD_OUT)], -2
        )
        rows = counts[..., 0].sum(axis=-1)
        variance = _squares(moments, residual / counts * np.array([[1.0], [-1.0]]))
        if in_one_arm:
            variance = np.maximum(variance, _squares(moments, residual) / rows * (1 / counts[..., 0]).sum(axis=-1))
        degrees = np.maximum(moments.clusters - 1, 1)
        return ArmDifference(
            value=adjusted[..., LISTED] - adjusted[..., HELD_OUT],
            error=np.sqrt(np.maximum(variance * moments.clusters / degrees, 0.0)),
            rows=rows,
            degrees=degrees,
            listed=means[..., LISTED, -1],
            held_out=means[..., HELD_OUT, -1],
        )


def _squares(moments: Moments, weights: Floats) -> Floats:
    """The sum over clusters of the squares of their weighted sums; ``weights`` (..., 2, d) of each arm's values."""
    flat = weights.reshape(*weights.shape[:-2], -1)
    squares: Floats = np.einsum("...i,...ij,...j->...", flat, moments.clustered, flat)
    return squares


def _slopes(moments: Moments, means: Floats) -> Floats:
    """How the outcome follows the covariates within the arms; 0 of a covariate that does not vary."""
    counts = moments.sums[..., :1, None]
    within = np.nan_to_num(moments.products - counts * means[..., :, None] * means[..., None, :])
    within = within.sum(axis=-3)[..., 1:, 1:]
    inverse = np.linalg.pinv(within[..., :-1, :-1], hermitian=True)
    slopes: Floats = np.einsum("...ij,...j->...i", inverse, within[..., :-1, -1])
    return slopes


def reach_on_all_days(rows: npt.ArrayLike, planned_rows: float, error_rate: float = USUAL_ERROR) -> Floats:
    """How many standard errors the confidence sequence reaches to each side at so many rows."""
    narrowest = -float(np.real(lambertw(-(error_rate**2) / np.e, -1))) - 1
    scaled = np.maximum(np.asarray(rows, dtype=np.float64), 1.0) / planned_rows * narrowest
    reach: Floats = np.sqrt((scaled + 1) / scaled * np.log((scaled + 1) / error_rate**2))
    return reach
