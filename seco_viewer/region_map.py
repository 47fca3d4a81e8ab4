"""The map of all regions: read and laid out in a thread, drawn as a picture. No window is needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.embedding import plane
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project

_LARGE_DOTS = 3_000
"""Up to so many regions a dot is 5 pixels wide, up to ten times as many 3, beyond that 1."""


def load_plane(path: Path, progress: ProgressCallback, cancel: CancelToken) -> NDArray[np.float32]:
    """Read every region's features and lay the regions out.

    Returns
    -------
    ndarray of float32, (R, 2)
        x, y in 0..1 of every region of the project; NaN for one without features.

    Raises
    ------
    Cancelled, ProjectError
        If it was stopped, or the project cannot be read.
    """
    with Project.open(path, readonly=True) as project:
        regions = project.regions()
        rows: list[NDArray[np.int64]] = []
        features: list[NDArray[np.float32]] = []
        for i, image_id in enumerate(np.unique(regions.image_id).tolist()):
            cancel.raise_if_cancelled()
            progress(ProgressEvent("features", i, len(project.images)))
            found, of_image = project.read_raster(image_id, "features"), regions.rows_of(image_id)
            # none, or of a run that is going on
            if found is None or len(found) != of_image.stop - of_image.start:
                continue
            if not features or found.shape[1] == features[0].shape[1]:
                rows.append(np.arange(of_image.start, of_image.stop))
                features.append(found)
        place = np.full((len(regions), 2), np.nan, dtype=np.float32)
        if not rows:
            return place
        known = np.concatenate(rows)
        links = project.graph(regions.id[known])
        cancel.raise_if_cancelled()
        place[known] = plane(np.concatenate(features), links)
        return place


def to_pixels(place: NDArray[np.float32], size: tuple[int, int], margin: int = 6) -> NDArray[np.int64]:
    """Pixel (x, y) of each place on a picture of a width and height; (-1, -1) for NaN; y grows upwards."""
    width, height = size
    span = np.array([max(1, width - 2 * margin - 1), max(1, height - 2 * margin - 1)])
    on_plane = np.column_stack([place[:, 0], 1 - place[:, 1]])
    known = ~np.isnan(place).any(axis=1)
    pixels = np.full((len(place), 2), -1, dtype=np.int64)
    pixels[known] = np.round(on_plane[known] * span).astype(np.int64) + margin
    return pixels


def draw_map(
    pixels: NDArray[np.int64], colors: NDArray[np.uint8], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A picture of dots: where several lie, their mean colour, the denser the more opaque.

    Parameters
    ----------
    pixels : ndarray of int64, (N, 2)
        x, y of each dot; below 0 for one that is not drawn.
    colors : ndarray of uint8, (N, 3)
        RGB of each dot.
    size : (int, int)
        Width and height of the picture.

    Returns
    -------
    ndarray of uint8, (height, width, 4)
        RGBA, not premultiplied.
    """
    width, height = size
    shown = (pixels >= 0).all(axis=1)
    x, y = pixels[shown].T
    n = len(x)
    reach = 2 if n <= _LARGE_DOTS else 1 if n <= 10 * _LARGE_DOTS else 0
    sums = np.zeros((4, height, width))
    flat = y * width + x
    weights = (None, *colors[shown].T.astype(np.float64))
    for channel, weight in enumerate(weights):
        sums[channel] = np.bincount(flat, weight, minlength=width * height).reshape(height, width)
    if reach:
        dot = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)).astype(np.float64)
        for channel in range(len(sums)):
            sums[channel] = cv2.filter2D(sums[channel], -1, dot, borderType=cv2.BORDER_CONSTANT)
    count = sums[0]
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[..., :3] = np.round(sums[1:] / np.maximum(count, 1)).clip(0, 255).transpose(1, 2, 0)
    densest = max(1.0, float(count.max()))
    picture[..., 3] = np.where(count > 0.5, 120 + 135 * np.log1p(count) / np.log1p(densest), 0)
    return picture


def inside(pixels: NDArray[np.int64], lasso: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    """Which dots a closed line encloses: their positions, ascending.

    Parameters
    ----------
    pixels : ndarray of int64, (N, 2)
        x, y of each dot.
    lasso : ndarray of int64, (M, 2)
        Corners of the line.
    size : (int, int)
        Width and height of the picture.
    """
    width, height = size
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [lasso.astype(np.int32)], 1)
    shown = np.flatnonzero((pixels >= 0).all(axis=1))
    x, y = pixels[shown].T
    return shown[mask[y, x] > 0]
