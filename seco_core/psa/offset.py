"""Growing a convex polygon with round joins in whole coordinates, as Clipper 6 (pyclipper) does it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_ARC_TOLERANCE = 0.25


def grow_convex(corners: NDArray[np.int64], distance: float) -> NDArray[np.int64]:
    """Corners of a convex polygon moved outwards by a distance.

    Parameters
    ----------
    corners : ndarray of int, (K, 2)
        x, y in order, clockwise or not. Repeated corners are dropped.
    distance : float
        In pixels, not negative.

    Returns
    -------
    ndarray of int64, (L, 2)
        The arcs' points at all corners, rounded half away from zero. The corners themselves if fewer than
        three are different or the distance is 0.

    Examples
    --------
    >>> grown = grow_convex(np.array([[0, 0], [10, 0], [10, 10], [0, 10]]), 2.0)
    >>> grown.min(axis=0).tolist(), grown.max(axis=0).tolist()
    ([-2, -2], [12, 12])
    """
    points = [p for i, p in enumerate(corners.tolist()) if p != corners[i - 1].tolist()]
    if len(points) < 3 or distance < 1e-20:
        return np.asarray(corners, dtype=np.int64)
    shoelace = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
    if shoelace < 0:
        points.reverse()

    tolerance = min(_ARC_TOLERANCE, distance * _ARC_TOLERANCE)
    steps = min(math.pi / math.acos(1 - tolerance / distance), distance * math.pi)
    turn_sin, turn_cos = math.sin(2 * math.pi / steps), math.cos(2 * math.pi / steps)
    normals = [_normal(a, b) for a, b in zip(points, points[1:] + points[:1], strict=True)]
    grown: list[tuple[int, int]] = []
    for i, point in enumerate(points):
        before, after = normals[i - 1], normals[i]
        sine = before[0] * after[1] - after[0] * before[1]
        cosine = before[0] * after[0] + before[1] * after[1]
        direction = before
        if abs(sine * distance) < 1 and cosine > 0:
            grown.append(_moved(point, before, distance))
            continue
        angle = abs(math.atan2(min(max(sine, -1.0), 1.0), cosine))
        for _ in range(max(int(steps / (2 * math.pi) * angle + 0.5), 1)):
            grown.append(_moved(point, direction, distance))
            x, y = direction
            direction = (x * turn_cos - turn_sin * y, x * turn_sin + y * turn_cos)
        grown.append(_moved(point, after, distance))
    return np.array(grown, dtype=np.int64)


def _normal(a: list[int], b: list[int]) -> tuple[float, float]:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    return dy / length, -dx / length


def _moved(point: list[int], direction: tuple[float, float], distance: float) -> tuple[int, int]:
    x, y = point[0] + direction[0] * distance, point[1] + direction[1] * distance
    return _round(x), _round(y)


def _round(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)
