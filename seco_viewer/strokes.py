"""What the mouse draws on the canvas, as pixels: pieces cut with a line, strokes of a brush, polygons.

Pure functions of arrays; places are (row, column) in pixels, pixel (r, c) covering r - 0.5 to r + 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_viewer.selection import EMPTY, Patch, Place

_REACH = 12.0
"""Pixels by which a cutting stroke that ends within the patch is drawn on: people stop short of borders."""
_LOOP = 0.3
"""A stroke whose ends are this much nearer to each other than it is long goes round something."""


def cut(patch: Patch, path: Sequence[Place]) -> list[Patch]:
    """The pieces into which a stroke cuts a patch, smallest first.

    The stroke is a line one pixel wide; its pixels join a piece beside them. A stroke whose both ends lie in
    the patch is closed if it goes round something, else drawn on a little at both ends. Parts of the patch
    that the stroke does not touch stay with the largest piece.

    Parameters
    ----------
    patch : Patch
        What is cut.
    path : sequence of (float, float)
        Row and column of the stroke's points.

    Returns
    -------
    list of Patch
        Together they are the patch, and no two share a pixel. One piece if the stroke does not cut it.
    """
    if not patch.mask.size or len(path) < 2:
        return [patch]
    x0, y0, _, _ = patch.box
    points = np.array(path, dtype=np.float64)
    ends_inside = [patch.holds((round(float(r)), round(float(c)))) for r, c in (points[0], points[-1])]
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    if all(ends_inside) and np.hypot(*(points[-1] - points[0])) < _LOOP * length:
        points = np.concatenate([points, points[:1]])
    else:
        points = _drawn_on(points, *ends_inside)
    line = np.zeros(patch.mask.shape, dtype=np.uint8)
    corners = np.rint(points - (y0, x0))[:, ::-1].astype(np.int32)
    # a line without diagonal steps keeps pixels apart that touch at a corner
    cv2.polylines(line, [corners], False, 1, lineType=cv2.LINE_4)
    on_line = (line > 0) & patch.mask
    n, parts = cv2.connectedComponents((patch.mask & ~on_line).astype(np.uint8), connectivity=8)
    beside = np.unique(parts[(cv2.dilate(on_line.astype(np.uint8), np.ones((3, 3))) > 0) & (parts > 0)])
    if len(beside) < 2:
        return [patch]
    sizes = np.bincount(parts.ravel(), minlength=n)[beside]
    beside = beside[np.argsort(sizes, kind="stable")]
    number = np.full(n, len(beside), dtype=np.uint16)
    number[beside] = np.arange(1, len(beside) + 1)
    number[0] = 0
    pieces = _filled(number[parts], on_line, len(beside))
    found = [Patch.of(pieces == i, (y0, x0)) for i in range(1, len(beside) + 1)]
    return sorted(found, key=lambda piece: piece.area)


def _drawn_on(points: NDArray[np.float64], first_inside: bool, last_inside: bool) -> NDArray[np.float64]:
    """The stroke with those ends that lie inside drawn on straight."""

    def onward(end: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = np.hypot(*(others - end).T)
        from_here = others[distance >= 3]
        if not len(from_here):
            return end
        step = end - from_here[0]
        return end + step / np.hypot(*step) * _REACH

    before = [onward(points[0], points[1:])] if first_inside else []
    after = [onward(points[-1], points[-2::-1])] if last_inside else []
    return np.array([*before, *points, *after])


def _filled(pieces: NDArray[np.uint16], line: NDArray[np.bool_], largest: int) -> NDArray[np.uint16]:
    """The pieces after the pixels of the line have joined one beside them."""
    waiting = line
    while waiting.any():
        joined = np.where(waiting, cv2.dilate(pieces, np.ones((3, 3))), pieces)
        if np.array_equal(joined, pieces):
            joined = np.where(waiting, np.uint16(largest), pieces)
        pieces, waiting = joined, waiting & (joined == 0)
    return pieces


def brushed(path: Sequence[Place], radius: float, shape: tuple[int, int]) -> Patch:
    """Pixels of an image (H, W) that a round brush of some radius covers on its way; one point is a dot."""
    points = np.array(path, dtype=np.float64)
    low = np.floor(points.min(axis=0) - radius - 1).astype(int)
    high = np.ceil(points.max(axis=0) + radius + 2).astype(int)
    y0, x0 = (int(v) for v in np.clip(low, 0, shape))
    y1, x1 = (int(v) for v in np.clip(high, 0, shape))
    if y0 >= y1 or x0 >= x1:
        return EMPTY
    pixel = np.stack(np.meshgrid(np.arange(y0, y1), np.arange(x0, x1), indexing="ij"), axis=-1)
    covered = np.zeros(pixel.shape[:2], dtype=bool)
    for start, stop in zip(points, np.concatenate([points[1:], points[-1:]]), strict=True):
        along = stop - start
        share = np.clip(((pixel - start) @ along) / max(float(along @ along), 1e-9), 0, 1)
        gap = pixel - start - share[..., None] * along
        covered |= (gap**2).sum(axis=-1) <= radius**2
    return Patch.of(covered, (y0, x0))


def filled_polygon(corners: Sequence[Place], shape: tuple[int, int]) -> Patch:
    """Pixels of an image (H, W) inside a polygon, its edge included; empty with less than three corners."""
    if len(corners) < 3:
        return EMPTY
    canvas = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(canvas, [np.rint(np.array(corners))[:, ::-1].astype(np.int32)], 1)
    return Patch.of(canvas > 0)
