"""Lays out a street: plots with what stands on them, kerbside furniture, traffic and people."""

from __future__ import annotations

import numpy as np

from seco_core.example import cycles, houses, street, vehicles
from seco_core.example.geometry import Face, Item, across, shade, strip, vary
from seco_core.example.light import Light
from seco_core.example.materials import Material
from seco_core.example.render import World
from seco_core.example.roads import (
    ASPHALT,
    END,
    FAR,
    GROUND,
    KERBSIDE,
    OTHER_LANE,
    OWN_LANE,
    PAVEMENT,
    PLOTS,
    ROAD,
    SIDEWALK,
    START,
    Street,
    ground_items,
)

BUILDING, VEGETATION = 2, 8


def build_world(rng: np.random.Generator, light: Light, *, speed: float = 0.0, frames: int = 1) -> World:
    """Lay out a street at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything; the same state gives the same street.
    light : Light
        Weather and time of day.
    speed : float
        Metres per frame that the camera moves; above zero traffic and people move as well.
    frames : int
        How far the street must reach.
    """
    town = rng.random()
    parking = (bool(rng.random() < 0.7), bool(rng.random() < 0.7))
    verge = tuple(float(rng.choice((0.0, 1.5), p=(0.65, 0.35)) * (town < 0.6)) for _ in range(2))
    plan = Street(
        left=-5.0 - 2.1 * parking[0],
        right=1.75 + 2.1 * parking[1],
        parking=parking,
        pavement=(rng.uniform(2.0, 3.2), rng.uniform(2.0, 3.2)),
        verge=(verge[0], verge[1]),
        town=town,
        storeys=int(rng.integers(3, 6)),
    )
    end = END + speed * frames
    items = ground_items(rng, plan, end)
    for side in (-1, 1):
        items += _plots(rng, plan, side, end, light.glow)
        items += _pavement(rng, plan, side, light.glow, moving=speed > 0)
    items += _traffic(rng, plan, light.glow, speed)
    items += _skyline(rng, end)
    return World(
        items, light, yaw=float(rng.normal(-0.03, 0.04)), horizon=float(rng.uniform(0.42, 0.50)), speed=speed
    )


def _plots(rng: np.random.Generator, plan: Street, side: int, end: float, glow: float) -> list[Item]:
    """What stands behind the pavement, plot after plot."""
    items: list[Item] = []
    x = plan.plot(side)
    z = START
    kinds = ("row", "cottage", "park", "yard", "side street")
    town, rural = np.array((0.72, 0.03, 0.06, 0.10, 0.09)), np.array((0.06, 0.52, 0.20, 0.15, 0.07))
    kind = ""
    while z < end:
        weights = plan.town * town + (1 - plan.town) * rural
        if kind == "side street" or z < 8:
            weights = np.where(np.arange(5) == 4, 0, weights)
        kind = kinds[rng.choice(5, p=weights / weights.sum())]
        length = float(rng.uniform(7, 13)) if kind in ("row", "cottage") else float(rng.uniform(8, 16))
        z1 = z + length
        if kind == "row":
            storeys = int(np.clip(plan.storeys + rng.integers(-1, 2), 2, 6))
            items.append(Item(houses.row_house(rng, side, x, z, z1, glow, storeys), PLOTS, z))
        elif kind == "cottage":
            items += _garden(rng, side, x, z, z1, glow)
        elif kind == "park":
            items += _park(rng, side, x, z, z1)
        elif kind == "yard":
            items += _yard(rng, side, x, z, z1)
        else:
            items += _side_street(rng, plan, side, x, z, z + 7.5, glow)
            z1 = z + 7.5
        z = z1
    return items


def _between(z0: float, z1: float, share: float) -> float:
    return z0 + (z1 - z0) * share


def _garden(rng: np.random.Generator, side: int, x: float, z0: float, z1: float, glow: float) -> list[Item]:
    back = x + side * rng.uniform(3.5, 6.0)
    items = [
        Item(
            houses.cottage(rng, side, back, z0 + 0.8, z1 - 0.8, glow, int(rng.integers(1, 3))),
            PLOTS,
            z1 - 0.2,
        )
    ]
    if rng.random() < 0.5:
        at, tall = _between(z0, z1, rng.uniform(0.3, 0.8)), rng.uniform(3.5, 6)
        items.append(street.tree(rng, x + side * 2.2, at, band=PLOTS, height=tall))
    for _ in range(int(rng.integers(0, 4))):
        items.append(
            street.bush(rng, x + side * rng.uniform(1.3, 3), rng.uniform(z0 + 1, z1 - 1), band=PLOTS)
        )
    border = rng.choice(4)
    if border < 3:
        make = (houses.fence, houses.wall, houses.hedge)[border]
        items.append(Item(make(rng, side, x, z0, z1, rng.uniform(0.8, 1.4)), PLOTS, z0 - 0.01))
    return items


def _park(rng: np.random.Generator, side: int, x: float, z0: float, z1: float) -> list[Item]:
    items = []
    for _ in range(int(rng.integers(3, 6))):
        at = x + side * rng.uniform(2.5, 11)
        items.append(street.tree(rng, at, rng.uniform(z0 + 0.5, z1), band=PLOTS, height=rng.uniform(6, 11)))
    if rng.random() < 0.6:
        for _ in range(5):
            items.append(street.bush(rng, x + side * rng.uniform(0.9, 4), rng.uniform(z0, z1), band=PLOTS))
    if rng.random() < 0.5:
        items.append(Item(houses.fence(rng, side, x, z0, z1, rng.uniform(0.9, 1.2)), PLOTS, z0 - 0.01))
    return items


def _yard(rng: np.random.Generator, side: int, x: float, z0: float, z1: float) -> list[Item]:
    items = []
    for _ in range(int(rng.integers(1, 4))):
        at = x + side * rng.uniform(2.5, 6)
        items.append(street.tree(rng, at, rng.uniform(z0 + 0.5, z1), band=PLOTS, height=rng.uniform(5, 9)))
    make = houses.wall if rng.random() < 0.6 else houses.fence
    items.append(Item(make(rng, side, x, z0, z1, rng.uniform(1.7, 2.8)), PLOTS, z0 - 0.01))
    return items


def _side_street(
    rng: np.random.Generator, plan: Street, side: int, x: float, z0: float, z1: float, glow: float
) -> list[Item]:
    """A road that turns off, and a house at its end."""
    kerb = plan.kerb(side)
    far = x + side * 45
    surface = Face(strip(kerb, far, z0 + 1, z1 - 1), ASPHALT, ROAD, Material.ASPHALT)
    paving = Face(strip(x, far, z0, z1), (0.45, 0.43, 0.41), SIDEWALK, Material.SLABS)
    end = Item(
        houses.row_house(rng, side, x + side * 14, z0 - 3, z1 + 3, glow, plan.storeys), PLOTS, z1 + 0.1
    )
    return [Item([paving, surface], GROUND, 0.0), end]


def _pavement(rng: np.random.Generator, plan: Street, side: int, glow: float, *, moving: bool) -> list[Item]:
    """Lamps, trees, signs, lights, people, bicycles and bins between kerb and plots."""
    items: list[Item] = []
    i = int(side > 0)
    kerb = plan.kerb(side)
    post = kerb + side * 0.55
    for z in np.arange(rng.uniform(6, 20), 150, rng.uniform(20, 28)):
        items.append(street.lamp_post(rng, side, post, float(z), band=PAVEMENT, glow=glow))
    if rng.random() < (0.8 if plan.verge[i] else 0.35):
        spacing = rng.uniform(9, 16)
        for z in np.arange(rng.uniform(8, 18), 140, spacing):
            if rng.random() < 0.8:
                items.append(
                    street.tree(rng, kerb + side * 0.9, float(z), band=PAVEMENT, height=rng.uniform(5, 8))
                )
    for z in np.cumsum(rng.uniform(6, 16, int(rng.integers(1, 4)))) + 3:
        items.append(street.sign(rng, post, float(z), band=PAVEMENT))
    if rng.random() < 0.55:
        items.append(street.traffic_light(rng, post, rng.uniform(9, 24), band=PAVEMENT))
    room = plan.pavement[i] + plan.verge[i]
    for _ in range(int(rng.poisson(3.5))):
        at, z = kerb + side * rng.uniform(0.8, room - 0.2), rng.uniform(6.5, 42)
        step = float(rng.choice((-0.09, 0.09))) if moving else 0.0
        items.append(street.person(rng, at, z, band=PAVEMENT, speed=step))
    if rng.random() < 0.4:
        items.append(cycles.bicycle(rng, kerb + side * (room - 0.5), rng.uniform(7, 20), band=PAVEMENT))
    if rng.random() < 0.4:
        items.append(street.bin_box(rng, kerb + side * (room - 0.6), rng.uniform(7, 25), band=PAVEMENT))
    if plan.parking[i]:
        items += _parked(rng, kerb - side * 1.05, side, glow)
    return items


def _parked(rng: np.random.Generator, x: float, side: int, glow: float) -> list[Item]:
    items: list[Item] = []
    z = rng.uniform(5.5, 14)
    while z < 110:
        if rng.random() < 0.6:
            items.append(vehicles.car(rng, x, z, oncoming=side < 0, band=KERBSIDE, glow=0.0))
        elif rng.random() < 0.12:
            items.append(cycles.parked_motorcycle(rng, x, z, band=KERBSIDE))
        z += rng.uniform(5.6, 7.0)
    return items


def _traffic(rng: np.random.Generator, plan: Street, glow: float, speed: float) -> list[Item]:
    """What drives in the two lanes, riders, and people who cross."""
    items: list[Item] = []
    for x, oncoming, band, first in ((-3.4, True, OTHER_LANE, 9.0), (0.0, False, OWN_LANE, 11.0)):
        z = rng.uniform(first, first + 22)
        while z < 130:
            moves = float(np.sign(speed)) * (
                -rng.uniform(0.5, 0.8) if oncoming else speed * rng.uniform(0.95, 1.3)
            )
            kind = rng.choice(4, p=(0.74, 0.09, 0.09, 0.08))
            if kind == 3:
                items.append(
                    cycles.rider(rng, x + 0.9, z, band=band, motor=bool(rng.random() < 0.4), speed=abs(moves))
                )
            elif kind == 0:
                items.append(vehicles.car(rng, x, z, oncoming=oncoming, band=band, glow=glow, speed=moves))
            else:
                label = vehicles.BUS if kind == 1 else vehicles.TRUCK
                items.append(
                    vehicles.box_vehicle(
                        rng, x, z, oncoming=oncoming, band=band, glow=glow, label=label, speed=moves
                    )
                )
            z += rng.uniform(14, 40)
    if rng.random() < 0.35:
        items.append(
            cycles.rider(
                rng, 1.15, rng.uniform(7, 13), band=OWN_LANE, motor=bool(rng.random() < 0.3), speed=speed
            )
        )
    if not speed and rng.random() < 0.3:
        items.append(street.person(rng, rng.uniform(-4.5, 1.2), rng.uniform(8, 16), band=OWN_LANE))
    return items


def _skyline(rng: np.random.Generator, end: float) -> list[Item]:
    """A wooded hill and distant blocks that close the view."""
    x = np.linspace(-420, 420, 60)
    ridge = 10 + rng.uniform(4, 14) * np.cumsum(rng.normal(0, 0.16, 60)) + rng.normal(0, 0.6, 60)
    z = end + 180
    hill = np.column_stack((x, np.maximum(ridge, 3), np.full(60, z)))
    feet = np.array([[420, -1, z], [-420, -1, z]])
    items = [
        Item(
            [Face(np.vstack((hill, feet)), vary(rng, (0.20, 0.30, 0.16)), VEGETATION, Material.HILL)], FAR, z
        )
    ]
    for _ in range(int(rng.integers(4, 10))):
        at, wide = rng.uniform(-110, 110), rng.uniform(8, 22)
        color = vary(rng, houses.PLASTER[rng.integers(len(houses.PLASTER))])
        faces = [Face(across(at, at + wide, 0, rng.uniform(9, 26), end + 60), shade(color, 0.8), BUILDING)]
        items.append(Item(faces, FAR, end + 60 - rng.uniform(0, 1)))
    return items
