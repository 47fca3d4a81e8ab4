"""Whether the regions most like a region bear its class, likeness being learnt from all classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.nearest import nearest
from seco_core.scc.held_out import canonical_order, check_regions
from seco_core.scc.linear import class_prior, classes_taught, shrunken, standardised_by

_KIN = 40
_SHARPNESS = 10.0  # of the votes in the cosine: one less alike by 0.1 counts a third
_LEAST_TRUST = 0.1
_PRIOR_VOTES = 0.5
_LARGEST_LOG_ODDS = 6.0
_LEAST_DIRECTION = 1e-6


def kin_doubt(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    loss: NDArray[np.floating[Any]],
    *,
    n_classes: int,
    sample_weight: NDArray[np.floating[Any]] | None = None,
    asked: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.float32]:
    """Log odds that a region's class is not that of its kin: the regions most like it, of any image.

    Likeness is the cosine in the space of a linear discriminant analysis of all regions, where what tells
    classes apart counts and what varies within them does not. Wrong labels move its directions little. The
    40 nearest vote for their labels, a label that the other images contradict counting little both here and
    in the analysis: so a region is judged by what is probably right, and the wrong labels around it do not
    excuse each other. A region has no vote on itself.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    labels : ndarray of int, (N,)
        The regions' noisy classes, 0 to ``n_classes - 1``.
    loss : ndarray of float, (N,)
        How badly each label fits what other images teach, in nats, as `seco_core.scc.linear.linear_loss` has
        it; NaN where nothing is known against it.
    n_classes : int
        Number of classes.
    sample_weight : ndarray of float, (N,), optional
        How much a region counts beside that; 0 = not at all. All regions are judged.
    asked : ndarray of int, (N,), optional
        The classes that are judged, where they are not what a region teaches; else `labels`.

    Returns
    -------
    ndarray of float32, (N,)
        -6 to 6, 0 for even odds; NaN for a region without kin. The same for any order of the regions.

    Raises
    ------
    ParameterError
        If the arrays do not fit together or features are not finite.
    """
    from threadpoolctl import threadpool_limits

    n = len(labels)
    classes = np.asarray(labels, dtype=np.int64)
    own = classes if asked is None else np.asarray(asked, dtype=np.int64)
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    vectors = np.asarray(features, dtype=np.float64)
    check_regions(vectors, classes, own, weight, n_classes)
    plausible = np.nan_to_num(np.exp(-np.asarray(loss, dtype=np.float64)), nan=1.0)
    order = canonical_order(np.column_stack([vectors, classes, weight, plausible]))
    vectors, classes, own, weight = vectors[order], classes[order], own[order], weight[order]
    trust = _LEAST_TRUST + (1.0 - _LEAST_TRUST) * plausible[order]
    doubt = np.full(n, np.nan)
    # so that sums have one order whatever the number of threads
    with threadpool_limits(1):
        places = _discriminant_places(vectors, classes, weight * np.sqrt(trust), n_classes)
        if n > 1 and places.shape[1]:
            doubt = _votes_against(places, classes, own, weight * trust, n_classes)
    found = np.empty(n, dtype=np.float32)
    found[order] = doubt
    return found


def _discriminant_places(
    features: NDArray[np.float64], labels: NDArray[np.int64], weight: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Vectors of length 1 in the space that the class means span, spread alike within the classes, (N, r)."""
    taught = weight > 0.0
    if not taught.any():
        return np.zeros((len(features), 0))
    (z,) = standardised_by(features[taught], features)
    x, w = z[taught], weight[taught]
    means, _, covariance = classes_taught(x, labels[taught], w, n_classes)
    # the more features there are to a region, the less their covariance is to be believed
    share = 0.5 + 0.5 * x.shape[1] / (len(x) + x.shape[1])
    half = np.linalg.cholesky(shrunken(covariance, share))
    centre = np.average(x, axis=0, weights=w)
    directions, length, _ = np.linalg.svd(np.linalg.solve(half, (means - centre).T), full_matrices=False)
    directions = directions[:, length > _LEAST_DIRECTION * max(float(length.max(initial=0.0)), 1.0)]
    places = (z - centre) @ np.linalg.solve(half.T, directions)
    return places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-12)


def _votes_against(
    places: NDArray[np.float64],
    labels: NDArray[np.int64],
    asked: NDArray[np.int64],
    trust: NDArray[np.float64],
    n_classes: int,
) -> NDArray[np.float64]:
    """Log odds of the votes against each region's class; half a vote goes to the classes by their share."""
    n = len(places)
    row, column, likeness = nearest(places, min(_KIN, n - 1))
    most = np.full(n, -np.inf)
    np.maximum.at(most, row, likeness)
    vote = trust[column] * np.exp(_SHARPNESS * (likeness - most[row]))
    same = labels[column] == asked[row]
    share = class_prior(np.bincount(labels, trust, minlength=n_classes).astype(np.float64), trust.mean())[
        asked
    ]
    against = np.bincount(row[~same], vote[~same], minlength=n) + _PRIOR_VOTES * (1.0 - share)
    for_it = np.bincount(row[same], vote[same], minlength=n) + _PRIOR_VOTES * share
    log_odds = np.log(np.maximum(against, 1e-12) / for_it)
    return np.clip(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
