"""What is selected: the pixels that the next decision is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from seco_core.errors import OverrideError
from seco_core.project import Project
from seco_core.refine import override_owner
from seco_viewer.browsing import Browser
from seco_viewer.decided_pixels import DecidedPart, decided_part, still_held
from seco_viewer.edit_steps import EditSteps
from seco_viewer.selection import EMPTY, Kind, Patch, kind_of, most_alike
from seco_viewer.tables import Tables


@dataclass(frozen=True, eq=False)
class Selection:
    """The pixels that the next decision is about, and what they are to the regions.

    Attributes
    ----------
    patch : Patch
        The pixels.
    kind : Kind
        From which follows which action is recorded.
    ids : tuple of int
        Those of the regions touched in `Selector.region_ids_here`.
    rows : tuple of int
        Their rows; none of `Browser.new_regions`.
    """

    patch: Patch
    kind: Kind
    ids: tuple[int, ...]
    rows: tuple[int, ...]


class Selector(Browser):
    """The regions of a project, and some pixels of the image that is looked at.

    Parameters
    ----------
    project : Project
        `close` closes it.

    Attributes
    ----------
    part : DecidedPart or None
        What was clicked: pixels that were decided at once, of a region whose others were not. They are
        selected in place of the region until one goes on, or to the region by any other way than a click.
    """

    selection_changed = Signal()
    """An edit, or none any more. Another region or image has a selection of its own without this signal."""
    edit_dropped = Signal()
    """Pixels that tools had selected are so no longer, for another region or image is looked at."""

    def __init__(self, project: Project):
        self.part: DecidedPart | None = None
        self._steps = EditSteps()
        self._edited_at: tuple[int, int | None, int | None, int | None] | None = None
        self._unedited: Patch | None = None
        self._selection: Selection | None = None
        super().__init__(project)
        self.image_changed.connect(self._moved)
        self.region_changed.connect(self._moved)

    @property
    def patch(self) -> Patch:
        """The pixels that the next decision is about; empty if there is neither a region nor a drawing."""
        return self.unedited if self._steps.patch is None else self._steps.patch

    @property
    def unedited(self) -> Patch:
        """What is selected without any edit."""
        if self._unedited is None:
            if self.part is not None:
                self._unedited = self.part.patch
            else:
                number = self.number
                self._unedited = EMPTY if number is None else self.open_part_of(number)
        return self._unedited

    @property
    def selection(self) -> Selection:
        """The pixels that the next decision is about, with what they are to the regions."""
        patch = self.patch
        if self._selection is None or self._selection.patch is not patch:
            kind, ids = kind_of(patch, self.region_ids_here, self.open_part_of)
            rows = self.rows.start + ids - 1 if self.new_regions is None else ids[:0]
            self._selection = Selection(patch, kind, tuple(ids.tolist()), tuple(rows.tolist()))
        return self._selection

    @property
    def meant_number(self) -> int | None:
        """Id in `region_ids_here` of the region whose class a decision goes by: the current one, unless the
        selection was edited and lies in others; None where nothing is selected, or only something drawn."""
        if not self.edited:
            return self.number
        selection = self.selection
        of_others = self.number not in selection.ids and selection.kind is not Kind.DRAWN
        return selection.ids[0] if selection.ids and of_others else self.number

    @property
    def meant(self) -> int | None:
        """Row of the region whose class a decision goes by; None if there is none or it is a new one."""
        number = self.meant_number
        return None if number is None or self.new_regions is not None else self.rows.start + number - 1

    @property
    def picked_class(self) -> int | None:
        """Class of the new region whose class a decision goes by; None if there is none or it is none of
        them."""
        number = self.meant_number
        return (
            None if number is None or self.new_regions is None else int(self.new_regions.class_id[number - 1])
        )

    @property
    def edited(self) -> bool:
        """Whether tools have changed the selection."""
        return self._steps.patch is not None

    @property
    def steps(self) -> int:
        """How many steps of the edit undo takes back before it takes back decisions."""
        return self._steps.to_undo

    @property
    def choices(self) -> int:
        """How many patches the newest step of the edit offers."""
        return self._steps.choices

    def open_part(self, row: int) -> Patch:
        """Pixels of a region of the current image that nobody has decided; all if it is reviewed."""
        box, mask = self.mask(row)
        if not self.reviewed[row] and (covering := self._overrides(self.image_id, box)):
            mask = mask & (override_owner(mask.shape, covering) == 0)
        return Patch.of(mask, (box[1], box[0]))

    def open_part_of(self, number: int) -> Patch:
        """As `open_part`, of a region given by its id in `region_ids_here`; of a new one all of it if nothing
        is open."""
        if self.new_regions is None:
            return self.open_part(self.rows.start + number - 1)
        still_open = self._open_of_new(number)
        return still_open if still_open.area else Patch.of(self.new_regions.region_ids == number)

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
        part, found = self._part_at((row, column)), self.row_at(row, column)
        if found is None and part is not None:
            x0, y0, x1, y1 = part.patch.box
            pixels = np.bincount(self.frame.region_ids[y0:y1, x0:x1][part.patch.mask], minlength=1)
            if pixels[1:].any():
                found = self.rows.start + int(pixels[1:].argmax())
        if found is not None:
            self._show(found, part=part)
        else:
            super().select_at(row, column)

    def edit(self, choices: Sequence[Patch], chosen: int = 0) -> None:
        """Select other pixels: one step, which undo takes back before it takes back decisions.

        Parameters
        ----------
        choices : sequence of Patch
            One or several, smallest first; `choose` goes from one to the next. Each must lie on the image.
        chosen : int
            Which of them is selected first.
        """
        self._steps.add(choices, chosen)
        self._step_taken()

    def choose(self, by: int, *, around: bool = False) -> bool:
        """Select a smaller or larger one of the patches to choose from; whether there was one.

        Parameters
        ----------
        by : int
            How many further on.
        around : bool
            Begin with the smallest again after the largest.
        """
        chosen = self._steps.choose(by, around=around)
        if chosen:
            self._step_taken()
        return chosen

    def choose_at(self, place: tuple[int, int]) -> bool:
        """Select the smallest of the patches to choose from that holds a pixel; whether there was one."""
        chosen = self._steps.choose_at(place)
        if chosen:
            self._step_taken()
        return chosen is not None

    def clear_edit(self) -> bool:
        """Select the current region as it is, or the part clicked; whether anything else was selected."""
        edited = self.edited
        self._forget_edit()
        self._step_taken()
        return edited

    def most_alike_neighbour(self) -> int | None:
        """Id in `region_ids_here` of the region beside the selection that the classifier takes most for the
        same; None beside none.

        Before scoring it goes by the pseudo-label's votes; of equals the longest border counts.
        """
        number, r = self._meant_number(), self.regions
        if self.new_regions is not None:
            shares = self.new_regions.votes
        else:
            scored = r.probabilities[self.rows.start + number - 1].any()
            shares = (r.probabilities if scored else r.votes)[self.rows]
        return most_alike(self.patch, self.region_ids_here, shares, number)

    def reload(self, tables: Tables | None = None, *, running: bool = False) -> None:
        """Read everything again after the pipeline has run; image, place in it and edit stay.

        Parameters
        ----------
        tables, running
            As for `Browser.reload`.
        """
        image_id, steps = self.image_id, self._steps
        self._forget_edit()
        super().reload(tables, running=running)
        if steps and self.image_id == image_id:
            self._steps = steps
            self._step_taken()

    # ----------------------------------------------------------------- inside

    def _open_of_new(self, number: int) -> Patch:
        """Pixels of a new region that nobody has decided."""
        mask = self.region_ids_here == number
        return Patch.of(mask & (override_owner(mask.shape, self._overrides(self.image_id, None)) == 0))

    def _meant_number(self) -> int:
        if (number := self.meant_number) is None:
            drawn = self.selection.kind is not Kind.EMPTY
            raise OverrideError(
                "no region is selected" + (", only something drawn." if drawn else "."),
                remedy="Choose a class for it." if drawn else "Click one, or go on with the queue.",
            )
        return number

    def _meant(self) -> int:
        return self.rows.start + self._meant_number() - 1

    def _show(self, row: int, *, remember: bool = True, part: DecidedPart | None = None) -> None:
        self.part = part
        super()._show(row, remember=remember)

    def _place(self) -> tuple[int, int] | None:
        """A pixel of the current region, of the part if one is selected."""
        if self.part is None or self.row is None:
            return super()._place()
        box, mask = self.mask(self.row)
        inside = np.argwhere(mask & self.part.patch.on(box))
        return (box[1] + int(inside[0, 0]), box[0] + int(inside[0, 1])) if len(inside) else super()._place()

    def _part_at(self, place: tuple[int, int]) -> DecidedPart | None:
        row, overrides = self.row_at(*place), self.project.overrides.active(self.image_id)
        if row is None:
            return decided_part(overrides, EMPTY, place, reviewed=False)
        box, mask = self.mask(row)
        return decided_part(overrides, Patch(box, mask), place, reviewed=bool(self.reviewed[row]))

    def _here(self) -> tuple[int, int | None, int | None, int | None]:
        """What an edit is of."""
        return self.image_id, self.row, self.picked, None if self.part is None else self.part.override.seq

    def _step_taken(self) -> None:
        """Another step of the edit holds, or another choice of it."""
        self._edited_at = self._here()
        self.selection_changed.emit()

    def _moved(self) -> None:
        """Another region has its own selection; the same one, told of anew, keeps the edit."""
        dropped = False
        self._look_anew()
        if self._edited_at != self._here():
            dropped = self.edited and self.patch.area > 0
            self._forget_edit()
        if dropped:
            self.edit_dropped.emit()

    def _forget_edit(self) -> None:
        self._steps = EditSteps()
        self._look_anew()

    def _look_anew(self) -> None:
        """Decisions have changed what is open, and what of a part still holds."""
        self._unedited = self._selection = None
        if self.row is None:
            self.part = None
        if self.part is not None:
            active = self.project.overrides.active(self.image_id)
            self.part = still_held(active, self.part.override.seq)
