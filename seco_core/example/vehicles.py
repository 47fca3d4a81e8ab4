"""Cars, vans, buses and trucks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seco_core.example.geometry import Color, Face, Item, across, along, ground, shade, vary, wheel

CAR, TRUCK, BUS = 13, 14, 15

PAINT: tuple[Color, ...] = (
    (0.72, 0.73, 0.75), (0.10, 0.11, 0.13), (0.60, 0.10, 0.10), (0.14, 0.24, 0.50), (0.84, 0.84, 0.83),
    (0.36, 0.38, 0.41), (0.16, 0.34, 0.28), (0.78, 0.62, 0.18), (0.45, 0.56, 0.66),
)  # fmt: skip
GLASS: Color = (0.09, 0.11, 0.14)
TYRE: Color = (0.045, 0.045, 0.05)
RED: Color = (0.70, 0.05, 0.04)
LAMP: Color = (0.95, 0.93, 0.82)

# length and width in metres, then side views from the rear bumper (0) to the front one (1) and from the
# ground up in metres; the part above the belt line is glass and narrower
_SHAPES: dict[str, tuple[float, float, Sequence[tuple[float, float]], Sequence[tuple[float, float]]]] = {
    "hatchback": (
        4.0, 1.75,
        ((0.0, 0.28), (0.0, 0.62), (0.02, 0.95), (0.70, 0.97), (0.97, 0.78), (1.0, 0.60), (1.0, 0.28)),
        ((0.03, 0.95), (0.12, 1.45), (0.48, 1.48), (0.70, 0.97)),
    ),
    "sedan": (
        4.6, 1.8,
        (
            (0.0, 0.28), (0.0, 0.70), (0.02, 0.97), (0.18, 1.0),
            (0.72, 0.97), (0.97, 0.78), (1.0, 0.6), (1.0, 0.28),
        ),
        ((0.16, 1.0), (0.29, 1.42), (0.55, 1.44), (0.72, 0.97)),
    ),
    "estate": (
        4.7, 1.85,
        ((0.0, 0.32), (0.0, 0.72), (0.01, 1.08), (0.72, 1.05), (0.97, 0.92), (1.0, 0.66), (1.0, 0.32)),
        ((0.02, 1.08), (0.07, 1.64), (0.55, 1.68), (0.72, 1.05)),
    ),
    "van": (
        5.0, 1.95,
        ((0.0, 0.34), (0.0, 0.80), (0.0, 1.20), (0.82, 1.18), (0.98, 0.98), (1.0, 0.70), (1.0, 0.34)),
        ((0.0, 1.20), (0.02, 2.05), (0.62, 2.08), (0.82, 1.18)),
    ),
}  # fmt: skip


def _shadow(x0: float, x1: float, z0: float, z1: float) -> NDArray[np.float64]:
    return ground(x0 - 0.35, x1 + 0.25, z0 - 0.3, z1 + 0.3)


def car(
    rng: np.random.Generator,
    x: float,
    z: float,
    *,
    oncoming: bool,
    band: int,
    glow: float,
    speed: float = 0.0,
) -> Item:
    """A car with its near end at ``z`` and its middle at ``x``; oncoming ones are seen from the front."""
    names = sorted(_SHAPES)
    length, width, body, cabin = _SHAPES[names[rng.choice(len(names), p=(0.25, 0.3, 0.33, 0.12))]]
    color = vary(rng, PAINT[rng.integers(len(PAINT))], 0.05)

    def place(outline: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        points = np.array(outline)
        share = 1 - points[:, 0] if oncoming else points[:, 0]
        return np.column_stack((z + share * length, points[:, 1]))

    hull, top = place(body), place(cabin)
    half, roof_half = width / 2, width / 2 - 0.16
    x0, x1 = x - half, x + half
    # what is dark under the body keeps daylight from showing through
    faces = [Face(across(x0 + 0.1, x1 - 0.1, 0.06, 0.5, z + 0.3), TYRE, CAR)]
    if x0 > 0 or x1 < 0:
        near = x0 if x0 > 0 else x1
        inner = near + (0.16 if near == x0 else -0.16)
        faces += _flank(color, near, inner, hull, top, z, length)
    middle = np.array([z + length / 2, 0.7])
    faces += _strip(hull, (half, half), x, [color] * len(hull), middle)
    inset = np.array([z + length * 0.5, 1.1])
    faces += _strip(top, (half - 0.06, roof_half), x, [GLASS, color, GLASS], inset)
    faces += _strip(
        top, (half - 0.18, roof_half - 0.1), x, [shade(GLASS, 1.9), color, shade(GLASS, 1.9)], inset
    )
    faces += _face_plates(color, x, half, hull, z, oncoming, glow)
    return Item(faces, band, z, speed, _shadow(x0, x1, z, z + length))


def _flank(
    color: Color,
    near: float,
    inner: float,
    hull: NDArray[np.float64],
    top: NDArray[np.float64],
    z: float,
    length: float,
) -> list[Face]:
    """Side of the car: body, windows, wheels, door gap."""
    flat = np.column_stack((np.full(len(hull), near), hull[:, 1], hull[:, 0]))
    lean = np.where(top[:, 1] > top[:, 1].min() + 0.1, inner, near)
    glass = np.column_stack((lean, top[:, 1], top[:, 0]))
    centre = glass.mean(axis=0)
    faces = [Face(glass, color, CAR), Face(flat, color, CAR)]
    pane = centre + (glass - centre) * 0.82
    faces.append(Face(pane, GLASS, CAR))
    post = float(pane[:, 2].mean())
    faces.append(
        Face(along((near + inner) / 2, pane[:, 1].min(), pane[:, 1].max(), post, post + 0.1), color, CAR)
    )
    sill = float(hull[:, 1].min())
    faces.append(Face(along(near, sill, sill + 0.12, z + 0.1, z + length - 0.1), shade(color, 0.45), CAR))
    faces.append(Face(along(near, sill + 0.12, 0.92, post, post + 0.035), shade(color, 0.55), CAR))
    for share in (0.19, 0.81):
        at = z + share * length
        faces += [
            Face(wheel(near, 0.36, at, 0.40), shade(color, 0.25), CAR),
            Face(wheel(near, 0.33, at, 0.33), TYRE, CAR),
            Face(wheel(near, 0.33, at, 0.19), (0.45, 0.46, 0.48), CAR),
        ]
    return faces


def _strip(
    outline: NDArray[np.float64],
    halves: tuple[float, float],
    x: float,
    colors: Sequence[Color],
    inside: NDArray[np.float64],
) -> list[Face]:
    """The outline's edges drawn across the car's width, those that face the camera, farthest first."""
    low, high = outline[:, 1].min(), outline[:, 1].max()
    faces = []
    for i in range(len(outline) - 1):
        a, b = outline[i], outline[i + 1]
        out = np.array([b[1] - a[1], a[0] - b[0]])
        if out @ ((a + b) / 2 - inside) < 0:
            out = -out
        wa, wb = (halves[0] + (halves[1] - halves[0]) * (p[1] - low) / (high - low + 1e-9) for p in (a, b))
        points = np.array(
            [[x - wa, a[1], a[0]], [x + wa, a[1], a[0]], [x + wb, b[1], b[0]], [x - wb, b[1], b[0]]]
        )
        faces.append(Face(points, colors[i], CAR, outward=(0.0, float(out[1]), float(out[0]))))
    return sorted(faces, key=lambda face: -float(face.points[:, 2].mean()))


def _face_plates(
    color: Color, x: float, half: float, hull: NDArray[np.float64], z: float, oncoming: bool, glow: float
) -> list[Face]:
    """Bumper, lamps and number plate on the near end; wheels below it."""
    sill = float(hull[:, 1].min())
    lamp_y = sill + 0.36
    lamp, lit = (LAMP, glow) if oncoming else (RED, 0.7 * glow)
    faces = [
        Face(across(x - half, x + half, sill, sill + 0.2, z), shade(color, 0.4), CAR),
        Face(across(x - 0.27, x + 0.27, sill + 0.24, sill + 0.36, z), (0.86, 0.85, 0.75), CAR),
    ]
    if oncoming:
        faces.append(Face(across(x - 0.5, x + 0.5, sill + 0.04, sill + 0.16, z), (0.03, 0.03, 0.03), CAR))
    for sign in (-1, 1):
        edge = x + sign * (half - 0.04)
        faces.append(Face(across(edge - sign * 0.33, edge, lamp_y, lamp_y + 0.17, z), lamp, CAR, glow=lit))
        tyre = x + sign * (half - 0.14)
        faces.append(Face(across(tyre - 0.11, tyre + 0.11, 0.0, sill, z + 0.3), TYRE, CAR))
    return faces


def box_vehicle(
    rng: np.random.Generator,
    x: float,
    z: float,
    *,
    oncoming: bool,
    band: int,
    glow: float,
    label: int,
    speed: float,
) -> Item:
    """A bus (`BUS`) or a truck (`TRUCK`) with its near end at ``z`` and its middle at ``x``."""
    bus = label == BUS
    length, half, tall = (11.0, 1.27, 3.1) if bus else (8.5, 1.22, 3.3)
    buses: tuple[Color, ...] = (
        (0.66, 0.12, 0.10),
        (0.82, 0.66, 0.14),
        (0.18, 0.36, 0.58),
        (0.78, 0.79, 0.76),
    )
    loads: tuple[Color, ...] = (
        (0.80, 0.80, 0.78),
        (0.30, 0.42, 0.34),
        (0.60, 0.46, 0.30),
        (0.42, 0.47, 0.56),
    )
    palette = buses if bus else loads
    color = vary(rng, palette[rng.integers(len(palette))], 0.05)
    x0, x1 = x - half, x + half
    faces = [Face(across(x0 + 0.1, x1 - 0.1, 0.05, 0.6, z + 0.2), TYRE, label)]
    flank = x0 if x0 > 0 else x1 if x1 < 0 else None
    if flank is not None:
        faces.append(Face(along(flank, 0.4, tall, z, z + length), color, label))
        faces.append(Face(along(flank, 0.4, 0.75, z, z + length), shade(color, 0.5), label))
        if bus:
            faces.append(Face(along(flank, 1.35, 2.5, z + 0.3, z + length - 0.3), GLASS, label))
            for post in np.arange(z + 1.8, z + length - 1, 1.7):
                faces.append(Face(along(flank, 1.35, 2.5, post, post + 0.12), shade(color, 0.7), label))
        else:
            gap = z + 2.1 if oncoming else z + length - 2.4
            faces.append(Face(along(flank, 0.4, tall, gap, gap + 0.3), (0.06, 0.06, 0.07), label))
        for at in (z + 1.6, z + length - 1.8):
            faces += [
                Face(wheel(flank, 0.48, at, 0.48), TYRE, label),
                Face(wheel(flank, 0.48, at, 0.22), (0.4, 0.4, 0.4), label),
            ]
    faces.append(Face(across(x0, x1, 0.4, tall, z), shade(color, 0.95), label))
    faces.append(Face(across(x0, x1, 0.4, 0.72, z), shade(color, 0.4), label))
    if bus or oncoming:
        low, high = (1.25, 2.55) if bus else (1.45, 2.4)
        faces.append(Face(across(x0 + 0.12, x1 - 0.12, low, high, z), GLASS, label))
        faces.append(
            Face(across(x0 + 0.2, x1 - 0.2, (low + high) / 2, high - 0.08, z), shade(GLASS, 2.2), label)
        )
        if bus:
            faces.append(Face(across(x - 0.7, x + 0.7, 2.68, 2.95, z), (0.9, 0.6, 0.1), label, glow=0.5))
    else:
        faces.append(Face(across(x - 0.03, x + 0.03, 0.75, tall - 0.1, z), shade(color, 0.4), label))
        for sign in (-1, 1):
            bar = x + sign * 0.45
            faces.append(Face(across(bar - 0.03, bar + 0.03, 0.9, tall - 0.3, z), shade(color, 0.6), label))
    lamp, lit = (LAMP, glow) if oncoming else (RED, 0.7 * glow)
    for sign in (-1, 1):
        edge = x + sign * (half - 0.08)
        faces.append(Face(across(edge - sign * 0.3, edge, 0.8, 1.02, z), lamp, label, glow=lit))
        tyre = x + sign * (half - 0.2)
        faces.append(Face(across(tyre - 0.15, tyre + 0.15, 0.0, 0.42, z + 0.2), TYRE, label))
    return Item(faces, band, z, speed, _shadow(x0, x1, z, z + length))
