"""PSA's thing step: components of thing classes prompt the mask source, and answers claim pixels.

Box and points follow the published code to the pixel, its use of pyclipper included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt
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


def thing_components(
    class_map: NDArray[np.uint8], thing_ids: Sequence[int] | NDArray[np.int64], min_area: int
) -> list[tuple[int, NDArray[np.int64]]]:
    """The components of thing classes that are large enough to prompt.

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
    list of (int, ndarray of int64)
        Class and flat pixel indices in raster order. Classes ascending, components in raster order of their
        first pixel.
    """
    counts = np.bincount(class_map.reshape(-1), minlength=256)
    prompting = [int(c) for c in thing_ids if counts[c] > min_area]
    only_things = np.where(np.isin(class_map, prompting), class_map, np.uint8(IGNORE))
    components, n = label_components(only_things)
    flat = components.reshape(-1)
    where = np.flatnonzero(flat)
    where = where[np.argsort(flat[where], kind="stable")]
    area = np.bincount(flat[where], minlength=n + 1)[1:]
    ends = np.cumsum(area)
    class_of = class_map.reshape(-1)[where[ends - area]]
    return [
        (int(class_of[i]), where[ends[i] - area[i] : ends[i]])
        for i in np.argsort(class_of, kind="stable")
        if area[i] >= min_area
    ]


def thing_prompts(
    class_map: NDArray[np.uint8], thing_ids: Sequence[int] | NDArray[np.int64], min_area: int
) -> list[ThingPrompt]:
    """One prompt for each component of a thing class, as the published code makes them (SeCo, section 3.2).

    Parameters
    ----------
    class_map, thing_ids, min_area
        As for `thing_components`.

    Returns
    -------
    list of ThingPrompt
        Classes ascending, components in raster order of their first pixel. One whose rectangle vanishes in
        whole pixels does not prompt.
    """
    components = thing_components(class_map, thing_ids, min_area)
    if not components:
        return []
    entropy = label_entropy(class_map, np.concatenate([pixels for _, pixels in components]))
    ends = np.cumsum([len(pixels) for _, pixels in components])
    found = []
    for (class_id, pixels), end in zip(components, ends, strict=True):
        box = prompt_box(pixels, class_map.shape)
        if box is not None:
            points = prompt_points(pixels, entropy[end - len(pixels) : end], class_map.shape[1])
            labels = np.ones(len(points), dtype=np.int64)
            found.append(ThingPrompt(class_id, len(pixels), Prompt(box, points, labels)))
    return found


def label_entropy(
    class_map: NDArray[np.uint8], pixels: NDArray[np.int64], window: int = ENTROPY_WINDOW
) -> NDArray[np.float32]:
    """Entropy of the labels around pixels; the lower, the purer.

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        Class ids, 255 = ignore, which counts as one more class.
    pixels : ndarray of int, (n,)
        Flat indices of the pixels.
    window : int
        Side of the window around each, odd, at most 255.

    Returns
    -------
    ndarray of float32, (n,)
        The sum of -p log(p + 1e-6) over the classes; p is a class's share of the window's pixels, those off
        the image counting for no class.
    """
    area = window * window
    share = np.arange(area + 1, dtype=np.float32) / np.float32(area)
    term = -share * np.log(share + np.float32(1e-6))
    total = np.zeros(len(pixels), dtype=np.float32)
    count = np.empty(class_map.shape, dtype=np.uint16)
    for c in np.flatnonzero(np.bincount(class_map.reshape(-1))):
        present = (class_map == c).view(np.uint8)
        cv2.boxFilter(
            present, cv2.CV_16U, (window, window), count, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        total += term[count.reshape(-1)[pixels]]
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
    """The enlarged box of a component; None for one whose rectangle vanishes in whole pixels.

    The minimum-area rectangle of its largest contour grows outwards, then its upright bounds are clipped to
    0..W-1 and 0..H-1.

    Parameters
    ----------
    pixels : ndarray of int, (n,)
        Flat indices of the component.
    shape : (int, int)
        Of the image.

    Examples
    --------
    >>> rows, columns = np.divmod(np.arange(11 * 21), 21)
    >>> prompt_box((rows + 30) * 100 + columns + 40, (80, 100))
    (36.0, 26.0, 64.0, 44.0)
    """
    height, width = shape[0], shape[1]
    rows, columns = np.divmod(pixels, width)
    top, left = rows.min(), columns.min()
    crop = np.zeros((rows.max() - top + 1, columns.max() - left + 1), dtype=np.uint8)
    crop[rows - top, columns - left] = 1
    contours, _ = cv2.findContours(
        crop, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(int(left), int(top))
    )
    corners = _corners_from_left(cv2.boxPoints(cv2.minAreaRect(max(contours, key=cv2.contourArea))))
    sides = np.linalg.norm(np.diff(corners[:3], axis=0), axis=1)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(corners.astype(np.int64).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    grown = offset.Execute(GROWTH * sides[0] * sides[1] / max(2 * sides.sum(), 1e-9))
    if not grown:
        return None
    low = np.clip(np.min(grown[0], axis=0), 0, [width - 1, height - 1])
    high = np.clip(np.max(grown[0], axis=0), 0, [width - 1, height - 1])
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _corners_from_left(corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """Corners of a rectangle around it, beginning with the upper of the two that lie left.

    Where Clipper begins decides how it rounds when it grows a rectangle by less than a pixel.
    """
    by_x = sorted(corners.astype(np.float64).tolist(), key=lambda corner: corner[0])
    # of two equally high corners the later counts as the upper one
    upper_left, lower_left = by_x[:2] if by_x[1][1] > by_x[0][1] else by_x[1::-1]
    upper_right, lower_right = by_x[2:] if by_x[3][1] > by_x[2][1] else by_x[:1:-1]
    return np.array([upper_left, upper_right, lower_right, lower_left])


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
