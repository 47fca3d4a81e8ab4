"""Uncertainty of a region under a graph VAE, and the loss that trains the VAE (SCC-Unc, SeCoV2).

The formulas alone, on tensors of any number of leading dimensions; `graph_vae` has the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

TAU = 2.0
LEAST_WEIGHT = 0.1
BETA_FIRST, BETA_LAST = 1e-4, 1e-2
_LEAST_SPAN = 1e-8


class Parts(NamedTuple):
    """What uncertainty is made of.

    Attributes
    ----------
    rec_error : Tensor, (..., N)
        Mean squared error of the reconstruction over the feature's dimensions.
    entropy : Tensor, (..., N)
        Of the class probabilities, in nats.
    kl : Tensor, (..., N)
        Divergence from the standard normal distribution, mean over the latent dimensions.
    """

    rec_error: Tensor
    entropy: Tensor
    kl: Tensor


def uncertainty_parts(
    features: Tensor, reconstruction: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor
) -> Parts:
    """The three parts of each region.

    Parameters
    ----------
    features, reconstruction : Tensor, (..., N, H)
        What was to be reconstructed, and what became of it.
    logits : Tensor, (..., N, C)
        Of the classifier.
    mu, logvar : Tensor, (..., N, Z)
        Of the latent distribution.

    Returns
    -------
    Parts
        KL is the mean of ``-1/2 (1 + logvar - mu^2 - exp(logvar))``.
    """
    log_p = logits.log_softmax(dim=-1)
    return Parts(
        rec_error=((reconstruction - features) ** 2).mean(dim=-1),
        entropy=-(log_p.exp() * log_p).sum(dim=-1),
        kl=-0.5 * (1.0 + logvar - mu**2 - logvar.exp()).mean(dim=-1),
    )


def min_max(values: Tensor) -> Tensor:
    """Scale to 0..1 over the last dimension; values that are all alike become 0."""
    low, high = values.amin(dim=-1, keepdim=True), values.amax(dim=-1, keepdim=True)
    return (values - low) / (high - low + _LEAST_SPAN)


def uncertainty(parts: Parts, *, w_rec: float = 1.0, w_ent: float = 1.0, w_kl: float = 1.0) -> Tensor:
    """Weighted sum of the parts, each scaled to 0..1 over the regions given.

    Give it all regions of a dataset: over a single one every part is 0.

    Returns
    -------
    Tensor, (..., N)
        0 to ``w_rec + w_ent + w_kl``.
    """
    return w_rec * min_max(parts.rec_error) + w_ent * min_max(parts.entropy) + w_kl * min_max(parts.kl)


def training_weight(uncertainty: Tensor, *, tau: float = TAU, least: float = LEAST_WEIGHT) -> Tensor:
    """How much a region of some uncertainty counts in training: ``max(least, exp(-tau U))``."""
    return (-tau * uncertainty).exp().clamp(min=least)


def kl_weight(step: int, total_steps: int) -> float:
    """Weight beta of the KL term at a step: linear from 1e-4 at 0 to 1e-2 at `total_steps`."""
    return BETA_FIRST + (BETA_LAST - BETA_FIRST) * min(step / max(total_steps, 1), 1.0)


def training_loss(
    rec_error: Tensor,
    kl: Tensor,
    cross_entropy: Tensor,
    weight: Tensor,
    *,
    beta: float,
    lambda_rec: float = 1.0,
    lambda_ce: float = 1.0,
) -> Tensor:
    """Mean reconstruction error + beta mean KL + weighted mean cross-entropy, over the last dimension.

    Parameters
    ----------
    rec_error, kl, cross_entropy : Tensor, (..., N)
        Of each region.
    weight : Tensor, (..., N)
        From `training_weight`; 0 where a region has no class. Counts in the cross-entropy only.
    beta : float
        From `kl_weight`.
    lambda_rec, lambda_ce : float
        Factors of reconstruction and classification.

    Returns
    -------
    Tensor, (...)
    """
    total = weight.sum(dim=-1).clamp(min=_LEAST_SPAN)
    classified = (weight * cross_entropy).sum(dim=-1) / total
    return lambda_rec * rec_error.mean(dim=-1) + beta * kl.mean(dim=-1) + lambda_ce * classified
