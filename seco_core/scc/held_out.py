"""Which regions each network is not shown, and how often it is shown the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError

_BALANCE = 0.5


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


def canonical_order(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Rows (N, D) sorted by their content; rows that are equal in all columns keep their order."""
    return np.lexsort(values.T[::-1]) if values.size else np.arange(len(values))


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
        As for `seco_core.scc.loss.cross_fit`; in canonical order, then the images' numbers do not matter.
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
    check_regions(features, labels, groups, weight, n_classes)
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


def class_odds(labels: NDArray[np.integer[Any]], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each region is drawn, (N,): a class in proportion to the square root of its weight.

    Examples
    --------
    >>> class_odds(np.array([0, 0, 0, 0, 1]), np.ones(5)).tolist()
    [0.5, 0.5, 0.5, 0.5, 1.0]
    """
    per_class = np.bincount(labels, weights=weight)[labels]
    return weight / np.where(per_class > 0.0, per_class, 1.0) ** _BALANCE


def check_regions(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any]],
    n_classes: int,
) -> None:
    """Refuse what cannot be learnt from; arguments as for `held_out_tasks`.

    Raises
    ------
    ParameterError
        If arrays do not fit together, features or weights are not finite, or there is no such class.
    """
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
