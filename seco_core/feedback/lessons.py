"""Noise scores in the light of what people decided: verified classes, then calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.feedback.calibrate import Calibration, fit_calibration
from seco_core.feedback.distributions import embed, fuse, verified_scores
from seco_core.scheme import IGNORE

_SHARES = (0.0, 0.25, 0.5)


@dataclass(frozen=True)
class Lessons:
    """What was learnt.

    Attributes
    ----------
    noise_score : ndarray of float32, (N,)
        0..1; of a reviewed region as if nobody had decided it.
    calibration : Calibration
        How the score was bent.
    share : float
        The most that verified classes weigh in it.
    """

    noise_score: NDArray[np.float32]
    calibration: Calibration
    share: float


def learn_from_reviews(
    noise_score: NDArray[np.floating[Any]],
    features: NDArray[np.floating[Any]],
    class_id: NDArray[np.integer[Any]],
    reviewed: NDArray[np.bool_],
    decided: NDArray[np.integer[Any]],
    n_classes: int,
) -> Lessons:
    """Bring noise scores into line with what people decided.

    The score of the class distributions of verified regions is joined to the noise score, then both are
    calibrated by how often the machine was right on reviewed regions. How much the distributions may weigh is
    what explains the reviews best, each scored as if it had not been made.

    Parameters
    ----------
    noise_score : ndarray of float, (N,)
        0..1, of reviewed regions too: as if nobody had decided them.
    features : ndarray of float, (N, D)
        Region vectors.
    class_id : ndarray of int, (N,)
        The machine's classes.
    reviewed : ndarray of bool, (N,)
        Which regions a person decided.
    decided : ndarray of int, (N,)
        On which class; ignore says that the machine's class is wrong, and teaches no other.
    n_classes : int
        Length of per-class arrays.

    Returns
    -------
    Lessons
        The scores as they are where nothing was reviewed.
    """
    if not reviewed.any():
        return Lessons(np.asarray(noise_score).astype(np.float32), Calibration(), 0.0)
    verified = np.where(reviewed & (decided != IGNORE), decided.astype(np.int64), -1)
    found = verified_scores(embed(features), class_id, verified, n_classes)
    wrong = (decided != class_id)[reviewed]
    trials = []
    for share in _SHARES:
        score = fuse(noise_score, found.noise, found.support, share=share)
        trials.append((share, score, fit_calibration(score[reviewed], wrong)))
    share, score, calibration = min(trials, key=lambda trial: trial[2].cost)
    return Lessons(calibration.apply(score), calibration, share)
