"""What is measured: arrays in, numbers out. Ground truth enters here and in `seco_core.evaluate` only.

Pixel measures come from one additive confusion matrix; region measures from each region's majority class in
the ground truth; ranking measures say how well a score puts the wrong regions first. What has no answer
(no labelled pixel, no wrong region, no right one) is NaN, never zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seco_core.errors import LabelError
from seco_core.scheme import IGNORE

_Z95 = 1.959964


class Scores(NamedTuple):
    """Pixel measures of a confusion matrix.

    Attributes
    ----------
    miou : float
        Mean of `iou` over the classes that occur in the ground truth or in the prediction.
    accuracy : float
        Share of the counted pixels that have the right class.
    iou : ndarray of float64, (C,)
        Intersection over union of each class; NaN for a class that occurs in neither.
    """

    miou: float
    accuracy: float
    iou: NDArray[np.float64]


def confusion(truth: NDArray[np.uint8], predicted: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
    """Count pixels by class in the ground truth and class in the prediction.

    Matrices of several images add up to the matrix of all of them.

    Parameters
    ----------
    truth, predicted : ndarray of uint8, same shape
        Class maps; pixels that are 255 in either are not counted.
    n_classes : int
        `ClassScheme.size`.

    Returns
    -------
    ndarray of int64, (C, C)
        Rows are the ground truth's classes, columns the prediction's.

    Raises
    ------
    LabelError
        If the shapes differ or a class id is not below ``n_classes``.

    Examples
    --------
    >>> confusion(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    counted = (_same_shape(truth, predicted) != IGNORE) & (predicted != IGNORE)
    rows, columns = truth[counted], predicted[counted]
    _check_ids(n_classes, rows, columns)
    cells = rows.astype(np.int64) * n_classes + columns
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def scores(matrix: NDArray[np.int64]) -> Scores:
    """Mean IoU, accuracy and IoU per class of a confusion matrix.

    A class that occurs neither in the ground truth nor in the prediction is left out of the mean. One that is
    predicted but never true counts with IoU 0.

    Parameters
    ----------
    matrix : ndarray of int64, (C, C)
        As `confusion` gives it.
    """
    hits = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    iou = _divide(hits, union)
    present = union > 0
    miou = float(iou[present].mean()) if present.any() else float("nan")
    return Scores(miou, float(_divide(hits.sum(), matrix.sum())), iou)


def majority_truth(
    region_ids: NDArray[np.integer], truth: NDArray[np.uint8], n_regions: int, n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Find the class that most of each region's pixels have in the ground truth.

    Parameters
    ----------
    region_ids : ndarray of integers, (H, W)
        0 = no region, i + 1 = row i.
    truth : ndarray of uint8, (H, W)
        Class map; pixels that are 255 do not vote.
    n_regions, n_classes : int
        Regions in the table and `ClassScheme.size`.

    Returns
    -------
    majority : ndarray of uint8, (N,)
        The majority class, the lowest id of equals; 255 for a region without a labelled pixel.
    purity : ndarray of float32, (N,)
        Its share of the region's labelled pixels; NaN where there are none.

    Raises
    ------
    LabelError
        If the shapes differ, or a region or class id is too large.
    """
    votes = (_same_shape(truth, region_ids) != IGNORE) & (region_ids > 0)
    rows, classes = region_ids[votes], truth[votes]
    _check_ids(n_classes, classes)
    if rows.size and int(rows.max()) > n_regions:
        raise LabelError(f"the region id map has id {int(rows.max())} but there are {n_regions} regions.")
    cells = (rows.astype(np.int64) - 1) * n_classes + classes
    counts = np.bincount(cells, minlength=n_regions * n_classes).reshape(n_regions, n_classes)
    total = counts.sum(axis=1)
    majority = np.where(total > 0, counts.argmax(axis=1), IGNORE).astype(np.uint8)
    return majority, _divide(counts.max(axis=1), total).astype(np.float32)


def weighted_purity(purity: NDArray[np.float32], area: NDArray[np.int64]) -> float:
    """Mean purity of regions weighted by their area; regions whose purity is NaN are left out.

    Parameters
    ----------
    purity : ndarray of float32, (N,)
        As `majority_truth` gives it.
    area : ndarray of int64, (N,)
        Pixels.
    """
    known = ~np.isnan(purity)
    weight = area[known].astype(np.float64)
    return float(_divide((purity[known] * weight).sum(), weight.sum()))


def region_accuracy(
    class_id: NDArray[np.uint8], majority: NDArray[np.uint8], area: NDArray[np.int64] | None = None
) -> float:
    """Share of regions whose class is their majority class, by count or, with ``area``, by area.

    Regions without a class or without a labelled pixel (255) are left out.

    Parameters
    ----------
    class_id, majority : ndarray of uint8, (N,)
        Class given to the region, and the ground truth's (`majority_truth`).
    area : ndarray of int64, (N,), optional
        Pixels.

    Examples
    --------
    >>> region_accuracy(np.array([0, 1, 255]), np.array([0, 2, 2]), np.array([30, 10, 99]))
    0.75
    """
    known = (class_id != IGNORE) & (majority != IGNORE)
    weight = np.ones(len(class_id)) if area is None else area.astype(np.float64)
    right = known & (class_id == majority)
    return float(_divide(weight[right].sum(), weight[known].sum()))


def noise_rate(
    class_id: NDArray[np.uint8], majority: NDArray[np.uint8], among: NDArray[np.bool_] | None = None
) -> float:
    """Share of regions whose class is not their majority class, by count.

    Parameters
    ----------
    class_id, majority : ndarray of uint8, (N,)
        As for `region_accuracy`.
    among : ndarray of bool, (N,), optional
        Count these regions only, such as the kept or the flagged ones.
    """
    chosen = np.ones(len(class_id), dtype=bool) if among is None else among
    return 1.0 - region_accuracy(class_id[chosen], majority[chosen])


def auroc(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    """Probability that a wrong region scores higher than a right one; a tie counts half.

    Parameters
    ----------
    score : ndarray of float, (N,)
        Higher means more suspect; regions without a score (NaN) are left out.
    wrong : ndarray of bool, (N,)
        Whether the region is wrong.

    Returns
    -------
    float
        0..1, 0.5 for a score that says nothing; NaN if no region is wrong or none is right.
    """
    from scipy.stats import rankdata

    score, wrong = _scored(score, wrong)
    n_wrong = int(np.count_nonzero(wrong))
    n_right = len(wrong) - n_wrong
    below = rankdata(score)[wrong].sum() - n_wrong * (n_wrong + 1) / 2
    return float(_divide(below, n_wrong * n_right))


def average_precision(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    """Area under the precision-recall curve of a score, as a step function; equal scores enter at once.

    Parameters are those of `auroc`. NaN if no region is wrong.
    """
    score, wrong = _scored(score, wrong)
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(wrong[order])
    if not hits.size or hits[-1] == 0:
        return float("nan")
    last_of_equals = np.flatnonzero(np.diff(score[order], append=-np.inf))
    found = hits[last_of_equals]
    return float((np.diff(found, prepend=0) * found / (last_of_equals + 1)).sum() / hits[-1])


def precision_at(score: NDArray[np.floating], wrong: NDArray[np.bool_], share: float = 0.1) -> float:
    """Share of wrong regions in the first part of the queue that a score gives.

    Parameters
    ----------
    score, wrong : ndarray, (N,)
        As for `auroc`.
    share : float
        Part of the queue that is looked at, 0..1; rounded up, so at least one region.

    Returns
    -------
    float
        0..1. Where the cut goes through equal scores, the mean over all their orders. NaN without regions.
    """
    score, wrong = _scored(score, wrong)
    if not score.size:
        return float("nan")
    # 0.1 * 30 is 3.0000000000000004: not four regions
    first = min(max(int(np.ceil(share * len(score) - 1e-9)), 1), len(score))
    cut = np.partition(score, len(score) - first)[len(score) - first]
    above, equal = score > cut, score == cut
    from_equal = (first - np.count_nonzero(above)) * wrong[equal].mean()
    return float((np.count_nonzero(wrong[above]) + from_equal) / first)


class Reliability(NamedTuple):
    """How far a score is the probability that it says it is, by bins of the score; empty bins are left out.

    Attributes
    ----------
    regions : ndarray of int64, (B,)
        How many there are in each bin.
    predicted : ndarray of float64, (B,)
        Their mean score.
    observed : ndarray of float64, (B,)
        Share of them that is wrong.
    low, high : ndarray of float64, (B,)
        95 % interval of that share (Wilson).
    error : float
        Expected calibration error: mean of ``|predicted - observed|`` over the regions; NaN without regions.
    """

    regions: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    error: float


def reliability(score: NDArray[np.floating], wrong: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Compare a probability-like score with what was wrong.

    Parameters
    ----------
    score : ndarray of float, (N,)
        0..1; regions without a score (NaN) are left out.
    wrong : ndarray of bool, (N,)
        Whether the region is wrong.
    bins : int
        Bins of equal width, the upper end belonging to the next one, 1.0 to the last.

    Examples
    --------
    >>> found = reliability(np.array([0.1, 0.3, 0.8, 1.0]), np.array([False, True, True, True]), 3)
    >>> found.regions.tolist(), found.predicted.round(2).tolist(), found.observed.tolist()
    ([2, 2], [0.2, 0.9], [0.5, 1.0])
    >>> round(found.error, 2)
    0.2
    """
    score, wrong = _scored(score, wrong)
    bin_of = np.minimum((score * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    filled = np.flatnonzero(count)
    n = count[filled]
    predicted, observed = (np.bincount(bin_of, of, minlength=bins)[filled] / n for of in (score, wrong))
    centre = (observed + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 * np.sqrt(observed * (1 - observed) / n + (_Z95 / (2 * n)) ** 2) / (1 + _Z95**2 / n)
    low, high = np.clip([centre - half, centre + half], 0.0, 1.0)
    error = float(_divide((np.abs(predicted - observed) * n).sum(), n.sum()))
    return Reliability(n, predicted, observed, low, high, error)


def _scored(
    score: NDArray[np.floating], wrong: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    known = ~np.isnan(score)
    return score[known].astype(np.float64), np.asarray(wrong, dtype=bool)[known]


def _same_shape(truth: NDArray[np.uint8], other: NDArray[np.generic]) -> NDArray[np.uint8]:
    if truth.shape != other.shape:
        raise LabelError(f"the ground truth has shape {truth.shape} but the other map has {other.shape}.")
    return truth


def _check_ids(n_classes: int, *classes: NDArray[np.uint8]) -> None:
    for ids in classes:
        if ids.size and int(ids.max()) >= n_classes:
            raise LabelError(
                f"class id {int(ids.max())} is not in the scheme, whose ids end at {n_classes - 1}."
            )


def _divide(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(part, whole, dtype=np.float64)
