"""What is selected: the pixels that the next decision is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psygnal import Signal

from seco_core.errors import OverrideError
from seco_core.project import Project
from seco_viewer.decided_pixels import class_of_all
from seco_viewer.edit_steps import EditSteps
from seco_viewer.frames import Frame
from seco_viewer.on_screen import OnScreen
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
    decided : int or None
        The class that people gave to all of the pixels; None if some are open or they have several.
    """

    patch: Patch
    kind: Kind
    ids: tuple[int, ...]
    rows: tuple[int, ...]
    decided: int | None


class Selector(OnScreen):
    """The regions of a project, and some pixels of the image that is looked at.

    Parameters
    ----------
    project : Project
        `close` closes it.

    Attributes
    ----------
    awaited : bool
        Whether a tool has been told what to select and does not know its pixels yet.
    """

    selection_changed = Signal()
    """An edit, or none any more. Another region or image has a selection of its own without this signal."""
    awaited_changed = Signal()
    """Other pixels are awaited now, or none any more."""
    edit_dropped = Signal()
    """Pixels that tools had selected are so no longer, for another region or image is looked at."""

    def __init__(self, project: Project):
        self.awaited = False
        self._steps = EditSteps()
        self._edited_at: tuple[int, int | None, int | None] | None = None
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
            decided = class_of_all(self._overrides(self.image_id, patch.box), patch)
            self._selection = Selection(patch, kind, tuple(ids.tolist()), tuple(rows.tolist()), decided)
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

    def await_pixels(self, awaited: bool) -> None:
        """Say whether the pixels to decide on are still to come: until then nothing is decided."""
        if awaited != self.awaited:
            self.awaited = awaited
            self.awaited_changed.emit()

    def most_alike_neighbour(self) -> int | None:
        """Id in `region_ids_here` of the region beside the selection that the classifier takes most for the
        same; None beside none.

        Before scoring it goes by the pseudo-label's votes; of equals the longest border counts.
        """
        number, r = self.meant_number, self.regions
        if number is None:
            raise self.no_region
        if self.new_regions is not None:
            shares = self.new_regions.votes
        else:
            scored = r.probabilities[self.rows.start + number - 1].any()
            shares = (r.probabilities if scored else r.votes)[self.rows]
        return most_alike(self.patch, self.region_ids_here, shares, number)

    def reload(
        self, tables: Tables | None = None, *, frame: Frame | None = None, running: bool = False
    ) -> None:
        """Read everything again after the pipeline has run; image, place in it and edit stay.

        Parameters
        ----------
        tables, frame, running
            As for `Browser.reload`.
        """
        image_id, steps = self.image_id, self._steps
        self._forget_edit()
        super().reload(tables, frame=frame, running=running)
        if steps and self.image_id == image_id:
            self._steps = steps
            self._step_taken()

    @property
    def no_region(self) -> OverrideError:
        """What is said where a region is needed and none is selected."""
        if self.patch.area:
            return OverrideError(
                "no region is selected, only something drawn.", remedy="Choose a class for it."
            )
        if self.edited:
            return OverrideError("nothing is selected yet.", remedy="Paint, or draw a polygon or a box.")
        ended = self.queue.current() is None
        remedy = "Click one." if ended else "Click one, or go on with the queue."
        return OverrideError("no region is selected.", remedy=remedy)

    # ----------------------------------------------------------------- inside

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
        self._keep_part()
