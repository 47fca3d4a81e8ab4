"""The relational graph: which regions are alike, and which touch (SeCoV2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.nearest import nearest


class EdgeKind(IntEnum):
    """Why two regions are linked."""

    FEATURE = 0
    """One is among the most alike of the other."""
    TOUCHES = 1
    """They share a border in the same image."""


@dataclass(frozen=True)
class RelationalGraph:
    """Undirected weighted edges between the regions of a project.

    A pair occurs at most once for each kind: two regions that touch and are alike have two edges. Edges are
    ordered by kind, then a, then b; weights are positive, so nothing makes a degree vanish or turn negative.

    Attributes
    ----------
    a, b : ndarray of int64, (E,)
        Rows of the regions, a < b.
    weight : ndarray of float32, (E,)
        0 (exclusive) to 1. Similarity for `EdgeKind.FEATURE`; for `EdgeKind.TOUCHES` the shared border's
        length as a share of the smaller one of the two regions' whole borders with others.
    kind : ndarray of uint8, (E,)
        Values of `EdgeKind`.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    weight: NDArray[np.float32]
    kind: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.a)


def position_encoding(boxes: NDArray[np.floating[Any]], frequencies: int = 4) -> NDArray[np.float64]:
    """Sines and cosines of 2 pi 2^k times each box coordinate, k = 0 .. frequencies - 1.

    Parameters
    ----------
    boxes : ndarray of float, (N, 4)
        x0, y0, x1, y1 divided by the image's width and height: 0 to 1. (Whole pixels would encode every box
        alike.)
    frequencies : int
        Number of frequencies.

    Returns
    -------
    ndarray of float64, (N, 8 * frequencies)
        Every row has the length sqrt(4 * frequencies).
    """
    angles = boxes.astype(np.float64)[:, :, None] * (2.0 * np.pi * 2.0 ** np.arange(frequencies))
    angles = angles.reshape(len(boxes), 4 * frequencies)
    return np.hstack([np.sin(angles), np.cos(angles)])


def similarity_vectors(
    features: NDArray[np.floating[Any]],
    boxes: NDArray[np.floating[Any]],
    *,
    alpha: float = 0.95,
    frequencies: int = 4,
) -> NDArray[np.float64]:
    """Vectors whose inner products are alpha cos(f_i, f_j) + (1 - alpha) cos(PE(b_i), PE(b_j)).

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Features. A row of zeros is like nothing (cosine 0).
    boxes : ndarray of float, (N, 4)
        Normalised boxes, see `position_encoding`.
    alpha : float
        Weight of features against position, 0 to 1.
    frequencies : int
        Frequencies of the position encoding.

    Returns
    -------
    ndarray of float64, (N, D + 8 * frequencies)
        Of length 1 but for rows without features.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    direction = features / np.where(length > 0.0, length, 1.0)
    place = position_encoding(boxes, frequencies) / math.sqrt(4 * frequencies)
    return np.hstack([math.sqrt(alpha) * direction, math.sqrt(1.0 - alpha) * place])


def relational_graph(
    features: NDArray[np.floating[Any]],
    boxes_normalised: NDArray[np.floating[Any]],
    image_index: NDArray[np.integer[Any]],
    adjacency_pairs: NDArray[np.integer[Any]],
    contact: NDArray[np.number[Any]],
    *,
    neighbours: int = 16,
    alpha: float = 0.95,
) -> RelationalGraph:
    """Link each region to the regions most like it anywhere in the project, and to those it touches.

    Features are standardised first (mean 0 and spread 1 over all regions): the cosine of raw ones would be
    near 1 for all pairs and be ruled by the feature with the largest numbers. The most alike are sought by
    `nearest`: exactly, or among the likely ones where there are more than 20 000 regions. An edge
    exists if either end chose the other; similarities of 0 or less make none. Regions of other images count
    like those of the same one.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    boxes_normalised : ndarray of float, (N, 4)
        x0, y0, x1, y1 in 0..1.
    image_index : ndarray of int, (N,)
        The image of each region.
    adjacency_pairs : ndarray of int, (E, 2)
        Rows of regions that touch, each pair once.
    contact : ndarray, (E,)
        Length of each pair's shared border, above 0.
    neighbours : int
        Most alike regions that each region chooses, at least 1.
    alpha : float
        Weight of features against position, 0 to 1.

    Returns
    -------
    RelationalGraph
        The same for any order of `adjacency_pairs`.

    Raises
    ------
    ParameterError
        If the arrays do not fit together or a parameter is out of range.
    """
    features = np.asarray(features, dtype=np.float64)
    pairs = np.asarray(adjacency_pairs, dtype=np.int64).reshape(-1, 2)
    _check(features, boxes_normalised, image_index, pairs, contact, neighbours, alpha)
    vectors = similarity_vectors(standardise(features), boxes_normalised, alpha=alpha)
    edges = [_feature_edges(vectors, neighbours), _touching_edges(pairs, np.asarray(contact), len(features))]
    kind = np.repeat(np.array(EdgeKind, dtype=np.uint8), [len(e[0]) for e in edges])
    a, b, weight = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    return RelationalGraph(a, b, weight.astype(np.float32), kind)


def neighbours_of(
    graph: RelationalGraph, n: int, *, kind: EdgeKind | None = EdgeKind.FEATURE
) -> sparse.csr_matrix:
    """Symmetric weight matrix of the graph.

    Parameters
    ----------
    graph : RelationalGraph
        Edges between rows below n.
    n : int
        Number of regions N.
    kind : EdgeKind or None
        The edges to use. The default leaves out touching regions: regions are components of one class, so
        those that touch are as a rule of different classes and would vote against each other. None takes
        both, a pair with two edges counting with the sum of its weights.

    Returns
    -------
    scipy.sparse.csr_matrix of float32, (N, N)
        Zero diagonal; columns ascend within rows.
    """
    used = slice(None) if kind is None else graph.kind == kind
    a, b, weight = graph.a[used], graph.b[used], graph.weight[used]
    rows, columns = np.concatenate([a, b]), np.concatenate([b, a])
    return sparse.csr_matrix((np.concatenate([weight, weight]), (rows, columns)), shape=(n, n))


def standardise(features: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Features (N, D) with mean 0 and spread 1 over the regions; 0 where all regions are alike."""
    if len(features) == 0:
        return features
    spread = features.std(axis=0)
    # what is constant but for rounding says nothing
    silent = spread <= 1e-6 * np.abs(features).max(axis=0)
    return (features - features.mean(axis=0)) / np.where(silent, np.inf, spread)


def _feature_edges(
    vectors: NDArray[np.float64], neighbours: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    n = len(vectors)
    k = min(neighbours, n - 1)
    if k < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    row, column, weight = nearest(vectors, k)
    positive = weight > 0.0
    row, column, weight = row[positive], column[positive], weight[positive]
    pair, position = np.unique(np.minimum(row, column) * n + np.maximum(row, column), return_inverse=True)
    # both ends may have found the pair; rounding can leave the two weights a digit apart
    merged = np.zeros(len(pair))
    np.maximum.at(merged, position, weight)
    return pair // n, pair % n, merged


def _touching_edges(
    pairs: NDArray[np.int64], contact: NDArray[np.number[Any]], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    a, b = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((b, a))
    a, b, length = a[order], b[order], contact[order].astype(np.float64)
    border = np.bincount(a, length, minlength=n) + np.bincount(b, length, minlength=n)
    weight = length / np.minimum(border[a], border[b])
    return a, b, weight


def _check(
    features: NDArray[np.floating[Any]],
    boxes: NDArray[np.floating[Any]],
    image_index: NDArray[np.integer[Any]],
    pairs: NDArray[np.int64],
    contact: NDArray[np.number[Any]],
    neighbours: int,
    alpha: float,
) -> None:
    n = len(features)
    if features.ndim != 2 or boxes.shape != (n, 4) or image_index.shape != (n,):
        raise ParameterError(
            f"features {features.shape}, boxes {boxes.shape} and image index {image_index.shape} "
            "are not of the same regions."
        )
    if not np.isfinite(features).all():
        raise ParameterError("features are not finite.", remedy="Encode the regions again.")
    if len(pairs) != len(contact):
        raise ParameterError(f"{len(pairs)} touching pairs have {len(contact)} contact lengths.")
    if len(pairs) and not (pairs.min() >= 0 and pairs.max() < n):
        raise ParameterError(f"touching pairs must name regions from 0 to {n - 1}.")
    if (pairs[:, 0] == pairs[:, 1]).any() or (image_index[pairs[:, 0]] != image_index[pairs[:, 1]]).any():
        raise ParameterError("touching pairs must be two regions of one image.")
    if (np.asarray(contact) <= 0).any():
        raise ParameterError("contact lengths must be above 0.")
    if neighbours < 1:
        raise ParameterError(f"neighbours must be at least 1, not {neighbours}.")
    if not 0.0 <= alpha <= 1.0:
        raise ParameterError(f"alpha must be from 0 to 1, not {alpha}.")
