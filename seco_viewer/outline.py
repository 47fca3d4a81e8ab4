"""Borders: of one mask as line segments along its pixels' edges, of many as a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet


def outline(mask: NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """Border of a mask, holes included, as few straight segments as possible.

    Parameters
    ----------
    mask : ndarray of bool, (h, w)
        The mask.
    origin : (int, int)
        Row and column of the mask's first pixel. Pixel (r, c) covers r - 0.5 to r + 0.5.

    Returns
    -------
    ndarray of float32, (N, 2, 2)
        Start and direction of each segment, (row, column): the form of napari's vectors.

    Examples
    --------
    >>> outline(np.array([[True, True]])).tolist()[0]
    [[-0.5, -0.5], [0.0, 2.0]]
    """
    padded = np.pad(mask, 1)
    level = _runs(padded[:-1] != padded[1:])
    upright = _runs((padded[:, :-1] != padded[:, 1:]).T)[:, :, ::-1]
    segments = np.concatenate([level, upright])
    segments[:, 0] += np.array(origin, dtype=np.float32)
    return segments


def border_counts(masks: MaskSet) -> NDArray[np.uint16]:
    """How many masks have their border at each pixel; the edge of the image is none.

    Parameters
    ----------
    masks : MaskSet
        Any number, overlapping or not.

    Returns
    -------
    ndarray of uint16, (H, W)
        A pixel counts for a mask that holds it but not all of its four neighbours on the image.

    Examples
    --------
    >>> mask = MaskSet((2, 4), np.array([[0, 0, 3, 2]], dtype=np.int32), (np.ones((2, 3), dtype=bool),))
    >>> border_counts(mask).tolist()
    [[0, 0, 1, 0], [0, 0, 1, 0]]
    """
    height, width = masks.shape
    counts = np.zeros(masks.shape, dtype=np.uint16)
    for (x0, y0, x1, y1), crop in zip(masks.boxes.tolist(), masks.crops, strict=True):
        around = np.pad(crop, 1)
        # beyond the image it goes on as it is within
        if y0 == 0:
            around[0] = around[1]
        if y1 == height:
            around[-1] = around[-2]
        if x0 == 0:
            around[:, 0] = around[:, 1]
        if x1 == width:
            around[:, -1] = around[:, -2]
        inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
        counts[y0:y1, x0:x1] += crop & ~inner
    return counts


def region_borders(region_ids: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """1 where a pixel's region is not that of all of its four neighbours, 0 elsewhere and where no region is.

    Examples
    --------
    >>> region_borders(np.array([[1, 1, 1, 2, 0]], dtype=np.uint16)).tolist()
    [[0, 0, 1, 1, 0]]
    """
    border = np.zeros(region_ids.shape, dtype=bool)
    for here, beside in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = region_ids[here] != region_ids[beside]
        border[here] |= differs
        border[beside] |= differs
    return (border & (region_ids > 0)).astype(np.uint8)


def _runs(edge: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Runs along the rows: row r is the line between pixel rows r - 1 and r; columns are padded by one."""
    change = np.diff(np.pad(edge, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    start, stop = np.argwhere(change == 1), np.argwhere(change == -1)
    segments = np.zeros((len(start), 2, 2), dtype=np.float32)
    segments[:, 0, 0] = start[:, 0] - 0.5
    segments[:, 0, 1] = start[:, 1] - 1.5
    segments[:, 1, 1] = stop[:, 1] - start[:, 1]
    return segments
