"""Where the reviewer goes: from region to region, the way through the queue and what it holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.project import Project
from seco_core.review import Order
from seco_viewer.current_image import CurrentImage
from seco_viewer.frames import Frame
from seco_viewer.tables import Tables

_LONGEST_WAY_BACK = 10_000


class Browser(CurrentImage):
    """The regions of a project, one image and one region of which are looked at.

    Parameters
    ----------
    project : Project
        `close` closes it.
    """

    reloaded = Signal()
    """All tables were read again."""

    def __init__(self, project: Project):
        super().__init__(project)
        self._visited: list[int] = []
        # an image gone to by hand is finished before the queue goes on; how far skipping has come in it
        self._chosen_image: int | None = None
        self._skipped_to: int | None = None
        first = self._first_to_see()
        self._take_frame(0 if first is None else int(self.regions.image_id[first]))
        self.row = first
        self._read_ahead()

    # ------------------------------------------------------------- going about

    def skip(self) -> bool:
        """Go on without deciding; whether there was anything to go on to."""
        row = self.row
        if row is not None and self._chosen_image == self.image_id:
            self._skipped_to = row
        elif row is not None and row == self.queue.current():
            following = self.queue.after(row)
            if following is not None:
                self.queue.go_to(following)
        return self._advance()

    def back(self) -> bool:
        """Go to the region seen before; whether there was one."""
        if not self._visited:
            return False
        self._show(self._visited.pop(), remember=False)
        return True

    def resume(self) -> bool:
        """Go to where the queue stands; whether there is anything in it."""
        self._chosen_image = None
        following = self._first_to_see()
        if following is not None:
            self._show(following)
        return following is not None

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
            Only these regions; when a run has cut some anew, the others of them, or all if none is left.
        """
        if only_rows is not self.only_rows:
            self.chosen_gone = 0
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
        self.only_rows, self.chosen_gone = only_rows, 0
        every = np.arange(len(self.regions))
        self.queue.set_open(every, self.wanted())
        if go_there and (self.row is None or not self.queue.position(self.row)):
            self.resume()
        else:
            self._read_ahead()
        self.queue_changed.emit()

    def reload(
        self, tables: Tables | None = None, *, frame: Frame | None = None, running: bool = False
    ) -> None:
        """Read everything again after the pipeline has run; image and place in it stay.

        Where no region had a score before and none was selected, the queue begins with its first.

        Parameters
        ----------
        tables : Tables, optional
            Those of the project, if another thread has read them already.
        frame : Frame, optional
            Likewise; of any image.
        running : bool
            The run goes on, or was stopped: frames stay but for those that `regions_replaced` has named, and
            so does the image, whatever is left to see in it.
        """
        place = self._place()
        begins = not running and place is None and bool(self.tables.unscored.all())
        self.project.refresh_images()
        if not running:
            self.frames.forget()
        if frame is not None:
            self.frames.put(frame)
        self.cut_anew.clear()
        self.unusable.clear()
        self.take_tables(Tables.read(self.project) if tables is None else tables)
        if self.renumbered:
            self._visited.clear()
            self._skipped_to = None
        self._take_frame(self.image_id)
        self.row = None if place is None else self.row_at(*place)
        if self.row is None and not begins:
            self.row = self.queue.worst_among(self.rows)
        self.reloaded.emit()  # on which the queue may be limited anew
        if not running and self.row is None and (worst := self._first_to_see()) is not None:
            self._take_frame(int(self.regions.image_id[worst]))
            self.row = worst
        self._read_ahead()
        self.image_changed.emit()
        self.region_changed.emit()
        self.queue_changed.emit()

    # ----------------------------------------------------------------- inside

    def _advance(self) -> bool:
        """Go on: with the image chosen by hand while it has open regions, else with the queue.

        Where nothing is next nothing is selected, so that a key of haste decides nothing.
        """
        following = None
        if self._chosen_image == self.image_id:
            following = self.queue.worst_among(self.rows, after=self._skipped_to)
        if following is None:
            self._chosen_image = None
            following = self._first_to_see()
        if following is None:
            self._remember()
            self.row = self.picked = None
            self.region_changed.emit()
        else:
            self._show(following)
        return following is not None

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
