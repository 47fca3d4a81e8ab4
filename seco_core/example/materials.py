"""Textures of the example's surfaces: noise at three scales and a grid of bricks, slabs, planks or tiles."""

from __future__ import annotations

import functools
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

SCALES = (0.12, 0.7, 5.0)
"""Wavelengths in metres of the three layers of noise."""

CELL = 8
"""Pixels of the noise texture that one wavelength covers."""


class Material(IntEnum):
    """What a face is made of; the row of `TABLE`."""

    PLAIN = 0
    ASPHALT = 1
    SLABS = 2
    PLASTER = 3
    BRICK = 4
    ROOF = 5
    LEAVES = 6
    GRASS = 7
    PLANKS = 8
    CLOTH = 9
    MESH = 10
    HILL = 11


# noise at each of SCALES; then the grid: cell width and height in m (0: none), whether rows are staggered,
# darkness of the joints, how much cells differ
TABLE: NDArray[np.float32] = np.array(
    [
        [0.00, 0.00, 0.00, 0.0, 0.0, 0, 0.0, 0.00],  # plain
        [0.10, 0.03, 0.07, 0.0, 0.0, 0, 0.0, 0.00],  # asphalt
        [0.06, 0.05, 0.08, 0.9, 0.9, 1, 0.25, 0.07],  # slabs
        [0.04, 0.04, 0.10, 0.0, 0.0, 0, 0.0, 0.00],  # plaster
        [0.08, 0.05, 0.08, 0.5, 0.22, 1, 0.22, 0.16],  # brick
        [0.06, 0.06, 0.08, 0.4, 0.45, 1, 0.30, 0.10],  # roof tiles
        [0.35, 0.40, 0.10, 0.0, 0.0, 0, 0.0, 0.00],  # leaves
        [0.22, 0.14, 0.18, 0.0, 0.0, 0, 0.0, 0.00],  # grass
        [0.07, 0.05, 0.05, 0.16, 9.0, 0, 0.55, 0.14],  # planks
        [0.10, 0.10, 0.00, 0.0, 0.0, 0, 0.0, 0.00],  # cloth
        [0.05, 0.05, 0.05, 0.18, 0.18, 0, 0.55, 0.05],  # mesh
        [0.00, 0.12, 0.25, 0.0, 0.0, 0, 0.0, 0.00],  # hill
    ],
    dtype=np.float32,
)


@functools.lru_cache(maxsize=1)
def noise_texture() -> NDArray[np.float32]:
    """Smooth noise (256, 256) of mean 0 and deviation 1 that repeats without a seam; the same always."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(20231206)
    texture = gaussian_filter(rng.standard_normal((256, 256)), CELL / 4, mode="wrap")
    texture -= texture.mean()
    return (texture / texture.std()).astype(np.float32)


def sample_noise(u: NDArray[np.float32], v: NDArray[np.float32], wavelength: float) -> NDArray[np.float32]:
    """Noise at positions ``u``, ``v`` in metres, both (H, W)."""
    scale = np.float32(CELL / wavelength)
    period = np.float32(256)
    # remap holds positions in 16 bits, so the repeats are taken off first
    return cv2.remap(
        noise_texture(), np.mod(u * scale, period), np.mod(v * scale, period), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )  # fmt: skip


def surface_texture(
    material: NDArray[np.uint8],
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    footprint: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Factor (H, W) on a surface's colour, around 1.

    Parameters
    ----------
    material : ndarray of uint8, (H, W)
        `Material` of each pixel.
    u, v : ndarray of float32, (H, W)
        Position on the surface in metres.
    footprint : ndarray of float32, (H, W)
        Metres that a pixel covers; detail finer than that fades out instead of flickering.
    """
    factor = np.ones(material.shape, dtype=np.float32)
    for layer, wavelength in enumerate(SCALES):
        strength = TABLE[:, layer][material] * np.clip(wavelength / (2 * footprint) - 0.5, 0, 1)
        factor += strength * sample_noise(u, v + np.float32(17 * layer), wavelength)
    at = np.flatnonzero(TABLE[:, 3][material.ravel()] > 0)
    if at.size:
        factor.ravel()[at] *= _grid(material.ravel()[at], u.ravel()[at], v.ravel()[at], footprint.ravel()[at])
    return np.clip(factor, 0.25, 1.9)


def _grid(
    material: NDArray[np.uint8],
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    footprint: NDArray[np.float32],
) -> NDArray[np.float32]:
    width, height, stagger, joint, variation = (TABLE[:, k][material] for k in range(3, 8))
    row = np.floor(v / height)
    across = u / width + stagger * 0.5 * np.mod(row, 2)
    column = np.floor(across)
    # distance to the nearest joint in metres
    gap = np.minimum(_to_edge(across - column) * width, _to_edge(v / height - row) * height)
    visible = np.clip(np.minimum(width, height) / (3 * footprint) - 0.5, 0, 1)
    hashed = np.mod(np.sin(column * 12.9898 + row * 78.233) * 43758.547, 1.0)
    line = np.clip(1.0 - gap / np.maximum(0.012, 0.6 * footprint), 0, 1) * joint
    return (1.0 + visible * (variation * (2 * hashed - 1) - line)).astype(np.float32)


def _to_edge(fraction: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.minimum(fraction, 1 - fraction)
