"""Trees, people, poles, signs, traffic lights and dustbins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.example.geometry import Color, Face, Item, across, block, cutout, disc, ground, shade, vary
from seco_core.example.materials import Material

POLE, LIGHT, SIGN, VEGETATION, PERSON, VOID = 5, 6, 7, 8, 11, 255

CLOTHES: tuple[Color, ...] = (
    (0.62, 0.14, 0.14), (0.16, 0.22, 0.42), (0.14, 0.14, 0.16), (0.76, 0.74, 0.68), (0.20, 0.36, 0.28),
    (0.70, 0.52, 0.18), (0.42, 0.30, 0.42), (0.30, 0.45, 0.60), (0.48, 0.36, 0.26),
)  # fmt: skip
LEAF_GREENS: tuple[Color, ...] = (
    (0.19, 0.31, 0.10),
    (0.25, 0.36, 0.12),
    (0.16, 0.27, 0.13),
    (0.32, 0.36, 0.12),
)
STEEL: Color = (0.36, 0.37, 0.39)


def _blob(
    rng: np.random.Generator, x: float, y: float, z: float, radius: float, corners: int
) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    ragged = radius * (1 + rng.uniform(-0.16, 0.16, corners))
    return np.column_stack((x + ragged * np.cos(angle), y + ragged * np.sin(angle), np.full(corners, z)))


def tree(rng: np.random.Generator, x: float, z: float, *, band: int, height: float) -> Item:
    """A broad-leaved tree, a poplar or a fir."""
    green = vary(rng, LEAF_GREENS[rng.integers(len(LEAF_GREENS))], 0.08)
    bark = vary(rng, (0.24, 0.18, 0.13))
    kind = rng.choice(3, p=(0.72, 0.14, 0.14))
    trunk = 0.028 * height
    base = height * (0.34, 0.16, 0.12)[kind]
    outline = [(-trunk * 1.4, 0), (trunk * 1.4, 0), (trunk, base * 1.4), (-trunk, base * 1.4)]
    faces = [Face(cutout(outline, x, z), bark, VEGETATION, Material.LEAVES)]
    half = height * (0.30, 0.12, 0.20)[kind]
    if kind == 2:
        tiers = 6
        for i in range(tiers):
            low = base + (height - base) * i / tiers
            wide = half * (1 - i / tiers)
            top = min(low + (height - base) * 0.34, height)
            ragged = [(s * wide, low + rng.uniform(-0.1, 0.1)) for s in (-1, -0.6, -0.2, 0.2, 0.6, 1)]
            shape = [*ragged, (wide * 0.12, top), (-wide * 0.12, top)]
            faces.append(
                Face(cutout(shape, x, z), shade(green, 0.65 + 0.08 * i), VEGETATION, Material.LEAVES)
            )
    else:
        # blobs from the dark underside to the sunlit top
        count = 26
        angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count)) * 0.78
        dx, dy = np.cos(angle) * reach, np.sin(angle) * reach
        middle, tall = (base + height) / 2, (height - base) / 2
        for i in np.argsort(dy + rng.normal(0, 0.25, count)):
            light = 0.80 + 0.34 * float(dy[i]) + 0.10 * float(dx[i]) + rng.normal(0, 0.05)
            radius = half * rng.uniform(0.28, 0.46) * (1.0, 2.0)[kind]
            points = _blob(rng, x + half * dx[i], middle + tall * dy[i], z, radius, 13)
            faces.append(Face(points, shade(green, light), VEGETATION, Material.LEAVES))
    t = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    shadow = np.column_stack((x - 1.2 + half * np.cos(t) * 1.2, np.zeros(14), z + 0.6 + half * np.sin(t)))
    return Item(faces, band, z, shadow=shadow)


def bush(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A low shrub."""
    green = vary(rng, LEAF_GREENS[rng.integers(len(LEAF_GREENS))], 0.08)
    faces = []
    for _ in range(7):
        dx, dy = rng.uniform(-0.7, 0.7), rng.uniform(0.2, 0.9)
        points = _blob(rng, x + dx, dy, z, rng.uniform(0.3, 0.5), 11)
        points[:, 1] = np.maximum(points[:, 1], 0)
        faces.append(Face(points, shade(green, 0.7 + 0.4 * dy), VEGETATION, Material.LEAVES))
    return Item(faces, band, z)


def person(rng: np.random.Generator, x: float, z: float, *, band: int, speed: float = 0.0) -> Item:
    """Someone who walks or stands; the height is an adult's or, now and then, a child's."""
    scale = (rng.uniform(1.55, 1.9) if rng.random() < 0.85 else rng.uniform(1.0, 1.35)) / 1.75
    top = vary(rng, CLOTHES[rng.integers(len(CLOTHES))])
    legs = vary(rng, CLOTHES[rng.integers(len(CLOTHES))], 0.05)
    skin = vary(rng, (0.74, 0.54, 0.43) if rng.random() < 0.7 else (0.40, 0.27, 0.20), 0.08)
    hair = vary(rng, ((0.08, 0.06, 0.05), (0.28, 0.18, 0.10), (0.55, 0.44, 0.28))[rng.integers(3)])
    stride = rng.uniform(0.02, 0.24)
    faces = []

    def part(outline: list[tuple[float, float]], color: Color, material: Material = Material.CLOTH) -> None:
        faces.append(Face(cutout(outline, x, z, scale), color, PERSON, material))

    for sign in (-1, 1):
        foot = sign * stride
        tone = shade(legs, 0.8 if sign < 0 else 1.0)
        part(
            [(sign * 0.02 - 0.1, 0.9), (sign * 0.02 + 0.1, 0.9), (foot + 0.06, 0.06), (foot - 0.06, 0.06)],
            tone,
        )
        part(
            [(foot - 0.07, 0.0), (foot + 0.1, 0.0), (foot + 0.07, 0.09), (foot - 0.07, 0.09)],
            (0.06, 0.05, 0.05),
        )
    if rng.random() < 0.3:
        part([(-0.19, 0.95), (0.19, 0.95), (0.26, 0.45), (-0.26, 0.45)], shade(legs, 1.1))
    swing = rng.uniform(-0.1, 0.1)
    for sign in (-1, 1):
        hand = sign * 0.28 + swing
        part(
            [(sign * 0.17, 1.44), (sign * 0.25, 1.4), (hand + 0.05, 0.84), (hand - 0.05, 0.84)],
            shade(top, 0.75),
        )
        faces.append(
            Face(disc(x + scale * hand, scale * 0.82, z, 0.05 * scale, 0.06 * scale, 6), skin, PERSON)
        )
    part([(-0.16, 0.84), (0.16, 0.84), (0.22, 1.40), (0.12, 1.49), (-0.12, 1.49), (-0.22, 1.40)], top)
    if rng.random() < 0.35:
        part([(-0.14, 1.02), (0.14, 1.02), (0.15, 1.42), (-0.15, 1.42)], vary(rng, CLOTHES[rng.integers(9)]))
    faces.append(Face(disc(x, 1.61 * scale, z, 0.105 * scale, 0.14 * scale), skin, PERSON))
    faces.append(Face(disc(x, 1.67 * scale, z, 0.115 * scale, 0.09 * scale), hair, PERSON))
    return Item(faces, band, z, speed, ground(x - 0.8, x + 0.2, z - 0.1, z + 0.35))


def lamp_post(rng: np.random.Generator, side: int, x: float, z: float, *, band: int, glow: float) -> Item:
    """A street lamp whose arm reaches over the road."""
    color = vary(rng, STEEL)
    tall = rng.uniform(6.5, 8.0)
    arm = x - side * 1.6
    faces = [
        Face(across(x - 0.11, x + 0.11, 0, 1.0, z), shade(color, 0.8), POLE),
        Face(across(x - 0.07, x + 0.07, 0, tall, z), color, POLE),
        Face(across(min(x, arm), max(x, arm), tall - 0.1, tall + 0.02, z), color, POLE),
        Face(across(arm - 0.35, arm + 0.35, tall - 0.12, tall + 0.1, z), shade(color, 0.7), POLE),
        Face(
            across(arm - 0.28, arm + 0.28, tall - 0.18, tall - 0.1, z),
            (1.0, 0.9, 0.65),
            POLE,
            glow=1.5 * glow,
        ),
    ]
    return Item(faces, band, z, shadow=ground(x - 0.9, x + 0.1, z - 0.05, z + 0.12))


def traffic_light(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A traffic light on its pole: red, amber or green."""
    faces = [Face(across(x - 0.07, x + 0.07, 0, 3.6, z), vary(rng, STEEL), POLE)]
    bottom = 2.55
    faces.append(Face(across(x - 0.24, x + 0.24, bottom - 0.08, bottom + 1.12, z), (0.05, 0.05, 0.05), LIGHT))
    lit = rng.choice(3, p=(0.42, 0.48, 0.10))
    lamps: tuple[Color, ...] = ((0.10, 0.85, 0.35), (0.95, 0.10, 0.08), (1.0, 0.65, 0.1))
    for lamp, row in ((0, 0), (2, 1), (1, 2)):
        color = lamps[lamp] if lamp == lit else shade(lamps[lamp], 0.22)
        glow = 1.0 if lamp == lit else 0.0
        faces.append(Face(disc(x, bottom + 0.17 + 0.35 * row, z, 0.15, 0.15), color, LIGHT, glow=glow))
    return Item(faces, band, z)


def sign(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A traffic sign on its pole: prohibition, warning, information or way."""
    middle = rng.uniform(2.2, 2.7)
    faces = [Face(across(x - 0.045, x + 0.045, 0, middle, z), vary(rng, (0.5, 0.5, 0.51)), POLE)]
    white: Color = (0.90, 0.90, 0.88)
    red: Color = (0.74, 0.07, 0.06)
    blue: Color = (0.08, 0.22, 0.60)
    kind = rng.integers(4)
    if kind == 0:
        faces.append(Face(disc(x, middle, z, 0.38, 0.38, 16), red, SIGN))
        faces.append(Face(disc(x, middle, z, 0.27, 0.27, 16), white, SIGN))
        faces.append(Face(across(x - 0.12, x + 0.12, middle - 0.1, middle + 0.1, z), (0.1, 0.1, 0.1), SIGN))
    elif kind == 1:
        triangle = [(-0.46, -0.3), (0.46, -0.3), (0.0, 0.5)]
        faces.append(Face(cutout(triangle, x, z, 1.0, middle), red, SIGN))
        faces.append(Face(cutout(triangle, x, z, 0.66, middle), white, SIGN))
        faces.append(Face(across(x - 0.04, x + 0.04, middle - 0.12, middle + 0.12, z), (0.1, 0.1, 0.1), SIGN))
    elif kind == 2:
        faces.append(Face(across(x - 0.36, x + 0.36, middle - 0.36, middle + 0.36, z), white, SIGN))
        faces.append(Face(across(x - 0.32, x + 0.32, middle - 0.32, middle + 0.32, z), blue, SIGN))
        faces.append(Face(across(x - 0.12, x + 0.0, middle - 0.2, middle + 0.22, z), white, SIGN))
        faces.append(Face(disc(x, middle + 0.1, z, 0.13, 0.13, 10), white, SIGN))
    else:
        faces.append(Face(across(x - 0.75, x + 0.75, middle - 0.28, middle + 0.28, z), white, SIGN))
        faces.append(
            Face(across(x - 0.71, x + 0.71, middle - 0.24, middle + 0.24, z), (0.75, 0.6, 0.08), SIGN)
        )
        faces.append(
            Face(across(x - 0.5, x + 0.4, middle + 0.03, middle + 0.12, z), (0.08, 0.08, 0.08), SIGN)
        )
        faces.append(
            Face(across(x - 0.5, x + 0.1, middle - 0.14, middle - 0.05, z), (0.08, 0.08, 0.08), SIGN)
        )
    return Item(faces, band, z)


def bin_box(rng: np.random.Generator, x: float, z: float, *, band: int) -> Item:
    """A dustbin: something no class of the scheme fits."""
    color = vary(rng, ((0.20, 0.28, 0.20), (0.25, 0.26, 0.30))[rng.integers(2)])
    faces = block(x - 0.28, x + 0.28, 0.0, 1.0, z, z + 0.5, color, VOID)
    faces += block(x - 0.31, x + 0.31, 0.95, 1.06, z, z + 0.5, shade(color, 1.4), VOID)
    return Item(faces, band, z, shadow=ground(x - 0.35, x + 0.45, z - 0.1, z + 0.7))
