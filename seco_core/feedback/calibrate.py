"""What reviewed regions teach about the noise score itself: how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from seco_core.errors import ParameterError

_SMALLEST = 1e-4


@dataclass(frozen=True)
class Calibration:
    """A rising curve from noise scores to noise scores: ``slope * log odds + shift``, in log odds.

    Attributes
    ----------
    slope : float
        Above 0; above 1 the score was too timid, below 1 too sure.
    shift : float
        Above 0 the score was too low.
    reviewed, wrong : int
        Regions it was learnt from, and how many of them had a wrong class.
    cost : float
        Negative log likelihood of the reviews, and what the prior adds to it, in nats.
    """

    slope: float = 1.0
    shift: float = 0.0
    reviewed: int = 0
    wrong: int = 0
    cost: float = 0.0

    def apply(self, noise_score: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Calibrated noise scores; the order of regions stays, NaN stays NaN."""
        if self.slope == 1.0 and self.shift == 0.0:
            return np.asarray(noise_score).astype(np.float32)
        return expit(self.slope * log_odds(noise_score) + self.shift).astype(np.float32)

    def threshold(self, tau: float) -> float:
        """The uncalibrated score at which the calibrated one is `tau`: where tau_ns lies now.

        Examples
        --------
        >>> round(Calibration(slope=1.0, shift=1.0).threshold(0.6), 3)
        0.356
        """
        return float(expit((log_odds(np.array(tau)) - self.shift) / self.slope))


def fit_calibration(
    noise_score: NDArray[np.floating[Any]],
    wrong: NDArray[np.bool_],
    *,
    slope_doubt: float = 0.15,
    shift_doubt: float = 0.3,
) -> Calibration:
    """Learn from reviewed regions how the noise score is to be read (Platt scaling with a prior).

    The most probable curve, when log slope and shift are believed to be 0 give or take the doubts: a few
    reviews change little, hundreds decide. People look at the worst regions first; that is no bias here, as
    what is learnt is the chance of an error *given* the score. Two of the worst regions accepted in haste do
    not talk the score out of all others.

    Parameters
    ----------
    noise_score : ndarray of float, (M,)
        Of reviewed regions, as if nobody had decided them; 0..1.
    wrong : ndarray of bool, (M,)
        Whether the machine's class was not the one decided.
    slope_doubt, shift_doubt : float
        Standard deviations of the prior of log slope and shift, above 0. As they are, two reviews move a
        score of 0.6 by 0.05 at the most, and fifty have their say.

    Returns
    -------
    Calibration
        The identity without reviewed regions.

    Raises
    ------
    ParameterError
        If the arrays do not fit together, a score is no probability, or a doubt is not above 0.
    """
    score, wrong = np.asarray(noise_score, dtype=np.float64), np.asarray(wrong, dtype=bool)
    if score.shape != wrong.shape or not ((score >= 0.0) & (score <= 1.0)).all():
        raise ParameterError(f"{score.shape} scores of 0 to 1 are needed for {wrong.shape} reviews.")
    if not (slope_doubt > 0.0 and shift_doubt > 0.0):
        raise ParameterError("slope_doubt and shift_doubt must be above 0.")
    if not len(score):
        return Calibration()
    x, sign = log_odds(score), np.where(wrong, 1.0, -1.0)

    def loss(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope = np.exp(p[0])
        margin = sign * (slope * x + p[1])
        pull = -sign * expit(-margin)
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * ((p / doubts) ** 2).sum()
        return float(value), np.array([(pull * x).sum() * slope, pull.sum()]) + p / doubts**2

    doubts = np.array([slope_doubt, shift_doubt])
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-3.0, 3.0), (-8.0, 8.0)])
    return Calibration(
        float(np.exp(found.x[0])),
        float(found.x[1]),
        len(score),
        int(np.count_nonzero(wrong)),
        float(found.fun),
    )


def log_odds(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Log odds of probabilities, which are kept from 0 and 1 by 1e-4; NaN stays NaN."""
    p = np.clip(np.asarray(probability, dtype=np.float64), _SMALLEST, 1.0 - _SMALLEST)
    return np.asarray(np.log(p) - np.log1p(-p))
