"""In which order a person looks at regions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.scc.correction import Verdict


class Order(StrEnum):
    """What comes first in the queue; the values are for people."""

    WORST = "worst first"
    """The highest noise score."""
    GAIN = "expected gain"
    """What a decision is likely to put right: area, and regions like it that learn from it."""
    HELPS = "most neighbours helped"
    """The most undecided regions like it, weighed with the chance that it is wrong."""
    CLASS = "by class"
    """Class after class, within each the highest noise score first."""


def order_scores(
    order: Order,
    *,
    noise: NDArray[np.floating[Any]],
    wrong: NDArray[np.floating[Any]],
    area: NDArray[np.integer[Any]],
    open_links: NDArray[np.integer[Any]],
    class_id: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """How soon each region is to be looked at: the highest number first.

    Parameters
    ----------
    order : Order
        What matters.
    noise : ndarray of float, (R,)
        Probability that the region's class is wrong, 0..1; NaN (not scored) comes last.
    wrong : ndarray of float, (R,)
        Probability that the class that the machine would end with is wrong, 0..1 or NaN.
    area : ndarray of int, (R,)
        Pixels.
    open_links : ndarray of int, (R,)
        How many undecided regions are linked to it: those that a decision would settle.
    class_id : ndarray of uint8, (R,)
        Class of the region.

    Returns
    -------
    ndarray of float32, (R,)
        0 or more, or NaN.
    """
    if order is Order.WORST:
        return noise.astype(np.float32)
    if order is Order.GAIN:
        return (wrong * area * (1.0 + open_links)).astype(np.float32)
    if order is Order.HELPS:
        return (wrong * open_links).astype(np.float32)
    return (255.0 - class_id + np.nan_to_num(noise, nan=0.0) / 2.0).astype(np.float32)


def doubted_regions(
    verdict: NDArray[np.uint8],
    machine: NDArray[np.float32],
    now: NDArray[np.float32],
    tau: float,
) -> NDArray[np.bool_]:
    """Which regions the machine, or decisions on regions like them, do not leave as they are.

    Parameters
    ----------
    verdict : ndarray of uint8, (R,)
        The machine's `Verdict`.
    machine, now : ndarray of float32, (R,)
        Its noise score, and that in the light of decisions; NaN where there is none.
    tau : float
        Noise score above which decisions flag a region.
    """
    # a score that decisions have lowered flags nothing that the machine keeps
    raised = (now > tau) & ~(machine >= now)
    return np.asarray((verdict != Verdict.KEEP) | raised)


def tie_ranks(area: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """Place of each region among equals: the larger region first, then the lower row."""
    place = np.empty(len(area), dtype=np.uint32)
    place[np.argsort(-area.astype(np.int64), kind="stable")] = np.arange(len(area), dtype=np.uint32)
    return place


def queue_keys(score: NDArray[np.float32], tie: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Numbers whose ascending order is the queue's, no two of them alike.

    Parameters
    ----------
    score : ndarray of float32, (N,)
        0 or more, the highest first; NaN comes last.
    tie : ndarray of uint32, (N,)
        As `tie_ranks` gives it.

    Examples
    --------
    >>> area = np.array([5, 5, 7])
    >>> np.argsort(queue_keys(np.array([0.1, 0.9, 0.9], dtype=np.float32), tie_ranks(area))).tolist()
    [2, 1, 0]
    """
    # the bits of floats that are not negative are in the order of the floats; +0 makes -0 one of them
    bits = (score.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64) + 1
    descending = np.uint64(2**31) - np.where(np.isnan(score), np.uint64(0), bits)
    return (descending << np.uint64(32)) | tie


def worst_first(
    noise_score: NDArray[np.float32], area: NDArray[np.int64], candidates: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Rows of the candidate regions, the highest noise score first.

    Parameters
    ----------
    noise_score : ndarray of float32, (R,)
        0..1; NaN (not scored) comes last.
    area : ndarray of int64, (R,)
        Pixels; among equal scores the larger region comes first, then the lower row.
    candidates : ndarray of bool, (R,)
        Regions to order.

    Examples
    --------
    >>> worst_first(np.array([0.1, 0.9, 0.9]), np.array([5, 5, 7]), np.array([True, True, True]))
    array([2, 1, 0])
    """
    rows = np.flatnonzero(candidates)
    return rows[np.argsort(queue_keys(noise_score[rows].astype(np.float32), tie_ranks(area)[rows]))]
