"""Small pictures of regions: the crop around each with its border drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_CONTEXT = 0.5
"""How much of the region's size is shown on every side of it."""
_LEAST_SIDE = 48


def thumbnail(
    image: NDArray[np.uint8],
    region_ids: NDArray[np.uint16],
    region: int,
    box: tuple[int, int, int, int],
    width: int = 180,
) -> NDArray[np.uint8]:
    """A square crop around a region with its border in yellow on black.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB.
    region_ids : ndarray of uint16, (H, W)
        The image's region id map.
    region : int
        Id of the region in it.
    box : (int, int, int, int)
        x0, y0, x1, y1 of the region, maximum exclusive.
    width : int
        Side of the result in pixels.

    Returns
    -------
    ndarray of uint8, (width, width, 3)
        What lies outside the image is grey.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    x0, y0, x1, y1 = box
    side = max(int(max(x1 - x0, y1 - y0) * (1 + 2 * _CONTEXT)), _LEAST_SIDE)
    left, top = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
    height, full_width = region_ids.shape
    inside = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, full_width))
    there = (
        slice(inside[0].start - top, inside[0].stop - top),
        slice(inside[1].start - left, inside[1].stop - left),
    )
    crop = np.full((side, side, 3), 90, dtype=np.uint8)
    mask = np.zeros((side, side), dtype=np.uint8)
    crop[there] = image[inside]
    mask[there] = 255 * (region_ids[inside] == region)
    size = (width, width)
    scaled = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.LANCZOS)).copy()
    shape = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) > 0
    line = shape & ~binary_erosion(shape, iterations=2, border_value=1)
    scaled[binary_dilation(shape, iterations=2) & ~shape] = 0
    scaled[line] = (255, 225, 0)
    return scaled
