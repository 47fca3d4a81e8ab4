"""Scenes and sequences: image, ground truth, pseudo-label and confidence from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError
from seco_core.example.layout import build_world
from seco_core.example.light import LIGHTS
from seco_core.example.mistakes import pseudo_label
from seco_core.example.render import World, render

SMALLEST = 16
"""Pixels that height and width must have at least."""

LIGHT_ORDER = (0, 2, 1, 0, 3, 0, 1, 2)
"""Lights of scenes 0, 1, 2, ... of every seed, over and over: mostly day, now and then dusk."""


@dataclass(frozen=True)
class Scene:
    """One generated street scene, classes of scheme ``cityscapes19``.

    Attributes
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB.
    ground_truth : ndarray of uint8, (H, W)
        True class ids; 255 on what no class fits (dustbins).
    pseudo_label : ndarray of uint8, (H, W)
        What an adapted network might say: class ids, every pixel labelled, roughly a fifth of them wrong.
    confidence : ndarray of float32, (H, W)
        How sure it is, 0..1.
    """

    image: NDArray[np.uint8]
    ground_truth: NDArray[np.uint8]
    pseudo_label: NDArray[np.uint8]
    confidence: NDArray[np.float32]


def make_scene(seed: int, index: int = 0, *, size: tuple[int, int] = (512, 1024)) -> Scene:
    """Generate one street scene.

    Parameters
    ----------
    seed : int
        Not negative. Same seed, index and size: same scene.
    index : int
        Number of the scene within the seed, not negative.
    size : (int, int)
        Height and width in pixels, each at least 16. Another size shows the same street.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> scene = make_scene(0, size=(64, 128))
    >>> scene.image.shape, scene.ground_truth.shape
    ((64, 128, 3), (64, 128))
    """
    _check(seed, index, size)
    world = build_world(np.random.default_rng([seed, index]), LIGHTS[LIGHT_ORDER[index % len(LIGHT_ORDER)]])
    return _scene(world, (seed, index), 0, size)[0]


def make_sequence(
    seed: int, length: int, *, size: tuple[int, int] = (512, 1024)
) -> tuple[list[Scene], list[NDArray[np.float32]]]:
    """Generate a drive along a street, with the motion of every pixel.

    The camera moves ahead, other vehicles and people move as well; all at constant speed. Which objects the
    pseudo-label gets wrong lasts over the frames; its borders and specks do not.

    Parameters
    ----------
    seed : int
        Not negative.
    length : int
        Frames, at least one.
    size : (int, int)
        Height and width in pixels, each at least 16.

    Returns
    -------
    scenes : list of Scene
        The frames in order of time.
    motions : list of ndarray of float32, (H, W, 2)
        For each frame the exact motion of its surfaces back to the frame before, in pixels along rows and
        columns: what is at (row, column) was at (row, column) + motion, if it was in view and not covered.
        Shadows are not followed. That of the first frame leads to a frame that would have come before it.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """
    _check(seed, 0, size)
    if length < 1:
        raise ParameterError(f"a sequence has at least one frame, not {length}.")
    rng = np.random.default_rng([seed, 0, length])
    light = LIGHTS[LIGHT_ORDER[seed % len(LIGHT_ORDER)]]
    world = build_world(rng, light, speed=float(rng.uniform(0.4, 0.8)), frames=length)
    frames = [_scene(world, (seed, 0), t, size) for t in range(length)]
    return [scene for scene, _ in frames], [motion for _, motion in frames]


def _scene(
    world: World, seed: tuple[int, int], time: int, size: tuple[int, int]
) -> tuple[Scene, NDArray[np.float32]]:
    rng = np.random.default_rng([*seed, time, 7])
    frame = render(world, size, time, rng)
    label, confidence = pseudo_label(frame, world.light.name, seed, rng)
    return Scene(frame.image, frame.label, label, confidence), frame.flow


def _check(seed: int, index: int, size: tuple[int, int]) -> None:
    if seed < 0 or index < 0:
        raise ParameterError(f"seed and index of a scene must not be negative, not {seed} and {index}.")
    if min(size) < SMALLEST:
        raise ParameterError(f"a scene has at least {SMALLEST}x{SMALLEST} pixels, not {size[0]}x{size[1]}.")
