"""Components too small to be regions join the neighbour they touch most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.regions import adjacency, first_pixels, label_components
from seco_core.scheme import IGNORE


def absorb_small(class_map: NDArray[np.uint8], min_area: int) -> NDArray[np.uint8]:
    """Let components below an area take the class of the neighbour they touch most.

    In each round every component that is too small points at the neighbour it has the longest contact with
    (of equals the larger, then the first in raster order) and joins it, unless that neighbour is too small
    itself and comes earlier by (area, raster order): then that one moves first. Rounds go on until nothing is
    left to join.

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        Class ids, 255 = ignore. Ignored pixels neither join nor are joined.
    min_area : int
        Components of fewer pixels are too small.

    Returns
    -------
    ndarray of uint8, (H, W)
        The class map after that. A component too small that touches no other keeps its class.

    Examples
    --------
    >>> absorb_small(np.array([[0, 0, 0, 1, 2, 2]], dtype=np.uint8), 2).tolist()
    [[0, 0, 0, 0, 2, 2]]
    """
    components, n = label_components(class_map)
    first = first_pixels(components, n)
    classes = class_map.reshape(-1)[first]
    area = np.bincount(components.reshape(-1), minlength=n + 1)[1:]
    if min_area <= 1 or not np.any(area < min_area):
        return class_map.copy()
    pairs, contact = adjacency(components)

    node = np.arange(n)  # the current node of each component
    while (into := _merges(pairs, contact, area, min_area)) is not None:
        classes = classes[into]  # what joined is then connected by edges within one class
        touching = pairs[classes[pairs[:, 0]] == classes[pairs[:, 1]]]
        renumber = _fuse(touching, len(area))
        n_nodes = int(renumber.max()) + 1
        kept = np.zeros(n_nodes, dtype=classes.dtype)
        kept[renumber] = classes
        classes = kept
        area = np.bincount(renumber, weights=area, minlength=n_nodes).astype(np.int64)
        pairs, contact = _sum_edges(renumber[pairs], contact, n_nodes)
        node = renumber[node]
    lookup = np.concatenate([np.array([IGNORE], dtype=np.uint8), classes[node].astype(np.uint8)])
    return lookup[components]


def _merges(
    pairs: NDArray[np.int32], contact: NDArray[np.int64], area: NDArray[np.int64], min_area: int
) -> NDArray[np.int64] | None:
    """The node whose class each node takes in this round (itself if it stays); None if all stay."""
    small = area < min_area
    start = np.concatenate([pairs[:, 0], pairs[:, 1]])
    end = np.concatenate([pairs[:, 1], pairs[:, 0]])
    length = np.concatenate([contact, contact])
    of_small = small[start]
    start, end, length = start[of_small], end[of_small], length[of_small]
    if not len(start):
        return None
    order = np.lexsort((end, -area[end], -length, start))
    start, end = start[order], end[order]
    best = np.concatenate([[True], start[1:] != start[:-1]])
    start, end = start[best], end[best]
    later = (area[end] > area[start]) | ((area[end] == area[start]) & (end > start))
    into = np.arange(len(area))
    into[start[later]] = end[later]
    # chains climb in (area, raster order), so they end; doubling shortens them to their ends
    while True:
        further = into[into]
        if np.array_equal(further, into):
            return into
        into = further


def _fuse(touching: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """New numbers for nodes, equal where edges connect them; in order of first node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(touching), dtype=bool), (touching[:, 0], touching[:, 1])), shape=(n, n))
    found = connected_components(graph, directed=False)[1].astype(np.int64)
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _sum_edges(
    pairs: NDArray[np.int64], contact: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Drop edges inside a node and add up parallel ones."""
    a, b = pairs.min(axis=1), pairs.max(axis=1)
    outer = a != b
    edges, inverse = np.unique(a[outer] * n + b[outer], return_inverse=True)
    total = np.bincount(inverse, weights=contact[outer], minlength=len(edges)).astype(np.int64)
    return np.stack([edges // n, edges % n], axis=1).astype(np.int32), total
