"""Flat faces in a world of metres, and the camera that sees them.

World axes: x to the right, y up, z along the road; the ground is y = 0. Everything in a scene is a flat
polygon, so one over the depth is an affine function of row and column on each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seco_core.example.materials import Material

Color = tuple[float, float, float]
"""Red, green and blue reflectance, 0..1."""

NEAR = 0.8
"""Metres in front of the camera where faces are cut off."""


class Face(NamedTuple):
    """A flat polygon of one class.

    Attributes
    ----------
    points : ndarray of float64, (K, 3)
        Corners in metres.
    color : Color
        Reflectance.
    label : int
        Class id.
    material : Material
        Its texture.
    glow : float
        Share of light that it gives by itself after dark, 0..1.
    outward : (float, float, float), optional
        A direction on the side from which it can be seen; without one both sides can.
    """

    points: NDArray[np.float64]
    color: Color
    label: int
    material: Material = Material.PLAIN
    glow: float = 0.0
    outward: tuple[float, float, float] | None = None


@dataclass
class Item:
    """One thing of the world, or one piece of its stuff: faces painted in order.

    Attributes
    ----------
    faces : list of Face
        Later faces cover earlier ones.
    band : int
        How far from the camera's lane it stands; what is in a lower band covers what is in a higher one.
    z : float
        Near end in metres; within a band the nearer covers the farther.
    speed : float
        Metres per frame along z.
    shadow : ndarray of float64, (K, 3), optional
        Polygon on the ground that its shadow covers.
    """

    faces: list[Face]
    band: int
    z: float
    speed: float = 0.0
    shadow: NDArray[np.float64] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the road.

    Attributes
    ----------
    focal : float
        Focal length in pixels.
    row, column : float
        Principal point in pixels; the horizon is at ``row``.
    position : (float, float, float)
        World position in metres.
    yaw : float
        Angle to the right of the z axis in radians.
    """

    focal: float
    row: float
    column: float
    position: tuple[float, float, float]
    yaw: float

    def look(self, points: ArrayLike) -> NDArray[np.float64]:
        """World points (..., 3) in camera axes: right, up, ahead."""
        return self.turn(np.asarray(points, dtype=np.float64) - self.position)

    def turn(self, vectors: ArrayLike) -> NDArray[np.float64]:
        """World directions (..., 3) in camera axes."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.asarray(vectors) @ np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])

    def project(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """Column and row (K, 2) of points (K, 3) in camera axes, all of them ahead."""
        return np.array((self.column, self.row)) + seen[:, :2] * (self.focal, -self.focal) / seen[:, 2:]

    def rays(
        self, rows: NDArray[np.float32], columns: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], ...]:
        """Right and up components of the viewing rays whose ahead component is 1."""
        right = (columns - np.float32(self.column)) / np.float32(self.focal)
        up = (np.float32(self.row) - rows) / np.float32(self.focal)
        return right, up


def clip_near(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut a polygon (K, 3) in camera axes off at `NEAR`; fewer than three points if nothing is left."""
    ahead = seen[:, 2] >= NEAR
    if ahead.all():
        return seen
    if not ahead.any():
        return seen[:0]
    kept: list[NDArray[np.float64]] = []
    for i in range(len(seen)):
        a, b = seen[i - 1], seen[i]
        if ahead[i - 1] != ahead[i]:
            kept.append(a + (b - a) * ((NEAR - a[2]) / (b[2] - a[2])))
        if ahead[i]:
            kept.append(b)
    return np.array(kept)


def ground(x0: float, x1: float, z0: float, z1: float, y: float = 0.0) -> NDArray[np.float64]:
    """Corners of a level rectangle."""
    return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])


def strip(x0: float, x1: float, z0: float, z1: float) -> NDArray[np.float64]:
    """Corners of a level rectangle on the ground, its sides in any order."""
    return ground(min(x0, x1), max(x0, x1), z0, z1)


def across(x0: float, x1: float, y0: float, y1: float, z: float) -> NDArray[np.float64]:
    """Corners of an upright rectangle across the road."""
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])


def along(x: float, y0: float, y1: float, z0: float, z1: float) -> NDArray[np.float64]:
    """Corners of an upright rectangle along the road."""
    return np.array([[x, y0, z0], [x, y0, z1], [x, y1, z1], [x, y1, z0]])


def cutout(outline: ArrayLike, x: float, z: float, scale: float = 1.0, y: float = 0.0) -> NDArray[np.float64]:
    """Corners of a flat outline of (x, y) pairs that stands across the road at x, z."""
    flat = np.asarray(outline, dtype=np.float64) * scale
    return np.column_stack((x + flat[:, 0], y + flat[:, 1], np.full(len(flat), z)))


def disc(x: float, y: float, z: float, rx: float, ry: float, corners: int = 12) -> NDArray[np.float64]:
    """Corners of an upright ellipse across the road."""
    t = np.arange(corners) * (2 * np.pi / corners) + np.pi / corners
    return np.column_stack((x + rx * np.cos(t), y + ry * np.sin(t), np.full(corners, z)))


def wheel(x: float, y: float, z: float, radius: float, corners: int = 12) -> NDArray[np.float64]:
    """Corners of an upright disc along the road."""
    t = np.arange(corners) * (2 * np.pi / corners)
    return np.column_stack((np.full(corners, x), y + radius * np.sin(t), z + radius * np.cos(t)))


def block(
    x0: float,
    x1: float,
    y0: float,
    y1: float,
    z0: float,
    z1: float,
    color: Color,
    label: int,
    material: Material = Material.PLAIN,
) -> list[Face]:
    """The faces of a box that can be seen from the camera's lane at x = 0."""
    faces = []
    if x0 > 0 or x1 < 0:
        faces.append(Face(along(x0 if x0 > 0 else x1, y0, y1, z0, z1), color, label, material))
    faces.append(Face(ground(x0, x1, z0, z1, y1), color, label, material, outward=(0.0, 1.0, 0.0)))
    faces.append(Face(across(x0, x1, y0, y1, z0), color, label, material))
    return faces


def shade(color: Color, factor: float) -> Color:
    """A lighter or darker version of a colour."""
    r, g, b = color
    return (min(r * factor, 1.0), min(g * factor, 1.0), min(b * factor, 1.0))


def vary(rng: np.random.Generator, color: Color, amount: float = 0.06) -> Color:
    """A colour near another one."""
    light = 1.0 + rng.normal(0.0, amount)
    r, g, b = (min(max(v * light + rng.normal(0.0, amount / 3), 0.01), 1.0) for v in color)
    return (r, g, b)
