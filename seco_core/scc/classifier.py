"""Small networks, trained side by side, that score the regions each of them was not shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seco_core.scc.held_out import HeldOut
from seco_core.scc.side_by_side import LARGEST_INPUT, WEIGHT_DECAY, Training

if TYPE_CHECKING:
    import torch

_HIDDEN = 128
_DROPOUT = 0.2
_LEARNING_RATE = 3e-3
_LEARNING_RATE_FURTHER = 1e-3


class Ensemble:
    """Multi-layer perceptrons with one hidden layer, one for each task, trained in the same batched products.

    Parameters
    ----------
    features : ndarray of float32, (N, D)
        Inputs; each network standardises them by the rows that are not its held-out ones.
    labels : ndarray of int64, (N,)
        Classes to learn.
    tasks : list of HeldOut
        One for each network.
    n_classes : int
        Outputs of each network.
    epochs : int
        Epochs that will be run (for the cosine schedule).
    label_smoothing : float
        0 to below 1.
    rng : numpy Generator
        Initial weights, mini-batches and dropout.
    device : str
        A torch device.
    initial : mapping of str to ndarray, optional
        What `state` gave of networks for the same tasks: they are trained further, at a third of the learning
        rate, and standardise as they did.
    """

    def __init__(
        self,
        features: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
        tasks: list[HeldOut],
        *,
        n_classes: int,
        epochs: int,
        label_smoothing: float,
        rng: np.random.Generator,
        device: str,
        initial: Mapping[str, NDArray[Any]] | None = None,
    ):
        import torch

        self._smoothing, self._tasks = label_smoothing, tasks
        self._features = torch.as_tensor(features, device=device)
        self._labels = torch.as_tensor(labels, device=device)
        start = _random_start(features, tasks, n_classes, rng) if initial is None else initial
        self._centre, self._spread = (
            torch.as_tensor(start[name], device=device)[:, None] for name in ("centre", "spread")
        )
        self._weights, self._biases = (
            [
                torch.tensor(start[f"{layer}.{part}"], dtype=torch.float32, device=device, requires_grad=True)
                for layer in ("hidden", "output")
            ]
            for part in ("weight", "bias")
        )
        rate = _LEARNING_RATE if initial is None else _LEARNING_RATE_FURTHER
        self._dropout = torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))
        self._training = Training(
            [
                {"params": self._weights, "lr": rate, "weight_decay": WEIGHT_DECAY},
                {"params": self._biases, "lr": rate, "weight_decay": 0.0},
            ],
            tasks,
            epochs=epochs,
            rng=rng,
            device=self._features.device,
        )

    def train_epoch(self) -> None:
        """Train each network on mini-batches drawn with replacement by its task's odds."""
        import torch
        from torch.nn import functional

        with torch.enable_grad():
            for rows in self._training.batches():
                logits = self._forward(self._features[rows], slice(None), train=True)
                loss = functional.cross_entropy(
                    logits.flatten(0, 1),
                    self._labels[rows].flatten(),
                    label_smoothing=self._smoothing,
                    reduction="sum",
                )
                self._training.learn(loss / rows.shape[1])

    def score(self) -> list[NDArray[np.float64]]:
        """Log-probabilities that each network gives the rows it scores, (len(scored), n_classes) each."""
        import torch

        results = []
        with torch.no_grad():
            for i, task in enumerate(self._tasks):
                rows = torch.as_tensor(task.scored, device=self._features.device)
                logits = self._forward(self._features[rows][None], slice(i, i + 1), train=False)[0]
                results.append(torch.log_softmax(logits.cpu().double(), dim=1).numpy())
        return results

    def state(self) -> dict[str, NDArray[np.float32]]:
        """The networks as plain arrays, networks along the first axis: layers, ``centre`` and ``spread``."""
        layers = {
            f"{layer}.{part}": values[i].detach().cpu().numpy()
            for i, layer in enumerate(("hidden", "output"))
            for part, values in (("weight", self._weights), ("bias", self._biases))
        }
        standard = {"centre": self._centre, "spread": self._spread}
        return layers | {name: values[:, 0].cpu().numpy() for name, values in standard.items()}

    def _forward(self, rows: torch.Tensor, networks: slice, *, train: bool) -> torch.Tensor:
        import torch

        standard = (rows - self._centre[networks]) / self._spread[networks]
        standard = standard.clamp(-LARGEST_INPUT, LARGEST_INPUT)
        hidden = torch.relu(torch.baddbmm(self._biases[0][networks], standard, self._weights[0][networks]))
        if train:
            kept = torch.rand(hidden.shape, generator=self._dropout, device=hidden.device) >= _DROPOUT
            hidden = hidden * kept / (1.0 - _DROPOUT)
        return torch.baddbmm(self._biases[1][networks], hidden, self._weights[1][networks])


def _random_start(
    features: NDArray[np.floating[Any]], tasks: list[HeldOut], n_classes: int, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    centre, spread = zip(*(_statistics(features, task) for task in tasks), strict=True)
    width, networks = features.shape[1], len(tasks)
    return {
        "centre": np.stack(centre),
        "spread": np.stack(spread),
        "hidden.weight": rng.normal(0.0, math.sqrt(2.0 / max(width, 1)), (networks, width, _HIDDEN)),
        "hidden.bias": np.zeros((networks, 1, _HIDDEN)),
        "output.weight": rng.normal(0.0, math.sqrt(1.0 / _HIDDEN), (networks, _HIDDEN, n_classes)),
        "output.bias": np.zeros((networks, 1, n_classes)),
    }


def _statistics(
    features: NDArray[np.floating[Any]], task: HeldOut
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    training = np.delete(features, task.scored, axis=0).astype(np.float64)
    spread = training.std(axis=0)
    # a feature without spread in training says nothing; were it divided by its rounding error it would shout
    silent = spread <= 1e-6 * np.maximum(np.abs(training).max(axis=0), 1e-30)
    return (
        training.mean(axis=0).astype(np.float32),
        np.where(silent, np.inf, spread).astype(np.float32),
    )
