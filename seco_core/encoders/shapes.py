"""Where regions lie and what form they have."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.regions import RegionTable


def geometry(region_ids: NDArray[np.uint16], table: RegionTable) -> NDArray[np.float64]:
    """Place, size and form of each region, in shares of the image: nothing depends on its resolution.

    Parameters
    ----------
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = row i of the table.
    table : RegionTable
        The N regions.

    Returns
    -------
    ndarray of float64, (N, 20)
        Box, centroid, log area, extent, log aspect ratio, compactness, which sides of the image are touched
        at the upper left and the lower right; then those of `form`.
    """
    height, width = region_ids.shape
    box = table.box.astype(np.float64)
    sides = np.maximum(box[:, 2:] - box[:, :2], 1.0)
    area = np.maximum(table.area.astype(np.float64), 1.0)
    perimeter = np.maximum(border_lengths(region_ids, len(table)), 1.0)
    return np.column_stack(
        [
            box / (width, height, width, height),
            table.centroid / (height, width),
            np.log(area / (height * width)),
            area / sides.prod(axis=1),
            np.log(sides[:, 1] / sides[:, 0]),
            np.log(np.square(perimeter) / area),
            (box[:, :2] == 0) | (box[:, 2:] == (width, height)),
            form(region_ids, len(table)),
        ]
    )


def form(region_ids: NDArray[np.uint16], n: int) -> NDArray[np.float64]:
    """What the ellipse of the same moments and the distances to the border say of each region.

    Parameters
    ----------
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = region i.
    n : int
        Number of regions N.

    Returns
    -------
    ndarray of float64, (N, 8)
        Logs of a quarter of the long and the short axis; how much wider than high, and how far falling to the
        right, it lies (both -1..1); its area in that of the ellipse (1 if it is one); logs of the largest and
        the mean distance to the border; distance from the image's middle column. Lengths are in shares of the
        root of the image's area.
    """
    height, width = region_ids.shape
    inside = region_ids > 0
    region = region_ids[inside].astype(np.int64) - 1
    row, column = (found.astype(np.float64) for found in np.nonzero(inside))
    area = np.maximum(np.bincount(region, minlength=n), 1)

    def mean(values: NDArray[np.floating]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.bincount(region, values, minlength=n) / area
        return found

    middle = mean(column)
    y, x = row - mean(row)[region], column - middle[region]
    # a pixel is a square, not a point
    high, wide, slant = mean(y * y) + 1 / 12, mean(x * x) + 1 / 12, mean(x * y)
    half, apart = (high + wide) / 2, np.hypot((wide - high) / 2, slant)
    long, short = half + apart, half - apart
    distance = _border_distance(region_ids)[inside]
    # uint16 is sorted in linear time; maximum.at is ten times slower
    order = np.argsort(region_ids[inside], kind="stable")
    present, first = np.unique(region[order], return_index=True)
    deepest = np.zeros(n)
    deepest[present] = np.maximum.reduceat(distance[order], first) if len(present) else 0.0
    size = np.sqrt(height * width)
    return np.column_stack(
        [
            np.log(np.sqrt(long) / size),
            np.log(np.sqrt(short) / size),
            (wide - high) / (wide + high),
            2 * slant / (wide + high),
            area / (4 * np.pi * np.sqrt(long * short)),
            np.log((deepest + 1.0) / size),
            np.log((mean(distance) + 1.0) / size),
            np.abs((middle + 0.5) / width - 0.5),
        ]
    )


def border_lengths(region_ids: NDArray[np.uint16], n: int) -> NDArray[np.float64]:
    """Perimeter of each region: pixel edges to anything that is not the region, image border included.

    Examples
    --------
    >>> border_lengths(np.array([[1, 1], [0, 2]], dtype=np.uint16), 2).tolist()
    [6.0, 4.0]
    """
    padded = np.pad(region_ids, 1)
    lengths = np.zeros(n + 1)
    for first, second in ((padded[:, :-1], padded[:, 1:]), (padded[:-1], padded[1:])):
        differs = first != second
        lengths += np.bincount(first[differs], minlength=n + 1)
        lengths += np.bincount(second[differs], minlength=n + 1)
    return lengths[1:]


def _border_distance(region_ids: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Pixels from each pixel to the next one at a border of regions or of the image."""
    padded = np.pad(region_ids, 1)
    within = np.ones(padded.shape, dtype=np.uint8)
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differs = padded[first] != padded[second]
        within[first][differs] = 0
        within[second][differs] = 0
    distance: NDArray[np.float32] = cv2.distanceTransform(within, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return distance
