"""What a decision is about: some pixels of an image, and the ways of choosing them.

A `Patch` is a set of pixels. Everything here is a pure function of arrays; places are (row, column) in
pixels, pixel (r, c) covering r - 0.5 to r + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet
from seco_core.project.overrides import Box

FEW_PIXELS = 4
"""So many that are left of a region are not worth a look."""
Place = tuple[float, float]
"""Row and column."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A set of pixels on the box that just holds them; an empty one has the box (0, 0, 0, 0).

    Attributes
    ----------
    box : (int, int, int, int)
        x0, y0, x1, y1, maximum exclusive.
    mask : ndarray of bool, (y1 - y0, x1 - x0)
        Which pixels of the box.
    """

    box: Box
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, mask: NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> Patch:
        """The pixels of a mask (h, w) whose first one is at row and column `origin`."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return EMPTY
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        y, x = origin
        return cls((left + x, top + y, right + x, bottom + y), mask[top:bottom, left:right])

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the first pixel; there must be one."""
        y, x = np.unravel_index(int(self.mask.argmax()), self.mask.shape)
        return self.box[1] + int(y), self.box[0] + int(x)

    def on(self, box: Box) -> NDArray[np.bool_]:
        """The patch as a mask of another box; what lies outside is cut off."""
        found = np.zeros((box[3] - box[1], box[2] - box[0]), dtype=bool)
        x0, y0 = max(self.box[0], box[0]), max(self.box[1], box[1])
        x1, y1 = min(self.box[2], box[2]), min(self.box[3], box[3])
        if x0 < x1 and y0 < y1:
            found[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] = self.mask[
                y0 - self.box[1] : y1 - self.box[1], x0 - self.box[0] : x1 - self.box[0]
            ]
        return found

    def holds(self, place: tuple[int, int]) -> bool:
        """Whether a pixel is among them."""
        row, column = place[0] - self.box[1], place[1] - self.box[0]
        inside = 0 <= row < self.mask.shape[0] and 0 <= column < self.mask.shape[1]
        return inside and bool(self.mask[row, column])

    def same(self, other: Patch) -> bool:
        """Whether both are the same pixels."""
        return self.box == other.box and np.array_equal(self.mask, other.mask)

    def __or__(self, other: Patch) -> Patch:
        if not other.mask.size or not self.mask.size:
            return self if self.mask.size else other
        a, b = self.box, other.box
        box = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
        return Patch.of(self.on(box) | other.on(box), (box[1], box[0]))

    def __sub__(self, other: Patch) -> Patch:
        return Patch.of(self.mask & ~other.on(self.box), (self.box[1], self.box[0]))

    def __and__(self, other: Patch) -> Patch:
        return Patch.of(self.mask & other.on(self.box), (self.box[1], self.box[0]))


EMPTY = Patch((0, 0, 0, 0), np.zeros((0, 0), dtype=bool))
"""No pixels."""


class Kind(Enum):
    """What a patch is to the regions under it."""

    EMPTY = "nothing"
    REGION = "a region as it is"
    """All of its pixels that are still open."""
    PART = "a part of a region"
    WHOLE = "several regions as they are"
    DRAWN = "pixels drawn freely"


def kind_of(
    patch: Patch, region_ids: NDArray[np.uint16], open_part: Callable[[int], Patch]
) -> tuple[Kind, NDArray[np.int64]]:
    """What a patch is to the regions, and the ids of those it touches, ascending.

    Parameters
    ----------
    patch : Patch
        On the image.
    region_ids : ndarray of uint16, (H, W)
        0 is no region.
    open_part : callable
        Gives the pixels of a region id that stand for the whole of it.
    """
    x0, y0, x1, y1 = patch.box
    ids = np.flatnonzero(np.bincount(region_ids[y0:y1, x0:x1][patch.mask], minlength=1))
    if not len(ids):
        return Kind.EMPTY, ids
    if ids[0] == 0:
        return Kind.DRAWN, ids[1:]
    whole = [open_part(int(i)) for i in ids]
    if len(ids) == 1:
        return (Kind.REGION if patch.same(whole[0]) else Kind.PART), ids
    # without a pixel too many they are whole if no pixel is missing
    complete = sum(p.area for p in whole) == patch.area and all((p - patch).area == 0 for p in whole)
    return (Kind.WHOLE if complete else Kind.DRAWN), ids


def masks_at(masks: MaskSet, place: tuple[int, int], within: Patch | None = None) -> list[Patch]:
    """The masks that hold a pixel, or what they have in common with a patch; each once, smallest first.

    Parameters
    ----------
    masks : MaskSet
        Of the image.
    place : (int, int)
        Row and column.
    within : Patch, optional
        Only what lies in it counts; none are found if it does not hold the pixel, and it is not among them.
    """
    if within is not None and not within.holds(place):
        return []
    row, column = place
    b = masks.boxes
    near = np.flatnonzero((b[:, 0] <= column) & (column < b[:, 2]) & (b[:, 1] <= row) & (row < b[:, 3]))
    found: dict[tuple[Box, bytes], Patch] = {}
    for i in near.tolist():
        patch = mask_patch(masks, i)
        if not patch.holds(place):
            continue
        if within is not None:
            patch &= within
            if patch.same(within):
                continue
        found.setdefault((patch.box, np.packbits(patch.mask).tobytes()), patch)
    return sorted(found.values(), key=lambda p: p.area)


def mask_patch(masks: MaskSet, i: int) -> Patch:
    """One mask of a set; it may be empty."""
    x0, y0, _, _ = masks.boxes[i].tolist()
    return Patch.of(masks.crops[i], (y0, x0))


def half_of(choices: Sequence[Patch], whole: Patch) -> int:
    """Which of some patches, smallest first, is the largest that leaves a third of the whole; else 0."""
    fits = [i for i, p in enumerate(choices) if 3 * p.area <= 2 * whole.area]
    return fits[-1] if fits else 0


def wide(patch: Patch) -> bool:
    """Whether a patch is three pixels wide and high anywhere: more than a strip along a border."""
    padded = np.pad(patch.mask, 1).astype(np.uint8)
    return bool(cv2.erode(padded, np.ones((3, 3))).any())


def touching(patch: Patch, region_ids: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the regions beside a patch and not in it, and how many of their pixels touch it."""
    height, width = region_ids.shape
    x0, y0, x1, y1 = patch.box
    box = max(x0 - 1, 0), max(y0 - 1, 0), min(x1 + 1, width), min(y1 + 1, height)
    inside = patch.on(box)
    ring = (cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))) > 0) & ~inside
    ids = region_ids[box[1] : box[3], box[0] : box[2]]
    contact = np.bincount(ids[ring], minlength=1)
    contact[0] = 0
    within = np.flatnonzero(np.bincount(ids[inside], minlength=1))
    contact[within[within < len(contact)]] = 0
    beside = np.flatnonzero(contact)
    return beside, contact[beside]


def most_alike(
    patch: Patch, region_ids: NDArray[np.uint16], shares: NDArray[np.float32], of: int
) -> int | None:
    """Id of the region beside a patch whose classes are most like those of another one; None beside none.

    Of equals the one with the longest border counts.

    Parameters
    ----------
    patch : Patch
        On the image.
    region_ids : ndarray of uint16, (H, W)
        0 is no region.
    shares : ndarray of float32, (N, C)
        Shares of the classes in each region, from id 1 on.
    of : int
        Id of the other one.
    """
    ids, contact = touching(patch, region_ids)
    if not len(ids):
        return None
    alike = np.sqrt(shares[ids - 1] * shares[of - 1]).sum(axis=1)
    return int(ids[np.lexsort((contact, np.round(alike, 6)))[-1]])
