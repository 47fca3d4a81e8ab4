"""The encoder that learns from the pseudo-label: what a small convolutional network sees in each region."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.decoded import STRIDE, Decoded, DecodedImages
from seco_core.encoders.descriptor import DescriptorEncoder
from seco_core.errors import ParameterError
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.scc.held_out import assign_folds, class_odds
from seco_core.scc.side_by_side import single_thread

if TYPE_CHECKING:
    import torch

PARTS = 3
"""Parts of the images; each is described by a network that learnt from the others."""

STEPS = 200
"""Batches that each network learns from."""

_CROPS = 8
_CROP_CELLS = 40
_CHANNELS = (16, 24, 32)
_DILATIONS = (1, 2, 4)
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 1e-3
_LEAST_LOG = -8.0


class CnnEncoder(DescriptorEncoder):
    """The descriptor, with the classes beside it that a small network trained from scratch sees.

    An image alone gives the descriptor's vectors; the network needs the labels of the other images, so its
    part is learnt over all of them (`learnt_classes`) once their regions are known.
    """

    name = "cnn"

    @property
    def signature(self) -> dict[str, Any]:
        """The descriptor's, and how the network is made and trained."""
        return {
            **super().signature,
            "network": [_CHANNELS, _DILATIONS],
            "training": [PARTS, STEPS, _CROPS, _CROP_CELLS],
        }


def learnt_classes(
    images: DecodedImages,
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    label_smoothing: float = 0.1,
    seed: int = 0,
    device: str = "cpu",
    sample_weight: NDArray[np.floating[Any]] | None = None,
    steps: int | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> NDArray[np.float32]:
    """Log-probabilities of each region's classes under a network that never trained on its image.

    For each of three parts of the images one fully convolutional network (strides 2 and 2, then dilated
    layers) trains on the other parts: batches of crops of images drawn at random, features pooled under the
    regions in the crop as masked averages, cross-entropy of the region's noisy class with smoothed labels. So
    no image is decoded once a region, and a region is seen with what is around it. Classes, unlike a
    network's inner features, mean the same in every part, and regions of all parts can be compared.

    Parameters
    ----------
    images : DecodedImages
        By the numbers in `groups`, 0 to M - 1.
    labels : ndarray of int, (N,)
        Noisy classes, image by image in each image's own order.
    groups : ndarray of int, (N,)
        The image of each region, ascending.
    n_classes : int
        Length of per-class arrays, at least 1.
    label_smoothing : float
        0 to below 1.
    seed : int
        Decides parts, initial weights and crops. On one machine's CPU one seed gives one result, bit for bit.
    device : str
        Where the networks run.
    sample_weight : ndarray of float, (N,), optional
        How much a region counts in training; 0 = not at all.
    steps : int, optional
        Batches that each network learns from, at least 1; `STEPS` if left out.
    progress, cancel : optional
        Called after, and checked before, every batch.

    Returns
    -------
    ndarray of float32, (N, n_classes)
        From -8 to 0. All classes alike where there is a single image: nothing else teaches about it.

    Raises
    ------
    ParameterError
        If arrays do not fit together or a parameter is out of range.
    Cancelled
        If `cancel` was set.
    """
    labels, groups = np.asarray(labels, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    steps = STEPS if steps is None else steps
    _check(labels, groups, weight, n_classes, steps)
    found = np.full((len(labels), n_classes), -math.log(n_classes), dtype=np.float32)
    rng = np.random.default_rng(seed)
    fold = assign_folds(groups, PARTS, rng) if len(labels) else groups
    teaching = {part: np.where(fold == part, 0.0, weight) for part in np.unique(fold).tolist()}
    teaching = {part: class_odds(labels, left) for part, left in teaching.items() if left.any()}
    if not teaching:
        return found
    first = np.searchsorted(groups, np.arange(groups[-1] + 2))
    usable = {part: np.unique(groups[odds > 0.0]) for part, odds in teaching.items()}
    with _one_thread_each(len(teaching)) as pool:
        networks = {part: _Network(n_classes, steps, label_smoothing, rng, device) for part in teaching}
        for step in range(steps):
            if cancel is not None:
                cancel.raise_if_cancelled()
            jobs = []
            for part, network in networks.items():
                chosen = [(images[i], int(first[i])) for i in rng.choice(usable[part], _CROPS).tolist()]
                side = min(_CROP_CELLS, max(max(image.grid) for image, _ in chosen))
                crops = [_crop(image, row, side, rng) for image, row in chosen]
                jobs.append(pool.submit(network.learn, crops, labels, teaching[part]))
            for job in jobs:
                job.result()
            progress(ProgressEvent("cnn", step + 1, steps))
        for part, network in networks.items():
            for i in np.unique(groups[fold == part]).tolist():
                found[first[i] : first[i + 1]] = network.describe(images[i], int(first[i + 1] - first[i]))
    return found


@contextmanager
def _one_thread_each(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for the networks' steps; each computes alone, so that sums have one order."""
    import torch

    with (
        single_thread(),
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        yield pool


class _Network:
    def __init__(self, n_classes: int, steps: int, smoothing: float, rng: np.random.Generator, device: str):
        import torch

        self._smoothing, self._device = smoothing, device
        self._layers: list[tuple[torch.Tensor, torch.Tensor, int, int]] = []
        stem, middle, width = _CHANNELS
        shapes = [(3, stem, 2, 1), (stem, middle, 2, 1), (middle, width, 1, 1)]
        shapes += [(width, width, 1, d) for d in _DILATIONS]
        for inputs, outputs, stride, dilation in shapes:
            start = rng.normal(0.0, math.sqrt(2.0 / (9 * inputs)), (outputs, inputs, 3, 3))
            self._layers.append((self._parameter(start), self._parameter(np.ones(outputs)), stride, dilation))
        self._head = self._parameter(rng.normal(0.0, math.sqrt(1.0 / width), (width, n_classes)))
        self._bias = self._parameter(np.zeros(n_classes))
        learnt = [t for layer in self._layers for t in layer[:2]] + [self._head, self._bias]
        self._optimizer = torch.optim.AdamW(learnt, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, _LEARNING_RATE, total_steps=steps + 1, pct_start=0.2
        )

    def learn(
        self, crops: list[_Crop], labels: NDArray[np.integer[Any]], weight: NDArray[np.float64]
    ) -> None:
        """One step on a batch of crops."""
        import torch
        from torch.nn import functional

        places, rows = np.unique(
            np.concatenate([c.row + k * (len(labels) + 1) for k, c in enumerate(crops)]), return_inverse=True
        )
        regions = places % (len(labels) + 1)
        cells = (crops[0].pixels.shape[0] // STRIDE) ** 2
        cell = np.concatenate([c.cell + k * cells for k, c in enumerate(crops)])
        share = np.concatenate([c.share for c in crops])
        seen = np.bincount(rows, share, minlength=len(places))
        # a region that the crop hardly shows teaches little
        counts = torch.as_tensor(weight[regions] * seen, dtype=torch.float32, device=self._device)
        if not counts.any():
            return
        with torch.enable_grad():
            dense = self._features(np.stack([c.pixels for c in crops]))
            flat = dense.permute(0, 2, 3, 1).reshape(-1, dense.shape[1])
            pooled = _pool(flat, rows, cell, share / seen[rows], len(places))
            loss = functional.cross_entropy(
                pooled @ self._head + self._bias,
                torch.as_tensor(labels[regions], device=self._device),
                label_smoothing=self._smoothing,
                reduction="none",
            )
            self._optimizer.zero_grad()
            ((loss * counts).sum() / counts.sum()).backward()
            self._optimizer.step()
        self._schedule.step()

    def describe(self, image: Decoded, n: int) -> NDArray[np.float32]:
        """Log-probabilities of the n regions of a whole image, (n, n_classes)."""
        import torch

        with torch.no_grad():
            dense = self._features(_standard(image.pixels)[None])
            flat = dense[0].permute(1, 2, 0).reshape(-1, dense.shape[1])
            pooled = _pool(flat, image.region, image.cell, image.share, n)
            log_p = torch.log_softmax(pooled @ self._head + self._bias, dim=1)
        return log_p.clamp(min=_LEAST_LOG).cpu().numpy()

    def _features(self, pixels: NDArray[np.float32]) -> torch.Tensor:
        import torch
        from torch.nn import functional

        x = torch.as_tensor(pixels, device=self._device).permute(0, 3, 1, 2).contiguous()
        for weight, scale, stride, dilation in self._layers:
            y = functional.conv2d(x, weight, stride=stride, padding=dilation, dilation=dilation)
            y = functional.group_norm(y, 4, weight=scale).relu()
            x = x + y if x.shape == y.shape else y
        return x

    def _parameter(self, start: NDArray[np.float64]) -> torch.Tensor:
        import torch

        return torch.tensor(start, dtype=torch.float32, device=self._device, requires_grad=True)


class _Crop(NamedTuple):
    """A square of an image: standardised pixels, and the shares that regions have in its cells."""

    pixels: NDArray[np.float32]
    row: NDArray[np.int64]
    cell: NDArray[np.int64]
    share: NDArray[np.float32]


def _crop(image: Decoded, first: int, cells: int, rng: np.random.Generator) -> _Crop:
    """A square of so many cells a side at a random place, mirrored half of the time.

    What lies outside a smaller image is of its mean colour.
    """
    top, left = (int(rng.integers(max(length - cells, 0) + 1)) for length in image.grid)
    y, x = image.cell // image.grid[1] - top, image.cell % image.grid[1] - left
    inside = (y >= 0) & (y < cells) & (x >= 0) & (x < cells)
    side = cells * STRIDE
    pixels = np.zeros((side, side, 3), dtype=np.float32)
    there = _standard(image.pixels)[top * STRIDE :, left * STRIDE :][:side, :side]
    pixels[: there.shape[0], : there.shape[1]] = there
    x = x[inside]
    if rng.random() < 0.5:
        pixels, x = pixels[:, ::-1], cells - 1 - x
    cell = y[inside].astype(np.int64) * cells + x
    return _Crop(pixels, image.region[inside].astype(np.int64) + first, cell, image.share[inside])


def _standard(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels in units of the image's own mean and spread, so that day and dusk compare."""
    values = pixels.astype(np.float32)
    return (values - values.mean(axis=(0, 1))) / (values.std(axis=(0, 1)) + 1.0)


def _pool(
    flat: torch.Tensor,
    row: NDArray[np.integer[Any]],
    cell: NDArray[np.integer[Any]],
    share: NDArray[np.floating[Any]],
    n: int,
) -> torch.Tensor:
    """Weighted sums (n, D) of cells' features (cells, D)."""
    import torch

    rows, cells = (torch.as_tensor(index.astype(np.int64), device=flat.device) for index in (row, cell))
    weights = torch.as_tensor(share.astype(np.float32), device=flat.device)
    pooled = torch.zeros((n, flat.shape[1]), device=flat.device)
    return pooled.index_add(0, rows, flat[cells] * weights[:, None])


def _check(
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    weight: NDArray[np.float64],
    n_classes: int,
    steps: int,
) -> None:
    if not len(labels) == len(groups) == len(weight):
        raise ParameterError("labels, images and weights are not of the same regions.")
    if len(groups) and (groups[0] < 0 or (np.diff(groups) < 0).any()):
        raise ParameterError("regions must be in the order of their images.")
    if n_classes < 1 or (len(labels) and not (labels.min() >= 0 and labels.max() < n_classes)):
        raise ParameterError(
            f"labels must be from 0 to {n_classes - 1}.", remedy="Leave ignored regions out."
        )
    if not (np.isfinite(weight).all() and (weight >= 0.0).all()):
        raise ParameterError("sample weights must be finite and not negative.")
    if steps < 1:
        raise ParameterError(f"steps must be at least 1, not {steps}.")
