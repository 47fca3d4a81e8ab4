"""Weather and time of day, and the sky that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.example.geometry import Camera
from seco_core.example.materials import sample_noise


@dataclass(frozen=True)
class Light:
    """Weather and time of day; colours are RGB, 0..1.

    Attributes
    ----------
    name : str
        ``"day"``, ``"overcast"``, ``"evening"`` or ``"dusk"``.
    sky, horizon : tuple
        Colour of the sky overhead and above the horizon.
    sun, ambient : tuple
        Direct and scattered light.
    toward : tuple
        Direction towards the sun.
    clouds, fog, glow, grain : float
        Cloud cover 0..1, fog per metre, how much lamps shine, and the
        deviation of the sensor's noise in grey levels.
    """

    name: str
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    sun: tuple[float, float, float]
    ambient: tuple[float, float, float]
    toward: tuple[float, float, float]
    clouds: float
    fog: float
    glow: float
    grain: float


LIGHTS = (
    Light(
        "day", sky=(0.25, 0.45, 0.78), horizon=(0.72, 0.83, 0.93), sun=(0.78, 0.72, 0.62),
        ambient=(0.38, 0.41, 0.47), toward=(-0.55, 0.62, -0.56), clouds=0.36, fog=0.0016, glow=0.0, grain=2.0,
    ),
    Light(
        "overcast", sky=(0.58, 0.62, 0.68), horizon=(0.78, 0.80, 0.82), sun=(0.08, 0.08, 0.08),
        ambient=(0.62, 0.63, 0.66), toward=(-0.3, 0.9, -0.3), clouds=0.60, fog=0.0030, glow=0.0, grain=2.4,
    ),
    Light(
        "evening", sky=(0.33, 0.46, 0.68), horizon=(0.96, 0.78, 0.58), sun=(0.80, 0.56, 0.34),
        ambient=(0.34, 0.34, 0.40), toward=(0.66, 0.38, -0.65), clouds=0.40, fog=0.0026, glow=0.15, grain=2.6,
    ),
    Light(
        "dusk", sky=(0.12, 0.16, 0.31), horizon=(0.78, 0.44, 0.32), sun=(0.10, 0.06, 0.05),
        ambient=(0.27, 0.26, 0.34), toward=(-0.12, 0.10, 0.98), clouds=0.42, fog=0.0034, glow=0.9, grain=3.6,
    ),
)  # fmt: skip


def sky_color(
    light: Light, camera: Camera, right: NDArray[np.float32], up: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Colour (h, W, 3) of the sky above the horizon: a gradient with clouds that thicken far away."""
    rise = np.clip(up, 0, None) + np.float32(0.06)
    blend = np.clip((rise / 0.55) ** 0.6, 0, 1)[..., None]
    color = (
        np.array(light.horizon, dtype=np.float32) * (1 - blend)
        + np.array(light.sky, dtype=np.float32) * blend
    )
    color = np.broadcast_to(color, (up.shape[0], right.shape[1], 3)).copy()
    # a layer of clouds overhead, seen in perspective; it is too far to move between frames
    u, v = np.broadcast_to(right / rise, color.shape[:2]), np.broadcast_to(1 / rise, color.shape[:2])
    thick = sum(
        weight * sample_noise(u.astype(np.float32), v.astype(np.float32) * np.float32(0.8), wave)
        for weight, wave in ((0.62, 1.5), (0.34, 0.6), (0.18, 0.24))
    )
    cover = np.clip(0.9 * thick + 3 * light.clouds - 1.2, 0, 1) * np.clip(up / 0.1, 0, 1) * 0.9
    lit = (
        np.array(light.ambient, dtype=np.float32) * 0.9
        + np.array(light.sun, dtype=np.float32) * 0.5
        + np.array(light.horizon, dtype=np.float32) * 0.25
    )
    color += cover[..., None] * (lit * (1 - 0.22 * cover[..., None]) - color)
    toward = camera.turn(light.toward)
    if toward[2] > 0.1:
        away = (right - toward[0] / toward[2]) ** 2 + (up - min(toward[1] / toward[2], 0.12)) ** 2
        color += np.exp(-away / 0.12)[..., None] * np.array(light.sun, dtype=np.float32) * 0.45
    return color.astype(np.float32)
