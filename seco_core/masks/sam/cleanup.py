"""Filling small holes of masks and removing small islands, on the masks' own boxes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


def remove_small_parts(
    crop: NDArray[np.bool_], box: Box, shape: tuple[int, int], least_area: int
) -> tuple[NDArray[np.bool_], Box, bool]:
    """Fill holes and then remove islands of fewer pixels than an area.

    A hole is an 8-connected component of what is not mask, those at the image's border included. If all
    islands are small the largest stays. The result equals that of ``remove_small_regions`` of
    ``segment_anything`` on the mask of the whole image; only the surroundings of the mask are looked at.

    Parameters
    ----------
    crop : ndarray of bool, (h, w)
        The mask on its box.
    box : (int, int, int, int)
        x0, y0, x1, y1 with exclusive maximum.
    shape : (int, int)
        Height and width of the image.
    least_area : int
        Smaller parts go.

    Returns
    -------
    crop : ndarray of bool
        The mask on its new box.
    box : (int, int, int, int)
        All zero for an empty mask.
    changed : bool
        Whether any pixel did.
    """
    window = _window(box, shape, least_area)
    x0, y0, x1, y1 = window
    mask = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    mask[box[1] - y0 : box[3] - y0, box[0] - x0 : box[2] - x0] = crop
    # what reaches a side of the window inside the image goes on outside, where it is large enough
    outside = (y0 > 0, y1 < shape[0], x0 > 0, x1 < shape[1])
    small = _small_components(~mask, least_area, outside)
    changed = bool(small.any())
    mask |= small
    count, components, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keeps = statistics[:, cv2.CC_STAT_AREA] >= least_area
    keeps[0] = False
    if count > 1 and not keeps[1:].all():
        if not keeps.any():
            keeps[1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))] = True
        mask, changed = keeps[components], True
    if not changed:
        return crop, box, False
    return *_crop(mask, x0, y0), True


def _window(box: Box, shape: tuple[int, int], least_area: int) -> Box:
    """The box with a border of a pixel around it, or the image if little of it would be left outside."""
    height, width = shape
    # cv2 numbers components by blocks of 2 x 2 pixels; on even corners it numbers them as in the whole image,
    # which decides between islands of equal size
    x0, y0 = max(box[0] - 1, 0) // 2 * 2, max(box[1] - 1, 0) // 2 * 2
    x1, y1 = min(box[2] + 1, width), min(box[3] + 1, height)
    if x0 == 0 and x1 == width:
        outside = [y0 * width, (height - y1) * width]
    elif y0 == 0 and y1 == height:
        outside = [x0 * height, (width - x1) * height]
    else:
        outside = [height * width - (x1 - x0) * (y1 - y0)]
    if any(0 < area < least_area for area in outside):
        return 0, 0, width, height
    return x0, y0, x1, y1


def _small_components(
    mask: NDArray[np.bool_], least_area: int, outside: tuple[bool, bool, bool, bool]
) -> NDArray[np.bool_]:
    """Pixels of small components but for those that go on outside (above, below, left, right)."""
    count, components, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    small = statistics[:, cv2.CC_STAT_AREA] < least_area
    small[0] = False
    if count > 1:
        sides = (components[0], components[-1], components[:, 0], components[:, -1])
        for side, goes_on in zip(sides, outside, strict=True):
            if goes_on:
                small[side] = False
    found: NDArray[np.bool_] = small[components]
    return found


def _crop(mask: NDArray[np.bool_], x0: int, y0: int) -> tuple[NDArray[np.bool_], Box]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 0), dtype=bool), (0, 0, 0, 0)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return mask[top:bottom, left:right].copy(), (x0 + left, y0 + top, x0 + right, y0 + bottom)
