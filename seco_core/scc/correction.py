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


def correct(
    class_id: NDArray[np.uint8],
    eta: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
    *,
    tau_ns: float = 0.60,
    tau_cr: float = 0.95,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Decide about each region.

    A region with a noise score of at most `tau_ns` keeps its class. Above it, a class predicted with a
    probability of more than `tau_cr` is taken (if that is the class the region has, it is kept); all others
    are dropped.

    Parameters
    ----------
    class_id : ndarray of uint8, (N,)
        Classes of the regions.
    eta : ndarray of float, (N,)
        Noise scores, 0 to 1.
    probabilities : ndarray of float, (N, C)
        Class probabilities.
    tau_ns, tau_cr : float
        Thresholds of noise score and confidence, 0 to 1.

    Returns
    -------
    verdict : ndarray of uint8, (N,)
        Values of `Verdict`.
    predicted : ndarray of uint8, (N,)
        The most probable class, the lowest id among equals, whatever the verdict.

    Examples
    --------
    >>> probabilities = np.array([[0.1, 0.9], [0.03, 0.97], [0.4, 0.6]])
    >>> verdict, predicted = correct(np.zeros(3, np.uint8), np.array([0.2, 0.8, 0.8]), probabilities)
    >>> [Verdict(v).name for v in verdict], predicted.tolist()
    (['KEEP', 'RELABEL', 'DROP'], [1, 1, 1])
    """
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    noisy = eta > tau_ns
    sure = probabilities.max(axis=1) > tau_cr
    verdict = np.full(len(class_id), Verdict.KEEP, dtype=np.uint8)
    verdict[noisy & ~sure] = Verdict.DROP
    verdict[noisy & sure & (predicted != class_id)] = Verdict.RELABEL
    return verdict, predicted
