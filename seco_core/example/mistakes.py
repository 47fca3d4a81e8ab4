"""The pseudo-label that a network adapted from elsewhere would give: mostly right, wrong by whole parts.

Mistakes are made per object and last over the frames of a sequence: confused classes (on all of an object or
on a part of it), small things missed; then wavering borders, specks, and things that are not there.
Confidence follows correctness loosely: low at borders, often low where wrong, sometimes the other way round.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.example.render import Frame

ROAD, SIDEWALK, BUILDING, WALL, FENCE, POLE, LIGHT, SIGN, VEGETATION, TERRAIN, SKY = range(11)
PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = range(11, 19)
VOID = 255
N_CLASSES = 19
ALWAYS = 9.0
"""A rate that is certain in any light."""


class _Habit(NamedTuple):
    """How often an object is confused as a whole, confused in part or missed; how large a part; with what."""

    whole: float
    part: float
    missed: float
    share: tuple[float, float]
    taken_for: dict[int, float]


HABITS: dict[int, _Habit] = {
    ROAD: _Habit(0.00, 0.90, 0.0, (0.03, 0.12), {SIDEWALK: 0.8, TERRAIN: 0.2}),
    SIDEWALK: _Habit(0.08, 0.55, 0.0, (0.12, 0.45), {ROAD: 0.8, TERRAIN: 0.2}),
    BUILDING: _Habit(0.08, 0.28, 0.0, (0.12, 0.50), {WALL: 0.5, FENCE: 0.2, VEGETATION: 0.2, BUS: 0.1}),
    WALL: _Habit(0.25, 0.25, 0.0, (0.25, 0.60), {BUILDING: 0.6, FENCE: 0.4}),
    FENCE: _Habit(0.22, 0.28, 0.0, (0.25, 0.60), {WALL: 0.4, BUILDING: 0.3, VEGETATION: 0.3}),
    POLE: _Habit(0.05, 0.20, 0.40, (0.40, 0.80), {BUILDING: 0.6, VEGETATION: 0.4}),
    LIGHT: _Habit(0.30, 0.10, 0.25, (0.30, 0.60), {SIGN: 0.6, POLE: 0.4}),
    SIGN: _Habit(0.30, 0.10, 0.25, (0.30, 0.60), {BUILDING: 0.5, LIGHT: 0.3, WALL: 0.2}),
    VEGETATION: _Habit(0.06, 0.26, 0.0, (0.15, 0.50), {TERRAIN: 0.5, BUILDING: 0.3, FENCE: 0.2}),
    TERRAIN: _Habit(0.15, 0.30, 0.0, (0.20, 0.60), {VEGETATION: 0.6, SIDEWALK: 0.4}),
    SKY: _Habit(0.00, 0.55, 0.0, (0.03, 0.16), {BUILDING: 0.7, VEGETATION: 0.3}),
    PERSON: _Habit(0.22, 0.12, 0.12, (0.30, 0.60), {RIDER: 0.8, BICYCLE: 0.2}),
    RIDER: _Habit(0.40, 0.15, 0.05, (0.30, 0.60), {PERSON: 0.8, BICYCLE: 0.2}),
    CAR: _Habit(0.12, 0.15, 0.04, (0.20, 0.50), {TRUCK: 0.5, BUS: 0.3, BUILDING: 0.2}),
    TRUCK: _Habit(0.30, 0.25, 0.0, (0.30, 0.60), {CAR: 0.4, BUS: 0.4, BUILDING: 0.2}),
    BUS: _Habit(0.25, 0.25, 0.0, (0.30, 0.60), {TRUCK: 0.5, TRAIN: 0.25, CAR: 0.25}),
    MOTORCYCLE: _Habit(0.40, 0.15, 0.10, (0.30, 0.60), {BICYCLE: 0.7, CAR: 0.3}),
    BICYCLE: _Habit(0.25, 0.15, 0.25, (0.30, 0.60), {MOTORCYCLE: 0.6, PERSON: 0.4}),
    VOID: _Habit(ALWAYS, 0.00, 0.0, (1.00, 1.00), {WALL: 0.4, CAR: 0.3, PERSON: 0.3}),
}

SEVERITY = {"day": 0.85, "overcast": 1.0, "evening": 1.05, "dusk": 1.2}
"""How much more often mistakes are made in each light."""


def smooth_field(rng: np.random.Generator, size: tuple[int, int], wavelength: float) -> NDArray[np.float32]:
    """Smooth random numbers (H, W), mean 0 and deviation 1, that change over ``wavelength`` pixels."""
    height, width = size
    step = max(wavelength / 2, 1.0)
    grid = rng.standard_normal((int(height / step) + 4, int(width / step) + 4)).astype(np.float32)
    full = (int(np.ceil(grid.shape[1] * step)), int(np.ceil(grid.shape[0] * step)))
    field = cv2.resize(grid, full, interpolation=cv2.INTER_CUBIC)[:height, :width]
    field -= field.mean()
    return field / max(float(field.std()), 1e-6)


def pseudo_label(
    frame: Frame, light: str, seed: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Make the noisy class map of a frame and its confidence.

    Parameters
    ----------
    frame : Frame
        The rendered truth.
    light : str
        Name of its light, a key of `SEVERITY`.
    seed : tuple of int
        Decides which objects are mistaken for what; the same for all frames of a sequence.
    rng : numpy.random.Generator
        For what differs from frame to frame: borders and specks.

    Returns
    -------
    label : ndarray of uint8, (H, W)
        Class ids 0..18, every pixel labelled.
    confidence : ndarray of float32, (H, W)
        0..1.
    """
    size = frame.label.shape
    severity = SEVERITY[light]
    lasting = np.random.default_rng([*seed, 1])
    label, doubt = _confuse_objects(frame, severity, seed, lasting)
    label, doubt = _waver(label, doubt, rng)
    _add_specks(label, doubt, severity, rng)
    _hallucinate(label, doubt, severity, lasting)

    edge = _distance_to_border(label)
    far = np.minimum(np.where(np.isfinite(frame.depth), frame.depth, 0), 120) / 120
    wave = max(size) / 12
    drift = smooth_field(lasting, size, wave) + 0.6 * smooth_field(rng, size, wave / 4)
    logit = 3.4 - doubt - 2.4 * np.exp(-edge / (1 + max(size) / 400)) + 0.6 * drift - 1.2 * far
    logit += 0.25 * rng.standard_normal(size)
    confidence = 1 / N_CLASSES + (1 - 1 / N_CLASSES) / (1 + np.exp(-logit))
    return label, confidence.astype(np.float32)


def _confuse_objects(
    frame: Frame, severity: float, seed: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Decide object by object; returns the class map and what is to be taken off the confidence's logit."""
    from scipy.ndimage import distance_transform_edt, find_objects

    size = frame.label.shape
    label = frame.label.copy()
    doubt = np.zeros(size, dtype=np.float32)
    gone = np.zeros(size, dtype=bool)
    blobs = smooth_field(rng, size, max(size) / 9) + 0.45 * smooth_field(rng, size, max(size) / 30)
    ids, compact = np.unique(frame.objects, return_inverse=True)
    compact = compact.reshape(size)
    for i, box in enumerate(find_objects(compact + 1)):
        inside = compact[box] == i
        true_class = int(frame.label[box][inside][0])
        habit = HABITS[true_class]
        own = np.random.default_rng([*seed, int(ids[i])])
        draw = own.random() / severity
        target = int(own.choice(list(habit.taken_for), p=list(habit.taken_for.values())))
        # one mistake in four is made with full confidence, and one right object in eight with little
        wrong_doubt = float(own.uniform(-0.4, 0.4) if own.random() < 0.25 else own.uniform(1.0, 3.0))
        right_doubt = float(own.uniform(0.8, 2.0) if own.random() < 0.12 else 0.0)
        share = float(own.uniform(*habit.share))
        # part of a part: which blobs an object is mistaken on differs between objects
        field = blobs[box] * own.choice((-1.0, 1.0))
        if draw < habit.missed:
            gone[box] |= inside
            doubt[box][inside] += 0.5 * wrong_doubt
        elif draw < habit.missed + habit.whole:
            label[box][inside] = target
            doubt[box][inside] += wrong_doubt
        elif draw < habit.missed + habit.whole + habit.part:
            part = inside & (field >= np.quantile(field[inside], 1 - min(share * severity, 0.95)))
            label[box][part] = target
            doubt[box][part] += wrong_doubt
            doubt[box][inside & ~part] += right_doubt
        else:
            doubt[box][inside] += right_doubt
    if gone.any() and not gone.all():
        rows, columns = distance_transform_edt(gone, return_distances=False, return_indices=True)
        label = label[rows, columns]
    return label, doubt


def _waver(
    label: NDArray[np.uint8], doubt: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Move the borders by a smooth random displacement."""
    height, width = label.shape
    long = max(height, width)
    moved = []
    for base in np.meshgrid(np.arange(width), np.arange(height)):
        shift = 0.0030 * long * smooth_field(rng, label.shape, long / 14)
        shift += 0.0020 * long * smooth_field(rng, label.shape, long / 55)
        moved.append((base + shift).astype(np.float32))
    label, doubt = (
        cv2.remap(plane, moved[0], moved[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        for plane in (label, doubt)
    )
    return label, doubt


def _add_specks(
    label: NDArray[np.uint8], doubt: NDArray[np.float32], severity: float, rng: np.random.Generator
) -> None:
    """Swarms of small patches of the class that each one is most often, or second most often, taken for."""
    long = max(label.shape)
    swarms = smooth_field(rng, label.shape, long / 5)
    for rank, wavelength, threshold in ((0, long / 45, 2.9), (1, long / 45, 3.1), (0, long / 130, 3.2)):
        table = np.arange(256, dtype=np.uint8)
        for class_id, habit in HABITS.items():
            table[class_id] = list(habit.taken_for)[rank]
        at = smooth_field(rng, label.shape, wavelength) + 0.8 * swarms > threshold / severity**0.5
        label[at] = table[label[at]]
        doubt[at] += 1.3


def _hallucinate(
    label: NDArray[np.uint8], doubt: NDArray[np.float32], severity: float, rng: np.random.Generator
) -> None:
    """A few blobs of things where there are none."""
    height, width = label.shape
    for _ in range(int(rng.poisson(3 * severity))):
        class_id = int(rng.choice((PERSON, RIDER, POLE, CAR, VEGETATION, BICYCLE, SIGN)))
        tall = height * rng.uniform(0.03, 0.10)
        wide = tall * {PERSON: 0.4, RIDER: 0.5, POLE: 0.2}.get(class_id, 1.2)
        row, column = height * rng.uniform(0.4, 0.75), width * rng.uniform(0.02, 0.98)
        wobble = rng.uniform(0.7, 1.2, 12)
        angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        outline = np.column_stack(
            (column + wide * wobble * np.cos(angle), row + tall * wobble * np.sin(angle))
        )
        blob = np.zeros(label.shape, dtype=np.uint8)
        cv2.fillPoly(blob, [np.rint(outline).astype(np.int32)], 1)
        at = blob > 0
        label[at] = class_id
        doubt[at] = rng.uniform(0.3, 2.2)


def _distance_to_border(label: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels to the nearest change of class."""
    inner = np.ones(label.shape, dtype=np.uint8)
    down, across = label[1:] != label[:-1], label[:, 1:] != label[:, :-1]
    for border, slices in (
        (down, (np.s_[1:, :], np.s_[:-1, :])),
        (across, (np.s_[:, 1:], np.s_[:, :-1])),
    ):
        for part in slices:
            inner[part][border] = 0
    if inner.all():
        return np.full(label.shape, max(label.shape), dtype=np.float32)
    return cv2.distanceTransform(inner, cv2.DIST_L2, 3)
