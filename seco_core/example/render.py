"""From a world of faces to an image, its class map, object ids, depth and motion.

Faces are painted far to near as their index; colour, class and depth of every pixel then come from tables in
one go. The picture is made at twice the size and averaged down; class map and objects are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seco_core.example.geometry import NEAR, Camera, Item, clip_near
from seco_core.example.light import Light, sky_color
from seco_core.example.materials import Material, surface_texture

SKY = 10
OVERSAMPLE = 2
EYE_HEIGHT = 1.75
"""Metres of the camera above the road."""


@dataclass
class World:
    """Everything there is to see.

    Attributes
    ----------
    items : list of Item
        In any order.
    light : Light
        Weather and time of day.
    yaw, horizon : float
        Direction of view in radians, and the horizon's row as a share of the height.
    speed : float
        Metres per frame that the camera moves ahead.
    """

    items: list[Item]
    light: Light
    yaw: float
    horizon: float
    speed: float = 0.0


@dataclass(frozen=True)
class Frame:
    """One rendered picture of a world.

    Attributes
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB.
    label : ndarray of uint8, (H, W)
        Class ids, 255 where the world has no class for it.
    objects : ndarray of int32, (H, W)
        0 = sky; else 1 + 256 * item + class, the same in every frame.
    depth : ndarray of float32, (H, W)
        Metres ahead of the camera, inf in the sky.
    flow : ndarray of float32, (H, W, 2)
        Rows and columns to go from a pixel to where the same point was one frame before.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.uint8]
    objects: NDArray[np.int32]
    depth: NDArray[np.float32]
    flow: NDArray[np.float32]


@dataclass(frozen=True)
class _Painted:
    """Surfaces as index per pixel, and one row for each in the tables; row 0 is the sky.

    A surface's plane (3 numbers) times a viewing ray is one over the depth.
    """

    index: NDArray[np.int32]
    shadow: NDArray[np.uint8]
    planes: NDArray[np.float32]
    normals: NDArray[np.float32]
    colors: NDArray[np.float32]
    glow: NDArray[np.float32]
    labels: NDArray[np.uint8]
    materials: NDArray[np.uint8]
    objects: NDArray[np.int32]
    speeds: NDArray[np.float32]


def render(world: World, size: tuple[int, int], frame: int, rng: np.random.Generator) -> Frame:
    """Look at a world.

    Parameters
    ----------
    world : World
        What there is.
    size : (int, int)
        Height and width in pixels.
    frame : int
        Time; camera and items have moved ``frame`` times their speed.
    rng : numpy.random.Generator
        For the sensor's noise.
    """
    height, width = size
    scale = OVERSAMPLE
    camera = Camera(
        focal=0.62 * scale * max(width, height),
        row=world.horizon * scale * height,
        column=0.5 * scale * width,
        position=(0.0, EYE_HEIGHT, world.speed * frame),
        yaw=world.yaw,
    )
    painted = _paint(world, camera, (height * scale, width * scale), frame)
    sampled = painted.index[::scale, ::scale]
    depth, flow = _motion(world, camera, painted, scale)
    color = _shade(world, camera, painted, frame)
    color = cv2.resize(color, (width, height), interpolation=cv2.INTER_AREA)
    return Frame(
        _develop(color, world.light, rng), painted.labels[sampled], painted.objects[sampled], depth, flow
    )


def _paint(world: World, camera: Camera, size: tuple[int, int], frame: int) -> _Painted:
    items = world.items
    order = sorted(
        range(len(items)), key=lambda i: (-items[i].band, -(items[i].z + items[i].speed * frame), i)
    )
    faces = [face for i in order for face in items[i].faces]
    owner = np.repeat(order, [len(items[i].faces) for i in order])
    speeds = np.array([item.speed for item in items])[owner]

    count = np.array([len(face.points) for face in faces])
    start = np.concatenate(([0], np.cumsum(count)))
    points = np.concatenate([face.points for face in faces])
    points[:, 2] += np.repeat(speeds * frame, count)
    seen = camera.look(points)
    normals, distance = _planes(seen, start, count)
    outward = np.array([face.outward or (0.0, 0.0, 0.0) for face in faces])
    # seen from behind: the outward direction is on the far side of the plane
    hidden = np.sum(normals * camera.turn(outward), axis=1) * distance > 0
    hidden |= np.abs(distance) < 1e-6
    facing = np.where(distance > 0, -1.0, 1.0)[:, None]
    safe = np.where(hidden, 1.0, distance)[:, None]

    painted = _Painted(
        index=np.zeros(size, dtype=np.int32),
        shadow=np.zeros(size, dtype=np.uint8),
        planes=_table(normals / safe, (0, 0, 0)),
        normals=_table(normals * facing, (0, 1, 0)),
        colors=_table([face.color for face in faces], (0, 0, 0)),
        glow=_table([[face.glow] for face in faces], (0,)),
        labels=np.array([SKY, *(face.label for face in faces)], dtype=np.uint8),
        materials=np.array([Material.PLAIN, *(face.material for face in faces)], dtype=np.uint8),
        objects=np.array(
            [0, *(1 + 256 * int(i) + face.label for i, face in zip(owner, faces, strict=True))], np.int32
        ),
        speeds=np.array([world.speed, *speeds], dtype=np.float32),
    )
    for item in items:
        if item.shadow is not None:
            cast = camera.look(item.shadow + np.array([0.0, 0.0, item.speed * frame]))
            _fill(painted.shadow, _pixels(camera, clip_near(cast)), 255)
    ahead = np.minimum.reduceat(seen[:, 2], start[:-1]) >= NEAR
    hidden |= np.maximum.reduceat(seen[:, 2], start[:-1]) < NEAR
    # most faces are wholly ahead: all of those are projected at once
    pixels = _pixels(camera, np.where(seen[:, 2:] >= NEAR, seen, 1.0))
    for i in np.flatnonzero(~hidden).tolist():
        here = slice(start[i], start[i + 1])
        corners = pixels[here] if ahead[i] else _pixels(camera, clip_near(seen[here]))
        _fill(painted.index, corners, i + 1)
    return painted


def _planes(
    seen: NDArray[np.float64], start: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit normals (S, 3) and distances (S,) of the polygons whose corners follow each other in ``seen``."""
    following = np.arange(1, len(seen) + 1)
    following[start[1:] - 1] = start[:-1]
    normals = np.add.reduceat(np.cross(seen, seen[following]), start[:-1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    middle = np.add.reduceat(seen, start[:-1]) / count[:, None]
    return normals, np.sum(normals * middle, axis=1)


def _pixels(camera: Camera, corners: NDArray[np.float64]) -> NDArray[np.int32]:
    """Corners (K, 3) in camera axes as columns and rows in sixteenths of a pixel."""
    return np.clip(np.rint(camera.project(corners) * 16), -(2**20), 2**20).astype(np.int32)


def _fill(canvas: NDArray[np.generic], corners: NDArray[np.int32], value: int) -> None:
    if len(corners) >= 3:
        cv2.fillPoly(canvas, [corners], value, lineType=cv2.LINE_8, shift=4)


def _table(rows: ArrayLike, sky: tuple[float, ...]) -> NDArray[np.float32]:
    return np.concatenate((np.array([sky], dtype=np.float32), np.asarray(rows, dtype=np.float32)))


def _inverse_depth(
    planes: NDArray[np.float32], index: NDArray[np.int32], right: NDArray[np.float32], up: NDArray[np.float32]
) -> NDArray[np.float32]:
    return planes[:, 0][index] * right + planes[:, 1][index] * up + planes[:, 2][index]


def _motion(
    world: World, camera: Camera, painted: _Painted, scale: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Depth and flow of the sampled pixels, at the final size."""
    index = painted.index[::scale, ::scale]
    rows = np.arange(0, painted.index.shape[0], scale, dtype=np.float32)[:, None]
    columns = np.arange(0, painted.index.shape[1], scale, dtype=np.float32)[None, :]
    right, up = camera.rays(rows, columns)
    inverse = _inverse_depth(painted.planes, index, right, up)
    with np.errstate(divide="ignore"):
        depth = np.where(index > 0, 1 / np.maximum(inverse, 1e-6), np.inf).astype(np.float32)
    # in camera axes a point stood further ahead, by what the camera gained on it
    gained = world.speed - painted.speeds[index]
    step = camera.turn((0.0, 0.0, 1.0))
    ahead = 1 + gained * inverse * step[2]
    old_right = (right + gained * inverse * step[0]) / ahead
    flow = np.stack((up - up / ahead, old_right - right), axis=-1)
    return depth, (flow * (camera.focal / scale)).astype(np.float32)


def _shade(world: World, camera: Camera, painted: _Painted, frame: int) -> NDArray[np.float32]:
    """Colour (H, W, 3), 0..1, at the painted size."""
    index = painted.index
    height, width = index.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    right, up = camera.rays(rows, columns)
    inverse = np.maximum(_inverse_depth(painted.planes, index, right, up), 1e-4)
    depth = 1 / inverse
    cos, sin = np.float32(np.cos(camera.yaw)), np.float32(np.sin(camera.yaw))
    x = depth * (cos * right + sin)
    y = depth * up + np.float32(camera.position[1])
    z = depth * (cos - sin * right) + np.float32(camera.position[2])
    z -= painted.speeds[index] * frame

    light = world.light
    normals = painted.normals
    level = np.abs(normals[:, 1]) > 0.5
    flat = level[index]
    footprint = np.where(flat, depth * depth / (camera.focal * EYE_HEIGHT), depth / camera.focal)
    material = painted.materials[index]
    texture = surface_texture(material, np.where(flat, x, x + z), np.where(flat, z, y), footprint)

    sunlit = np.clip(normals @ camera.turn(light.toward).astype(np.float32), 0, 1)[:, None]
    scattered = np.array(light.ambient, dtype=np.float32) * (0.82 + 0.18 * normals[:, 1:2]) + painted.glow
    in_sun = painted.colors * (scattered + np.array(light.sun, dtype=np.float32) * sunlit)
    lost = (painted.colors * scattered * 0.9 - in_sun)[index]
    on_ground = cv2.GaussianBlur(painted.shadow, (0, 0), 1.2) * (flat & (y < 0.3))
    color = in_sun[index] + (on_ground.astype(np.float32) / 255)[..., None] * lost
    # light is scarce where walls meet the ground
    corner = 1 - 0.3 * np.exp(-np.maximum(y, 0) / 0.6) * ~flat
    color *= (texture * corner)[..., None]
    veil = (1 - np.exp(-light.fog * depth))[..., None]
    color += veil * (np.array(light.horizon, dtype=np.float32) * 0.92 - color)
    sky = index == 0
    bottom = min(int(camera.row) + 1, height)
    if bottom > 0:
        color[:bottom][sky[:bottom]] = sky_color(light, camera, right, up[:bottom])[sky[:bottom]]
    return color


def _develop(color: NDArray[np.float32], light: Light, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera makes of it: vignette, tone curve, grain."""
    height, width = color.shape[:2]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    color = color * (1 - 0.12 * (rows**2 + columns**2))[..., None]
    color = np.clip(color, 0, None)
    color = color * (1 + 0.2 * color) / (0.34 + 0.86 * color)
    grain = rng.standard_normal((height, width, 3), dtype=np.float32) + rng.standard_normal(
        (height, width, 1), dtype=np.float32
    )
    return np.clip(color * 255 + light.grain * grain, 0, 255).astype(np.uint8)
