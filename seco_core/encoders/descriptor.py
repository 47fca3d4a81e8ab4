"""The encoder without weights: colour, texture, shape, place and surroundings of each region."""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.base import membership
from seco_core.encoders.histograms import histograms
from seco_core.encoders.shapes import geometry
from seco_core.regions import RegionTable

_LONG_SIDE = 768
_VERSION = 2

_LAB = slice(0, 3)
_DOG_SIGMAS = (0.7, 1.4, 2.8, 5.6)
_SURROUNDINGS = (0, 1, 2, 3, 10, 11, 12, 13)


class DescriptorEncoder:
    """Describes regions by hand-made features; needs no weights and no training.

    Dense maps (Lab, gradient energy by orientation at two scales, chroma gradient, three differences of
    Gaussians, local contrast) are computed on the image at a long side of at most 768 pixels and pooled under
    each region:

    - mean and standard deviation of each map,
    - the mean again in units of the image's own mean and spread, so that day and dusk compare,
    - histograms of colour and of local patterns,
    - geometry: place, size and form,
    - surroundings: the ring between the region and its enlarged box, and the bands above and below its box,
      all as differences to the region in units of the image's spread.

    The class of a region is not among them, nor is anything of other images.
    """

    name = "descriptor"
    concurrent = True

    @property
    def signature(self) -> dict[str, Any]:
        """The encoder's name and version."""
        return {"encoder": self.name, "version": _VERSION, "long_side": _LONG_SIDE}

    def encode(
        self, image: NDArray[np.uint8], region_ids: NDArray[np.uint16], table: RegionTable
    ) -> NDArray[np.float32]:
        """Vectors of the regions, float32 (N, 172); see `RegionEncoder.encode`."""
        n = len(table)
        scale = min(1.0, _LONG_SIDE / max(image.shape[:2]))
        rows, columns = (max(1, round(side * scale)) for side in image.shape[:2])
        if scale < 1.0:
            image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
        maps = dense_maps(lab)
        flat = maps.reshape(rows * columns, -1).astype(np.float64)
        centre = flat.mean(axis=0)
        flat -= centre
        square = np.square(flat)
        spread = np.maximum(np.sqrt(square.mean(axis=0)), 1e-3)

        shares = membership(region_ids, n, (rows, columns))
        mean = shares @ flat
        deviation = np.sqrt(np.maximum(shares @ square - np.square(mean), 0.0))
        around = _surroundings(flat.reshape(maps.shape), region_ids.shape, table, mean, spread)
        often = histograms(lab, shares)
        form = geometry(region_ids, table)
        return np.hstack([mean + centre, deviation, mean / spread, often, form, around]).astype(np.float32)


def dense_maps(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour and texture at each pixel.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        The image in CIE Lab.

    Returns
    -------
    ndarray of float32, (H, W, 14)
        Lab; at sigma 1 and 3 the lightness gradient's magnitude and its cosine and sine of twice the
        orientation; magnitude of the chroma gradient; amplitude of three differences of Gaussians; standard
        deviation of lightness in a window of 9 x 9 pixels.
    """
    lightness = np.ascontiguousarray(lab[:, :, 0])
    maps: list[Any] = [lab]
    for sigma in (1.0, 3.0):
        maps += _oriented_gradient(_blur(lightness, sigma))
    chroma = _blur(lab[:, :, 1:], 1.0)
    gradients = [cv2.Sobel(chroma, cv2.CV_32F, dx, 1 - dx, scale=0.25) for dx in (0, 1)]
    maps.append(np.sqrt(sum(np.square(g).sum(axis=2) for g in gradients)))
    blurred = [_blur(lightness, sigma) for sigma in _DOG_SIGMAS]
    maps += [np.abs(fine - coarse) for fine, coarse in itertools.pairwise(blurred)]
    mean = cv2.blur(lightness, (9, 9), borderType=cv2.BORDER_REPLICATE)
    mean_square = cv2.blur(np.square(lightness), (9, 9), borderType=cv2.BORDER_REPLICATE)
    maps.append(np.sqrt(np.maximum(mean_square - np.square(mean), 0.0)))
    return np.dstack(maps).astype(np.float32)


def _blur(values: Any, sigma: float) -> Any:
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def _oriented_gradient(lightness: Any) -> list[Any]:
    dx = cv2.Sobel(lightness, cv2.CV_32F, 1, 0, scale=0.25)
    dy = cv2.Sobel(lightness, cv2.CV_32F, 0, 1, scale=0.25)
    magnitude = np.sqrt(dx * dx + dy * dy)
    safe = np.maximum(magnitude, 1e-6)
    return [magnitude, (dx * dx - dy * dy) / safe, 2.0 * dx * dy / safe]


def _surroundings(
    maps: NDArray[np.float64],
    shape: tuple[int, ...],
    table: RegionTable,
    own: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Means of the ring, the band above and the band below each region, less the region's own mean.

    In units of `spread`. Zero where there is no such place, as below a region that reaches the image's lower
    border.
    """
    rows, columns = maps.shape[:2]
    to_grid = np.array([columns / shape[1], rows / shape[0]] * 2)
    box = table.box * to_grid
    own_cells = table.area * to_grid[0] * to_grid[1]
    sides = box[:, 2:] - box[:, :2]
    margin = 0.5 * sides + 4.0
    ring = np.hstack([box[:, :2] - margin, box[:, 2:] + margin])
    above, below = box.copy(), box.copy()
    above[:, 1], above[:, 3] = box[:, 1] - margin[:, 1], box[:, 1]
    below[:, 1], below[:, 3] = box[:, 3], box[:, 3] + margin[:, 1]

    chosen = list(_SURROUNDINGS)
    integral = np.zeros((rows + 1, columns + 1, len(chosen)))
    np.cumsum(maps[:, :, chosen], axis=0, out=integral[1:, 1:])
    np.cumsum(integral[1:, 1:], axis=1, out=integral[1:, 1:])
    own, spread = own[:, chosen], spread[chosen]
    ring_sum, ring_cells = _box_sums(integral, ring)
    around = [_mean_difference(ring_sum - own * own_cells[:, None], ring_cells - own_cells, own) / spread]
    for band in (above, below):
        band_sum, band_cells = _box_sums(integral[:, :, _LAB], band)
        around.append(_mean_difference(band_sum, band_cells, own[:, _LAB]) / spread[_LAB])
    return np.hstack(around)


def _box_sums(
    integral: NDArray[np.float64], boxes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over boxes rounded to whole cells and clipped to the grid, and the number of cells in each."""
    limits = np.array([integral.shape[1], integral.shape[0]] * 2) - 1
    x0, y0, x1, y1 = np.clip(np.rint(boxes), 0, limits).astype(np.int64).T
    sums = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return sums, ((x1 - x0) * (y1 - y0)).astype(np.float64)


def _mean_difference(
    sums: NDArray[np.float64], cells: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64]:
    there = cells >= 1.0
    mean = sums / np.where(there, cells, 1.0)[:, None]
    return np.where(there[:, None], mean - own, 0.0)
