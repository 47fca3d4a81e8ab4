"""What speaks for and against a region's class, gathered for the noise score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_BELIEVED_FROM = 0.1


def disagreement(adjacency: sparse.csr_matrix, class_id: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Weighted share of each region's neighbours that have another class.

    Parameters
    ----------
    adjacency : scipy.sparse.csr_matrix, (N, N)
        Symmetric non-negative weights, as of `seco_core.project.Project.graph`.
    class_id : ndarray of uint8, (N,)
        Classes of the regions.

    Returns
    -------
    ndarray of float32, (N,)
        0..1; NaN for a region without neighbours.

    Examples
    --------
    >>> links = sparse.csr_matrix([[0, 3, 1], [3, 0, 0], [1, 0, 0]])
    >>> disagreement(links, np.array([0, 1, 0], np.uint8)).tolist()
    [0.75, 1.0, 0.0]
    """
    row = np.repeat(np.arange(len(class_id)), np.diff(adjacency.indptr))
    other = class_id[row] != class_id[adjacency.indices]
    total = np.bincount(row, adjacency.data, minlength=len(class_id))
    with np.errstate(invalid="ignore"):
        share = np.bincount(row[other], adjacency.data[other], minlength=len(class_id)) / total
    return share.astype(np.float32)


def surroundings(
    pairs: NDArray[np.integer[Any]],
    contact: NDArray[np.number[Any]],
    class_id: NDArray[np.uint8],
    area: NDArray[np.number[Any]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far a single other class surrounds each region, and how small the region is beside its neighbours.

    A small island in one other class is the commonest form of a mistake.

    Parameters
    ----------
    pairs : ndarray of int, (E, 2)
        Rows of regions that touch, each pair once.
    contact : ndarray, (E,)
        Length of each pair's shared border, above 0.
    class_id : ndarray of uint8, (N,)
        Classes of the regions.
    area : ndarray, (N,)
        Pixels, above 0.

    Returns
    -------
    enclosure : ndarray of float32, (N,)
        Largest share, 0..1, that one class has of the region's border with others; NaN without neighbours.
    smallness : ndarray of float32, (N,)
        Mean log area of the neighbours, weighted by contact, less the region's own; NaN likewise.

    Examples
    --------
    >>> pairs, contact = np.array([[0, 1], [0, 2]]), np.array([3, 1])
    >>> enclosure, smallness = surroundings(pairs, contact, np.array([0, 1, 2], np.uint8), np.full(3, 10))
    >>> enclosure.tolist(), smallness.tolist()
    ([0.75, 1.0, 1.0], [0.0, 0.0, 0.0])
    """
    n = len(class_id)
    row = np.concatenate([pairs[:, 0], pairs[:, 1]]).astype(np.int64)
    other = np.concatenate([pairs[:, 1], pairs[:, 0]]).astype(np.int64)
    length = np.concatenate([contact, contact]).astype(np.float64)
    log_area = np.log(np.maximum(area, 1))
    border = np.bincount(row, length, minlength=n)
    cells, cell = np.unique(row * 256 + class_id[other], return_inverse=True)
    largest = np.full(n, np.nan)
    np.fmax.at(largest, cells // 256, np.bincount(cell.ravel(), length, minlength=len(cells)))
    with np.errstate(invalid="ignore", divide="ignore"):
        around = np.bincount(row, length * log_area[other], minlength=n) / border
        return (largest / border).astype(np.float32), (around - log_area).astype(np.float32)


def corroborated(
    pieces: Sequence[NDArray[np.floating[Any]]], witness: NDArray[np.floating[Any]]
) -> list[NDArray[np.float64]]:
    """Normal ranks of pieces of evidence, as far as a witness who knows nothing of them finds them true.

    Small and enclosed regions are often a network's mistakes; but mistakes of another origin lie anywhere,
    and then form says nothing. Whether it does shows without ground truth: where small, enclosed regions are
    wrong more often than others, they also have more loss.

    Parameters
    ----------
    pieces : sequence of ndarray of float, (N,)
        Evidence of one origin, high where a class looks wrong; NaN = unknown.
    witness : ndarray of float, (N,)
        Evidence of another; NaN = unknown.

    Returns
    -------
    list of ndarray of float64, (N,)
        The pieces' `normal_ranks` times a factor from 0, where their sum's correlation with the witness is
        not above 0, to 1, where it is 0.1 or more. 0 where unknown.

    Examples
    --------
    >>> small, loss = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.9])
    >>> corroborated([small], loss)[0].round(2).tolist(), bool(corroborated([small], -loss)[0].any())
    ([-0.67, 0.0, 0.67], False)
    """
    ranks = [normal_ranks(values) for values in pieces]
    total, other = np.sum(ranks, axis=0), normal_ranks(witness)
    spread = np.sqrt((total**2).sum() * (other**2).sum())
    # normal ranks have a mean of 0
    agreement = (total * other).sum() / spread if spread > 0.0 else 0.0
    return [np.clip(agreement / _BELIEVED_FROM, 0.0, 1.0) * values for values in ranks]


def seen_otherwise(
    log_probabilities: NDArray[np.floating[Any]], class_id: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """How much likelier the likeliest class is than each region's own, in nats; NaN where nothing is known.

    Parameters
    ----------
    log_probabilities : ndarray of float, (N, C)
        Of the classes of each region.
    class_id : ndarray of uint8, (N,)
        Its own.

    Examples
    --------
    >>> seen_otherwise(np.array([[-0.5, -1.5], [np.nan, np.nan]]), np.array([1, 0], np.uint8)).tolist()
    [1.0, nan]
    """
    own = log_probabilities[np.arange(len(class_id)), class_id]
    return (log_probabilities.max(axis=1) - own).astype(np.float32)


def class_mean(values: NDArray[np.floating[Any]], class_id: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean of a value over all regions of each region's class, unknown ones (NaN) left out.

    Examples
    --------
    >>> class_mean(np.array([1.0, 3.0, np.nan, np.nan]), np.array([0, 0, 0, 1], np.uint8)).tolist()
    [2.0, 2.0, 2.0, nan]
    """
    known = ~np.isnan(values)
    count = np.bincount(class_id[known], minlength=256)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(class_id[known], values[known], minlength=256) / count
    return mean[class_id].astype(np.float32)


def normal_ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Normal quantile of each value's rank among all of them: what is left when the scale is forgotten.

    Parameters
    ----------
    values : ndarray of float, (N,)
        NaN = unknown.

    Returns
    -------
    ndarray of float64, (N,)
        About standard normal; equal values share their mean rank; 0, as for the median, where unknown.

    Examples
    --------
    >>> normal_ranks(np.array([5.0, np.nan, 7.0, 900.0])).round(2).tolist()
    [-0.67, 0.0, 0.0, 0.67]
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    ranks = np.zeros(len(values))
    if known.any():
        ranks[known] = ndtri(rankdata(values[known]) / (np.count_nonzero(known) + 1))
    return ranks
