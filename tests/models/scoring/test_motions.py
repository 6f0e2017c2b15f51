import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.scoring.score import consistent


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=20))
def test_consistent_motions(rows: list[tuple[float, float, float, float]]) -> None:
    values = np.array(rows)
    whole, motions = values[:, 0], values[:, 1:]
    every = consistent(whole, motions, all_motions=True)
    assert (every <= whole[:, None]).all()
    can = np.minimum(motions, whole[:, None]).sum(axis=1) > 1e-300
    assert (every.sum(axis=1) >= whole * (1 - 1e-12))[can].all()
    agreed = (motions <= whole[:, None]).all(axis=1) & (motions.sum(axis=1) >= whole)
    assert (every[agreed] == motions[agreed]).all()
    assert (consistent(whole, motions, all_motions=False) == np.minimum(motions, whole[:, None])).all()
