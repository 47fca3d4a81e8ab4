"""How much is still wrong, told from what reviewing has found so far, and whether going on is worth it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NOISE_EDGES = np.array([0.1, 0.25, 0.5, 0.75])
_AREA_PARTS = 3
_PRIOR_REGIONS = 4.0
"""How many reviewed regions the machine's own scores count for in a bin, and a bin in its parts by size."""

_ALIKE = 2.0
"""So many reviewed regions tell as much as one by chance would: errors come in groups of regions alike."""

_NORMAL_90 = 1.6449
WORTH_GOING_ON = 0.005
"""Share of the area that further reviews should put right; with less expected, stopping is suggested."""


@dataclass(frozen=True)
class Forecast:
    """Share of the labelled area that is right now and after more reviews, with intervals of 90 %.

    Attributes
    ----------
    reviews : int
        How many more reviews were asked about; fewer if fewer regions are left.
    now, now_low, now_high : float
        Share that is right now, 0..1, and where it probably lies.
    after, after_low, after_high : float
        The same after those reviews.
    stop : bool
        Whether they are hardly worth it: they would put less than 0.5 % of the area right.
    based_on : int
        Reviewed regions that this is told from.
    """

    reviews: int
    now: float
    now_low: float
    now_high: float
    after: float
    after_low: float
    after_high: float
    stop: bool
    based_on: int


def forecast(
    wrong: NDArray[np.floating[Any]],
    area: NDArray[np.integer[Any]],
    reviewed: NDArray[np.bool_],
    was_wrong: NDArray[np.bool_],
    next_rows: NDArray[np.int64],
) -> Forecast:
    """Forecast the share of the area that is right.

    Regions are put into bins by noise score, and each bin into cells by size: large regions are wrong less
    often than small ones. The rate of errors in a bin is a Beta distribution: what reviewing found there, on
    top of what its noise scores say, counted as four regions. That of a cell likewise, on top of its bin's.

    Parameters
    ----------
    wrong : ndarray of float, (R,)
        Probability that a region is wrong, told without its own review (`Feedback.held_out`); NaN counts as
        one half.
    area : ndarray of int, (R,)
        Pixels.
    reviewed : ndarray of bool, (R,)
        Which regions people have decided; these are right now.
    was_wrong : ndarray of bool, (R,)
        Of the reviewed ones, which the machine had wrong.
    next_rows : ndarray of int64, (K,)
        The regions that are reviewed next.

    Returns
    -------
    Forecast
        All NaN if there are no regions.
    """
    total = float(area.sum())
    if not total:
        nan = float("nan")
        return Forecast(0, nan, nan, nan, nan, nan, nan, stop=True, based_on=0)
    score = np.nan_to_num(wrong.astype(np.float64), nan=0.5)
    noise_bin = np.searchsorted(_NOISE_EDGES, score, side="right")
    sizes = np.quantile(area, np.arange(1, _AREA_PARTS) / _AREA_PARTS)
    cell = noise_bin * _AREA_PARTS + np.searchsorted(sizes, area, side="right")
    of_bin, bin_spread = _rates(noise_bin, len(_NOISE_EDGES) + 1, score, reviewed, was_wrong)
    n_cells = (len(_NOISE_EDGES) + 1) * _AREA_PARTS
    rate, spread = _rates(cell, n_cells, of_bin[noise_bin], reviewed, was_wrong)
    # how far a cell goes by its bin
    borrowed = _PRIOR_REGIONS / (_PRIOR_REGIONS + np.bincount(cell[reviewed], minlength=n_cells) / _ALIKE)

    def share_wrong(left: NDArray[np.bool_]) -> tuple[float, float]:
        pixels = np.where(left, area, 0).astype(np.float64)
        of_cell = np.bincount(cell, pixels, minlength=n_cells)
        chance = rate[cell]
        # an unknown rate is wrong for all regions of its bin or cell at once, the rest is each one's own luck
        variance = (
            ((of_cell * borrowed).reshape(-1, _AREA_PARTS).sum(axis=1) ** 2 * bin_spread).sum()
            + (of_cell**2 * spread).sum()
            + (pixels**2 * chance * (1.0 - chance)).sum()
        )
        return float(of_cell @ rate) / total, float(np.sqrt(variance)) / total

    left = ~reviewed
    later = left.copy()
    later[next_rows] = False
    (now, now_error), (after, after_error) = share_wrong(left), share_wrong(later)

    def interval(share: float, error: float) -> tuple[float, float, float]:
        low, high = share - _NORMAL_90 * error, share + _NORMAL_90 * error
        return 1.0 - share, max(0.0, 1.0 - high), min(1.0, 1.0 - low)

    return Forecast(
        int(np.count_nonzero(left) - np.count_nonzero(later)),
        *interval(now, now_error),
        *interval(after, after_error),
        stop=now - after < WORTH_GOING_ON,
        based_on=int(np.count_nonzero(reviewed)),
    )


def _rates(
    cell: NDArray[np.int64],
    n_cells: int,
    expected: NDArray[np.float64],
    reviewed: NDArray[np.bool_],
    was_wrong: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the rate of errors in each cell."""
    size = np.bincount(cell, minlength=n_cells)
    prior = np.bincount(cell, expected, minlength=n_cells) / np.maximum(size, 1)
    seen = np.bincount(cell[reviewed], minlength=n_cells) / _ALIKE
    found = np.bincount(cell[reviewed & was_wrong], minlength=n_cells) / _ALIKE
    count = _PRIOR_REGIONS + seen
    mean = (_PRIOR_REGIONS * prior + found) / count
    return mean, mean * (1.0 - mean) / (count + 1.0)
