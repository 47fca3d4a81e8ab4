"""The image that is looked at: its maps, its regions, those that a run has just made; what cannot be judged.

No window is needed. The project is only touched from the thread that made this; `FrameCache` reads ahead on
its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.project import Project
from seco_core.project.overrides import Box
from seco_core.refine import paint_overrides
from seco_viewer.frames import Frame, FrameCache
from seco_viewer.new_regions import TOLD, NewRegions, has_other_regions, read_new_regions
from seco_viewer.review_state import ReviewState


class CurrentImage(ReviewState):
    """The regions of a project, one image of which is looked at.

    Parameters
    ----------
    project : Project
        `close` closes it.

    Attributes
    ----------
    frame : Frame
        The current image and its maps.
    curated : ndarray of uint8, (H, W)
        The current image's curated class map.
    row : int or None
        The current region.
    new_regions : NewRegions or None
        Those of the current image if a run has made them anew since the tables were read; the frame has none
        then, and no row is of them.
    picked : int or None
        The id of the one of `new_regions` that is looked at.
    cut_anew : set of int
        Images whose regions a run has made anew since the tables were read: none of them is in the queue.
    unusable : dict of int to str
        Images that turned out to be gone, damaged or not those that their regions were made of, and why.
        Their regions are left out of the queue until the image has been looked at again and is there.
    """

    image_changed = Signal()
    """Another image, or the same one with new maps."""
    region_changed = Signal()
    """Another current region, or none."""
    queue_changed = Signal()
    """Other regions are in the queue."""
    images_cut_anew = Signal(tuple)
    """Images that have become some of `cut_anew`."""
    reviewable_changed = Signal(int)
    """An image has become one of `unusable`, or is so no longer."""

    def __init__(self, project: Project):
        super().__init__(project)
        self.frames = FrameCache(project)
        self.row: int | None = None
        self.new_regions: NewRegions | None = None
        self.picked: int | None = None
        self.cut_anew: set[int] = set()
        self.unusable: dict[int, str] = {}

    def close(self) -> None:
        """End reading ahead and close the project."""
        self.frames.close()
        self.project.close()

    @property
    def image_id(self) -> int:
        """The current image."""
        return self.frame.image_id

    @property
    def rows(self) -> slice:
        """Rows of the current image's regions; the first is id 1 of its region id map."""
        return self.regions.rows_of(self.image_id)

    @property
    def region_ids_here(self) -> NDArray[np.uint16]:
        """Region id map of the regions on screen: of `new_regions` if there are any, else the frame's."""
        return self.frame.region_ids if self.new_regions is None else self.new_regions.region_ids

    @property
    def classes_here(self) -> NDArray[np.uint8]:
        """Class after PSA of the regions on screen, from id 1 on."""
        new = self.new_regions
        return self.regions.class_id[self.rows] if new is None else new.class_id

    @property
    def number(self) -> int | None:
        """Id of the current region in `region_ids_here`, be it a new one or not; None if there is none."""
        return self.picked if self.row is None else self.row - self.rows.start + 1

    def mask(self, row: int) -> tuple[Box, NDArray[np.bool_]]:
        """Box and mask of a region of the current image."""
        x0, y0, x1, y1 = self.regions.box[row].tolist()
        return (x0, y0, x1, y1), self.frame.region_ids[y0:y1, x0:x1] == row - self.rows.start + 1

    def number_at(self, row: int, column: int) -> int | None:
        """Id of the region on screen at a pixel; None where there is none, and beyond the image."""
        height, width = self.frame.shape
        inside = 0 <= row < height and 0 <= column < width
        return int(self.region_ids_here[row, column]) or None if inside else None

    def row_at(self, row: int, column: int) -> int | None:
        """The region at a pixel of the current image; None where there is none, or a new one, and beyond the
        image."""
        number = self.number_at(row, column)
        return None if number is None or self.new_regions is not None else self.rows.start + number - 1

    def psa_here(self, box: Box | None = None) -> NDArray[np.uint8]:
        """The current image's class map after PSA, or the part of it in a box."""
        x0, y0, x1, y1 = box or (0, 0, *self.frame.shape[::-1])
        if self.new_regions is not None:
            return self.new_regions.class_map((x0, y0, x1, y1))
        return self.psa_map(self.image_id, self.frame.region_ids[y0:y1, x0:x1])

    def curated_here(self, box: Box | None = None) -> NDArray[np.uint8]:
        """The current image's curated class map made anew, or the part of it in a box."""
        if self.new_regions is not None:
            return paint_overrides(self.psa_here(box), self._overrides(self.image_id, box))
        x0, y0, x1, y1 = box or (0, 0, *self.frame.shape[::-1])
        return self.curated_map(self.image_id, self.frame.region_ids[y0:y1, x0:x1], box)

    def regions_replaced(self, image_ids: Sequence[int]) -> None:
        """Take in that a run has stored regions of some images: none of theirs is in the queue any more.

        They are seen when such an image is gone to, and in the current one with `show_new_regions`.
        """
        cut = tuple(
            i
            for i in image_ids
            if i not in self.cut_anew and has_other_regions(self.project, self.regions, i)
        )
        self.cut_anew.update(cut)
        for image_id in cut:
            self.leave_out(self.regions.rows_of(image_id))
        self.frames.forget_images(image_ids)
        if cut:
            self.images_cut_anew.emit(cut)
            self.queue_changed.emit()

    def images_lost(self, problems: Mapping[int, str]) -> None:
        """Leave images out of the queue that cannot be judged, as was found without looking at them, and why.

        Of those that were looked at more is known than that.
        """
        lost = [i for i in problems if i not in self.unusable and self.frames.known(i) is None]
        for image_id in lost:
            self.leave_out(self.regions.rows_of(image_id))
            self.unusable[image_id] = problems[image_id]
            self.reviewable_changed.emit(image_id)
        if lost:
            self.queue_changed.emit()

    # ----------------------------------------------------------------- inside

    def _look_at(self, image_id: int) -> Frame:
        """An image's frame; keeps out of the queue what cannot be judged on it, and takes that back."""
        frame, rows = self.frames.get(image_id), self.regions.rows_of(image_id)
        if not frame.reviewable:
            self.leave_out(rows)
            known = self.unusable.get(image_id)
            self.unusable[image_id] = frame.problem or ""
            if known is None:
                self.reviewable_changed.emit(image_id)
        elif self.unusable.pop(image_id, None) is not None:
            self.take_back(rows)
            self.reviewable_changed.emit(image_id)
        return frame

    def _take_frame(self, image_id: int) -> None:
        """Make an image the current one; without its regions if they cannot be judged or a run has replaced
        them."""
        self.frame = self._look_at(image_id)
        self.new_regions = self.picked = None
        if self.frame.reviewable and not self._fits(self.frame):
            self.cut_anew.add(image_id)  # nobody has told of that run
        if image_id in self.cut_anew or not self._fits(self.frame):
            self.new_regions = read_new_regions(self.project, self.frame)
            self.frame = self._blank(
                self.frame, "its regions are being made anew" if self.new_regions is None else TOLD
            )
            self.leave_out(self.rows)
        self.curated = self.curated_here()

    def _fits(self, frame: Frame) -> bool:
        return np.array_equal(frame.areas, self.regions.area[self.regions.rows_of(frame.image_id)])

    @staticmethod
    def _blank(frame: Frame, told: str) -> Frame:
        """The frame without regions: a run that is going on has replaced them."""
        return replace(
            frame,
            region_ids=np.zeros_like(frame.region_ids),
            areas=np.zeros(0, dtype=np.int64),
            problem=frame.problem or told,
        )
