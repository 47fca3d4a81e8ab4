"""Where the reviewer is and goes: the current image, the current region, the way through the queue.

No window is needed. The project is only touched from the thread that made this; `FrameCache` reads ahead on
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.project import Project
from seco_core.project.overrides import Box
from seco_core.refine import paint_overrides
from seco_core.review import Order
from seco_viewer.frames import Frame, FrameCache
from seco_viewer.new_regions import TOLD, NewRegions, has_other_regions, read_new_regions
from seco_viewer.review_state import ReviewState
from seco_viewer.tables import Tables

_LONGEST_WAY_BACK = 10_000


class Browser(ReviewState):
    """The regions of a project, one image and one region of which are looked at.

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
    reloaded = Signal()
    """All tables were read again."""
    images_cut_anew = Signal(tuple)
    """Images that have become some of `cut_anew`."""
    reviewable_changed = Signal(int)
    """An image has become one of `unusable`, or is so no longer."""

    def __init__(self, project: Project):
        self.unusable: dict[int, str] = {}
        super().__init__(project)
        self.frames = FrameCache(project)
        self.row: int | None = None
        self.new_regions: NewRegions | None = None
        self.picked: int | None = None
        self.cut_anew: set[int] = set()
        self._visited: list[int] = []
        # an image gone to by hand is finished before the queue goes on; how far skipping has come in it
        self._chosen_image: int | None = None
        self._skipped_to: int | None = None
        first = self._first_to_see()
        self._take_frame(0 if first is None else int(self.regions.image_id[first]))
        self.row = first
        self._read_ahead()

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

    # ------------------------------------------------------------- going about

    def skip(self) -> None:
        """Go on without deciding."""
        row = self.row
        if row is not None and self._chosen_image == self.image_id:
            self._skipped_to = row
        elif row is not None and row == self.queue.current():
            following = self.queue.after(row)
            if following is not None:
                self.queue.go_to(following)
        self._advance()

    def back(self) -> bool:
        """Go to the region seen before; whether there was one."""
        if not self._visited:
            return False
        self._show(self._visited.pop(), remember=False)
        return True

    def resume(self) -> None:
        """Go to where the queue stands."""
        self._chosen_image = None
        following = self._first_to_see()
        if following is not None:
            self._show(following)

    def next_image(self) -> None:
        """Go to the image after this one; stays at the last."""
        self.go_to_image(self.image_id + 1)

    def previous_image(self) -> None:
        """Go to the image before this one; stays at the first."""
        self.go_to_image(self.image_id - 1)

    def go_to_image(self, image_id: int) -> None:
        """Show an image and the worst region in it that is still in the queue."""
        if not 0 <= image_id < len(self.project.images) or image_id == self.image_id:
            return
        self._chosen_image, self._skipped_to = image_id, None
        if self.only_image is not None:
            self.only_image = image_id
            self.queue.replace(self.wanted())
        self._look_at(image_id)
        worst = self.queue.worst_among(self.regions.rows_of(image_id))
        if worst is not None:
            self._show(worst)
        else:
            self._remember()
            self._leave_for(image_id)
            self.region_changed.emit()
        if self.only_image is not None:
            self.queue_changed.emit()

    def go_to(self, row: int) -> None:
        """Show a region of any image; if it is in the queue, the queue goes on from there."""
        if self.queue.position(row):
            self.queue.go_to(row)
        self._chosen_image = None
        self._show(row)

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

    def show_new_regions(self) -> bool:
        """Show the current image as a run has left it, once it was read; whether that has been done.

        No region is selected then: a key that was meant for what was there before decides nothing.
        """
        if self.image_id not in self.cut_anew or self.new_regions is not None:
            return False
        if not self.frames.is_there(self.image_id):
            self.frames.prefetch(self.image_id)
            return False
        self._remember()
        self._leave_for(self.image_id)
        self.region_changed.emit()
        return True

    def set_order(self, order: Order) -> None:
        """Choose what comes first in the queue and go to it."""
        self.sort(order)
        self.resume()
        self.queue_changed.emit()

    def set_filter(
        self,
        *,
        only_flagged: bool = True,
        only_class: int | None = None,
        only_image: int | None = None,
        only_rows: NDArray[np.bool_] | None = None,
    ) -> None:
        """Choose what the queue holds and go to the worst of it.

        Parameters
        ----------
        only_flagged : bool
            Only regions the machine does not keep as they are; else all that nobody has looked at.
        only_class : int, optional
            Only regions of this class (after PSA).
        only_image : int, optional
            Only regions of this image; follows when another image is gone to by hand.
        only_rows : ndarray of bool, (R,), optional
            Only these regions; holds until there are other regions.
        """
        self.only_flagged, self.only_class, self.only_image = only_flagged, only_class, only_image
        self.only_rows = only_rows
        self.queue.replace(self.wanted())
        self.resume()
        self.queue_changed.emit()

    def limit(self, only_rows: NDArray[np.bool_] | None, *, go_there: bool = False) -> None:
        """Hold only some regions in the queue, of those that its filters let through; the current one stays.

        Parameters
        ----------
        only_rows : ndarray of bool, (R,), or None
            As for `set_filter`; None for all.
        go_there : bool
            Leave the current region if it is not in the queue then, or go on with it if there is none.
        """
        self.only_rows = only_rows
        every = np.arange(len(self.regions))
        self.queue.set_open(every, self.wanted())
        if go_there and (self.row is None or not self.queue.position(self.row)):
            self.resume()
        else:
            self._read_ahead()
        self.queue_changed.emit()

    def reload(self, tables: Tables | None = None, *, running: bool = False) -> None:
        """Read everything again after the pipeline has run; image and place in it stay.

        Parameters
        ----------
        tables : Tables, optional
            Those of the project, if another thread has read them already.
        running : bool
            The run goes on: frames stay but for those that `regions_replaced` has named, and so does the
            image, whatever is left to see in it.
        """
        place = self._place()
        self.project.refresh_images()
        if not running:
            self.frames.forget()
        self.cut_anew.clear()
        self.unusable.clear()
        self.take_tables(Tables.read(self.project) if tables is None else tables)
        if self.renumbered:
            self._visited.clear()
            self._skipped_to = None
        self._take_frame(self.image_id)
        self.row = None if place is None else self.row_at(*place)
        if self.row is None:
            self.row = self.queue.worst_among(self.rows)
        if not running and self.row is None and (worst := self._first_to_see()) is not None:
            self._take_frame(int(self.regions.image_id[worst]))
            self.row = worst
        self._read_ahead()
        self.reloaded.emit()
        self.image_changed.emit()
        self.region_changed.emit()
        self.queue_changed.emit()

    # ----------------------------------------------------------------- inside

    def _advance(self) -> None:
        """Go on: with the image chosen by hand while it has open regions, else with the queue."""
        following = None
        if self._chosen_image == self.image_id:
            following = self.queue.worst_among(self.rows, after=self._skipped_to)
        if following is None:
            self._chosen_image = None
            following = self._first_to_see()
        if following is None:
            self.region_changed.emit()  # what is said about the current one has changed
        else:
            self._show(following)

    def _show(self, row: int, *, remember: bool = True) -> None:
        if remember and row != self.row:
            self._remember()
        image_id = int(self.regions.image_id[row])
        if image_id != self.image_id:
            self._leave_for(image_id)
        self.row, self.picked = (row if len(self.frame.areas) else None), None
        self.region_changed.emit()
        self._read_ahead()

    def _leave_for(self, image_id: int) -> None:
        self.row = None
        self._take_frame(image_id)
        self.image_changed.emit()

    def _read_ahead(self) -> None:
        following = self.queue.current()
        if following is not None and following == self.row:
            following = self.queue.after(following)
        if following is not None:
            self.frames.prefetch(int(self.regions.image_id[following]))

    def _remember(self) -> None:
        if self.row is not None:
            self._visited.append(self.row)
            del self._visited[:-_LONGEST_WAY_BACK]

    def _place(self) -> tuple[int, int] | None:
        """A pixel of the current region."""
        if self.row is not None:
            (x0, y0, _, _), mask = self.mask(self.row)
        elif self.picked is not None:
            (x0, y0), mask = (0, 0), self.region_ids_here == self.picked
        else:
            return None
        inside = np.argwhere(mask)
        return (y0 + int(inside[0, 0]), x0 + int(inside[0, 1])) if len(inside) else None

    def _first_to_see(self) -> int | None:
        """Where the queue goes on: at its first region whose image can be judged."""
        while (row := self.queue.current()) is not None:
            if self._look_at(int(self.regions.image_id[row])).reviewable:
                break
        return row

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
