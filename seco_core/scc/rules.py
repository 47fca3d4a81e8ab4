"""The nine quantile rules by which the published SCC code keeps regions (SeCo 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError

RULES = (
    "loss",
    "score",
    "both",
    "local_loss",
    "local_score",
    "local_both",
    "both_loss",
    "both_score",
    "both_both",
)
"""``loss``, ``score``: quantile over all regions; ``both``: both of them. ``local_``: quantile over the
regions predicted alike. ``both_``: the laxer one of that and its mean over all regions."""


@dataclass(frozen=True)
class Thresholds:
    """Quantiles of loss and score; a region is kept at or below the one, at or above the other.

    Attributes
    ----------
    loss, score : float
        Over all regions.
    local_loss, local_score : ndarray of float64, (N,)
        Over the regions of each region's predicted class.
    mean_loss, mean_score : float
        Means of `local_loss` and `local_score` over the regions.
    """

    loss: float
    score: float
    local_loss: NDArray[np.float64]
    local_score: NDArray[np.float64]
    mean_loss: float
    mean_score: float


def quantile_thresholds(
    loss: NDArray[np.floating[Any]],
    score: NDArray[np.floating[Any]],
    predicted: NDArray[np.integer[Any]],
    ratio: float,
) -> Thresholds:
    """Loss below which about `ratio` of the regions lie, and score above which they do.

    A threshold is the value at index ``min(int(n * ratio), n - 1)`` of the n values in ascending order; for
    scores with ``1 - ratio``.

    Parameters
    ----------
    loss : ndarray of float, (N,)
        Cross-entropy of each region's class, N at least 1.
    score : ndarray of float, (N,)
        Probability of its predicted class.
    predicted : ndarray of int, (N,)
        Predicted classes, 0 or more.
    ratio : float
        0 to 1.

    Returns
    -------
    Thresholds

    Raises
    ------
    ParameterError
        If there are no regions, the arrays differ in length, or the ratio is out of range.

    Examples
    --------
    >>> quantile_thresholds(np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.9, 0.7]), np.zeros(3, int), 0.5).loss
    2.0
    """
    if not len(loss) == len(score) == len(predicted) or len(loss) == 0:
        raise ParameterError(
            f"{len(loss)} losses, {len(score)} scores and {len(predicted)} classes are not of one set."
        )
    if not 0.0 <= ratio <= 1.0:
        raise ParameterError(f"ratio must be from 0 to 1, not {ratio}.")
    local_loss = _local_quantile(loss, predicted, ratio)
    local_score = _local_quantile(score, predicted, 1.0 - ratio)
    everything = np.zeros(len(loss), dtype=np.int64)
    return Thresholds(
        loss=float(_local_quantile(loss, everything, ratio)[0]),
        score=float(_local_quantile(score, everything, 1.0 - ratio)[0]),
        local_loss=local_loss,
        local_score=local_score,
        mean_loss=float(local_loss.mean()),
        mean_score=float(local_score.mean()),
    )


def kept_by_rule(
    rule: str,
    loss: NDArray[np.floating[Any]],
    score: NDArray[np.floating[Any]],
    predicted: NDArray[np.integer[Any]],
    ratio: float,
) -> NDArray[np.bool_]:
    """Which regions a published rule keeps.

    Parameters
    ----------
    rule : str
        One of `RULES`.
    loss, score, predicted, ratio
        As for `quantile_thresholds`; here N may be 0.

    Returns
    -------
    ndarray of bool, (N,)

    Raises
    ------
    ParameterError
        If there is no such rule, or as for `quantile_thresholds`.
    """
    if rule not in RULES:
        raise ParameterError(f"there is no rule {rule!r}.", remedy=f"One of: {', '.join(RULES)}.")
    if len(loss) == 0:
        return np.zeros(0, dtype=bool)
    t = quantile_thresholds(loss, score, predicted, ratio)
    prefix, _, name = rule.rpartition("_")
    most, least = np.full(len(loss), t.loss), np.full(len(loss), t.score)
    if prefix:
        most, least = t.local_loss, t.local_score
    if prefix == "both":
        most, least = np.maximum(most, t.mean_loss), np.minimum(least, t.mean_score)
    kept = np.ones(len(loss), dtype=bool)
    if name in ("loss", "both"):
        kept &= loss <= most
    if name in ("score", "both"):
        kept &= score >= least
    return kept


def _local_quantile(
    values: NDArray[np.floating[Any]], group: NDArray[np.integer[Any]], ratio: float
) -> NDArray[np.float64]:
    ordered = np.asarray(values, dtype=np.float64)[np.lexsort((values, group))]
    count = np.bincount(group)
    index = np.minimum((count * ratio).astype(np.int64), count - 1)
    return ordered[(np.cumsum(count) - count + index)[group]]
