"""The finest parts: a watershed of the smoothed image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

GRAIN = 10.0
"""Grey levels that pixels of one surface may differ by; larger differences are not smoothed over."""

DARK = 4.0
"""Lightness that is added wherever something is measured by it: below, there is little but noise."""

_LEVELS, _LEVELS_ZERO = (2.55, 2.0, 2.0), (0.0, 128.0, 128.0)  # Lab as the bytes that OpenCV floods


def smoothed_lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE Lab of an RGB image (H, W, 3), smoothed within its edges; float32, L in 0..100."""
    calm = cv2.bilateralFilter(np.ascontiguousarray(image).astype(np.float32), -1, GRAIN, 2.0)
    lab = cv2.cvtColor(calm / 255, cv2.COLOR_RGB2Lab)
    smooth: NDArray[np.float32] = cv2.GaussianBlur(lab, (0, 0), 0.6)
    return smooth


def gradient(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Change of the colour at every pixel of an image (H, W, 3), in its units for each pixel of distance."""
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1, scale=1 / 8)
    change: NDArray[np.float32] = np.sqrt((across * across + down * down).sum(axis=2))
    return change


def watershed_parts(lab: NDArray[np.float32], n_parts: int) -> NDArray[np.int32]:
    """Cut an image into about `n_parts` connected parts along its colour edges.

    Every cell of a regular grid has a marker where its gradient is lowest, so parts are of similar size; from
    there they grow over the smallest differences of colour.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    n_parts : int
        Parts wanted; there are at most as many as pixels.

    Returns
    -------
    ndarray of int32, (H, W)
        Part of each pixel, 1 to the number of parts.
    """
    height, width = lab.shape[:2]
    spacing = max(1.0, np.sqrt(height * width / n_parts))
    markers = _lowest_of_cells(gradient(lab), max(1, round(height / spacing)), max(1, round(width / spacing)))
    levels = np.clip(lab * _LEVELS + _LEVELS_ZERO, 0, 255).astype(np.uint8)
    # OpenCV gives the outermost pixels to no part
    framed = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.watershed(cv2.copyMakeBorder(levels, 1, 1, 1, 1, cv2.BORDER_REPLICATE), framed)
    return _fill_lines(framed[1:-1, 1:-1].copy(), lab)


def _fill_lines(parts: NDArray[np.int32], lab: NDArray[np.float32]) -> NDArray[np.int32]:
    """Let every pixel between parts (value below 1) join the 4-neighbour whose colour is closest."""
    height, width = parts.shape
    while len((line := np.nonzero(parts < 1))[0]):
        nearest = np.full(len(line[0]), np.inf, dtype=np.float32)
        joined = np.zeros(len(line[0]), dtype=np.int32)
        for down, across in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            beside = np.clip(line[0] + down, 0, height - 1), np.clip(line[1] + across, 0, width - 1)
            difference = ((lab[beside] - lab[line]) ** 2).sum(axis=1)
            closer = (parts[beside] > 0) & (difference < nearest)
            nearest[closer], joined[closer] = difference[closer], parts[beside][closer]
        parts[line] = joined
    return parts


def _lowest_of_cells(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.int32]:
    """Number from 1 on the first lowest pixel of every cell of a grid; 0 elsewhere."""
    height, width = values.shape
    cell_of_row, cell_of_column = np.arange(height) * rows // height, np.arange(width) * columns // width
    row_starts = np.searchsorted(cell_of_row, np.arange(rows))
    column_starts = np.searchsorted(cell_of_column, np.arange(columns))
    lowest = np.minimum.reduceat(np.minimum.reduceat(values, row_starts, axis=0), column_starts, axis=1)
    candidates = np.flatnonzero(values == lowest[cell_of_row][:, cell_of_column])
    cell = cell_of_row[candidates // width] * columns + cell_of_column[candidates % width]
    first = np.unique(cell, return_index=True)[1]
    markers = np.zeros(height * width, dtype=np.int32)
    markers[candidates[first]] = np.arange(1, len(first) + 1)
    return markers.reshape(height, width)
