"""The most alike of many vectors: exact for thousands, by a cell index for hundreds of thousands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 20_000
"""Vectors that are all compared with one another."""

_CHUNK_ENTRIES = 2**23
_DECIMALS = 6
_CELL = 200
_POINTS_PER_CELL = 20
_ROUNDS = 5
_PROBES = 24
_SPARE = 4
"""Candidates beyond those asked for: the vector itself, and some for single precision to err on."""
_BLOCK = 8192


def nearest(
    vectors: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each vector the k others with the largest inner product.

    Up to `EXACT_UP_TO` vectors are compared all with all. More are first put into cells of about 200
    (k-means on a sample), and each is compared with those of the 24 cells nearest to it, so that the
    comparisons for one vector stay the same however many there are; some true neighbours are missed then
    (`benchmarks.graph_scale` says how many). Either way products are those of the float64 vectors, rounded to
    6 decimals, so that neither the order of summation nor the number of threads decides, and of equals the
    lower row is chosen.

    Parameters
    ----------
    vectors : ndarray of float64, (N, D)
        At least 2.
    k : int
        1 to N - 1.

    Returns
    -------
    row, column : ndarray of int64, (M,)
        The vector and one of its nearest; rows ascend. M is N k, or a little less with cells.
    product : ndarray of float64, (M,)
        Their inner product.
    """
    found = []
    if len(vectors) <= EXACT_UP_TO:
        chunk = max(1, _CHUNK_ENTRIES // len(vectors))
        for start in range(0, len(vectors), chunk):
            product = vectors[start : start + chunk] @ vectors.T
            np.round(product, _DECIMALS, out=product)
            own = np.arange(len(product))
            product[own, start + own] = -np.inf
            row, column = _largest(product, k)
            found.append((row + start, column, product[row, column]))
    else:
        candidates = _by_cells(vectors, k)
        for start in range(0, len(vectors), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(vectors)))
            # ascending, so that the first of equals is the lowest row
            columns = np.sort(candidates[rows], axis=1)
            product = np.einsum("nd,nkd->nk", vectors[rows], vectors[columns])
            np.round(product, _DECIMALS, out=product)
            product[(columns == rows[:, None]) | (columns < 0)] = -np.inf
            row, place = _largest(product, k)
            column, product = columns[row, place], product[row, place]
            real = product > -np.inf
            found.append((rows[row[real]], column[real], product[real]))
    row, column, product = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return row, column, product


def _by_cells(vectors: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Candidates for each vector's k nearest, itself among them, (N, k + 4); -1 where there are too few."""
    import faiss
    from threadpoolctl import threadpool_limits

    n, width = vectors.shape
    single = vectors.astype(np.float32)
    coarse: Any = faiss.IndexFlatIP(width)
    index: Any = faiss.IndexIVFFlat(coarse, width, n // _CELL, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.spherical = _ROUNDS, True
    index.cp.max_points_per_centroid = index.cp.min_points_per_centroid = _POINTS_PER_CELL
    # products of matrices in one thread: their sums then have one order, whatever the number of threads
    with threadpool_limits(1):
        index.train(single)
        closeness, cells = coarse.search(single, min(_PROBES, n // _CELL))
    # cell by cell, so that what one vector is compared with is still in the processor's cache for the next
    order = np.argsort(cells[:, 0], kind="stable")
    single, closeness, cells = single[order], closeness[order], cells[order]
    home = np.ascontiguousarray(cells[:, 0])
    index.add_core(n, *(faiss.swig_ptr(array) for array in (single, order, home)))
    index.nprobe = cells.shape[1]
    found = np.empty((n, k + _SPARE), dtype=np.int64)
    found[order] = index.search_preassigned(single, k + _SPARE, cells, closeness)[1]
    return found


def _largest(values: NDArray[np.float64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the k largest entries of each row, the first of equals."""
    width = values.shape[1]
    limit = np.partition(values, width - k, axis=1)[:, width - k, None]
    above = values > limit
    missing = k - np.count_nonzero(above, axis=1)
    row, column = np.nonzero(values == limit)
    first_of_row = np.searchsorted(row, np.arange(len(values)))
    chosen = np.arange(len(row)) - first_of_row[row] < missing[row]
    above[row[chosen], column[chosen]] = True
    row, column = np.nonzero(above)
    return row, column
