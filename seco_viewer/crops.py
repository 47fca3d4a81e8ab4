"""Small pictures of regions of any image, cut out in a thread of their own; the latest are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.errors import SecoError
from seco_core.project import Project, RegionArrays
from seco_core.project.overrides import Box
from seco_viewer.frames import Frame

_CONTEXT = 1.7
"""Side of what is cut out, as a multiple of the region's longer side."""
_LEAST_SIDE = 32
"""Pixels of the image that are cut out at least."""

Arrived = Callable[[int, int, NDArray[np.uint8]], None]
"""Told of a picture in the reading thread: the generation of the wish, the row, the picture."""


def region_crop(
    image: NDArray[np.uint8], region_ids: NDArray[np.uint16], number: int, box: Box, size: int
) -> NDArray[np.uint8]:
    """A region with what is around it, outlined in white on black.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB.
    region_ids : ndarray of uint16, (H, W)
        Region id map.
    number : int
        The region's id in it.
    box : (int, int, int, int)
        The region's box.
    size : int
        Side of the picture in pixels.

    Returns
    -------
    ndarray of uint8, (size, size, 3)
        Grey beyond the image.
    """
    x0, y0, x1, y1 = box
    side = max(_LEAST_SIDE, round(_CONTEXT * max(x1 - x0, y1 - y0)))
    left, top = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
    height, width = region_ids.shape
    part = np.s_[max(top, 0) : min(top + side, height), max(left, 0) : min(left + side, width)]
    inside = np.s_[
        part[0].start - top : part[0].stop - top,
        part[1].start - left : part[1].stop - left,
    ]
    square = np.full((side, side, 3), 90, dtype=np.uint8)
    square[inside] = image[part]
    mask = np.zeros((side, side), dtype=np.uint8)
    mask[inside] = region_ids[part] == number
    picture = cv2.resize(
        square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    )
    mask = cv2.dilate(mask, np.ones((3, 3), dtype=np.uint8))  # the line runs around the region, not on it
    outline, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    placed = [np.round((points + 0.5) * (size / side) - 0.5).astype(np.int32) for points in outline]
    cv2.polylines(picture, placed, True, (0, 0, 0), 3)
    cv2.polylines(picture, placed, True, (255, 255, 255), 1)
    return picture


@dataclass(frozen=True)
class _Wish:
    row: int
    image_id: int
    number: int
    box: Box


class CropReader:
    """Pictures of regions, read in a thread of its own with a read-only store of its own.

    Ask it from the main thread.

    Parameters
    ----------
    path : Path
        Folder of the project.
    arrived : callable
        Told of each picture in the reading thread; passes it on to the main one, which gives it to `keep`.
    known : callable, optional
        The decoded image of an id, if there is one: it is not read again.
    size : int
        Side of the pictures in pixels.
    capacity : int
        Most pictures kept.
    """

    def __init__(
        self,
        path: Path,
        arrived: Arrived,
        *,
        known: Callable[[int], Frame | None] = lambda image_id: None,
        size: int = 88,
        capacity: int = 400,
    ):
        self._path = path
        self._arrived = arrived
        self._known = known
        self._size = size
        self._capacity = capacity
        self._pictures: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._waiting: list[Future[None]] = []
        self._generation = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crops")
        self._project: Project | None = None

    def want(self, regions: RegionArrays, rows: Sequence[int]) -> None:
        """Get pictures of some regions, in this order; drops earlier wishes not yet begun.

        Those that are kept arrive at once.
        """
        self.rest()
        wishes: OrderedDict[int, list[_Wish]] = OrderedDict()
        for row in rows:
            if row in self._pictures:
                self._pictures.move_to_end(row)
                self._arrived(self._generation, row, self._pictures[row])
                continue
            image_id = int(regions.image_id[row])
            x0, y0, x1, y1 = regions.box[row].tolist()
            number = row - regions.rows_of(image_id).start + 1
            wishes.setdefault(image_id, []).append(_Wish(row, image_id, number, (x0, y0, x1, y1)))
        self._waiting = [
            self._worker.submit(self._read, of_image, self._known(image_id), self._generation)
            for image_id, of_image in wishes.items()
        ]

    def rest(self) -> None:
        """Drop the wishes not yet begun, so that what comes now has the machine to itself."""
        for future in self._waiting:
            future.cancel()
        self._waiting = []

    def keep(self, generation: int, row: int, picture: NDArray[np.uint8]) -> bool:
        """Keep a picture that has arrived on the main thread; whether it is still of that region."""
        if generation != self._generation:
            return False
        self._pictures[row] = picture
        while len(self._pictures) > self._capacity:
            self._pictures.popitem(last=False)
        return True

    def forget(self) -> None:
        """Drop all pictures, because the project's regions have changed."""
        self.rest()
        self._pictures.clear()
        self._generation += 1
        self._worker.submit(self._close_project)

    def close(self) -> None:
        """End the thread."""
        self.forget()
        self._worker.shutdown(wait=True)

    def _read(self, wishes: list[_Wish], frame: Frame | None, generation: int) -> None:
        """Cut the regions of one image out; one that cannot be read has no pictures."""
        if frame is not None and frame.problem is None:
            image, region_ids = frame.image, frame.region_ids
        else:
            image_id = wishes[0].image_id
            try:
                if self._project is None:
                    self._project = Project.open(self._path, readonly=True)
                image = self._project.read_image(image_id)
                found = self._project.read_region_ids(image_id)
            except SecoError:
                return
            if found is None or found.shape != image.shape[:2]:
                return
            region_ids = found
        for wish in wishes:
            picture = region_crop(image, region_ids, wish.number, wish.box, self._size)
            self._arrived(generation, wish.row, picture)

    def _close_project(self) -> None:
        if self._project is not None:
            self._project.close()
            self._project = None
