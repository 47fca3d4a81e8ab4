"""PSA's thing step: components of thing classes prompt the mask source, and answers claim pixels.

Box and points follow the published code to the pixel, its use of pyclipper included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt
from seco_core.psa.offset import grow_convex
from seco_core.regions import label_components
from seco_core.scheme import IGNORE

GROWTH = 1.25
"""A box grows by this times area over perimeter of the component's minimum-area rectangle."""

ENTROPY_WINDOW = 17
"""Side of the window of the local label entropy."""


@dataclass(frozen=True)
class ThingPrompt:
    """A component that prompts: its class, its pixels' number and the prompt."""

    class_id: int
    area: int
    prompt: Prompt


def thing_prompts(
    class_map: NDArray[np.uint8], thing_ids: Sequence[int] | NDArray[np.int64], min_area: int
) -> list[ThingPrompt]:
    """One prompt for each component of a thing class (SeCo, section 3.2).

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        Class ids, 255 = ignore.
    thing_ids : sequence of int
        Classes whose components prompt.
    min_area : int
        Components of fewer pixels do not prompt, nor does a class with no more pixels than that in all.

    Returns
    -------
    list of ThingPrompt
        Classes ascending, components in raster order of their first pixel.
    """
    counts = np.bincount(class_map.reshape(-1), minlength=256)
    prompting = [int(c) for c in sorted(thing_ids) if counts[c] > min_area]
    only_things = np.where(np.isin(class_map, prompting), class_map, np.uint8(IGNORE))
    components, n = label_components(only_things)
    if n == 0:
        return []
    flat = components.reshape(-1)
    where = np.flatnonzero(flat)
    where = where[np.argsort(flat[where], kind="stable")]
    ends = np.cumsum(np.bincount(flat, minlength=n + 1)[1:])
    pixels_of = np.split(where, ends[:-1])
    class_of = [int(only_things.reshape(-1)[pixels[0]]) for pixels in pixels_of]
    entropy = label_entropy(class_map).reshape(-1)

    found = []
    for i in sorted(range(n), key=lambda i: (class_of[i], i)):
        pixels = pixels_of[i]
        box = prompt_box(pixels, class_map.shape) if len(pixels) >= min_area else None
        if box is not None:
            points = prompt_points(pixels, entropy[pixels], class_map.shape[1])
            labels = np.ones(len(points), dtype=np.int64)
            found.append(ThingPrompt(class_of[i], len(pixels), Prompt(box, points, labels)))
    return found


def label_entropy(class_map: NDArray[np.uint8], window: int = ENTROPY_WINDOW) -> NDArray[np.float32]:
    """Entropy of the labels around each pixel; the lower, the purer.

    The sum of -p log(p + 1e-6) over the classes, 255 being one of them; p is a class's share of the window's
    pixels, those off the image counting for no class.
    """
    area = window * window
    share = np.arange(area + 1, dtype=np.float32) / np.float32(area)
    term = -share * np.log(share + np.float32(1e-6))
    total = np.zeros(class_map.shape, dtype=np.float32)
    for c in np.unique(class_map):
        present = (class_map == c).astype(np.float32)
        count = cv2.boxFilter(
            present, cv2.CV_32F, (window, window), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        total += term[np.rint(count).astype(np.intp)]
    return total


def prompt_points(pixels: NDArray[np.int64], entropy: NDArray[np.float32], width: int) -> NDArray[np.float64]:
    """The purest pixels of a component: one for an even number of pixels, two for an odd one.

    Parameters
    ----------
    pixels : ndarray of int, (n,)
        Flat indices of the component in raster order.
    entropy : ndarray of float, (n,)
        Label entropy of each.
    width : int
        Width of the image.

    Returns
    -------
    ndarray of float64, (1 or 2, 2)
        x, y: the first pixel of lowest entropy of each piece that is completed. The pieces end at index
        n // 2 and 2 (n // 2), inclusive.
    """
    half = len(pixels) // 2
    pieces = [(0, half)] if len(pixels) % 2 == 0 or half == 0 else [(0, half), (half + 1, 2 * half)]
    chosen = [first + int(np.argmin(entropy[first : last + 1])) for first, last in pieces]
    rows, columns = np.divmod(pixels[chosen], width)
    return np.stack([columns, rows], axis=1).astype(np.float64)


def prompt_box(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[float, float, float, float] | None:
    """The enlarged box of a component; None for one whose rectangle has no area in whole pixels.

    The minimum-area rectangle of its largest contour grows outwards, then its upright bounds are clipped to
    0..W-1 and 0..H-1.

    Parameters
    ----------
    pixels : ndarray of int, (n,)
        Flat indices of the component.
    shape : (int, int)
        Of the image.
    """
    height, width = shape[0], shape[1]
    rows, columns = np.divmod(pixels, width)
    top, left = rows.min(), columns.min()
    crop = np.zeros((rows.max() - top + 1, columns.max() - left + 1), dtype=np.uint8)
    crop[rows - top, columns - left] = 1
    contours, _ = cv2.findContours(
        crop, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(int(left), int(top))
    )
    rectangle = cv2.boxPoints(cv2.minAreaRect(max(contours, key=cv2.contourArea)))
    corners = rectangle.astype(np.int64)
    if len(np.unique(corners, axis=0)) < 3:
        return None
    sides = np.linalg.norm(np.diff(rectangle[[0, 1, 2]], axis=0), axis=1)
    grown = grow_convex(corners, float(GROWTH * sides[0] * sides[1] / (2 * sides.sum())))
    low = np.clip(np.floor(grown.min(axis=0)), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(grown.max(axis=0)), 0, [width - 1, height - 1])
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def claim(
    class_map: NDArray[np.uint8],
    strength: NDArray[np.floating],
    answers: MaskSet,
    class_ids: Sequence[int],
    votes: NDArray[np.uint8],
    weights: NDArray[np.floating],
) -> NDArray[np.uint8]:
    """Let the answers of thing prompts claim pixels, whatever the order they come in.

    An answer's share is that of its class in the weighted votes inside it. If that is a majority, it claims
    the pixels whose class is held with less than that share. Where answers overlap the higher share wins,
    then the smaller area, then the lower class id.

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        What the pixels are so far.
    strength : ndarray of float, (H, W)
        Share with which each pixel holds that, 0..1.
    answers : MaskSet
        One mask for each prompt; may be empty.
    class_ids : sequence of int
        Class of each prompt.
    votes : ndarray of uint8, (H, W)
        Class that each pixel votes for, 255 = none.
    weights : ndarray of float, (H, W)
        What its vote counts.

    Returns
    -------
    ndarray of uint8, (H, W)
    """
    claims = []
    for i, crop in enumerate(answers.crops):
        x0, y0, x1, y1 = answers.boxes[i]
        window = np.s_[y0:y1, x0:x1]
        voting = crop & (votes[window] != IGNORE)
        total = weights[window][voting].sum()
        if total > 0:
            share = float(weights[window][voting & (votes[window] == class_ids[i])].sum() / total)
            if share > 0.5:
                claims.append((share, -int(np.count_nonzero(crop)), -class_ids[i], i))
    result = class_map.copy()
    for share, _, _, i in sorted(claims):
        x0, y0, x1, y1 = answers.boxes[i]
        window = np.s_[y0:y1, x0:x1]
        result[window][answers.crops[i] & (strength[window] < share)] = class_ids[i]
    return result
