from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from seco_core.embedding import plane
from seco_core.errors import ParameterError


def groups(n: int = 60, dims: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Five groups that lie apart, along axes of their own."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(5), n)
    return np.eye(dims)[group] * 6 + rng.normal(0, 1, (len(group), dims)), group


def alike(group: np.ndarray) -> sparse.csr_matrix:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, len(group), (2, 4000))
    kept = (group[a] == group[b]) & (a != b)
    w = np.full(kept.sum(), 0.9)
    one = sparse.csr_matrix((w, (a[kept], b[kept])), shape=(len(group),) * 2)
    return (one + one.T).tocsr()


def spread_within(place: np.ndarray, group: np.ndarray) -> float:
    """Mean distance to the middle of the own group, against that to the middle of all."""
    middle = np.stack([place[group == g].mean(axis=0) for g in range(5)])
    own = np.linalg.norm(place - middle[group], axis=1).mean()
    return own / np.linalg.norm(place - place.mean(axis=0), axis=1).mean()


def test_linked_groups_lie_closer_than_components_alone_put_them():
    features, group = groups()
    alone, drawn = plane(features), plane(features, alike(group))
    assert alone.shape == drawn.shape == (len(group), 2)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert spread_within(drawn, group) < 0.6 * spread_within(alone, group)


def test_it_is_the_same_every_time_and_for_scaled_features():
    features, group = groups()
    links = alike(group)
    assert np.array_equal(plane(features, links), plane(features.copy(), links.copy()))
    assert np.allclose(plane(features * 100 + 7, links), plane(features, links), atol=1e-5)


@pytest.mark.parametrize("features", [np.zeros((0, 4)), np.ones((3, 4)), np.ones((5, 1)), np.eye(2)])
def test_few_and_equal_regions(features: np.ndarray):
    place = plane(features, sparse.csr_matrix((len(features),) * 2))
    assert place.shape == (len(features), 2)
    assert np.isfinite(place).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ParameterError):
        plane(np.ones((3, 2)), sparse.csr_matrix((4, 4)))
    with pytest.raises(ParameterError):
        plane(np.ones((3, 2)), pull=1.0)
