"""How uncertain a graph VAE is about regions of images it did not train on (SCC-Unc, SeCoV2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.graph import standardise
from seco_core.progress import CancelToken, ProgressCallback, ignore_progress
from seco_core.scc.held_out import HeldOut, canonical_order, held_out_tasks
from seco_core.scc.side_by_side import LARGEST_INPUT, WEIGHT_DECAY, Training, each_epoch, single_thread
from seco_core.scc.uncertainty import (
    Parts,
    kl_weight,
    training_loss,
    training_weight,
    uncertainty,
    uncertainty_parts,
)

if TYPE_CHECKING:
    import torch

HIDDEN = 128
LATENT = 256
_LEARNING_RATE = 3e-3
_LEARNING_RATE_VAE = 1e-2
_LARGEST_LOGVAR = 10.0
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class GraphUncertainty:
    """What the graph VAE says of each region.

    Attributes
    ----------
    uncertainty : ndarray of float32, (N,)
        0 to 3: the three parts, each scaled to 0..1 over all regions, summed.
    rec_error, entropy, kl : ndarray of float32, (N,)
        The parts before scaling: mean squared error, nats, nats.
    weights : dict of str to ndarray of float32
        The networks, one along the first axis for each held-out part, by layer; ``fold`` (int64, (N,)) is
        the part of each region, -1 where nothing was trained.
    """

    uncertainty: NDArray[np.float32]
    rec_error: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]
    weights: dict[str, NDArray[Any]]


def graph_uncertainty(
    features: NDArray[np.floating[Any]],
    adjacency: sparse.csr_matrix,
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    folds: int = 5,
    epochs: int = 20,
    seed: int = 0,
    device: str = "cpu",
    sample_weight: NDArray[np.floating[Any]] | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> GraphUncertainty:
    """Train a graph VAE and tell its uncertainty about every region.

    The network: one GraphSAGE layer with mean aggregation (a region's features next to the weighted mean of
    its neighbours' -> 128, ReLU, each region's scaled to mean 0 and variance 1); on it a VAE (mean and
    log-variance of 256 dimensions, decoder back to 128) and, beside it, a linear classifier. The graph layer
    learns from the classes; what the VAE codes and reconstructs is detached from it, so that features can
    neither shrink nor bend to please the VAE.

    For each of `folds` parts of the images one network learns the classes of the other parts' regions, and
    the part's uncertainty is that network's: none saw the label it is asked about. Messages pass between
    all regions, as features carry no labels.

    One layer on given features means that the neighbours' means never change: they are computed once, over
    all neighbours. Mini-batches of regions are then exact, where sampling neighbours would be a guess, and
    cost and memory do not grow with the graph's degree. In training a region's weight comes from the
    uncertainty at the beginning of the epoch, scaled over the network's whole training set and not over the
    batch. In the end every part is computed at the latent mean, without sampling, and scaled over all
    regions: uncertainty depends on no batch. Regions are sorted by their features first, so that it does not
    depend on their order either.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    adjacency : scipy.sparse matrix, (N, N)
        Symmetric non-negative weights, from `seco_core.graph.neighbours_of`.
    labels : ndarray of int, (N,)
        The regions' noisy classes, 0 to ``n_classes - 1``.
    groups : ndarray of int, (N,)
        The image of each region.
    n_classes : int
        Length of per-class arrays, at least 1.
    folds : int
        Parts for cross-fitting, at least 2; fewer are made if there are fewer images. A single image is cut
        by region.
    epochs : int
        Epochs of 20 mini-batches each, at least 1.
    seed : int
        Decides parts, initial weights, mini-batches and latent samples. On one machine one seed gives one
        result, bit for bit, whatever the number of threads; torch's own generator is not touched.
    device : str
        Where the networks run.
    sample_weight : ndarray of float, (N,), optional
        How much a region counts in training (how often it is drawn, among its class); 0 = not at all.
    progress, cancel : optional
        Called after, and checked before, every epoch.

    Returns
    -------
    GraphUncertainty
        Finite everywhere. Where nothing can be trained, parts are 0 and entropy is that of equal chances.

    Raises
    ------
    ParameterError
        If arrays do not fit together, features are not finite or a parameter is out of range.
    Cancelled
        If `cancel` was set.
    """
    vectors = np.asarray(features, dtype=np.float64)
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if adjacency.shape != (len(labels), len(labels)):
        raise ParameterError(f"an adjacency of {adjacency.shape} does not link {len(labels)} regions.")
    if epochs < 1:
        raise ParameterError(f"epochs must be at least 1, not {epochs}.")
    order = canonical_order(vectors)
    back = np.argsort(order)
    rng = np.random.default_rng(seed)
    classes = np.asarray(labels, dtype=np.int64)[order]
    fold, tasks = held_out_tasks(
        vectors[order],
        classes,
        np.asarray(groups)[order],
        weight[order],
        n_classes=n_classes,
        folds=folds,
        networks=1,
        rng=rng,
    )
    inputs = aggregated_inputs(vectors, adjacency)[order]
    parts = np.zeros((3, len(order)))
    parts[1] = math.log(n_classes)
    weights: dict[str, NDArray[Any]] = {"fold": fold[back]}
    if tasks:
        with single_thread():
            networks = _Networks(inputs, classes, tasks, n_classes, epochs, rng, device)
            for _ in each_epoch(epochs, "scc-unc", progress, cancel):
                networks.train_epoch()
            for i, task in enumerate(tasks):
                parts[:, task.scored] = networks.parts_of(task.scored, i)
        weights |= networks.weights()
    parts = parts[:, back]
    rec_error, entropy, kl = parts.astype(np.float32)
    return GraphUncertainty(_pooled_uncertainty(parts), rec_error, entropy, kl, weights)


def aggregated_inputs(
    features: NDArray[np.floating[Any]], adjacency: sparse.csr_matrix
) -> NDArray[np.float32]:
    """What the graph layer sees: standardised features next to the weighted mean of the neighbours'.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
    adjacency : scipy.sparse matrix, (N, N)
        Non-negative weights.

    Returns
    -------
    ndarray of float32, (N, 2 D)
        Within -5..5; the second half is 0 for a region without neighbours.
    """
    own = np.clip(standardise(np.asarray(features, dtype=np.float64)), -LARGEST_INPUT, LARGEST_INPUT)
    links = adjacency.astype(np.float64)
    degree = np.asarray(links.sum(axis=1)).reshape(-1, 1)
    return np.hstack([own, (links @ own) / np.where(degree > 0.0, degree, 1.0)]).astype(np.float32)


class _Networks:
    """One network for each task, trained in the same batched products."""

    def __init__(
        self,
        inputs: NDArray[np.float32],
        labels: NDArray[np.int64],
        tasks: list[HeldOut],
        n_classes: int,
        epochs: int,
        rng: np.random.Generator,
        device: str,
    ):
        import torch

        self._tasks = tasks
        self._inputs = torch.as_tensor(inputs, device=device)
        self._labels = torch.as_tensor(labels, device=device)
        self._layers: dict[str, torch.Tensor] = {}
        for name, (rows, columns, gain) in {
            "graph": (inputs.shape[1], HIDDEN, 2.0),
            "mu": (HIDDEN, LATENT, 1.0),
            "logvar": (HIDDEN, LATENT, 1.0),
            "decoder": (LATENT, HIDDEN, 1.0),
            "classifier": (HIDDEN, n_classes, 1.0),
        }.items():
            start = rng.normal(0.0, math.sqrt(gain / max(rows, 1)), (len(tasks), rows, columns))
            self._layers[f"{name}.weight"] = torch.tensor(start, dtype=torch.float32, device=device)
            self._layers[f"{name}.bias"] = torch.zeros((len(tasks), 1, columns), device=device)
        for layer in self._layers.values():
            layer.requires_grad_(True)
        self._latent = torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))
        self._training = Training(
            [
                {
                    "params": self._parameters("graph", "classifier"),
                    "lr": _LEARNING_RATE,
                    "weight_decay": WEIGHT_DECAY,
                },
                {
                    "params": self._parameters("mu", "logvar", "decoder"),
                    "lr": _LEARNING_RATE_VAE,
                    "weight_decay": 0.0,
                },
            ],
            tasks,
            epochs=epochs,
            rng=rng,
            device=self._inputs.device,
        )

    def train_epoch(self) -> None:
        """Train every network on mini-batches drawn with replacement by its task's odds."""
        import torch
        from torch.nn import functional

        weight = self._weights_in_training()
        with torch.enable_grad():
            for rows in self._training.batches():
                parts, logits = self._forward(self._inputs[rows], slice(None), sample=True)
                cross_entropy = functional.cross_entropy(
                    logits.flatten(0, 1), self._labels[rows].flatten(), reduction="none"
                ).view(rows.shape)
                loss = training_loss(
                    parts.rec_error,
                    parts.kl,
                    cross_entropy,
                    weight.gather(1, rows),
                    beta=kl_weight(self._training.step, self._training.steps),
                )
                self._training.learn(loss)

    def parts_of(self, rows: NDArray[np.int64], network: int) -> NDArray[np.float64]:
        """Reconstruction error, entropy and KL of some rows under one network, (3, len(rows))."""
        found = [self._parts(block, network) for block in _blocks(rows)]
        return np.hstack([np.stack([p.cpu().double().numpy() for p in parts]) for parts in found])

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The layers, networks along the first axis."""
        return {name: layer.detach().cpu().numpy() for name, layer in self._layers.items()}

    def _weights_in_training(self) -> torch.Tensor:
        import torch

        weight = torch.zeros((len(self._tasks), len(self._labels)), device=self._inputs.device)
        for i, task in enumerate(self._tasks):
            rows = np.flatnonzero(task.draw)
            found = [self._parts(block, i) for block in _blocks(rows)]
            parts = Parts(*(torch.cat(part) for part in zip(*found, strict=True)))
            weight[i, torch.as_tensor(rows, device=weight.device)] = training_weight(uncertainty(parts))
        return weight

    def _parts(self, rows: NDArray[np.int64], network: int) -> Parts:
        import torch

        with torch.no_grad():
            chosen = self._inputs[torch.as_tensor(rows, device=self._inputs.device)][None]
            parts, _ = self._forward(chosen, slice(network, network + 1), sample=False)
        return Parts(*(part[0] for part in parts))

    def _forward(self, x: torch.Tensor, networks: slice, *, sample: bool) -> tuple[Parts, torch.Tensor]:
        import torch

        def linear(name: str, values: torch.Tensor) -> torch.Tensor:
            weight, bias = self._layers[f"{name}.weight"], self._layers[f"{name}.bias"]
            return torch.baddbmm(bias[networks], values, weight[networks])

        hidden = torch.nn.functional.layer_norm(linear("graph", x).relu(), (HIDDEN,))
        # the VAE looks on: what it finds hard to code must not bend the features it is asked about
        seen = hidden.detach()
        mu = linear("mu", seen)
        logvar = linear("logvar", seen).clamp(-_LARGEST_LOGVAR, _LARGEST_LOGVAR)
        latent = mu
        if sample:
            noise = torch.randn(mu.shape, generator=self._latent, device=mu.device)
            latent = mu + (0.5 * logvar).exp() * noise
        logits = linear("classifier", hidden)
        return uncertainty_parts(seen, linear("decoder", latent), logits, mu, logvar), logits

    def _parameters(self, *layers: str) -> list[torch.Tensor]:
        return [values for name, values in self._layers.items() if name.split(".")[0] in layers]


def _pooled_uncertainty(parts: NDArray[np.float64]) -> NDArray[np.float32]:
    import torch

    if parts.shape[1] == 0:
        return np.zeros(0, dtype=np.float32)
    return uncertainty(Parts(*torch.from_numpy(parts))).numpy().astype(np.float32)


def _blocks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (rows[i : i + _ROWS_AT_ONCE] for i in range(0, len(rows), _ROWS_AT_ONCE))
