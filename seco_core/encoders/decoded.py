"""Decoded images, small and with their regions on a grid, as many as a limit of memory allows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.base import membership

LONG_SIDE = 384
"""Pixels along the longer side of an image that a network sees; larger images are shrunk to it."""

STRIDE = 4
"""Pixels of the shrunken image along one side of a cell."""

ReadImage = Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint16], int]]
"""Index of an image -> image (H, W, 3), region ids (H, W) and number of regions."""


@dataclass(frozen=True)
class Decoded:
    """One image as a network sees it.

    Attributes
    ----------
    pixels : ndarray of uint8, (STRIDE h, STRIDE w, 3)
        The shrunken image.
    region, cell : ndarray of int32, (K,)
        Regions of the image and cells of the (h, w) grid, numbered row by row, that share pixels.
    share : ndarray of float32, (K,)
        Share of the region in the cell.
    """

    pixels: NDArray[np.uint8]
    region: NDArray[np.int32]
    cell: NDArray[np.int32]
    share: NDArray[np.float32]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows h and columns w of cells."""
        return self.pixels.shape[0] // STRIDE, self.pixels.shape[1] // STRIDE

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(a.nbytes for a in (self.pixels, self.region, self.cell, self.share))


def decode(image: NDArray[np.uint8], region_ids: NDArray[np.uint16], n: int) -> Decoded:
    """Shrink an image and put its n regions on the grid.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB.
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = region i.
    n : int
        Number of regions.
    """
    scale = min(1.0, LONG_SIDE / max(region_ids.shape))
    rows, columns = (max(1, round(side * scale / STRIDE)) for side in region_ids.shape)
    pixels = cv2.resize(image, (columns * STRIDE, rows * STRIDE), interpolation=cv2.INTER_AREA)
    shares = membership(region_ids, n, (rows, columns)).tocoo()
    shares.sum_duplicates()
    return Decoded(
        pixels.astype(np.uint8, copy=False),
        shares.row.astype(np.int32),
        shares.col.astype(np.int32),
        shares.data.astype(np.float32),
    )


class DecodedImages:
    """Images by index, decoded when first asked for; those asked for longest ago go when it gets too much.

    Parameters
    ----------
    read : callable
        See `ReadImage`.
    limit : int
        Bytes that the images kept may take; the newest is always kept.
    """

    def __init__(self, read: ReadImage, limit: int = 512 * 2**20):
        self._read, self._limit = read, limit
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._bytes = 0

    def __getitem__(self, index: int) -> Decoded:
        """The image of an index."""
        found = self._kept.pop(index, None)
        if found is None:
            found = decode(*self._read(index))
            self._bytes += found.nbytes
        self._kept[index] = found
        while self._bytes > self._limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found
