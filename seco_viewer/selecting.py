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
from seco_viewer.edit_steps import EditSteps
from seco_viewer.selection import EMPTY, Kind, Patch, kind_of, touching
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
    rows : tuple of int
        The regions touched.
    """

    patch: Patch
    kind: Kind
    rows: tuple[int, ...]


class Selector(Browser):
    """The regions of a project, and some pixels of the image that is looked at.

    Parameters
    ----------
    project : Project
        `close` closes it.
    """

    selection_changed = Signal()
    """An edit, or none any more. Another region or image has a selection of its own without this signal."""
    edit_dropped = Signal()
    """Pixels that tools had selected are so no longer, for another region or image is looked at."""

    def __init__(self, project: Project):
        self._steps = EditSteps()
        self._edited_at: tuple[int, int | None] | None = None
        self._unedited: Patch | None = None
        self._selection: Selection | None = None
        super().__init__(project)
        self.image_changed.connect(self._moved)
        self.region_changed.connect(self._moved)

    @property
    def patch(self) -> Patch:
        """The pixels that the next decision is about; empty if there is neither a region nor a drawing."""
        if (edited := self._steps.patch) is not None:
            return edited
        if self._unedited is None:
            self._unedited = EMPTY if self.row is None else self.open_part(self.row)
        return self._unedited

    @property
    def selection(self) -> Selection:
        """The pixels that the next decision is about, with what they are to the regions."""
        patch = self.patch
        if self._selection is None or self._selection.patch is not patch:
            start = self.rows.start
            kind, ids = kind_of(patch, self.frame.region_ids, lambda i: self.open_part(start + i - 1))
            self._selection = Selection(patch, kind, tuple((start + ids - 1).tolist()))
        return self._selection

    @property
    def meant(self) -> int | None:
        """The region whose class a decision goes by: the current one, unless the selection was edited and
        lies in others; None where nothing is selected, or only something drawn."""
        if not self.edited:
            return self.row
        selection = self.selection
        of_others = self.row not in selection.rows and selection.kind is not Kind.DRAWN
        return selection.rows[0] if selection.rows and of_others else self.row

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
        """Select the current region as it is; whether anything else was selected."""
        edited = self.edited
        self._forget_edit()
        self._step_taken()
        return edited

    def most_alike_neighbour(self) -> int | None:
        """The region beside the selection that the classifier takes most for the same; None beside none.

        Before scoring it goes by the pseudo-label's votes; of equals the longest border counts.
        """
        row = self._meant()
        ids, contact = touching(self.patch, self.frame.region_ids)
        if not len(ids):
            return None
        rows = self.rows.start + ids - 1
        r = self.regions
        shares = r.probabilities if r.probabilities[row].any() else r.votes
        alike = np.sqrt(shares[rows] * shares[row]).sum(axis=1)
        return int(rows[np.lexsort((contact, np.round(alike, 6)))[-1]])

    def reload(self, tables: Tables | None = None) -> None:
        """Read everything again after the pipeline has run; image, place in it and edit stay.

        Parameters
        ----------
        tables : Tables, optional
            Those of the project, if another thread has read them already.
        """
        image_id, steps = self.image_id, self._steps
        self._forget_edit()
        super().reload(tables)
        if steps and self.image_id == image_id:
            self._steps = steps
            self._step_taken()

    # ----------------------------------------------------------------- inside

    def _meant(self) -> int:
        if self.meant is None:
            drawn = self.selection.kind is not Kind.EMPTY
            raise OverrideError(
                "no region is selected" + (", only something drawn." if drawn else "."),
                remedy="Choose a class for it." if drawn else "Click one, or go on with the queue.",
            )
        return self.meant

    def _step_taken(self) -> None:
        """Another step of the edit holds, or another choice of it."""
        self._edited_at = self.image_id, self.row
        self.selection_changed.emit()

    def _moved(self) -> None:
        """Another region has its own selection; the same one, told of anew, keeps the edit."""
        dropped = False
        if self._edited_at != (self.image_id, self.row):
            dropped = self.edited and self.patch.area > 0
            self._forget_edit()
        self._unedited = self._selection = None
        if dropped:
            self.edit_dropped.emit()

    def _forget_edit(self) -> None:
        self._steps = EditSteps()
        self._unedited = self._selection = None
