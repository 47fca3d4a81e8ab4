"""The verdict on every region from its scores and the parameters, whatever rule they choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.parameters import SccParameters
from seco_core.scc.correction import correct, correct_by_uncertainty
from seco_core.scc.mixture import LossMixture
from seco_core.scc.rules import kept_by_rule


def verdicts(
    scc: SccParameters,
    class_id: NDArray[np.uint8],
    noise_score: NDArray[np.floating[Any]],
    loss: NDArray[np.floating[Any]],
    uncertainty: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
) -> NDArray[np.uint8]:
    """Keep, relabel, doubt or drop each scored region (SeCo 3.3, or SeCoV2 by uncertainty).

    Parameters
    ----------
    scc : SccParameters
        Method, rule and thresholds.
    class_id : ndarray of uint8, (N,)
        Classes after PSA.
    noise_score, loss, uncertainty : ndarray of float, (N,)
        Scores of the regions; `uncertainty` is looked at only where it decides.
    probabilities : ndarray of float, (N, C)
        Class probabilities.

    Returns
    -------
    ndarray of uint8, (N,)
        Values of `Verdict`.
    """
    if scc.method == "uncertainty":
        verdict, _ = correct_by_uncertainty(
            class_id, uncertainty, probabilities, tau_cr=scc.tau_cr, certain_share=scc.certain_share
        )
    else:
        noisy = None
        if scc.rule != "mixture":
            score, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
            noisy = ~kept_by_rule(scc.rule, loss, score, predicted, scc.rule_ratio)
        verdict, _ = correct(
            class_id,
            noise_score,
            # what the noise score comes from: it orders a class also where the scores are all 1
            loss if scc.score == "loss" else noise_score,
            probabilities,
            tau_ns=scc.tau_ns,
            tau_cr=scc.tau_cr,
            class_share=scc.class_share,
            noisy=noisy,
        )
    return verdict


def loss_at(mixture: LossMixture, eta: float) -> float:
    """The loss from which on a mixture's posterior is above a value.

    Parameters
    ----------
    mixture : LossMixture
        Its posterior never falls as the loss rises.
    eta : float
        The posterior, 0..1.

    Returns
    -------
    float
        In the losses' units, to a millionth of the fit's range; NaN if no loss up to twice the range of the
        fit reaches it.

    Examples
    --------
    >>> even = LossMixture(np.array([0.0, 2.0]), np.ones(2), np.full(2, 0.5), False, 0.0, 2.0)
    >>> round(loss_at(even, 0.5), 3)
    1.0
    """
    span = max(mixture.high - mixture.low, 1e-12)
    low, high = mixture.low - span, mixture.high + span
    if not mixture.eta(np.array([high]))[0] > eta:
        return float("nan")
    for _ in range(22):
        middle = (low + high) / 2
        if mixture.eta(np.array([middle]))[0] > eta:
            high = middle
        else:
            low = middle
    return high
