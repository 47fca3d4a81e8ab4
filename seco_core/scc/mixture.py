"""Two populations of losses, clean and noisy (SCC-LD, SeCo 3.3)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

_CUT = 0.01
_SMALLEST_WEIGHT = 0.01
_SMALLEST_SEPARATION = 0.5
_FALLBACK_HIGHEST = 0.5


@dataclass(frozen=True)
class LossMixture:
    """A two-component Gaussian mixture of losses, in the losses' own units.

    Attributes
    ----------
    means, variances, weights : ndarray of float64, (2,)
        The clean component first: means ascend, weights sum to 1.
    one_sided : bool
        The losses do not fall into two populations; `eta` is then only an order of the regions, with no
        region above 0.5, so that nothing is called noisy on no evidence.
    low, high : float
        The range of losses that the fit looked at.
    """

    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    weights: NDArray[np.float64]
    one_sided: bool
    low: float
    high: float

    def eta(self, loss: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Noise score: the posterior of the component with the higher mean.

        Never falls as the loss rises. With unequal variances the posterior itself does: far below a narrow
        clean component the wide noisy one wins again. Beyond the turning point of the posterior its value
        there is used.

        Parameters
        ----------
        loss : ndarray of float, (N,)
            Losses; need not be those of the fit.

        Returns
        -------
        ndarray of float32, (N,)
            0 (clean) to 1 (noisy).
        """
        x = np.asarray(loss, dtype=np.float64)
        if self.one_sided:
            span = self.high - self.low
            rank = np.clip((x - self.low) / span, 0.0, 1.0) if span > 0.0 else np.zeros_like(x)
            return (_FALLBACK_HIGHEST * rank).astype(np.float32)
        (m0, m1), (v0, v1), (w0, w1) = self.means, self.variances, self.weights
        curvature = 0.5 * (1.0 / v0 - 1.0 / v1)
        if curvature != 0.0:
            turning_point = (m0 / v0 - m1 / v1) / (2.0 * curvature)
            x = np.maximum(x, turning_point) if curvature > 0.0 else np.minimum(x, turning_point)
        log_odds = np.log(w1 / w0) + 0.5 * np.log(v0 / v1) + 0.5 * ((x - m0) ** 2 / v0 - (x - m1) ** 2 / v1)
        return expit(log_odds).astype(np.float32)


def fit_mixture(loss: NDArray[np.floating[Any]], *, seed: int = 0) -> LossMixture:
    """Fit the mixture by EM to losses clipped to their 1st and 99th percentile and scaled to 0..1.

    Clipping keeps a few extreme losses from taking a component for themselves. EM starts from the 25th and
    the 90th percentile, as most regions are clean.

    Parameters
    ----------
    loss : ndarray of float, (N,)
        Finite losses.
    seed : int
        Random state of the fit.

    Returns
    -------
    LossMixture
        With `one_sided` set, and a warning given, if there are fewer than 4 losses, if they are all alike,
        or if the components found are less than half a standard deviation apart or one has hardly any weight.

    Examples
    --------
    >>> losses = np.array([0.10, 0.11, 0.12, 0.13, 0.14, 2.0, 2.1, 2.2])
    >>> (fit_mixture(losses).eta(losses) > 0.6).tolist()
    [False, False, False, False, False, True, True, True]
    """
    x = np.asarray(loss, dtype=np.float64)
    if len(x) < 4:
        return _fallback(x, f"too few regions for two populations of losses: {len(x)}")
    low, high = np.quantile(x, [_CUT, 1.0 - _CUT])
    span = high - low
    if span <= 1e-9 * max(1.0, abs(high)):
        return _fallback(x, "the losses of all regions are alike")
    from sklearn.mixture import GaussianMixture

    scaled = ((np.clip(x, low, high) - low) / span)[:, None]
    start = np.quantile(scaled, [0.25, 0.9])
    if start[0] == start[1]:
        start = np.array([0.0, 1.0])
    model = GaussianMixture(
        2, means_init=start[:, None], weights_init=[0.75, 0.25], reg_covar=1e-4, max_iter=500, tol=1e-6,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not converge.*")
        model.fit(scaled)
    order = np.argsort(model.means_[:, 0], kind="stable")
    means, variances = model.means_[order, 0], model.covariances_[order, 0, 0]
    weights = model.weights_[order]
    if is_one_sided(means, variances, weights):
        return _fallback(x, "the losses do not fall into two populations")
    return LossMixture(means * span + low, variances * span**2, weights, False, float(low), float(high))


def is_one_sided(
    means: NDArray[np.float64], variances: NDArray[np.float64], weights: NDArray[np.float64]
) -> bool:
    """Whether two components, each (2,), are hardly two: too close, too light, or the wrong way round.

    Examples
    --------
    >>> spread, even = np.ones(2), np.full(2, 0.5)
    >>> is_one_sided(np.array([0.0, 3.0]), spread, even), is_one_sided(np.array([0.0, 0.3]), spread, even)
    (False, True)
    """
    separation = (means[1] - means[0]) / np.sqrt(variances.mean())
    return bool(weights.min() < _SMALLEST_WEIGHT or separation < _SMALLEST_SEPARATION)


def _fallback(loss: NDArray[np.float64], reason: str) -> LossMixture:
    warnings.warn(f"No region is called noisy: {reason}.", stacklevel=3)
    mean, variance = (float(loss.mean()), float(loss.var())) if len(loss) else (0.0, 0.0)
    low, high = (float(loss.min()), float(loss.max())) if len(loss) else (0.0, 0.0)
    return LossMixture(np.full(2, mean), np.full(2, variance), np.array([1.0, 0.0]), True, low, high)
