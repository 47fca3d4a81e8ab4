"""How likely a region fits none of the classes (open set, SeCoV2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.graph import standardise

OFFERED_FROM = 0.95
"""Unknown score from which a region is offered as unknown."""

_SHRINKAGE = 0.2
_LARGEST_INPUT = 5.0
_LEAST_CHANCE = 1e-6
_WEIGHTS = (2.0, 1.0, 1.0)  # of loss, entropy and distance


def unknown_score(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    fold: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    *,
    unknown: int | None = None,
    sample_weight: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float32]:
    """How strange each region is to the classes as other images show them.

    A region that fits no class fits neither its own nor another one. Three witnesses are asked, each by its
    rank over all regions: the loss of its own class under the cross-fitted classifier, which counts twice;
    the entropy of the classifier's probabilities; and the relative Mahalanobis distance, that to the nearest
    class mean (covariance within the classes) less that to the mean of all (covariance of all), both
    covariances shrunken. A class is known by its reliable regions: those that count in training and whose
    class is what the classifier says too, which has not seen their image. Regions of its own part of the
    images are never compared with a region.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    labels : ndarray of int, (N,)
        The regions' noisy classes.
    fold : ndarray of int, (N,)
        Part of the images that each region was held out with, as `seco_core.scc.loss.CrossFit.fold`.
    probabilities : ndarray of float, (N, C)
        The cross-fitted classifier's.
    unknown : int, optional
        The class that stands for what is unknown, if the pseudo-label has one. It makes no region known, and
        what looks like it is unknown.
    sample_weight : ndarray of float, (N,), optional
        How much a region counts in training; those of 0 make no class known.

    Returns
    -------
    ndarray of float32, (N,)
        0 to 1: the share of the reliable regions that are less strange; or the probability of the unknown
        class, if that is higher. 0 where there is nothing to compare with.

    Raises
    ------
    ParameterError
        If the arrays are not of the same regions or features are not finite.
    """
    n = len(labels)
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight)
    if any(len(values) != n for values in (features, fold, probabilities, weight)):
        raise ParameterError(
            "features, labels, parts, probabilities and weights are not of the same regions."
        )
    if not np.isfinite(features).all():
        raise ParameterError("features are not finite.", remedy="Encode the regions again.")
    vectors = np.clip(standardise(np.asarray(features, np.float64)), -_LARGEST_INPUT, _LARGEST_INPUT)
    chance = np.asarray(probabilities, dtype=np.float64)
    reliable = (weight > 0.0) & (fold >= 0)
    if n:
        reliable &= chance.argmax(axis=1) == labels
    if unknown is not None:
        reliable &= labels != unknown
    distance = np.zeros(n)
    for part in np.unique(fold):
        asked, known = fold == part, reliable & (fold != part)
        if known.any():
            distance[asked] = _relative_distance(vectors[asked], vectors[known], np.asarray(labels)[known])
    loss = -np.log(np.maximum(chance[np.arange(n), labels], _LEAST_CHANCE))
    entropy = -(chance * np.log(np.maximum(chance, _LEAST_CHANCE))).sum(axis=1)
    score = np.zeros(n)
    if reliable.any():
        ranks = [np.searchsorted(np.sort(w), w) for w in (loss, entropy, distance)]
        strange = np.average(ranks, axis=0, weights=_WEIGHTS)
        usual = np.sort(strange[reliable])
        score = np.searchsorted(usual, strange) / len(usual)
    if unknown is not None:
        score = np.maximum(score, chance[:, unknown])
    return score.astype(np.float32)


def _relative_distance(
    asked: NDArray[np.float64], known: NDArray[np.float64], classes: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """Squared Mahalanobis distance to the nearest class mean less that to the mean of all, (n,)."""
    names, index, count = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.zeros((len(names), known.shape[1]))
    np.add.at(means, index, known)
    means /= count[:, None]
    centre = known.mean(axis=0, keepdims=True)
    within, over_all = _whitening(known - means[index]), _whitening(known - centre)
    to_class = _squared(asked @ within, means @ within).min(axis=1)
    return to_class - _squared(asked @ over_all, centre @ over_all)[:, 0]


def _whitening(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    covariance = deviations.T @ deviations / len(deviations)
    scale = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    covariance = (1.0 - _SHRINKAGE) * covariance + _SHRINKAGE * scale * np.eye(len(covariance))
    values, directions = np.linalg.eigh(covariance)
    return directions / np.sqrt(values)


def _squared(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
