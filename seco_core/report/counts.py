"""What plots show, counted: regions by score, by class and prediction, by what people decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.project.overrides import Action, Event


@dataclass(frozen=True)
class SplitHistogram:
    """A histogram whose bars have two parts.

    Attributes
    ----------
    edges : ndarray of float64, (B + 1,)
        Borders of the bins, ascending, in the value's units.
    lower, upper : ndarray of float64, (B,)
        The two parts of every bar, in regions; expected counts where the split is a probability.
    """

    edges: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @property
    def width(self) -> float:
        """Width of a bin."""
        return float(self.edges[1] - self.edges[0])


def split_histogram(
    value: NDArray[np.floating[Any]],
    upper_share: NDArray[np.floating[Any] | np.bool_],
    limits: tuple[float, float],
    bins: int = 50,
) -> SplitHistogram:
    """Histogram of a score in two parts.

    Parameters
    ----------
    value : ndarray of float, (N,)
        The score; NaN is left out, what lies outside the limits counts in the first or last bin.
    upper_share : ndarray of float or bool, (N,)
        How much of each region counts in the upper part, 0..1: a posterior, or whether it is flagged.
    limits : (float, float)
        First and last border; widened if they are alike.
    bins : int
        Number of bins.

    Examples
    --------
    >>> found = split_histogram(np.array([0.1, 0.9, 0.9]), np.array([0.0, 1.0, 0.75]), (0.0, 1.0), 2)
    >>> found.lower.tolist(), found.upper.tolist()
    ([1.0, 0.25], [0.0, 1.75])
    """
    low, high = limits
    if not high > low:
        low, high = low - 0.5, low + 0.5
    there = ~np.isnan(value)
    edges = np.linspace(low, high, bins + 1)
    position = (value[there].astype(np.float64) - low) / (high - low) * bins
    index = np.clip(position, 0, bins - 1).astype(np.int64)
    share = upper_share[there].astype(np.float64)
    lower, upper = (
        np.bincount(index, weights=w, minlength=bins).astype(np.float64) for w in (1.0 - share, share)
    )
    return SplitHistogram(edges, lower, upper)


def score_limits(value: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Limits for a histogram of a score: from its least value to where all but 0.2 % of the regions are.

    (0, 1) where no region has it.
    """
    known = value[~np.isnan(value)]
    if not known.size:
        return 0.0, 1.0
    return float(known.min()), float(np.quantile(known, 0.998))


def region_confusion(
    class_id: NDArray[np.uint8], predicted: NDArray[np.uint8], n_classes: int
) -> NDArray[np.int64]:
    """Count regions by class after PSA (rows) and predicted class (columns), int64 (C, C)."""
    cells = class_id.astype(np.int64) * n_classes + predicted
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def judged_regions(
    noise_score: NDArray[np.floating[Any]],
    class_id: NDArray[np.uint8],
    reviewed: NDArray[np.bool_],
    decided: NDArray[np.uint8],
) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
    """Noise scores of reviewed regions that have one, and whether the reviewer changed their class.

    Returns
    -------
    noise_score : ndarray of float, (J,)
    changed : ndarray of bool, (J,)
    """
    judged = reviewed & ~np.isnan(noise_score)
    return noise_score[judged], decided[judged] != class_id[judged]


@dataclass(frozen=True)
class ReviewProgress:
    """Decisions that hold after each step of the log.

    Attributes
    ----------
    confirmed, changed : ndarray of int64, (E,)
        Overrides that hold after each decision, undo or redo: those that accept the class, and the others.
    """

    confirmed: NDArray[np.int64]
    changed: NDArray[np.int64]


def review_progress(events: Sequence[Event]) -> ReviewProgress:
    """Follow the log of overrides, oldest event first; what is undone does not count until it is redone."""
    of_batch: dict[int, list[int]] = {}
    steps: list[tuple[int, int]] = []
    last = None
    confirmed = changed = 0
    for event in events:
        if event.kind == "override":
            same = event.action == Action.ACCEPT
            counts = of_batch.setdefault(event.batch, [0, 0])
            counts[0] += same
            counts[1] += not same
            confirmed, changed = confirmed + same, changed + (not same)
            if last == event.batch:  # one key press may decide about many regions
                steps.pop()
            last = event.batch
        else:
            assert event.target_batch is not None
            sign = -1 if event.kind == "undo" else 1
            confirmed += sign * of_batch[event.target_batch][0]
            changed += sign * of_batch[event.target_batch][1]
            last = None
        steps.append((confirmed, changed))
    both = np.array(steps, dtype=np.int64).reshape(-1, 2)
    return ReviewProgress(both[:, 0], both[:, 1])
