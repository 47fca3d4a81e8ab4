"""A second opinion on each region's class, by linear discriminants of the other images (beside SCC-LD)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax

from seco_core.scc.held_out import canonical_order, held_out_tasks
from seco_core.scc.side_by_side import LARGEST_INPUT

_SHRINKAGE = 0.3


def linear_loss(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    folds: int = 5,
    seed: int = 0,
    sample_weight: NDArray[np.floating[Any]] | None = None,
    asked: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.float32]:
    """Cross-entropy of each region's class under a linear discriminant analysis of other images.

    A class is no more than the mean of its regions here, and all classes spread alike, so wrong labels move
    little and cannot be memorised: with many of them this is a better witness than a network, with few it
    errs in other regions than a network does.

    Parameters
    ----------
    features, labels, groups, n_classes, folds, seed, sample_weight, asked
        As for `seco_core.scc.loss.cross_fit`.

    Returns
    -------
    ndarray of float32, (N,)
        Nats, at least 0 and finite: a class that only the held-out images have is taken to lie at the
        mean of all regions. NaN where no other part had anything to train on.

    Raises
    ------
    ParameterError
        If arrays do not fit together, features are not finite or a parameter is out of range.
    """
    from threadpoolctl import threadpool_limits

    classes = np.asarray(labels, dtype=np.int64)
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    own = classes if asked is None else np.asarray(asked, dtype=np.int64)
    vectors = np.asarray(features, dtype=np.float64)
    order = canonical_order(np.column_stack([vectors, classes, weight]))
    vectors, classes, own, weight = vectors[order], classes[order], own[order], weight[order]
    _, tasks = held_out_tasks(
        vectors,
        classes,
        np.asarray(groups)[order],
        weight,
        n_classes=n_classes,
        folds=folds,
        networks=1,
        rng=np.random.default_rng(seed),
    )
    loss = np.full(len(classes), np.nan)
    # so that sums have one order whatever the number of threads
    with threadpool_limits(1):
        for task in tasks:
            held_out = task.scored
            taught = np.where(task.draw > 0.0, weight, 0.0)
            log_p = _log_probabilities(vectors, classes, taught, vectors[held_out], n_classes)
            loss[held_out] = -log_p[np.arange(len(held_out)), own[held_out]]
    found = np.empty(len(loss), dtype=np.float32)
    found[order] = loss
    return found


def _log_probabilities(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    weight: NDArray[np.float64],
    asked: NDArray[np.float64],
    n_classes: int,
) -> NDArray[np.float64]:
    """Of the classes (columns) at other features, (len(asked), n_classes)."""
    taught = weight > 0.0
    x, y, w = features[taught], labels[taught], weight[taught]
    x, z = standardised_by(x, x, asked)
    means, count, covariance = classes_taught(x, y, w, n_classes)
    covariance = shrunken(covariance, _SHRINKAGE)
    directions = np.linalg.solve(covariance, means.T)
    prior = np.log(class_prior(count, w.mean()))
    log_odds = z @ directions - 0.5 * (means.T * directions).sum(axis=0) + prior
    found: NDArray[np.float64] = log_softmax(log_odds, axis=1)
    return found


def standardised_by(
    taught: NDArray[np.float64], *vectors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Vectors less the mean of those that teach, divided by their spread; far ones are drawn in."""
    centre, spread = taught.mean(axis=0), taught.std(axis=0)
    # a feature without spread in training says nothing
    spread = np.where(spread <= 1e-6 * np.maximum(np.abs(taught).max(axis=0), 1e-30), np.inf, spread)
    return tuple(np.clip((v - centre) / spread, -LARGEST_INPUT, LARGEST_INPUT) for v in vectors)


def classes_taught(
    vectors: NDArray[np.float64], labels: NDArray[np.int64], weight: NDArray[np.float64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where classes lie and how they spread.

    Parameters
    ----------
    vectors : ndarray of float64, (N, D)
        At least one.
    labels : ndarray of int64, (N,)
        Their classes.
    weight : ndarray of float64, (N,)
        How much each counts, above 0.
    n_classes : int
        Number of classes C.

    Returns
    -------
    means : ndarray of float64, (C, D)
        The mean of all for a class that does not occur.
    count : ndarray of float64, (C,)
        Weight of each class.
    covariance : ndarray of float64, (D, D)
        Within the classes.
    """
    share = sparse.csr_matrix((weight, (labels, np.arange(len(labels)))), shape=(n_classes, len(labels)))
    count = np.bincount(labels, weight, minlength=n_classes).astype(np.float64)
    means = np.where(
        count[:, None] > 0.0,
        share @ vectors / np.where(count > 0.0, count, 1.0)[:, None],
        np.average(vectors, axis=0, weights=weight),
    )
    rest = vectors - means[labels]
    return means, count, (rest * weight[:, None]).T @ rest / weight.sum()


def shrunken(covariance: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A covariance (D, D), so much of it replaced by an even one of the same total variance."""
    width = len(covariance)
    even = np.trace(covariance) / max(width, 1)
    return (1.0 - share) * covariance + (share * even + 1e-9) * np.eye(width)


def class_prior(count: NDArray[np.float64], mean_weight: float) -> NDArray[np.float64]:
    """Share of each class by its weight (C,), each having been seen once more."""
    return (count + mean_weight) / (count.sum() + len(count) * mean_weight)
