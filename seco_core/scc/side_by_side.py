"""What networks trained side by side share: mini-batches, optimiser steps, epochs that can be cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.scc.held_out import HeldOut

if TYPE_CHECKING:
    import torch

LARGEST_INPUT = 5.0
"""Standardised features are clipped to this on both sides."""

WEIGHT_DECAY = 1e-2

_STEPS_PER_EPOCH = 20
_SMALLEST_BATCH, _LARGEST_BATCH = 16, 1024


class Training:
    """Optimiser and mini-batches of several networks, each with its own task.

    AdamW with a cosine schedule; an epoch has 20 mini-batches, drawn with replacement by the tasks' odds.

    Parameters
    ----------
    parameters : list of dict
        Groups of parameters as torch's optimisers take them.
    tasks : list of HeldOut
        One for each network.
    epochs : int
        Epochs that will be run.
    rng : numpy Generator
        Draws the mini-batches.
    device : torch.device
        Where the rows of the batches are wanted.

    Attributes
    ----------
    step, steps : int
        Optimiser steps made so far, and in all epochs.
    """

    def __init__(
        self,
        parameters: list[dict[str, Any]],
        tasks: list[HeldOut],
        *,
        epochs: int,
        rng: np.random.Generator,
        device: torch.device,
    ):
        import torch

        self.step, self.steps = 0, epochs * _STEPS_PER_EPOCH
        self._rng, self._device, self._odds = rng, device, [task.draw for task in tasks]
        self._optimizer = torch.optim.AdamW(parameters)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, T_max=self.steps)
        drawn = max(int(np.count_nonzero(odds)) for odds in self._odds)
        self._batch = min(max(drawn // _STEPS_PER_EPOCH, _SMALLEST_BATCH), _LARGEST_BATCH)

    def batches(self) -> Iterator[torch.Tensor]:
        """Rows of one epoch's mini-batches, (networks, rows) each."""
        import torch

        drawn = draw_rows(self._odds, (_STEPS_PER_EPOCH, self._batch), self._rng)
        yield from torch.as_tensor(drawn, device=self._device)

    def learn(self, loss: torch.Tensor) -> None:
        """One step down the loss of a mini-batch: (networks,), or their sum."""
        self._optimizer.zero_grad()
        # a sum over networks, so that none's gradient depends on how many there are
        loss.sum().backward()
        self._optimizer.step()
        self._schedule.step()
        self.step += 1


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


def each_epoch(
    epochs: int, stage: str, progress: ProgressCallback, cancel: CancelToken | None
) -> Iterator[int]:
    """Numbers of the epochs from 0: `cancel` is checked before each of them, `progress` told after it."""
    for epoch in range(epochs):
        if cancel is not None:
            cancel.raise_if_cancelled()
        yield epoch
        progress(ProgressEvent(stage, epoch + 1, epochs))


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
