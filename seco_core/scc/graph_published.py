"""The relational graph exactly as the code published with SeCoV2 builds it: dense, for small inputs.

`seco_core.graph.relational_graph` is what the project uses; this one tells what it departs from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.graph import similarity_vectors

_LEAST_DEGREE = 1e-12


def published_adjacency(
    features: NDArray[np.floating[Any]],
    boxes: NDArray[np.floating[Any]],
    *,
    history_features: NDArray[np.floating[Any]] | None = None,
    history_boxes: NDArray[np.floating[Any]] | None = None,
    alpha: float = 0.95,
    frequencies: int = 4,
    cross_weight: float = 0.5,
    topk: int = 16,
    self_loops: bool = False,
    normalise: str = "sym",
    clamp_negative: bool = False,
) -> NDArray[np.float64]:
    """Adjacency of regions, and of remembered regions of other images where those are given.

    In this order: similarity; pairs of a region and a remembered one times `cross_weight`; the `topk`
    largest of each row, in which the row's own entry always counts; clamping; self loops; normalisation.
    Choosing by row leaves the matrix unsymmetric, and without clamping a degree can vanish.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    boxes : ndarray of float, (N, 4)
        x0, y0, x1, y1 divided by the image's width and height.
    history_features, history_boxes : ndarray of float, (M, D) and (M, 4), optional
        Remembered regions; they follow the others.
    alpha : float
        Weight of features against position, 0 to 1.
    frequencies : int
        Frequencies of the position encoding.
    cross_weight : float
        Factor of entries between regions and remembered ones.
    topk : int
        Entries kept in each row; 0 keeps all.
    self_loops : bool
        Set the diagonal to 1 after choosing and clamping.
    normalise : {"none", "row", "sym"}
        ``D^-1 A`` or ``D^-1/2 A D^-1/2`` with the row sums D.
    clamp_negative : bool
        Set negative entries to 0.

    Returns
    -------
    ndarray of float64, (N + M, N + M)

    Raises
    ------
    ParameterError
        If `normalise` is unknown, `topk` is negative, or only one of the two history arrays is given.

    Examples
    --------
    >>> boxes = np.tile([0.0, 0.0, 0.5, 0.5], (2, 1))
    >>> published_adjacency(np.eye(2), boxes, alpha=0.5, normalise="row").round(3).tolist()
    [[0.667, 0.333], [0.333, 0.667]]
    """
    if normalise not in ("none", "row", "sym"):
        raise ParameterError(f"normalise cannot be {normalise!r}.", remedy="One of: none, row, sym.")
    if topk < 0:
        raise ParameterError(f"topk must not be negative, not {topk}.")
    if (history_features is None) != (history_boxes is None):
        raise ParameterError("remembered regions need both features and boxes.")
    remembered = np.zeros(len(features), dtype=bool)
    if history_features is not None and history_boxes is not None:
        features, boxes = np.vstack([features, history_features]), np.vstack([boxes, history_boxes])
        remembered = np.arange(len(features)) >= len(remembered)
    vectors = similarity_vectors(
        features.astype(np.float64), boxes.astype(np.float64), alpha=alpha, frequencies=frequencies
    )
    adjacency = vectors @ vectors.T
    adjacency[remembered[:, None] != remembered] *= cross_weight
    if 0 < topk < len(adjacency):
        adjacency = np.where(_row_largest(adjacency, topk), adjacency, 0.0)
    if clamp_negative:
        adjacency = np.maximum(adjacency, 0.0)
    if self_loops:
        np.fill_diagonal(adjacency, 1.0)
    degree = np.maximum(adjacency.sum(axis=1), _LEAST_DEGREE)
    if normalise == "row":
        return adjacency / degree[:, None]
    if normalise == "sym":
        return adjacency / np.sqrt(degree[:, None] * degree)
    return adjacency


def _row_largest(values: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    ranked = values.copy()
    np.fill_diagonal(ranked, np.inf)
    kept = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(kept, np.argsort(-ranked, axis=1, kind="stable")[:, :k], True, axis=1)
    return kept
