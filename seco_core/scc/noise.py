"""One noise score from all the evidence about a region, calibrated without ground truth.

Most pieces of evidence are reduced to their rank within the project, so that neither a network's
overconfidence nor the scale of a loss matters; a logistic function with shipped weights says how likely the
class is wrong. The weights come from generated scenes, where every mistake is known
(``python -m benchmarks.fit_noise_score``). None is negative: more evidence against a class never lowers the
score.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from seco_core.resources import resource_path
from seco_core.scc.evidence import normal_ranks

EVIDENCE = (
    "peak_doubt",
    "doubt",
    "class_doubt",
    "loss",
    "linear",
    "kin",
    "disagreement",
    "entropy",
    "enclosure",
    "smallness",
    "seen",
)
"""What the score is made of, each high where the class looks wrong.

- One minus the 90th percentile of the network's confidence in the region, one minus its mean, and the
  latter's mean over the region's class.
- Cross-fitted loss of networks, and of a linear discriminant (`seco_core.scc.linear`); log odds that
  the regions most like it have another class (`seco_core.scc.kin`); share of its neighbours on the graph
  that have one; entropy of the graph classifier.
- How far one other class surrounds the region, and how small it is beside its neighbours, as far as the
  linear discriminant corroborates them (`seco_core.scc.evidence.corroborated`).
- How much likelier than the region's class another one looks to the network that learnt from the pseudo-label
  (`seco_core.encoders.cnn`).
"""

OF_CONFIDENCE = frozenset({"peak_doubt", "doubt", "class_doubt"})
"""Evidence that needs confidence maps."""

OF_LEARNING = frozenset({"seen"})
"""Evidence that needs the encoder ``cnn``."""

NOT_OF_A_NETWORK = frozenset({"kin"})
"""Evidence that has a weight only without confidence maps: a network's mistakes are alike where regions are
alike, so that kin agree in them."""

AS_IT_IS = frozenset({"kin", "enclosure", "smallness"})
"""Evidence whose scale says something; of the rest only ranks count."""


@dataclass(frozen=True)
class NoiseWeights:
    """How evidence becomes a probability.

    Attributes
    ----------
    intercept : float
        Log odds of a region whose evidence is all at the median, less `level`.
    weights : dict of str to float
        Of each piece of `EVIDENCE`, as `comparable` makes it, 0 or more.
    """

    intercept: float
    weights: dict[str, float]


def shipped_weights(with_confidence: bool, learnt: bool = False, profile: str = "default") -> NoiseWeights:
    """The weights that `benchmarks.fit_noise_score` wrote.

    Parameters
    ----------
    with_confidence : bool
        For a project that has confidence maps.
    learnt : bool
        For a project whose encoder is ``cnn``.
    profile : str
        Which PSA profile the regions are of. Those of ``default`` stand in for what was not fitted.
    """
    found = fitted_weights(profile)[weights_name(with_confidence, learnt)]
    return NoiseWeights(found["intercept"], found["weights"])


def weights_name(with_confidence: bool, learnt: bool) -> str:
    """What weights are called in ``noise_score.json``; see `shipped_weights`."""
    return ("with" if with_confidence else "without") + ("_learnt" if learnt else "")


@functools.cache
def fitted_weights(profile: str) -> dict[str, Any]:
    """All weights for regions of a PSA profile, by `weights_name`, as they are in ``noise_score.json``."""
    fitted = json.loads(resource_path("noise_score.json").read_text(encoding="utf-8"))
    return fitted["default"] | fitted.get(profile, {})


def noise_score(
    evidence: Mapping[str, NDArray[np.floating[Any]]],
    weights: NoiseWeights | None = None,
    *,
    profile: str = "default",
) -> NDArray[np.float32]:
    """Probability that each region's class is wrong.

    Parameters
    ----------
    evidence : mapping of str to ndarray of float, (N,)
        By the names of `EVIDENCE`; NaN where unknown, a name may be missing altogether. What is not known
        counts as if it were in the middle.
    weights : NoiseWeights, optional
        The shipped ones if left out, for what is known at all: confidence or none, the encoder ``cnn`` or
        another.
    profile : str
        PSA profile of the regions, for the shipped weights.

    Returns
    -------
    ndarray of float32, (N,)
        0..1. Never falls when a piece of a region's evidence rises.
    """
    if weights is None:
        weights = shipped_weights(_known(evidence, "doubt"), _known(evidence, "seen"), profile)
    return expit(level(evidence) + weights.intercept + suspicion(evidence, weights)).astype(np.float32)


def level(evidence: Mapping[str, NDArray[np.floating[Any]]]) -> float:
    """How much noise the project is likely to have: log odds of the network's mean doubt of its regions.

    Ranks say nothing of it. Confidence is the only evidence that does without ground truth: how far
    cross-fitted classifiers disagree with the labels depends on the encoder more than on the noise. 0 without
    confidence.
    """
    if not _known(evidence, "doubt"):
        return 0.0
    return float(logit(np.clip(np.nanmean(evidence["doubt"]), 0.01, 0.99)))


def comparable(evidence: Mapping[str, NDArray[np.floating[Any]]]) -> dict[str, NDArray[np.float64]]:
    """The evidence as weights are for it: normal ranks, or what is in `AS_IT_IS` as it is.

    Parameters
    ----------
    evidence : mapping of str to ndarray of float, (N,)
        As for `noise_score`.

    Returns
    -------
    dict of str to ndarray of float64, (N,)
        By the same names. What is unknown is at the median, or at the mean if the scale is kept; 0 if all is.
    """
    found = {}
    for name, values in evidence.items():
        if name in AS_IT_IS:
            known = ~np.isnan(values)
            mean = values[known].mean(dtype=np.float64) if known.any() else 0.0
            found[name] = np.where(known, values, mean).astype(np.float64)
        else:
            found[name] = normal_ranks(values)
    return found


def suspicion(
    evidence: Mapping[str, NDArray[np.floating[Any]]], weights: NoiseWeights
) -> NDArray[np.float64]:
    """Weighted sum of the evidence, each piece `comparable`, float64 (N,): log odds but for the intercept."""
    pieces, total = comparable(evidence), np.zeros(len(next(iter(evidence.values()))))
    for name, weight in weights.weights.items():
        if name in evidence:
            total += weight * pieces[name]
    return total


def _known(evidence: Mapping[str, NDArray[np.floating[Any]]], name: str) -> bool:
    return name in evidence and not bool(np.isnan(evidence[name]).all())
