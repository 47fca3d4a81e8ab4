"""What the reviewer sees and does now: current image and region, queue, decisions. No window is needed.

The project is only touched from the thread that made the session; `FrameCache` reads ahead on its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.errors import OverrideError
from seco_core.graph import EdgeKind
from seco_core.project import Action, Override, Project, RegionArrays
from seco_core.project.overrides import Box, Decision
from seco_core.refine import paint_overrides, paint_regions, region_labels, reviewed_regions
from seco_core.review import worst_first
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE
from seco_viewer.frames import Frame, FrameCache
from seco_viewer.queue import ReviewQueue
from seco_viewer.words import RegionFacts

_LONGEST_WAY_BACK = 10_000


class Session:
    """A project under review.

    Parameters
    ----------
    project : Project
        The session closes it.

    Attributes
    ----------
    regions : RegionArrays
        All regions as the pipeline left them.
    reviewed : ndarray of bool, (R,)
        Which of them a person has decided.
    decided : ndarray of uint8, (R,)
        On which class; ignore where nobody has, or where that was decided.
    frame : Frame
        The current image and its maps.
    curated : ndarray of uint8, (H, W)
        The current image's curated class map.
    row : int or None
        The current region.
    only_flagged, only_class, only_image
        What the queue holds; see `set_filter`.
    """

    image_changed = Signal()
    """Another image, or the same one with new maps."""
    region_changed = Signal()
    """Another current region, or none."""
    regions_decided = Signal(np.ndarray, tuple)
    """Rows of the current image whose decision changed, and the box in which its maps did."""
    queue_changed = Signal()
    """Other regions are in the queue."""
    reloaded = Signal()
    """All tables were read again."""

    def __init__(self, project: Project):
        self.project = project
        self.scheme = project.scheme
        self.frames = FrameCache(project)
        self.only_flagged = True
        self.only_class: int | None = None
        self.only_image: int | None = None
        self.row: int | None = None
        self._visited: list[int] = []
        # an image gone to by hand is finished before the queue goes on; how far skipping has come in it
        self._chosen_image: int | None = None
        self._skipped_to: int | None = None
        self._take_tables(project.regions())
        first = self.queue.current()
        self._take_frame(0 if first is None else int(self.regions.image_id[first]))
        self.row = first
        self._read_ahead()

    def close(self) -> None:
        """End reading ahead and close the project."""
        self.frames.close()
        self.project.close()

    # ---------------------------------------------------------------- numbers

    @property
    def image_id(self) -> int:
        """The current image."""
        return self.frame.image_id

    @property
    def rows(self) -> slice:
        """Rows of the current image's regions; the first is id 1 of its region id map."""
        return self.regions.rows_of(self.image_id)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Regions that the machine does not keep as they are and nobody has looked at, (R,)."""
        return (self.regions.verdict != Verdict.KEEP) & ~self.reviewed

    def noise(self, rows: slice) -> NDArray[np.float32]:
        """Noise scores that count now: 0 where a person decided, NaN where there is none."""
        return np.where(self.reviewed[rows], np.float32(0), self.regions.noise_score[rows])

    def label(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The present best class of regions: what a person decided, else the correction, else PSA's."""
        r = self.regions
        machine = region_labels(r.class_id[rows], r.verdict[rows], r.predicted[rows], state="all")
        return np.where(self.reviewed[rows], self.decided[rows], machine)

    def counts(self, image_id: int | None = None) -> tuple[int, int, int]:
        """Number of regions, of flagged ones still to be looked at, and of reviewed ones."""
        rows = slice(None) if image_id is None else self.regions.rows_of(image_id)
        reviewed = self.reviewed[rows]
        flagged = (self.regions.verdict[rows] != Verdict.KEEP) & ~reviewed
        return len(reviewed), int(np.count_nonzero(flagged)), int(np.count_nonzero(reviewed))

    def facts(self, row: int) -> RegionFacts:
        """Everything there is to say about a region."""
        r = self.regions
        order = np.argsort(-r.votes[row], kind="stable")
        alike = [n for n, _, kind in self.links(row) if kind == EdgeKind.FEATURE]
        touching = [n for n, _, kind in self.links(row) if kind == EdgeKind.TOUCHES]
        scored = bool(r.probabilities[row].any())
        return RegionFacts(
            class_id=int(r.class_id[row]),
            predicted=int(r.predicted[row]),
            probability=float(r.probabilities[row, r.predicted[row]]) if scored else float("nan"),
            noise_score=float(r.noise_score[row]),
            verdict=Verdict(r.verdict[row]),
            votes=tuple((int(c), float(r.votes[row, c])) for c in order if r.votes[row, c] > 0),
            confidence=float(r.confidence[row]),
            neighbours=tuple(self.label(np.array(alike, dtype=np.int64)).tolist()),
            touching=tuple(self.label(np.array(touching, dtype=np.int64)).tolist()),
            area=int(r.area[row]),
            decided=int(self.decided[row]) if self.reviewed[row] else None,
        )

    def links(self, row: int) -> list[tuple[int, float, EdgeKind]]:
        """Rows of all images linked to a region, with weight and kind of the link, heaviest first."""
        ids = self.regions.id
        found = []
        for region_id, weight, kind in self.project.neighbours(int(ids[row])):
            other = int(np.searchsorted(ids, region_id))
            # a run that is going on may have linked regions that are not in the tables yet
            if other < len(ids) and ids[other] == region_id:
                found.append((other, weight, EdgeKind(kind)))
        return found

    def mask(self, row: int) -> tuple[Box, NDArray[np.bool_]]:
        """Box and mask of a region of the current image."""
        x0, y0, x1, y1 = self.regions.box[row].tolist()
        return (x0, y0, x1, y1), self.frame.region_ids[y0:y1, x0:x1] == row - self.rows.start + 1

    # -------------------------------------------------------------- decisions

    def accept(self) -> None:
        """The class that PSA gave the current region is right."""
        row = self._current()
        self._decide(row, Action.ACCEPT, int(self.regions.class_id[row]))

    def take_prediction(self) -> None:
        """The class that the classifier predicts is right."""
        self.relabel(int(self.regions.predicted[self._current()]))

    def relabel(self, class_id: int) -> None:
        """Give the current region a class.

        Raises
        ------
        OverrideError
            If the scheme has no such class.
        """
        row = self._current()
        if class_id not in self.scheme:
            raise OverrideError(
                f"the scheme {self.scheme.name} has no class {class_id}.", remedy="Choose one of the list."
            )
        same = class_id == self.regions.class_id[row]
        self._decide(row, Action.ACCEPT if same else Action.RELABEL, class_id)

    def ignore(self) -> None:
        """The current region's pixels shall have no label."""
        self._decide(self._current(), Action.IGNORE, IGNORE)

    def unknown(self) -> None:
        """The current region is none of the classes: the scheme's unknown class, or ignore if it has none."""
        class_id = IGNORE if self.scheme.unknown is None else self.scheme.unknown
        self._decide(self._current(), Action.UNKNOWN, class_id)

    def undo(self) -> bool:
        """Take the newest decision back and go to it; whether there was one."""
        return self._turn(self.project.overrides.undo())

    def redo(self) -> bool:
        """Apply what was undone last again and go to it; whether there was anything."""
        return self._turn(self.project.overrides.redo())

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
        following = self.queue.current()
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
            self.queue.replace(self._wanted())
        worst = self.queue.worst_among(self.regions.rows_of(image_id))
        if worst is not None:
            self._show(worst)
        else:
            self._remember()
            self._leave_for(image_id)
            self.region_changed.emit()
        if self.only_image is not None:
            self.queue_changed.emit()

    def select_at(self, row: int, column: int) -> None:
        """Make the region at a pixel of the current image the current one."""
        height, width = self.frame.shape
        if 0 <= row < height and 0 <= column < width and self.frame.region_ids[row, column]:
            self._show(self._row_at((row, column)))

    def set_filter(
        self, *, only_flagged: bool = True, only_class: int | None = None, only_image: int | None = None
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
        """
        self.only_flagged, self.only_class, self.only_image = only_flagged, only_class, only_image
        self.queue.replace(self._wanted())
        self.resume()
        self.queue_changed.emit()

    def reload(self, regions: RegionArrays | None = None) -> None:
        """Read everything again after the pipeline has run; image and place in it stay.

        Parameters
        ----------
        regions : RegionArrays, optional
            The project's regions, if another thread has read them already.
        """
        place = self._place()
        self._visited.clear()
        self.project.refresh_images()
        self.frames.forget()
        self._take_tables(self.project.regions() if regions is None else regions)
        self._take_frame(self.image_id)
        if place is not None and self.frame.region_ids[place]:
            self.row = self._row_at(place)
        else:
            self.row = self.queue.worst_among(self.rows)
        if self.row is None and (worst := self.queue.current()) is not None:
            self._take_frame(int(self.regions.image_id[worst]))
            self.row = worst
        self._read_ahead()
        self.reloaded.emit()
        self.image_changed.emit()
        self.region_changed.emit()
        self.queue_changed.emit()

    # ----------------------------------------------------------------- inside

    def _current(self) -> int:
        if self.row is None:
            raise OverrideError("no region is selected.", remedy="Click one, or go on with the queue.")
        return self.row

    def _decide(self, row: int, action: Action, class_id: int) -> None:
        box, mask = self.mask(row)
        decision = Decision(action, self.image_id, class_id, box, mask, int(self.regions.id[row]))
        self._update(self.project.overrides.record([decision]))
        self._advance()

    def _turn(self, overrides: Sequence[Override]) -> bool:
        if not overrides:
            return False
        first = overrides[0]
        if first.image_id != self.image_id:
            self._remember()
            self._leave_for(first.image_id)
        self._update(overrides)
        x0, y0, x1, y1 = first.box
        under = np.bincount(self.frame.region_ids[y0:y1, x0:x1][first.mask], minlength=1)
        under[0] = 0
        if under.any():
            self._show(self.rows.start + int(under.argmax()) - 1)
        else:
            self.row = None
            self.region_changed.emit()
        return True

    def _update(self, overrides: Sequence[Override]) -> None:
        """Bring the regions of the current image under some overrides, and their pixels, up to date."""
        ids = self.frame.region_ids
        touched = np.unique(
            np.concatenate([ids[o.box[1] : o.box[3], o.box[0] : o.box[2]][o.mask] for o in overrides])
        )
        rows = self.rows.start + touched[touched > 0].astype(np.int64) - 1
        boxes = np.concatenate([self.regions.box[rows], np.array([o.box for o in overrides], dtype=np.int32)])
        x0, y0 = boxes[:, :2].min(axis=0).tolist()
        x1, y1 = boxes[:, 2:].max(axis=0).tolist()
        part = ids[y0:y1, x0:x1]
        active = [_cropped(o, (x0, y0, x1, y1)) for o in self.project.overrides.active(self.image_id)]
        active = [o for o in active if o.mask.size]
        number = np.zeros(len(self.frame.areas) + 1, dtype=np.uint16)
        number[rows - self.rows.start + 1] = np.arange(1, len(rows) + 1)
        self.reviewed[rows], self.decided[rows] = reviewed_regions(number[part], len(rows), active)
        self.queue.set_open(rows, self._wanted(rows))
        self.curated[y0:y1, x0:x1] = paint_overrides(self._machine_map(part), active)
        self.regions_decided.emit(rows, (x0, y0, x1, y1))

    def _advance(self) -> None:
        """Go on: with the image chosen by hand while it has open regions, else with the queue."""
        following = None
        if self._chosen_image == self.image_id:
            following = self.queue.worst_among(self.rows, after=self._skipped_to)
        if following is None:
            self._chosen_image = None
            following = self.queue.current()
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
        self.row = row if len(self.frame.areas) else None
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

    def _row_at(self, place: tuple[int, int]) -> int:
        return self.rows.start + int(self.frame.region_ids[place]) - 1

    def _remember(self) -> None:
        if self.row is not None:
            self._visited.append(self.row)
            del self._visited[:-_LONGEST_WAY_BACK]

    def _place(self) -> tuple[int, int] | None:
        """A pixel of the current region."""
        if self.row is None:
            return None
        (x0, y0, _, _), mask = self.mask(self.row)
        inside = np.argwhere(mask)
        return (y0 + int(inside[0, 0]), x0 + int(inside[0, 1])) if len(inside) else None

    def _wanted(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """Which regions the queue holds."""
        r = self.regions
        wanted = ~self.reviewed[rows]
        if self.only_flagged:
            wanted &= r.verdict[rows] != Verdict.KEEP
        if self.only_class is not None:
            wanted &= r.class_id[rows] == self.only_class
        if self.only_image is not None:
            wanted &= r.image_id[rows] == self.only_image
        return wanted

    def _take_tables(self, regions: RegionArrays) -> None:
        self.regions = regions
        self.reviewed = np.zeros(len(self.regions), dtype=bool)
        self.decided = np.full(len(self.regions), IGNORE, dtype=np.uint8)
        for overridden in self.project.overrides.images():
            self._count_decisions(overridden)
        every = np.ones(len(self.regions), dtype=bool)
        order = worst_first(self.regions.noise_score, self.regions.area, every)
        self.queue = ReviewQueue(order, self._wanted())

    def _count_decisions(self, image_id: int) -> None:
        """Find out which regions of an image are reviewed."""
        rows = self.regions.rows_of(image_id)
        overrides = self.project.overrides.active(image_id)
        own = [self._unchanged(o, rows) for o in overrides]
        known = [row for row in own if row is not None]
        if len(known) == len(own):  # no need to read the region id map
            self.reviewed[known] = True
            self.decided[known] = [o.class_id for o in overrides]
            return
        region_ids = self.project.read_region_ids(image_id)
        if region_ids is not None:
            self.reviewed[rows], self.decided[rows] = reviewed_regions(
                region_ids, rows.stop - rows.start, overrides
            )

    def _unchanged(self, override: Override, rows: slice) -> int | None:
        """The row whose region is exactly what was decided on, if it is still there."""
        if override.region_id is None:
            return None
        row = int(np.searchsorted(self.regions.id[rows], override.region_id)) + rows.start
        if row >= rows.stop or self.regions.id[row] != override.region_id:
            return None
        same_box = self.regions.box[row].tolist() == list(override.box)
        return row if same_box and self.regions.area[row] == np.count_nonzero(override.mask) else None

    def _take_frame(self, image_id: int) -> None:
        """Make an image the current one; without its regions if a run has replaced them."""
        self.frame = self.frames.get(image_id)
        if not self._fits(self.frame):
            self.frame = self._blank(self.frame)
            rows = np.arange(self.rows.start, self.rows.stop)
            self.queue.set_open(rows, np.zeros(len(rows), dtype=bool))
        machine = self._machine_map(self.frame.region_ids)
        self.curated = paint_overrides(machine, self.project.overrides.active(image_id))

    def _fits(self, frame: Frame) -> bool:
        return np.array_equal(frame.areas, self.regions.area[self.regions.rows_of(frame.image_id)])

    @staticmethod
    def _blank(frame: Frame) -> Frame:
        """The frame without regions: a run that is going on has replaced them."""
        return Frame(
            frame.image_id,
            frame.image,
            frame.pseudo_label,
            np.zeros_like(frame.region_ids),
            np.zeros(0, dtype=np.int64),
            frame.problem or "its regions are being made anew",
        )

    def _machine_map(self, region_ids: NDArray[np.uint16]) -> NDArray[np.uint8]:
        r, rows = self.regions, self.rows
        labels = region_labels(r.class_id[rows], r.verdict[rows], r.predicted[rows], state="clean")
        return paint_regions(region_ids, labels)


def _cropped(override: Override, box: Box) -> Override:
    """The part of an override inside a box, in the box's own pixels."""
    x0, y0, x1, y1 = override.box
    left, top = max(x0, box[0]), max(y0, box[1])
    right, bottom = max(left, min(x1, box[2])), max(top, min(y1, box[3]))
    return Override(
        action=override.action,
        image_id=override.image_id,
        class_id=override.class_id,
        box=(left - box[0], top - box[1], right - box[0], bottom - box[1]),
        mask=override.mask[top - y0 : bottom - y0, left - x0 : right - x0],
    )
