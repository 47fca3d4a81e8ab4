"""Keep, relabel or drop each region by noise score and confidence (SeCo, section 3.3)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Verdict(IntEnum):
    """What becomes of a region."""

    KEEP = 0
    """It keeps its class."""
    RELABEL = 1
    """It takes the predicted class."""
    DROP = 2
    """Its pixels become ignore."""
    DOUBT = 3
    """Noisy, but among the best of its class: it keeps its class and is flagged for review."""


def correct(
    class_id: NDArray[np.uint8],
    eta: NDArray[np.floating[Any]],
    loss: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
    *,
    tau_ns: float = 0.60,
    tau_cr: float = 0.95,
    class_share: float = 0.80,
    noisy: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Decide about each region.

    A region with a noise score of at most `tau_ns` keeps its class. Above it, a class predicted with a
    probability of more than `tau_cr` is taken (if that is the class the region has, it is kept); the others
    are dropped.

    A rare class is harder to learn than a frequent one, so dropping by noise score alone can erase it whole.
    SeCoV2 therefore keeps the 80 % of least uncertainty within each class; likewise the `class_share` of
    least loss of each class is never dropped here, but doubted.

    Parameters
    ----------
    class_id : ndarray of uint8, (N,)
        Classes of the regions.
    eta : ndarray of float, (N,)
        Noise scores, 0 to 1.
    loss : ndarray of float, (N,)
        Losses that the scores come from: they order a class also where the scores are all 1.
    probabilities : ndarray of float, (N, C)
        Class probabilities.
    tau_ns, tau_cr : float
        Thresholds of noise score and confidence, 0 to 1.
    class_share : float
        Share of each class's regions, 0 to 1, that are not dropped; 0 is the rule of SeCo's section 3.3.
    noisy : ndarray of bool, (N,), optional
        Which regions are noisy, where something else than `eta` and `tau_ns` says so.

    Returns
    -------
    verdict : ndarray of uint8, (N,)
        Values of `Verdict`.
    predicted : ndarray of uint8, (N,)
        The most probable class, the lowest id among equals, whatever the verdict.

    Examples
    --------
    >>> probabilities = np.array([[0.1, 0.9], [0.03, 0.97], [0.4, 0.6]])
    >>> eta = np.array([0.2, 0.8, 0.8])
    >>> verdict, predicted = correct(np.zeros(3, np.uint8), eta, eta, probabilities, class_share=0)
    >>> [Verdict(v).name for v in verdict], predicted.tolist()
    (['KEEP', 'RELABEL', 'DROP'], [1, 1, 1])
    """
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    if noisy is None:
        noisy = eta > tau_ns
    sure = probabilities.max(axis=1) > tau_cr
    verdict = np.full(len(class_id), Verdict.KEEP, dtype=np.uint8)
    verdict[noisy & ~sure] = Verdict.DROP
    verdict[noisy & sure & (predicted != class_id)] = Verdict.RELABEL
    verdict[(verdict == Verdict.DROP) & _best_of_class(class_id, loss, class_share)] = Verdict.DOUBT
    return verdict, predicted


def correct_by_uncertainty(
    class_id: NDArray[np.uint8],
    uncertainty: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
    *,
    tau_cr: float = 0.95,
    certain_share: float = 0.80,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Decide about each region by the graph's uncertainty (SeCoV2).

    Within each (noisy) class the `certain_share` of least uncertainty is kept. Of these, a region predicted
    with a probability of at least `tau_cr` takes the predicted class. The rest is dropped.

    Parameters
    ----------
    class_id : ndarray of uint8, (N,)
        Classes of the regions.
    uncertainty : ndarray of float, (N,)
        Uncertainties over the whole dataset.
    probabilities : ndarray of float, (N, C)
        Class probabilities.
    tau_cr : float
        Confidence from which the predicted class is taken, 0 to 1.
    certain_share : float
        Share kept of each class, 0 to 1, rounded up; of equals the first.

    Returns
    -------
    verdict, predicted
        As from `correct`.

    Examples
    --------
    >>> probabilities = np.array([[0.1, 0.9], [0.03, 0.97], [0.4, 0.6]])
    >>> u = np.array([0.2, 0.4, 2.0])
    >>> verdict, _ = correct_by_uncertainty(np.zeros(3, np.uint8), u, probabilities, certain_share=0.6)
    >>> [Verdict(v).name for v in verdict]
    ['KEEP', 'RELABEL', 'DROP']
    """
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    verdict = np.full(len(class_id), Verdict.DROP, dtype=np.uint8)
    certain = _best_of_class(class_id, uncertainty, certain_share)
    verdict[certain] = Verdict.KEEP
    sure = probabilities.max(axis=1) >= tau_cr
    verdict[certain & sure & (predicted != class_id)] = Verdict.RELABEL
    return verdict, predicted


def _best_of_class(
    class_id: NDArray[np.uint8], value: NDArray[np.floating[Any]], share: float
) -> NDArray[np.bool_]:
    """The share of each class with the lowest values, rounded up; of equals the first."""
    order = np.lexsort((value, class_id))
    count = np.bincount(class_id, minlength=256)
    rank = np.arange(len(order)) - (np.cumsum(count) - count)[class_id[order]]
    best = np.zeros(len(class_id), dtype=bool)
    best[order] = rank < np.ceil(share * count[class_id[order]])
    return best
