"""Bicycles, motorcycles and who rides them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.example.geometry import Color, Face, Item, across, cutout, disc, ground, shade, vary
from seco_core.example.vehicles import LAMP, PAINT, RED, TYRE

RIDER, MOTORCYCLE, BICYCLE = 12, 17, 18


def bicycle(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A parked bicycle seen from the side."""
    color = vary(rng, PAINT[rng.integers(len(PAINT))])
    faces = []
    for at in (-0.52, 0.52):
        faces.append(Face(disc(x + at, 0.34, z, 0.36, 0.36), TYRE, BICYCLE))
        faces.append(Face(disc(x + at, 0.34, z, 0.30, 0.30), (0.30, 0.30, 0.31), BICYCLE))
        faces.append(Face(disc(x + at, 0.34, z, 0.05, 0.05), TYRE, BICYCLE))
    bars = (
        ((-0.52, 0.34), (-0.18, 0.80)), ((-0.52, 0.34), (-0.08, 0.30)), ((-0.18, 0.80), (-0.08, 0.30)),
        ((-0.18, 0.76), (0.38, 0.80)), ((-0.08, 0.30), (0.38, 0.76)), ((0.38, 0.95), (0.52, 0.34)),
        ((0.28, 1.0), (0.50, 0.98)), ((-0.32, 0.88), (-0.06, 0.88)), ((-0.18, 0.80), (-0.20, 0.9)),
    )  # fmt: skip
    for a, b in bars:
        faces.append(Face(cutout(_bar(a, b, 0.045), x, z), color, BICYCLE))
    return Item(faces, band, z, shadow=ground(x - 0.9, x + 0.9, z - 0.1, z + 0.35))


def _bar(a: tuple[float, float], b: tuple[float, float], thick: float) -> NDArray[np.float64]:
    start, end = np.array(a), np.array(b)
    across_bar = np.array([-(end - start)[1], (end - start)[0]])
    across_bar *= thick / 2 / np.linalg.norm(across_bar)
    return np.array([start - across_bar, end - across_bar, end + across_bar, start + across_bar])


def rider(
    rng: np.random.Generator, x: float, z: float, *, band: int, motor: bool, speed: float = 0.0
) -> Item:
    """Someone on a bicycle or motorcycle who rides ahead, seen from behind."""
    label = MOTORCYCLE if motor else BICYCLE
    color = vary(rng, PAINT[rng.integers(len(PAINT))])
    jacket = vary(rng, (PAINT[2], PAINT[3], PAINT[7], (0.85, 0.45, 0.10))[rng.integers(4)])
    skin = vary(rng, (0.72, 0.52, 0.42), 0.1)
    trousers: Color = (0.12, 0.13, 0.19)
    tyre = 0.09 if motor else 0.045
    faces = [
        Face(disc(x, 0.36, z + 0.3, tyre, 0.36), TYRE, label),
        Face(across(x - 0.34, x + 0.34, 1.0, 1.06, z + 0.25), TYRE, label),
    ]
    if motor:
        faces.append(Face(disc(x, 0.72, z + 0.2, 0.24, 0.34), color, label))
        faces.append(Face(across(x - 0.1, x + 0.1, 0.72, 0.82, z), RED, label, glow=0.6))
        faces.append(Face(across(x + 0.14, x + 0.26, 0.3, 0.5, z), (0.5, 0.5, 0.5), label))
    else:
        faces.append(Face(across(x - 0.03, x + 0.03, 0.5, 0.95, z + 0.1), color, label))
    for sign in (-1, 1):
        foot = 0.25 if sign > 0 else 0.42
        leg = [(sign * 0.06, 0.98), (sign * 0.2, 0.95), (sign * 0.19, foot), (sign * 0.1, foot)]
        arm = [(sign * 0.17, 1.42), (sign * 0.25, 1.38), (sign * 0.36, 1.05), (sign * 0.28, 1.04)]
        faces.append(Face(cutout(leg, x, z), trousers, RIDER))
        faces.append(Face(cutout(arm, x, z), shade(jacket, 0.8), RIDER))
    torso = [(-0.16, 0.92), (0.16, 0.92), (0.23, 1.40), (0.13, 1.50), (-0.13, 1.50), (-0.23, 1.40)]
    faces.append(Face(cutout(torso, x, z), jacket, RIDER))
    faces.append(Face(disc(x, 1.63, z, 0.10, 0.13), skin, RIDER))
    faces.append(Face(disc(x, 1.68, z, 0.13, 0.13), color if motor else vary(rng, (0.2, 0.2, 0.2)), RIDER))
    return Item(faces, band, z, speed, ground(x - 0.35, x + 0.3, z - 0.2, z + 1.2))


def parked_motorcycle(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A motorcycle on its stand, seen from the side."""
    color = vary(rng, PAINT[rng.integers(len(PAINT))])
    faces = []
    for at in (-0.65, 0.65):
        faces.append(Face(disc(x + at, 0.32, z, 0.33, 0.33), TYRE, MOTORCYCLE))
        faces.append(Face(disc(x + at, 0.32, z, 0.16, 0.16), (0.4, 0.4, 0.42), MOTORCYCLE))
    body = [
        (-0.75, 0.62),
        (-0.8, 0.85),
        (-0.1, 0.80),
        (0.1, 0.98),
        (0.42, 0.95),
        (0.5, 0.6),
        (0.3, 0.3),
        (-0.3, 0.28),
    ]
    faces += [
        Face(cutout(body, x, z), color, MOTORCYCLE),
        Face(
            cutout([(-0.3, 0.28), (0.3, 0.3), (0.25, 0.6), (-0.25, 0.6)], x, z),
            (0.25, 0.25, 0.27),
            MOTORCYCLE,
        ),
        Face(cutout([(-0.78, 0.82), (-0.1, 0.78), (-0.1, 0.9), (-0.75, 0.92)], x, z), TYRE, MOTORCYCLE),
        Face(cutout(_bar((0.38, 1.1), (0.66, 0.32), 0.07), x, z), (0.3, 0.3, 0.3), MOTORCYCLE),
        Face(disc(x + 0.5, 0.92, z, 0.1, 0.1), LAMP, MOTORCYCLE),
    ]
    return Item(faces, band, z, shadow=ground(x - 1.0, x + 1.0, z - 0.1, z + 0.4))
