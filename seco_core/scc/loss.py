"""How badly each region's class fits what a classifier learnt from other images (SCC-LD, SeCo 3.3)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.progress import CancelToken, ProgressCallback, ignore_progress
from seco_core.scc.classifier import Ensemble
from seco_core.scc.held_out import HeldOut, canonical_order, check_regions, held_out_tasks
from seco_core.scc.side_by_side import each_epoch, single_thread

NETWORKS = 2
"""Networks for each held-out part."""


@dataclass(frozen=True)
class CrossFit:
    """What the cross-fitted classifier says of each region, out of sample.

    Attributes
    ----------
    loss : ndarray of float32, (N,)
        Cross-entropy of the region's own class in nats, at least 0.
    probabilities : ndarray of float32, (N, n_classes)
        Class probabilities; rows sum to 1.
    fold : ndarray of int64, (N,)
        The part each region was held out in; -1 where no other part had anything to train on.
    by_image : bool
        Whether whole images were held out. If not (a single image), a region was scored by networks that
        saw other regions of its image, and its loss is less of a witness.
    networks : dict of str to ndarray
        What `seco_core.scc.further.train_further` goes on from; empty where nothing was trained,
        or for a single image.
    """

    loss: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    fold: NDArray[np.int64]
    by_image: bool
    networks: dict[str, NDArray[Any]]


def cross_fit(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    folds: int = 5,
    epochs: int = 40,
    label_smoothing: float = 0.1,
    seed: int = 0,
    device: str = "cpu",
    sample_weight: NDArray[np.floating[Any]] | None = None,
    asked: NDArray[np.integer[Any]] | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> CrossFit:
    """Score every region by networks that did not train on its image.

    For each of `folds` parts of the images two small networks (one hidden layer) train on the regions of the
    other parts: standardised features (statistics of the training part only), mini-batches in which a class
    of m regions is drawn in proportion to the square root of m (full balance would let the few, often wrong
    regions of a rare class speak as loudly as a common class), label smoothing, AdamW, cosine schedule.

    When to score. Networks learn first what the labels agree on and memorise the rest later. A held-out
    region is not memorised itself, but the like of it in other images is, so a late network repeats the
    pseudo-label's systematic errors. Without ground truth nothing says when to stop. So the loss is the mean
    over all epochs, the first included, and over the networks of the part: it tells how soon and how surely
    the class was learnt, and hangs on no single epoch. Probabilities answer another question, which class
    it is, for which an early network is too unsure: they are means over the second half of the epochs.

    A network trained on smoothed labels tends to ``(1 - s) p + s / C`` instead of p and can hardly reach the
    paper's confidence of 0.95; `probabilities` are corrected for this. The loss is not: it is the
    cross-entropy of the network's own output with the unsmoothed class.

    Parameters
    ----------
    features : ndarray of float, (N, D)
        Region vectors.
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
    label_smoothing : float
        0 to below 1.
    seed : int
        Decides parts, initial weights and mini-batches. On one machine one seed gives one result, bit for
        bit, whatever the number of threads. Regions are sorted by their content first, so that neither
        their order nor that of the images matters.
    device : str
        Where the networks run, such as ``"cpu"`` or ``"cuda"``.
    sample_weight : ndarray of float, (N,), optional
        How much a region counts in training; 0 = not at all. All regions are scored.
    asked : ndarray of int, (N,), optional
        The classes whose loss is told, where a region teaches another one than is in question; else `labels`.
    progress, cancel : optional
        Called after, and checked before, every epoch.

    Returns
    -------
    CrossFit
        Finite everywhere. A class that only the held-out images have is unlikely there: its regions get a
        high loss. Where nothing can be trained, all classes are equally likely.

    Raises
    ------
    ParameterError
        If arrays do not fit together, features are not finite or a parameter is out of range.
    Cancelled
        If `cancel` was set.

    Warns
    -----
    UserWarning
        If there is a single image.
    """
    features = np.ascontiguousarray(features, dtype=np.float32)
    labels, groups = np.asarray(labels, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    asked = labels if asked is None else np.asarray(asked, dtype=np.int64)
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    _check_numbers(epochs, label_smoothing)
    check_regions(features, labels, groups, weight, n_classes)
    order = canonical_order(np.column_stack([features, labels, weight]))
    back = np.argsort(order)
    features, labels, asked, weight = features[order], labels[order], asked[order], weight[order]
    by_image = len(np.unique(groups)) > 1
    rng = np.random.default_rng(seed)
    fold, tasks = held_out_tasks(
        features,
        labels,
        groups[order],
        weight,
        n_classes=n_classes,
        folds=folds,
        networks=NETWORKS,
        rng=rng,
    )
    if len(labels) > 1 and not by_image:
        warnings.warn(
            "All regions are of one image, so each is scored by networks that saw other regions of it. "
            "Their noise scores are less reliable than with several images.",
            stacklevel=2,
        )

    loss = np.full(len(labels), math.log(n_classes))
    probabilities = np.full((len(labels), n_classes), 1.0 / n_classes)
    networks: dict[str, NDArray[Any]] = {}
    if tasks:
        with single_thread():
            ensemble = Ensemble(
                features,
                labels,
                tasks,
                n_classes=n_classes,
                epochs=epochs,
                label_smoothing=label_smoothing,
                rng=rng,
                device=device,
            )
            found, late = train_and_score(
                ensemble, tasks, asked, n_classes, epochs, epochs // 2, progress, cancel
            )
        scored = fold >= 0
        loss[scored], probabilities[scored] = found[scored], late[scored]
        if by_image:
            images, first = np.unique(groups[order], return_index=True)
            networks = {"image": images, "image_fold": fold[first], **ensemble.state()}
        probabilities = remove_smoothing(probabilities, label_smoothing)
    return CrossFit(
        loss[back].astype(np.float32), probabilities[back].astype(np.float32), fold[back], by_image, networks
    )


def train_and_score(
    ensemble: Ensemble,
    tasks: list[HeldOut],
    asked: NDArray[np.integer[Any]],
    n_classes: int,
    epochs: int,
    first_late: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train networks and watch what they say of the rows they are not shown.

    Parameters
    ----------
    ensemble, tasks
        The networks, several for each held-out part, and what each one trains on.
    asked : ndarray of int64, (N,)
        The class of each row whose loss is told.
    n_classes, epochs, first_late : int
        Probabilities are means over the epochs from `first_late` on, losses over all.
    progress, cancel
        Called after, and checked before, every epoch.

    Returns
    -------
    loss : ndarray of float64, (N,)
    probabilities : ndarray of float64, (N, n_classes)
        0 for a row that no network scores.
    """
    loss, probabilities = np.zeros(len(asked)), np.zeros((len(asked), n_classes))
    for epoch in each_epoch(epochs, "scc", progress, cancel):
        ensemble.train_epoch()
        for task, log_p in zip(tasks, ensemble.score(), strict=True):
            rows = task.scored
            loss[rows] -= log_p[np.arange(len(rows)), asked[rows]] / (NETWORKS * epochs)
            if epoch >= first_late:
                probabilities[rows] += np.exp(log_p) / (NETWORKS * (epochs - first_late))
    return loss, probabilities


def remove_smoothing(probabilities: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Invert label smoothing: from ``(1 - s) p + s / C`` back to p, clipped at 0 and summing to 1.

    Examples
    --------
    >>> remove_smoothing(np.array([[0.95, 0.05]]), 0.1).tolist()
    [[1.0, 0.0]]
    """
    n_classes = probabilities.shape[1]
    sharp = np.maximum(probabilities - smoothing / n_classes, 0.0)
    total = sharp.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, sharp / np.where(total > 0.0, total, 1.0), probabilities)


def _check_numbers(epochs: int, label_smoothing: float) -> None:
    if epochs < 1:
        raise ParameterError(f"epochs must be at least 1, not {epochs}.")
    if not 0.0 <= label_smoothing < 1.0:
        raise ParameterError(f"label_smoothing must be from 0 to below 1, not {label_smoothing}.")
