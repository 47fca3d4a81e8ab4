"""The street's plan, and its ground: grass, pavements, road and marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seco_core.example.geometry import Color, Face, Item, ground, shade, strip, vary
from seco_core.example.materials import Material

ROAD, SIDEWALK, TERRAIN = 0, 1, 9

# bands, the camera's own lane first
OWN_LANE, OTHER_LANE, KERBSIDE, PAVEMENT, PLOTS, FAR, GROUND = range(7)

START, END = -8.0, 190.0
"""Metres along the road between which there is a street."""

ASPHALT: Color = (0.20, 0.20, 0.21)


@dataclass(frozen=True)
class Street:
    """Where the lanes and pavements of this street are, in metres left (-) and right (+) of the camera."""

    left: float
    right: float
    parking: tuple[bool, bool]
    pavement: tuple[float, float]
    verge: tuple[float, float]
    town: float
    storeys: int

    def kerb(self, side: int) -> float:
        """Where the road ends, on the left (-1) or the right (1)."""
        return self.left if side < 0 else self.right

    def plot(self, side: int) -> float:
        """Where the plots begin."""
        i = int(side > 0)
        return self.kerb(side) + side * (self.pavement[i] + self.verge[i])


def ground_items(rng: np.random.Generator, plan: Street, end: float) -> list[Item]:
    """Grass everywhere, then pavements, then the road with its marks; each is one item."""
    layers: list[Item] = []
    far = end + 60
    grass = vary(rng, (0.27, 0.36, 0.13))
    asphalt = vary(rng, ASPHALT, 0.02)
    paving = vary(rng, ((0.45, 0.43, 0.41), (0.48, 0.40, 0.35))[rng.integers(2)], 0.05)
    white: Color = (0.78, 0.78, 0.75)

    def layer(*faces: Face) -> None:
        # the ground has no near end; layers are painted in order
        layers.append(Item(list(faces), GROUND, 1000.0 - len(layers)))

    for side in (-1, 1):
        x = (plan.left + plan.right) / 2
        reach = side * 400.0
        layer(Face(strip(x, reach, START, far + 200), grass, TERRAIN, Material.GRASS))
        i = int(side > 0)
        kerb = plan.kerb(side)
        inner = kerb + side * plan.verge[i]
        outer = plan.plot(side)
        stones = strip(kerb, kerb + side * 0.22, START, far)
        layer(
            Face(strip(inner, outer, START, far), paving, SIDEWALK, Material.SLABS),
            Face(stones, shade(paving, 1.35), SIDEWALK),
        )
    road = [
        Face(ground(plan.left, plan.right, START, far), asphalt, ROAD, Material.ASPHALT),
        Face(ground(plan.left, plan.left + 0.3, START, far), shade(asphalt, 0.72), ROAD, Material.ASPHALT),
        Face(ground(plan.right - 0.3, plan.right, START, far), shade(asphalt, 0.72), ROAD, Material.ASPHALT),
    ]
    for _ in range(9):
        x, z = rng.uniform(plan.left + 0.5, plan.right - 2), rng.uniform(4, 60)
        patch = ground(x, x + rng.uniform(0.6, 2), z, z + rng.uniform(1, 7))
        road.append(Face(patch, shade(asphalt, rng.uniform(0.72, 1.2)), ROAD, Material.ASPHALT))
    for lane in (-1.75, 1.75, -5.0):
        solid = lane != -1.75
        if solid and not plan.parking[int(lane > 0)]:
            continue
        for z in np.arange(START, end, 2.0 if solid else 7.0):
            length = 1.2 if solid else 3.2
            road.append(Face(ground(lane - 0.07, lane + 0.07, z, z + length), white, ROAD, Material.ASPHALT))
    if rng.random() < 0.45:
        z = rng.uniform(11, 26)
        for x in np.arange(plan.left + 0.4, plan.right - 0.5, 1.0):
            road.append(Face(ground(x, x + 0.5, z, z + 3.2), white, ROAD, Material.ASPHALT))
    layer(*road)
    return layers
