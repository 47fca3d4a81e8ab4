"""How badly each region's class fits what a classifier learnt from other images (SCC-LD, SeCo 3.3)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.scc.classifier import Ensemble, HeldOut, single_thread

NETWORKS = 2
"""Networks for each held-out part."""

_BALANCE = 0.5


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
    _check_arrays(features, labels, groups, weight, n_classes)
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


def canonical_order(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Rows (N, D) sorted by their content; rows that are equal in all columns keep their order."""
    return np.lexsort(values.T[::-1]) if values.size else np.arange(len(values))


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
    for epoch in range(epochs):
        if cancel is not None:
            cancel.raise_if_cancelled()
        ensemble.train_epoch()
        for task, log_p in zip(tasks, ensemble.score(), strict=True):
            rows = task.scored
            loss[rows] -= log_p[np.arange(len(rows)), asked[rows]] / (NETWORKS * epochs)
            if epoch >= first_late:
                probabilities[rows] += np.exp(log_p) / (NETWORKS * (epochs - first_late))
        progress(ProgressEvent("scc", epoch + 1, epochs))
    return loss, probabilities


def held_out_tasks(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any]],
    *,
    n_classes: int,
    folds: int,
    networks: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], list[HeldOut]]:
    """Networks for each part of the images, which train on the other parts.

    Parameters
    ----------
    features, labels, groups, n_classes, folds
        As for `cross_fit`; in canonical order, then the images' numbers do not matter.
    weight : ndarray of float, (N,)
        How much a region counts in training.
    networks : int
        Networks for each part.
    rng : numpy Generator
        Decides the parts.

    Returns
    -------
    fold : ndarray of int64, (N,)
        The part each region is held out in; -1 where no other part has anything to train on.
    tasks : list of HeldOut
        A class of m regions is drawn in proportion to the square root of m.

    Raises
    ------
    ParameterError
        If arrays do not fit together, features are not finite or a parameter is out of range.
    """
    _check_arrays(features, labels, groups, weight, n_classes)
    if folds < 2:
        raise ParameterError(f"folds must be at least 2, not {folds}.")
    by_image = len(np.unique(groups)) > 1
    fold = assign_folds(_by_appearance(groups) if by_image else np.arange(len(labels)), folds, rng)
    tasks = tasks_of(fold, labels, weight, networks)
    fold[~np.isin(fold, [fold[task.scored[0]] for task in tasks])] = -1
    return fold, tasks


def tasks_of(
    fold: NDArray[np.int64],
    labels: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any]],
    networks: int,
) -> list[HeldOut]:
    """Tasks of the networks for each part, in order; none for a part that leaves nothing to train on.

    Parameters
    ----------
    fold : ndarray of int64, (N,)
        The part each region is held out in.
    labels, weight, networks
        As for `held_out_tasks`.
    """
    tasks = []
    for part in np.unique(fold):
        held_out = fold == part
        draw = class_odds(labels, np.where(held_out, 0.0, weight))
        if draw.any():
            tasks += [HeldOut(np.flatnonzero(held_out), draw)] * networks
    return tasks


def assign_folds(groups: NDArray[np.integer[Any]], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Cut groups into parts of about as many members: in random order, the largest first, each to the least.

    Parameters
    ----------
    groups : ndarray of int, (N,)
        The group of each member.
    folds : int
        Parts wanted; with fewer groups there are as many parts as groups.
    rng : numpy Generator
        Breaks ties between groups of one size.

    Returns
    -------
    ndarray of int64, (N,)
        The part of each member, from 0; one part for each group.
    """
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(max(1, min(folds, len(names))), dtype=np.int64)
    part_of_group = np.zeros(len(names), dtype=np.int64)
    for group in order:
        part = int(np.argmin(filled))
        part_of_group[group] = part
        filled[part] += sizes[group]
    return part_of_group[inverse]


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


def _by_appearance(groups: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Groups (N,) numbered in the order in which they first occur.

    Examples
    --------
    >>> _by_appearance(np.array([7, 2, 7, 5])).tolist()
    [0, 1, 0, 2]
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]


def class_odds(labels: NDArray[np.integer[Any]], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each region is drawn, (N,): a class in proportion to the square root of its weight.

    Examples
    --------
    >>> class_odds(np.array([0, 0, 0, 0, 1]), np.ones(5)).tolist()
    [0.5, 0.5, 0.5, 0.5, 1.0]
    """
    per_class = np.bincount(labels, weights=weight)[labels]
    return weight / np.where(per_class > 0.0, per_class, 1.0) ** _BALANCE


def _check_arrays(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any]],
    n_classes: int,
) -> None:
    n = len(labels)
    if features.ndim != 2 or any(len(values) != n for values in (features, groups, weight)):
        raise ParameterError(
            f"features {features.shape}, labels {labels.shape}, groups {groups.shape} and weights "
            f"{weight.shape} are not of the same regions."
        )
    if n_classes < 1 or (n and not (labels.min() >= 0 and labels.max() < n_classes)):
        raise ParameterError(
            f"labels must be from 0 to {n_classes - 1}.", remedy="Leave ignored regions out."
        )
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ParameterError(f"features of region {row} are not finite.", remedy="Encode the regions again.")
    if not (np.isfinite(weight).all() and (weight >= 0.0).all()):
        raise ParameterError("sample weights must be finite and not negative.")


def _check_numbers(epochs: int, label_smoothing: float) -> None:
    if epochs < 1:
        raise ParameterError(f"epochs must be at least 1, not {epochs}.")
    if not 0.0 <= label_smoothing < 1.0:
        raise ParameterError(f"label_smoothing must be from 0 to below 1, not {label_smoothing}.")
