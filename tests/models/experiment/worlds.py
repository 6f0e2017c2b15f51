"""Drawn experiments, many at once: accounts that come in day by day, with what came of each after its window.

The axes are days, worlds and the accounts of a day. An account expands with its propensity, whose estimate is known
before, and then by an amount whose spread is as wide as that of real contracts: one in a hundred is fifty times the
median.
"""

from dataclasses import dataclass

import numpy as np

from models.experiment.moments import Floats, Moments

DAYS, A_DAY = 365, 6
ROWS = DAYS * A_DAY


@dataclass(frozen=True)
class Worlds:
    propensity: Floats
    prior_arr: Floats
    held_out: np.ndarray
    expanded: Floats
    expansion_arr: Floats

    def moments(self, outcome: Floats) -> Moments:
        """The moments of each day alone, of accounts that are each a cluster; as ``moments_of`` counts them."""
        rows = np.stack([np.ones_like(outcome), self.prior_arr / 1e4, self.propensity, outcome], axis=-1)
        arms = np.stack([~self.held_out, self.held_out], axis=-2).astype(float)
        products = np.einsum("...an,...nd,...ne->...ade", arms, rows, rows)
        width, days = rows.shape[-1], products.shape[:-3]
        clustered = np.zeros((*days, 2 * width, 2 * width))
        for arm, place in enumerate((slice(None, width), slice(width, None))):
            clustered[..., place, place] = products[..., arm, :, :]
        return Moments(np.einsum("...an,...nd->...ad", arms, rows), products, clustered, np.full(days, float(A_DAY)))

    def held_out_expansions(self) -> Floats:
        """How many accounts that are held out had expanded by the end of each day."""
        return (self.expanded * self.held_out).sum(axis=-1).cumsum(axis=0)


def drawn(seed: int, worlds: int, *, share: float = 0.2, lift: float = 0.0, days: int = DAYS) -> Worlds:
    """So many worlds; being listed adds ``lift`` to the chance of an expansion."""
    draw = np.random.default_rng(seed)
    shape = (days, worlds, A_DAY)
    propensity, prior = draw.beta(0.8, 8.0, shape), np.exp(draw.normal(9.0, 1.2, shape))
    held_out = draw.random(shape) < share
    expanded = (draw.random(shape) < propensity + lift * ~held_out).astype(float)
    amounts = prior * np.exp(draw.normal(-1.5, 1.0, shape))
    return Worlds(propensity, prior, held_out, expanded, expanded * amounts)
