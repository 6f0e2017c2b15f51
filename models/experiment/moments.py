"""What an estimate is made of: sums of the rows of both arms, and of their clusters.

One row is an account in one window, with what came of it and what was known before. The sums of clusters that come
later are added to those before, so that an estimate on every day costs no more than one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LISTED, HELD_OUT = 0, 1
"""The arms, by their place."""


@dataclass(frozen=True)
class Moments:
    """Sums over rows; of several estimates at once, with the same leading axes throughout.

    A row is the vector (1, covariates, outcome), of length d. ``sums`` (..., 2, d): of each arm. ``products``
    (..., 2, d, d): of the outer products of each arm's rows. ``clustered`` (..., 2d, 2d): of the outer products of the
    clusters' sums in both arms, one after the other. ``clusters`` (...): how many there are.
    """

    sums: Floats
    products: Floats
    clustered: Floats
    clusters: Floats

    def upto(self) -> "Moments":
        """The sums of each place of the first axis with all before it, where no cluster is in two of them."""
        return Moments(*(np.cumsum(part, axis=0) for part in (self.sums, self.products, self.clustered, self.clusters)))


def moments_of(outcome: Floats, covariates: Floats, held_out: npt.NDArray[np.bool_], cluster: npt.ArrayLike) -> Moments:
    """The moments of some rows. ``covariates``: a column each; ``cluster``: of each row what it is drawn with."""
    rows = np.column_stack([np.ones(len(outcome)), covariates, outcome])
    arms = np.stack([~held_out, held_out]).astype(np.float64)
    names, of_row = np.unique(np.asarray(cluster), return_inverse=True)
    in_arms = np.concatenate([rows * arms[LISTED][:, None], rows * arms[HELD_OUT][:, None]], axis=1)
    of_clusters = np.zeros((len(names), in_arms.shape[1]))
    np.add.at(of_clusters, of_row, in_arms)
    return Moments(
        sums=arms @ rows,
        products=np.einsum("an,nd,ne->ade", arms, rows, rows),
        clustered=of_clusters.T @ of_clusters,
        clusters=np.float64(len(names)) * np.ones(()),
    )
