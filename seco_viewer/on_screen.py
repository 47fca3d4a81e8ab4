"""The regions on screen: what of them is open or decided, and which of them, or which part, is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.project import Override, Project
from seco_core.project.arrays import IDS_PER_IMAGE
from seco_core.refine import override_owner
from seco_viewer.browsing import Browser
from seco_viewer.decided_pixels import DecidedPart, decided_part, in_box, still_held
from seco_viewer.selection import EMPTY, Patch


class OnScreen(Browser):
    """The regions of a project, one of which, or a part of it, is looked at.

    Those on screen go by their id in `region_ids_here`, be they new or not.

    Parameters
    ----------
    project : Project
        `close` closes it.

    Attributes
    ----------
    part : DecidedPart or None
        What was clicked: pixels that were decided at once, of a region whose others were not. They are
        selected in place of the region until one goes on, or to the region by any other way than a click or
        undo and redo.
    """

    def __init__(self, project: Project):
        self.part: DecidedPart | None = None
        self._clicked_at: tuple[int, int | None, int | None] | None = None
        super().__init__(project)

    @property
    def clicked(self) -> bool:
        """Whether one came to the current region, or the part of it, by a click."""
        return self._clicked_at is not None

    def open_part(self, row: int) -> Patch:
        """Pixels of a region of the current image that nobody has decided; all if it is reviewed."""
        return self.open_part_of(row - self.rows.start + 1)

    def open_part_of(self, number: int) -> Patch:
        """As `open_part`, of a region on screen by its id in `region_ids_here`."""
        region = self.region(number)
        (x0, y0, _, _), mask = region.box, region.mask
        if self.decided_of(number) is None and (covering := self._overrides(self.image_id, region.box)):
            mask = mask & (override_owner(mask.shape, covering) == 0)
        return Patch.of(mask, (y0, x0))

    def region(self, number: int) -> Patch:
        """All pixels of a region on screen by its id in `region_ids_here`."""
        if self.new_regions is not None:
            return self.new_regions.region(number)
        return Patch(*self.mask(self.rows.start + number - 1))

    def decided_of(self, number: int) -> int | None:
        """Class that people gave a region on screen, 255 for ignore; None as long as it is open."""
        if self.new_regions is not None:
            return self.new_regions.decided(number, self._overrides(self.image_id, None))
        row = self.rows.start + number - 1
        return int(self.decided[row]) if self.reviewed[row] else None

    def patch_at(self, place: tuple[int, int]) -> Patch:
        """What a click on a pixel of the current image means: what was decided there, else the region as far
        as it is open; empty where there is neither."""
        part, number = self._part_at(place), self.number_at(*place)
        if part is not None:
            return part.patch
        return EMPTY if number is None else self.open_part_of(number)

    def select_at(self, row: int, column: int) -> None:
        """Make the region at a pixel of the current image the current one.

        Of a region that was decided in parts the part there is selected; of one beside all regions the region
        that has most of it becomes the current one.
        """
        part, found = self._part_at((row, column)), self.number_at(row, column)
        if found is None and part is not None and (under := self._pixels_under(part.patch)).any():
            found = int(under.argmax()) + 1
        if found is not None:
            self._show_number(found, part=part, clicked=True)

    # ----------------------------------------------------------------- inside

    def _show(self, row: int, *, remember: bool = True, part: DecidedPart | None = None) -> None:
        self.part = part
        super()._show(row, remember=remember)

    def _show_number(self, number: int, *, part: DecidedPart | None = None, clicked: bool = False) -> None:
        """Go to a region on screen by its id in `region_ids_here`, or to a decided part of it."""
        if self.new_regions is None:
            self._show(self.rows.start + number - 1, part=part)
        else:
            self._remember()
            self.row, self.picked, self.part = None, number, part
            self.region_changed.emit()
        self._clicked_at = self._here() if clicked else None

    def _show_decision(self, override: Override, *, clicked: bool = False) -> bool:
        """Go to what a decision on this image is or was about, whether it holds or not: a region, or what
        of it was decided before at once; false beside all regions."""
        patch = Patch.of(override.mask, override.box[1::-1])
        under = self._pixels_under(patch)
        if not under.any():
            return False
        # the region that was looked at when it was decided, else that with the most of what was
        number = -1 if override.region_id is None else override.region_id - self.image_id * IDS_PER_IMAGE
        if not (0 < number <= len(under) and under[number - 1]):
            number = int(under.argmax()) + 1
        others = [o for o in self._overrides(self.image_id, None) if o.seq != override.seq]
        corrected = override_owner(patch.mask.shape, in_box(others, patch.box))[patch.mask].all()
        part = self._part_at(patch.first) if corrected else None
        if part is not None and not part.patch.same(patch):
            part = None
        self._show_number(number, part=part, clicked=clicked)
        return True

    def _pixels_under(self, patch: Patch) -> NDArray[np.int64]:
        """How many pixels of a patch each region on screen has, from id 1 on."""
        x0, y0, x1, y1 = patch.box
        return np.bincount(self.region_ids_here[y0:y1, x0:x1][patch.mask], minlength=1)[1:]

    def _place(self) -> tuple[int, int] | None:
        """A pixel of the current region, of the part if one is selected."""
        if self.part is not None and self.number is not None:
            shared = self.region(self.number) & self.part.patch
            if shared.area:
                return shared.first
        return super()._place()

    def _part_at(self, place: tuple[int, int]) -> DecidedPart | None:
        number, overrides = self.number_at(*place), self.project.overrides.active(self.image_id)
        if number is None:
            return decided_part(overrides, EMPTY, place, reviewed=False)
        reviewed = self.decided_of(number) is not None
        return decided_part(overrides, self.region(number), place, reviewed=reviewed)

    def _here(self) -> tuple[int, int | None, int | None]:
        """What is looked at."""
        return self.image_id, self.number, None if self.part is None else self.part.override.seq

    def _keep_part(self) -> None:
        """Decisions have changed what of the part still holds, or another region is looked at."""
        if self.number is None:
            self.part = None
        if self.part is not None:
            self.part = still_held(self._overrides(self.image_id, None), self.part.override.seq)
        if self._clicked_at != self._here():
            self._clicked_at = None
