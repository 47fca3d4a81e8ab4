"""All regions on a plane, so that those that are alike lie together: a map of the project for people."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.graph import standardise

_OUTLIERS = 0.005
"""Share of regions at each end of an axis that may lie on the border of the map."""


def plane(
    features: NDArray[np.floating[Any]],
    links: sparse.csr_matrix | None = None,
    *,
    steps: int = 12,
    pull: float = 0.7,
) -> NDArray[np.float32]:
    """Lay regions out in two dimensions.

    The first two principal components of the standardised features; then, along the relational graph, each
    region moves towards the weighted mean of those it is linked to, which draws groups together that two
    components cannot tell apart.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    links : scipy.sparse.csr_matrix, (N, N), optional
        Symmetric weights of alike regions, 0 or more; without it the components are left as they are.
    steps : int
        How often the regions move, 0 or more.
    pull : float
        Share of the way to their neighbours, 0 to 1 (exclusive); the rest pulls back to the components.

    Returns
    -------
    ndarray of float32, (N, 2)
        x, y in 0..1; 0.5 along an axis on which all are alike. The same for the same input, whatever the
        number of threads but for rounding.

    Raises
    ------
    ParameterError
        If the shapes do not fit or a parameter is out of range.
    """
    n = len(features)
    if features.ndim != 2 or (links is not None and links.shape != (n, n)):
        raise ParameterError(f"features {features.shape} and links are not of the same regions.")
    if steps < 0 or not 0.0 <= pull < 1.0:
        raise ParameterError(f"steps must be 0 or more and pull from 0 to 1, not {steps} and {pull}.")
    if n == 0:
        return np.zeros((0, 2), dtype=np.float32)
    start = _scaled(_components(np.asarray(standardise(features), dtype=np.float64)))
    place = start
    if links is not None and links.nnz:
        total = np.asarray(links.sum(axis=1)).ravel()
        lonely = total == 0
        mean = sparse.diags(1.0 / np.where(lonely, 1.0, total)) @ links
        for _ in range(steps):
            drawn = mean @ place
            drawn[lonely] = start[lonely]
            place = (1.0 - pull) * start + pull * drawn
    return _scaled(place).astype(np.float32)


def _components(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal components; zero where there are fewer dimensions."""
    _, vectors = np.linalg.eigh(features.T @ features)
    axes = vectors[:, ::-1][:, :2]
    # either sign is right: take the one in which the largest entry is positive
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    found = features @ axes
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _scaled(place: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.quantile(place, [_OUTLIERS, 1.0 - _OUTLIERS], axis=0)
    spread = high - low
    flat = spread <= 1e-9 * np.maximum(1.0, np.abs(high))
    return np.where(flat, 0.5, np.clip((place - low) / np.where(flat, 1.0, spread), 0.0, 1.0))
