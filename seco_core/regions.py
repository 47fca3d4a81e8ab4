"""Regions of a class map: components, statistics, class votes, adjacency, run-length encoding.

A region (the papers say "connectivity") is one 8-connected component of one class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_REGIONS = 65535
"""Most regions that one image can have: region id maps are uint16."""


@dataclass(frozen=True)
class RegionTable:
    """The regions of one image, row i belonging to id i + 1 of its region id map.

    Rows are in raster order of each region's first pixel.

    Attributes
    ----------
    class_id : ndarray of uint8, (N,)
        Class of the region.
    area : ndarray of int64, (N,)
        Pixels.
    box : ndarray of int32, (N, 4)
        x0, y0, x1, y1 in pixels, x1 and y1 exclusive.
    centroid : ndarray of float32, (N, 2)
        Row and column of the mean pixel.
    """

    class_id: NDArray[np.uint8]
    area: NDArray[np.int64]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.area)
