"""Class distributions from verified regions (SePiCo's idea, at the level of regions).

What people decided tells where each class lies among the embeddings of regions. Statistics are integer sums,
so that a decision that is taken back leaves them bit for bit as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, logsumexp

from seco_core.errors import ParameterError
from seco_core.feedback.calibrate import log_odds

_STEPS = 1 << 12
_LARGEST = 8.0
_PRIOR_MEAN = 4.0
_PRIOR_SPREAD = 20.0
_SHARPNESS = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Prior:
    """What is believed of every class before anything is verified.

    Attributes
    ----------
    mean : ndarray of float64, (C, K)
        Where each class lies according to the machine's labels.
    variance : ndarray of float64, (K,)
        Variance within classes, pooled over all of them.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def embed(features: NDArray[np.floating[Any]], size: int = 16) -> NDArray[np.int64]:
    """Embeddings of regions: principal components of their standardised features, each of unit variance.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors, finite.
    size : int
        Components, at most D and N.

    Returns
    -------
    ndarray of int64, (N, K)
        In steps of 1/4096 standard deviations, within 8 of them: sums of such numbers are exact.
    """
    x = np.asarray(features, dtype=np.float64)
    spread = x.std(axis=0)
    x = np.clip((x - x.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0), -5.0, 5.0)
    x -= x.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x / max(len(x), 1))
    kept = np.argsort(-values, kind="stable")[: min(size, len(x))]
    kept = kept[values[kept] > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)]
    whitened = (x @ vectors[:, kept]) / np.sqrt(values[kept])
    return np.rint(np.clip(whitened, -_LARGEST, _LARGEST) * _STEPS).astype(np.int64)


def machine_prior(embeddings: NDArray[np.int64], labels: NDArray[np.integer[Any]], n_classes: int) -> Prior:
    """The prior that the machine's own labels give; a class that they do not have lies at the centre.

    Parameters
    ----------
    embeddings : ndarray of int64, (N, K)
        From `embed`.
    labels : ndarray of int, (N,)
        The machine's classes, 0 to ``n_classes - 1``.
    n_classes : int
        Length of per-class arrays.
    """
    x = embeddings / _STEPS
    count = np.bincount(labels, minlength=n_classes)
    mean = np.zeros((n_classes, x.shape[1]))
    np.add.at(mean, labels, x)
    # a class of few regions lies near the centre until more is known of it
    mean /= (count + _PRIOR_MEAN)[:, None]
    residual = x - mean[labels]
    return Prior(mean, np.maximum((residual**2).sum(axis=0) / max(len(x), 1), 1e-4))


class ClassDistributions:
    """Where the classes of verified regions lie.

    Parameters
    ----------
    prior : Prior
        What counts while little is verified.

    Attributes
    ----------
    count : ndarray of int64, (C,)
        Verified regions of each class.
    total, square : ndarray of int64, (C, K)
        Sums of their embeddings and of the embeddings' squares.

    Examples
    --------
    >>> embeddings = embed(np.array([[0.0, 1.0], [0.1, 1.2], [5.0, 0.0], [5.1, 0.3]]))
    >>> classes = ClassDistributions(machine_prior(embeddings, np.array([0, 0, 1, 1]), 2))
    >>> classes.add(embeddings[:1], np.array([0]))
    >>> classes.remove(embeddings[:1], np.array([0]))
    >>> classes.count.tolist(), bool(classes.total.any())
    ([0, 0], False)
    """

    def __init__(self, prior: Prior):
        self.prior = prior
        self.count = np.zeros(len(prior.mean), dtype=np.int64)
        self.total = np.zeros(prior.mean.shape, dtype=np.int64)
        self.square = np.zeros(prior.mean.shape, dtype=np.int64)

    def add(self, embeddings: NDArray[np.int64], classes: NDArray[np.integer[Any]]) -> None:
        """Take in verified regions: embeddings (M, K) and the classes decided for them (M,)."""
        np.add.at(self.count, classes, 1)
        np.add.at(self.total, classes, embeddings)
        np.add.at(self.square, classes, embeddings**2)

    def remove(self, embeddings: NDArray[np.int64], classes: NDArray[np.integer[Any]]) -> None:
        """Take out what `add` took in; every number is as it was before, whatever the order.

        Raises
        ------
        ParameterError
            If a class does not have so many verified regions.
        """
        if (np.bincount(classes, minlength=len(self.count)) > self.count).any():
            raise ParameterError("a class has fewer verified regions than are to be removed.")
        np.subtract.at(self.count, classes, 1)
        np.subtract.at(self.total, classes, embeddings)
        np.subtract.at(self.square, classes, embeddings**2)

    def log_density(
        self,
        embeddings: NDArray[np.int64],
        verified: NDArray[np.integer[Any]] | None = None,
    ) -> NDArray[np.float64]:
        """Log density of regions under each class.

        The class's predictive distribution when mean and variance of each component have a conjugate prior
        (normal-inverse-gamma): the mean is shrunk to the prior's as if that were 4 regions, the variance to
        the pooled one as if that were 20.

        Parameters
        ----------
        embeddings : ndarray of int64, (N, K)
            From `embed`.
        verified : ndarray of int, (N,), optional
            The class as which a region was added, -1 if it was not: its own class is asked without it
            (leave one out).

        Returns
        -------
        ndarray of float64, (N, C)
            Mean over the components, so that it does not depend on how many there are.
        """
        x = embeddings / _STEPS
        result = np.empty((len(x), len(self.count)))
        for k in range(len(self.count)):
            result[:, k] = _predictive(
                x, self.count[k], self.total[k], self.square[k], self.prior.mean[k], self.prior.variance
            )
        if verified is not None:
            (rows,) = np.nonzero(np.asarray(verified) >= 0)
            c = np.asarray(verified)[rows]
            own = embeddings[rows]
            result[rows, c] = _predictive(
                x[rows],
                (self.count[c] - 1)[:, None],
                self.total[c] - own,
                self.square[c] - own**2,
                self.prior.mean[c],
                self.prior.variance,
            )
        return result


def _predictive(
    x: NDArray[np.float64],
    count: int | NDArray[np.int64],
    total: NDArray[np.int64],
    square: NDArray[np.int64],
    prior_mean: NDArray[np.float64],
    prior_variance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Student's t of the next region, mean over components; arguments broadcast to (N, K)."""
    n = np.asarray(count, dtype=np.float64)
    mean = total / _STEPS / np.maximum(n, 1.0)
    scatter = np.maximum(square / _STEPS**2 - n * mean**2, 0.0)
    k, freedom = _PRIOR_MEAN + n, _PRIOR_SPREAD + n
    centre = (_PRIOR_MEAN * prior_mean + n * mean) / k
    scatter = scatter + _PRIOR_SPREAD * prior_variance + _PRIOR_MEAN * n / k * (mean - prior_mean) ** 2
    scale2 = scatter / freedom * (k + 1.0) / k
    t = (x - centre) ** 2 / scale2
    log_p = (
        gammaln((freedom + 1.0) / 2.0)
        - gammaln(freedom / 2.0)
        - 0.5 * np.log(np.pi * freedom * scale2)
        - (freedom + 1.0) / 2.0 * np.log1p(t / freedom)
    )
    # regions that are all alike have no components, and nothing is said of them
    return np.asarray(log_p.sum(axis=1) / max(log_p.shape[1], 1))


@dataclass(frozen=True)
class VerifiedScores:
    """What verified regions say of all regions.

    Attributes
    ----------
    noise : ndarray of float32, (N,)
        Probability that a region's class is wrong, 0..1; of a verified region as if it were not.
    unknown : ndarray of float32, (N,)
        Share of the verified regions that fit their best class better than this region fits its own best one,
        0..1: high for a region that is like nothing verified. NaN where nothing is verified.
    support : ndarray of int64, (N,)
        Verified regions of the region's class and of the class that fits it best.
    sharpness : float
        Factor of the log densities at which verified regions were told best, each without itself.
    """

    noise: NDArray[np.float32]
    unknown: NDArray[np.float32]
    support: NDArray[np.int64]
    sharpness: float


def verified_scores(
    embeddings: NDArray[np.int64],
    class_id: NDArray[np.integer[Any]],
    verified: NDArray[np.integer[Any]],
    n_classes: int,
) -> VerifiedScores:
    """Noise score and unknown score of every region from the regions that people decided.

    Parameters
    ----------
    embeddings : ndarray of int64, (N, K)
        From `embed`.
    class_id : ndarray of int, (N,)
        The machine's classes, 0 to ``n_classes - 1``.
    verified : ndarray of int, (N,)
        The class that was decided; -1 where none was.
    n_classes : int
        Length of per-class arrays.
    """
    verified = np.asarray(verified, dtype=np.int64)
    (rows,) = np.nonzero(verified >= 0)
    classes = ClassDistributions(machine_prior(embeddings, class_id, n_classes))
    classes.add(embeddings[rows], verified[rows])
    density = classes.log_density(embeddings, verified)
    frequency = np.bincount(class_id, minlength=n_classes) + classes.count
    density[:, frequency == 0] = -np.inf
    chance = np.log(np.maximum(frequency, 1)) - np.log(max(int(frequency.sum()), 1))

    def log_posterior(of: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
        joint = sharpness * of + chance
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    told = [log_posterior(density[rows], s)[np.arange(len(rows)), verified[rows]].sum() for s in _SHARPNESS]
    sharpness = _SHARPNESS[int(np.argmax(told))]
    posterior = np.exp(log_posterior(density, sharpness))
    every = np.arange(len(class_id))
    best = posterior.argmax(axis=1)
    support = classes.count[class_id] + np.where(best == class_id, 0, classes.count[best])
    unknown = np.full(len(class_id), np.nan, dtype=np.float32)
    if len(rows):
        fit = density.max(axis=1)
        known = np.sort(fit[rows])
        better = len(known) - np.searchsorted(known, fit, side="right")
        unknown = (better / (len(known) + 1)).astype(np.float32)
    noise = 1.0 - posterior[every, class_id]
    return VerifiedScores(noise.astype(np.float32), unknown, support, sharpness)


def fuse(
    noise_score: NDArray[np.floating[Any]],
    verified_noise: NDArray[np.floating[Any]],
    support: NDArray[np.integer[Any]],
    *,
    share: float = 0.5,
    half: float = 10.0,
) -> NDArray[np.float32]:
    """Join the noise score with that of the verified regions, the more so the more of them there are.

    A weighted mean of log odds; the verified regions' weight is ``share * support / (support + half)``.

    Parameters
    ----------
    noise_score, verified_noise : ndarray of float, (N,)
        0..1; where the first is NaN the result is.
    support : ndarray of int, (N,)
        Verified regions behind `verified_noise`.
    share : float
        The most that the verified regions can weigh, 0..1.
    half : float
        Verified regions that have half of the weight they can get.

    Returns
    -------
    ndarray of float32, (N,)
        `noise_score` where there is no support.

    Examples
    --------
    >>> fuse(np.array([0.5, 0.5]), np.array([0.9, 0.9]), np.array([0, 10])).round(2).tolist()
    [0.5, 0.6299999952316284]
    """
    weight = share * np.asarray(support) / (np.asarray(support) + half)
    mixed = expit((1.0 - weight) * log_odds(noise_score) + weight * log_odds(verified_noise))
    return np.where(weight > 0.0, mixed, noise_score).astype(np.float32)
