"""Small networks, trained side by side, that score the regions each of them was not shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

_HIDDEN = 128
_DROPOUT = 0.2
_WEIGHT_DECAY = 1e-2
_LEARNING_RATE = 3e-3
_LEARNING_RATE_FURTHER = 1e-3
_STEPS_PER_EPOCH = 20
_SMALLEST_BATCH, _LARGEST_BATCH = 16, 1024
_LARGEST_INPUT = 5.0


@dataclass(frozen=True)
class HeldOut:
    """One network's task.

    Attributes
    ----------
    scored : ndarray of int64
        Rows it scores and does not train on.
    draw : ndarray of float64, (N,)
        How likely each row is drawn in training, up to a factor; 0 for rows in `scored`.
    """

    scored: NDArray[np.int64]
    draw: NDArray[np.float64]


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

        self._rng, self._smoothing, self._tasks = rng, label_smoothing, tasks
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
        self._optimizer = torch.optim.AdamW(
            [
                {"params": self._weights, "weight_decay": _WEIGHT_DECAY},
                {"params": self._biases, "weight_decay": 0.0},
            ],
            lr=_LEARNING_RATE if initial is None else _LEARNING_RATE_FURTHER,
        )
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self._optimizer, T_max=epochs * _STEPS_PER_EPOCH
        )
        self._dropout = torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))
        drawn = max(int(np.count_nonzero(task.draw)) for task in tasks)
        self._batch = min(max(drawn // _STEPS_PER_EPOCH, _SMALLEST_BATCH), _LARGEST_BATCH)

    def train_epoch(self) -> None:
        """Train each network on mini-batches drawn with replacement by its task's odds."""
        import torch
        from torch.nn import functional

        drawn = draw_rows([task.draw for task in self._tasks], (_STEPS_PER_EPOCH, self._batch), self._rng)
        batches = torch.as_tensor(drawn, device=self._features.device)
        with torch.enable_grad():
            for rows in batches:
                logits = self._forward(self._features[rows], slice(None), train=True)
                loss = functional.cross_entropy(
                    logits.flatten(0, 1),
                    self._labels[rows].flatten(),
                    label_smoothing=self._smoothing,
                    reduction="sum",
                )
                self._optimizer.zero_grad()
                # a sum over networks, so that none's gradient depends on how many there are
                (loss / self._batch).backward()
                self._optimizer.step()
                self._schedule.step()

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
        standard = standard.clamp(-_LARGEST_INPUT, _LARGEST_INPUT)
        hidden = torch.relu(torch.baddbmm(self._biases[0][networks], standard, self._weights[0][networks]))
        if train:
            kept = torch.rand(hidden.shape, generator=self._dropout, device=hidden.device) >= _DROPOUT
            hidden = hidden * kept / (1.0 - _DROPOUT)
        return torch.baddbmm(self._biases[1][networks], hidden, self._weights[1][networks])


def draw_rows(
    odds: list[NDArray[np.float64]], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows with replacement for several networks.

    Parameters
    ----------
    odds : list of ndarray of float64, (N,)
        How likely each network draws each row, up to a factor.
    shape : (int, int)
        Batches and rows in a batch.
    rng : numpy Generator
        What chance is taken from.

    Returns
    -------
    ndarray of int64, (batches, networks, rows)
    """
    batches, size = shape
    rows = np.empty((batches, len(odds), size), dtype=np.int64)
    for i, chance in enumerate(odds):
        total = np.cumsum(chance)
        rows[:, i] = np.searchsorted(total, rng.random(shape) * total[-1], side="right")
    return np.minimum(rows, len(odds[0]) - 1)


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch use one thread: the products are too small for more, and sums then have one order."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
