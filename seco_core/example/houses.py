"""Houses, walls, fences and hedges along the road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.example.geometry import Color, Face, across, along, block, shade, vary
from seco_core.example.materials import Material

BUILDING, WALL, FENCE, VEGETATION = 2, 3, 4, 8

PLASTER: tuple[Color, ...] = (
    (0.80, 0.74, 0.60), (0.78, 0.62, 0.48), (0.84, 0.80, 0.74), (0.72, 0.48, 0.38), (0.86, 0.74, 0.50),
    (0.62, 0.66, 0.66), (0.74, 0.58, 0.52), (0.66, 0.70, 0.60), (0.56, 0.60, 0.70),
)  # fmt: skip
BRICKS: tuple[Color, ...] = ((0.52, 0.28, 0.21), (0.60, 0.38, 0.27), (0.45, 0.25, 0.21), (0.62, 0.50, 0.38))
ROOFS: tuple[Color, ...] = ((0.50, 0.22, 0.15), (0.36, 0.20, 0.17), (0.26, 0.26, 0.29), (0.44, 0.28, 0.20))
DOORS: tuple[Color, ...] = ((0.22, 0.32, 0.24), (0.40, 0.16, 0.13), (0.18, 0.24, 0.38), (0.34, 0.24, 0.16))
AWNINGS: tuple[Color, ...] = ((0.60, 0.16, 0.14), (0.16, 0.36, 0.28), (0.20, 0.28, 0.52), (0.70, 0.52, 0.20))
STONE: Color = (0.74, 0.72, 0.68)
GLASS: Color = (0.16, 0.21, 0.27)
LAMPLIGHT: Color = (0.80, 0.53, 0.22)


class _Front:
    """A rectangle of a house on which doors and windows are placed by distance along it and height."""

    def __init__(self, fixed: float, start: float, length: float, along_road: bool):
        self.fixed, self.start, self.length, self.along_road = fixed, start, length, along_road

    def rect(self, u0: float, u1: float, y0: float, y1: float) -> NDArray[np.float64]:
        if self.along_road:
            return along(self.fixed, y0, y1, self.start + u0, self.start + u1)
        return across(self.start + u0, self.start + u1, y0, y1, self.fixed)

    def face(
        self,
        u0: float,
        u1: float,
        y0: float,
        y1: float,
        color: Color,
        material: Material = Material.PLAIN,
        glow: float = 0.0,
    ) -> Face:
        return Face(self.rect(u0, u1, y0, y1), color, BUILDING, material, glow)


def _windows(
    front: _Front,
    rng: np.random.Generator,
    y0: float,
    storeys: int,
    storey: float,
    trim: Color,
    glow: float,
    pitch: float,
) -> list[Face]:
    """Rows of windows with frame, sill and two panes; some are lit."""
    columns = max(int((front.length - 0.6) / pitch), 1)
    gap = front.length / columns
    width, tall = min(0.52 * gap, 1.35), 0.55 * storey
    faces = []
    for level in range(storeys):
        bottom = y0 + level * storey + 0.27 * storey
        for column in range(columns):
            u = gap * (column + 0.5) - width / 2
            lit = glow if rng.random() < 0.3 else 0.0
            pane = vary(rng, LAMPLIGHT if lit else GLASS, 0.05)
            faces += [
                front.face(u - 0.1, u + width + 0.1, bottom - 0.1, bottom + tall + 0.1, trim),
                front.face(u, u + width, bottom, bottom + tall, pane, glow=lit),
            ]
            if not lit:
                faces.append(front.face(u, u + width, bottom + 0.55 * tall, bottom + tall, shade(pane, 1.7)))
            faces += [
                front.face(u + 0.47 * width, u + 0.53 * width, bottom, bottom + tall, trim),
                front.face(u - 0.16, u + width + 0.16, bottom - 0.2, bottom - 0.06, shade(trim, 0.8)),
            ]
    return faces


def _door(front: _Front, rng: np.random.Generator, u: float) -> list[Face]:
    color = vary(rng, DOORS[rng.integers(len(DOORS))])
    return [
        front.face(u - 0.12, u + 1.17, 0, 2.35, STONE),
        front.face(u, u + 1.05, 0, 2.2, color),
        front.face(u + 0.15, u + 0.9, 1.35, 2.0, shade(color, 0.6)),
        front.face(u + 0.15, u + 0.9, 0.25, 1.15, shade(color, 1.25)),
    ]


def _shop(front: _Front, rng: np.random.Generator, side: int, glow: float) -> list[Face]:
    """A shop: window and door under a fascia, and perhaps a striped awning."""
    color = vary(rng, AWNINGS[rng.integers(len(AWNINGS))])
    pale: Color = (0.85, 0.83, 0.78)
    u1 = front.length - 0.4
    pane, lit = vary(rng, LAMPLIGHT if glow > 0.5 else GLASS, 0.05), 0.7 * glow
    faces = [
        front.face(0.4, u1, 0.0, 3.25, shade(color, 0.55)),
        front.face(0.6, u1 - 1.6, 0.55, 2.45, pane, glow=lit),
        front.face(u1 - 1.3, u1 - 0.2, 0.0, 2.45, shade(GLASS, 1.2)),
        front.face(u1 - 1.2, u1 - 0.3, 0.3, 2.3, shade(pane, 0.8), glow=0.6 * lit),
    ]
    for u in np.arange(0.7, u1 - 2.2, 0.55):
        goods = PLASTER[rng.integers(len(PLASTER))]
        tall = 0.6 + rng.uniform(0.1, 0.8)
        faces.append(front.face(u, u + rng.uniform(0.2, 0.5), 0.6, tall, shade(goods, 0.5), glow=0.4 * lit))
    for u in np.arange(2.2, u1 - 1.8, 1.8):
        faces.append(front.face(u, u + 0.07, 0.55, 2.45, shade(color, 0.55)))
    faces.append(front.face(0.4, u1, 2.6, 3.25, color, glow=0.15 * glow))
    for u in np.arange(front.length * 0.3, front.length * 0.62, 0.45):
        faces.append(front.face(u, u + 0.3, 2.78, 3.08, pale, glow=0.4 * glow))
    if rng.random() < 0.55:
        out = front.fixed - side * 0.9
        edges = front.start + np.linspace(0.5, u1 - 1.6, 2 * max(int(u1 / 1.2), 2))
        for i in range(len(edges) - 1):
            z0, z1 = float(edges[i]), float(edges[i + 1])
            stripe = color if i % 2 else pale
            cloth = [[front.fixed, 2.7, z0], [front.fixed, 2.7, z1], [out, 2.3, z1], [out, 2.3, z0]]
            faces.append(Face(np.array(cloth), shade(stripe, 0.6), BUILDING, Material.CLOTH))
            faces.append(Face(along(out, 2.05, 2.3, z0, z1), stripe, BUILDING, Material.CLOTH))
    return faces


def row_house(
    rng: np.random.Generator, side: int, x: float, z0: float, z1: float, glow: float, storeys: int
) -> list[Face]:
    """A town house flush with the pavement: shop or door, storeys of windows, cornice.

    Parameters
    ----------
    rng : numpy.random.Generator
        For style and colours.
    side : int
        -1 left of the road, 1 right of it.
    x : float
        Where its front is; it reaches 12 m back.
    z0, z1 : float
        Its near and far end.
    glow : float
        Share of light from its windows after dark.
    storeys : int
        How many, the ground floor included.
    """
    brick = rng.random() < 0.4
    material = Material.BRICK if brick else Material.PLASTER
    palette = BRICKS if brick else PLASTER
    color = vary(rng, palette[rng.integers(len(palette))])
    trim = vary(rng, STONE if rng.random() < 0.7 else (0.42, 0.36, 0.32), 0.04)
    storey = rng.uniform(2.9, 3.3)
    top = storey * storeys + 0.9
    front = _Front(x, z0, z1 - z0, along_road=True)
    end = _Front(z0, min(x, x + side * 12), 12.0, along_road=False)
    faces = [end.face(0, 12, 0, top, shade(color, 0.95), material)]
    faces += _windows(end, rng, storey, storeys - 1, storey, trim, glow, 4.5)
    faces.append(front.face(0, front.length, 0, top, color, material))
    faces.append(front.face(0, front.length, 0, 0.5, shade(color, 0.6), Material.PLASTER))
    if rng.random() < 0.5:
        faces += _shop(front, rng, side, glow)
    else:
        faces += _windows(front, rng, 0.2, 1, storey, trim, glow, rng.uniform(2.2, 3.0))
        door = front.length * rng.uniform(0.3, 0.6)
        faces.append(front.face(door - 0.5, door + 1.6, 0.5, 2.7, color, material))
        faces += _door(front, rng, door)
    faces.append(front.face(0, front.length, storey + 0.15, storey + 0.35, trim))
    faces += _windows(front, rng, storey, storeys - 1, storey, trim, glow, rng.uniform(1.9, 2.8))
    faces.append(front.face(0, front.length, top - 0.45, top, trim))
    faces.append(front.face(0, front.length, top - 0.6, top - 0.45, shade(trim, 0.6)))
    back = x + side * 4.0
    gable = np.array([[x, top, z0], [back, top + 2.8, z0], [x + side * 8.0, top, z0]])
    faces.append(Face(gable, color, BUILDING, material))
    roof = np.array([[x, top, z0], [x, top, z1], [back, top + 2.8, z1], [back, top + 2.8, z0]])
    faces.append(
        Face(roof, vary(rng, ROOFS[rng.integers(len(ROOFS))]), BUILDING, Material.ROOF, outward=(0, 1, 0))
    )
    return faces


def cottage(
    rng: np.random.Generator, side: int, x: float, z0: float, z1: float, glow: float, storeys: int
) -> list[Face]:
    """A detached house with a pitched roof. Parameters are those of `row_house`."""
    brick = rng.random() < 0.45
    material = Material.BRICK if brick else Material.PLASTER
    palette = BRICKS if brick else PLASTER
    color = vary(rng, palette[rng.integers(len(palette))])
    roof = vary(rng, ROOFS[rng.integers(len(ROOFS))])
    trim: Color = (0.88, 0.87, 0.84)
    depth, eaves = 9.0, 2.8 * storeys + 0.2
    ridge = eaves + rng.uniform(2.4, 3.4)
    x_back, middle = x + side * depth, x + side * depth / 2
    front = _Front(x, z0, z1 - z0, along_road=True)
    end = _Front(z0, min(x, x_back), depth, along_road=False)
    faces = [end.face(0, depth, 0, eaves, color, material)]
    gable = np.array([[x, eaves, z0], [x_back, eaves, z0], [middle, ridge, z0]])
    faces.append(Face(gable, color, BUILDING, material))
    faces += _windows(end, rng, 0.0, storeys, 2.8, trim, glow, 3.2)
    faces.append(end.face(depth / 2 - 0.45, depth / 2 + 0.45, eaves + 0.3, eaves + 1.3, trim))
    faces.append(end.face(depth / 2 - 0.35, depth / 2 + 0.35, eaves + 0.4, eaves + 1.2, GLASS))
    faces.append(front.face(0, front.length, 0, eaves, color, material))
    faces += _windows(front, rng, 0.0, storeys, 2.8, trim, glow, rng.uniform(2.4, 3.2))
    door = front.length * 0.5 - 0.5
    faces.append(front.face(door - 0.7, door + 1.8, 0.3, 2.65, color, material))
    faces += _door(front, rng, door)
    over = 0.45
    drop = over * (ridge - eaves) / (depth / 2)
    slope = np.array(
        [
            [x - side * over, eaves - drop, z0 - over],
            [x - side * over, eaves - drop, z1 + over],
            [middle, ridge, z1 + over],
            [middle, ridge, z0 - over],
        ]
    )
    verge = np.array(
        [
            [x - side * over, eaves - drop, z0 - over],
            [middle, ridge, z0 - over],
            [x_back + side * over, eaves - drop, z0 - over],
            [x_back + side * over, eaves - drop - 0.3, z0 - over],
            [middle, ridge - 0.3, z0 - over],
            [x - side * over, eaves - drop - 0.3, z0 - over],
        ]
    )
    chimney = z0 + (z1 - z0) * rng.uniform(0.25, 0.7)
    faces += block(
        middle - 0.4, middle + 0.4, ridge - 1.2, ridge + 0.9, chimney, chimney + 0.8, (0.45, 0.27, 0.22),
        BUILDING, Material.BRICK,
    )  # fmt: skip
    faces.append(Face(slope, roof, BUILDING, Material.ROOF, outward=(0, 1, 0)))
    gutter = along(x - side * over, eaves - drop - 0.18, eaves - drop, z0 - over, z1 + over)
    faces.append(Face(gutter, shade(trim, 0.7), BUILDING))
    faces.append(Face(verge, shade(trim, 0.9), BUILDING))
    return faces


def wall(rng: np.random.Generator, side: int, x: float, z0: float, z1: float, height: float) -> list[Face]:
    """A free-standing wall of brick or concrete with a coping."""
    brick = rng.random() < 0.5
    color = vary(rng, (0.50, 0.34, 0.28) if brick else (0.56, 0.55, 0.52))
    x0, x1 = min(x, x + side * 0.3), max(x, x + side * 0.3)
    faces = block(x0, x1, 0, height, z0, z1, color, WALL, Material.BRICK if brick else Material.SLABS)
    faces += block(x0 - 0.05, x1 + 0.05, height, height + 0.14, z0, z1, shade(color, 1.25), WALL)
    return faces


def fence(rng: np.random.Generator, side: int, x: float, z0: float, z1: float, height: float) -> list[Face]:
    """A fence of planks or of wire mesh between posts."""
    planks = rng.random() < 0.7
    color = vary(rng, (0.52, 0.37, 0.24) if planks else (0.33, 0.40, 0.34))
    material = Material.PLANKS if planks else Material.MESH
    faces = [
        Face(across(min(x, x + side * 0.1), max(x, x + side * 0.1), 0, height, z0), color, FENCE),
        Face(along(x, 0.05, height, z0, z1), color, FENCE, material),
        Face(along(x, height - 0.12, height - 0.02, z0, z1), shade(color, 0.7), FENCE),
        Face(along(x, 0.25, 0.35, z0, z1), shade(color, 0.7), FENCE),
    ]
    for post in np.arange(z0, z1 - 0.1, 2.5):
        faces.append(Face(along(x, 0, height + 0.12, post, post + 0.14), shade(color, 0.6), FENCE))
    return faces


def hedge(rng: np.random.Generator, side: int, x: float, z0: float, z1: float, height: float) -> list[Face]:
    """A clipped hedge."""
    x0, x1 = min(x, x + side * 0.9), max(x, x + side * 0.9)
    color = vary(rng, (0.20, 0.34, 0.14))
    return block(x0, x1, 0, height, z0, z1, color, VEGETATION, Material.LEAVES)
