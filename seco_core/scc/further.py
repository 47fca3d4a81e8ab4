"""Train the region classifier further, when people have decided regions since it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.progress import CancelToken, ProgressCallback, ignore_progress
from seco_core.scc.classifier import Ensemble
from seco_core.scc.held_out import tasks_of
from seco_core.scc.loss import NETWORKS, CrossFit, remove_smoothing, train_and_score
from seco_core.scc.side_by_side import single_thread


def fits(
    networks: Mapping[str, NDArray[Any]],
    features: NDArray[np.floating[Any]],
    groups: NDArray[np.integer[Any]],
    n_classes: int,
) -> bool:
    """Whether `train_further` can go on from some networks.

    Parameters
    ----------
    networks : mapping
        `CrossFit.networks`, perhaps empty.
    features, groups, n_classes
        As for `seco_core.scc.loss.cross_fit`.
    """
    if not networks:
        return False
    (count, width, _), classes = networks["hidden.weight"].shape, networks["output.weight"].shape[2]
    parts = len(np.unique(networks["image_fold"]))
    return (
        (width, classes, count) == (features.shape[1], n_classes, parts * NETWORKS)
        and bool((networks["image_fold"] >= 0).all())
        and bool(np.isin(groups, networks["image"]).all())
    )


def train_further(
    networks: Mapping[str, NDArray[Any]],
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    epochs: int = 10,
    label_smoothing: float = 0.1,
    seed: int = 0,
    device: str = "cpu",
    sample_weight: NDArray[np.floating[Any]] | None = None,
    asked: NDArray[np.integer[Any]] | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> CrossFit:
    """Go on training cross-fitted networks on labels that people have corrected since.

    Every image stays in the part in which it was held out from the start, so that its scores still come from
    networks that never trained on it: what a person decided in an image teaches about all other images.

    Loss and probabilities are the means over the further epochs.

    Parameters
    ----------
    networks : mapping
        `CrossFit.networks` of the first training or of an earlier further one, over the same images.
    epochs : int
        Epochs of 20 mini-batches each, at least 1.
    features, labels, groups, n_classes, label_smoothing, seed, device, sample_weight, asked, progress, cancel
        As for `seco_core.scc.loss.cross_fit`.

    Returns
    -------
    CrossFit
        Of the regions in the parts that they were held out in from the start.

    Raises
    ------
    ParameterError
        If the networks do not fit the regions (see `fits`), or `epochs` is less than 1.
    Cancelled
        If `cancel` was set.
    """
    features = np.ascontiguousarray(features, dtype=np.float32)
    labels, groups = np.asarray(labels, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    if not fits(networks, features, groups, n_classes):
        raise ParameterError("the networks are not those of these regions.", remedy="Train anew.")
    if epochs < 1:
        raise ParameterError(f"epochs must be at least 1, not {epochs}.")
    weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    asked = labels if asked is None else np.asarray(asked, dtype=np.int64)
    fold = networks["image_fold"][np.searchsorted(networks["image"], groups)]
    tasks = tasks_of(fold, labels, weight, NETWORKS)
    with single_thread():
        ensemble = Ensemble(
            features,
            labels,
            tasks,
            n_classes=n_classes,
            epochs=epochs,
            label_smoothing=label_smoothing,
            rng=np.random.default_rng(seed),
            device=device,
            initial=networks,
        )
        loss, probabilities = train_and_score(ensemble, tasks, asked, n_classes, epochs, 0, progress, cancel)
    return CrossFit(
        loss.astype(np.float32),
        remove_smoothing(probabilities, label_smoothing).astype(np.float32),
        fold,
        True,
        {**networks, **ensemble.state()},
    )
