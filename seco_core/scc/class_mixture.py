"""Two populations of losses within each class, rare classes leaning on all (SCC-LD, SeCo 3.3)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from seco_core.scc.mixture import LossMixture, fit_mixture, is_one_sided

BELIEF = 30.0
"""How many regions of its own a class needs to count as much as all classes together do."""

_STEPS = 100
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class ClassMixtures:
    """The mixture of all losses, and one for each class that has its own.

    Attributes
    ----------
    overall : LossMixture
        Of all classes.
    own : dict of int to LossMixture
        By class id; a class that is not there has the one of all.
    """

    overall: LossMixture
    own: dict[int, LossMixture]

    def of(self, class_id: int) -> LossMixture:
        """The mixture that judges a class."""
        return self.own.get(class_id, self.overall)

    def eta(self, loss: NDArray[np.floating[Any]], class_id: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Noise score of each region within its class, see `LossMixture.eta`.

        Parameters
        ----------
        loss : ndarray of float, (N,)
            Losses; need not be those of the fit.
        class_id : ndarray of int, (N,)
            The class of each.

        Returns
        -------
        ndarray of float32, (N,)
            0 (clean) to 1 (noisy).
        """
        found = self.overall.eta(loss)
        for class_index, mixture in self.own.items():
            rows = class_id == class_index
            found[rows] = mixture.eta(np.asarray(loss)[rows])
        return found


def fit_class_mixtures(
    loss: NDArray[np.floating[Any]], class_id: NDArray[np.integer[Any]], *, seed: int = 0
) -> ClassMixtures:
    """Fit the mixture of all losses, then one within each class that starts from it and is drawn to it.

    Some classes are harder to learn than others, so a loss that is usual in one is suspicious in another.
    A class of few regions says little of its own: means, variances and weights are those most likely after
    the class's losses and `BELIEF` further ones spread as all classes' are (maximum a posteriori EM), so a
    rare class has nearly the mixture of all and a frequent one nearly its own.

    Parameters
    ----------
    loss : ndarray of float, (N,)
        Finite losses.
    class_id : ndarray of int, (N,)
        The class of each.
    seed : int
        Random state of the first fit.

    Returns
    -------
    ClassMixtures
        A class whose losses do not fall into two populations is told in a warning and has the mixture of
        all. If those do not either, no class has one of its own.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> class_id = np.repeat([0, 1], 400)
    >>> loss = np.where(rng.random(800) < 0.8, 0.2, 1.2) + class_id + 0.1 * rng.random(800)
    >>> mixtures = fit_class_mixtures(loss, class_id)
    >>> (mixtures.eta(np.array([1.25, 1.25]), np.array([0, 1])) > 0.5).tolist()
    [True, False]
    """
    x = np.asarray(loss, dtype=np.float64)
    overall = fit_mixture(x, seed=seed)
    if overall.one_sided:
        return ClassMixtures(overall, {})
    clipped = np.clip(x, overall.low, overall.high)
    own, alike = {}, []
    for class_index in np.unique(class_id).tolist():
        mixture = _within(clipped[class_id == class_index], overall)
        if mixture.one_sided:
            alike.append(str(class_index))
        else:
            own[class_index] = mixture
    if alike:
        warnings.warn(
            f"The losses of class {', '.join(alike)} do not fall into two populations: the mixture of all "
            "classes judges them.",
            stacklevel=2,
        )
    return ClassMixtures(overall, own)


def _within(loss: NDArray[np.float64], prior: LossMixture) -> LossMixture:
    """The mixture of one class's losses, the prior's regions counted among them."""
    believed = BELIEF * prior.weights
    least = _LEAST_VARIANCE * (prior.high - prior.low) ** 2
    # from the class's own losses, so that a hard class does not begin as one that is wholly noisy
    own = len(loss) / (len(loss) + BELIEF)
    means = own * np.quantile(loss, [0.25, 0.9]) + (1.0 - own) * prior.means
    variances, weights = prior.variances, prior.weights
    for _ in range(_STEPS):
        log_odds = (
            np.log(weights[1] / weights[0])
            + 0.5 * np.log(variances[0] / variances[1])
            + 0.5 * ((loss - means[0]) ** 2 / variances[0] - (loss - means[1]) ** 2 / variances[1])
        )
        noisy = expit(log_odds)
        shares = np.stack([1.0 - noisy, noisy])
        count = shares.sum(axis=1) + believed
        new_means = (shares @ loss + believed * prior.means) / count
        spread = (shares * (loss - new_means[:, None]) ** 2).sum(axis=1)
        pulled = believed * (prior.variances + (prior.means - new_means) ** 2)
        variances, weights = np.maximum((spread + pulled) / count, least), count / count.sum()
        moved = np.abs(new_means - means).max()
        means = new_means
        if moved < 1e-6 * (prior.high - prior.low):
            break
    return LossMixture(
        means, variances, weights, is_one_sided(means, variances, weights), prior.low, prior.high
    )
