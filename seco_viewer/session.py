"""What is decided: the selection that a decision is about, decisions, undo and redo; signals.

No window is needed. A decision is about the selected pixels: those of the current region that are still open,
unless tools have made it others. Whatever they are, one decision is one override with their mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from seco_core.errors import OverrideError
from seco_core.project import Action, Override, Project
from seco_core.project.overrides import Decision
from seco_core.refine import override_owner
from seco_core.scheme import IGNORE
from seco_viewer.browsing import Browser
from seco_viewer.selection import EMPTY, Kind, Patch, kind_of, touching
from seco_viewer.tables import Tables

_ACTIONS = {Kind.PART: Action.SPLIT, Kind.WHOLE: Action.MERGE, Kind.DRAWN: Action.DRAW}


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


class Session(Browser):
    """A project under review.

    Parameters
    ----------
    project : Project
        The session closes it.

    Attributes
    ----------
    turned : tuple of Override
        What was undone or redone last; empty if that was a step of an edit.
    """

    regions_decided = Signal(np.ndarray, tuple)
    """Rows of the current image whose decision changed, and the box in which its maps did."""
    others_decided = Signal(np.ndarray)
    """Rows of other images whose decision changed with the same batch."""
    selection_changed = Signal()
    """An edit, or none any more. Another region or image has a selection of its own without this signal."""
    edit_dropped = Signal()
    """Pixels that tools had selected are so no longer, for another region or image is looked at."""

    def __init__(self, project: Project):
        # steps of an edit: what there is to choose from, what is chosen; those past the position are undone
        self._steps: list[tuple[tuple[Patch, ...], int]] = []
        self._position = 0
        self._given_back = 0  # of the steps, how many undo of a decision has made: 0 or 1
        self._edited_at: tuple[int, int | None] | None = None
        self._unedited: Patch | None = None
        self._selection: Selection | None = None
        self.turned: tuple[Override, ...] = ()
        super().__init__(project)
        self.image_changed.connect(self._moved)
        self.region_changed.connect(self._moved)

    # -------------------------------------------------------------- selection

    @property
    def patch(self) -> Patch:
        """The pixels that the next decision is about; empty if there is neither a region nor a drawing."""
        if self._position:
            choices, chosen = self._steps[self._position - 1]
            return choices[chosen]
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
        return self._position > 0

    @property
    def steps(self) -> int:
        """How many steps of the edit undo takes back before it takes back decisions."""
        return self._position - self._given_back

    @property
    def choices(self) -> int:
        """How many patches the newest step of the edit offers."""
        return len(self._steps[self._position - 1][0]) if self._position else 0

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
        del self._steps[self._position :]
        self._steps.append((tuple(choices), chosen))
        self._go(len(self._steps))

    def choose(self, by: int, *, around: bool = False) -> bool:
        """Select a smaller or larger one of the patches to choose from; whether there was one.

        Parameters
        ----------
        by : int
            How many further on.
        around : bool
            Begin with the smallest again after the largest.
        """
        if self.choices < 2:
            return False
        patches, chosen = self._steps[self._position - 1]
        following = (chosen + by) % len(patches) if around else min(max(chosen + by, 0), len(patches) - 1)
        if following == chosen:
            return False
        self._steps[self._position - 1] = patches, following
        self._go(self._position)
        return True

    def choose_at(self, place: tuple[int, int]) -> bool:
        """Select the smallest of the patches to choose from that holds a pixel; whether there was one."""
        if self.choices < 2:
            return False
        patches, chosen = self._steps[self._position - 1]
        found = next((i for i, patch in enumerate(patches) if patch.holds(place)), None)
        if found is None:
            return False
        return found == chosen or self.choose(found - chosen)

    def clear_edit(self) -> bool:
        """Select the current region as it is; whether anything else was selected."""
        edited = self.edited
        self._forget_edit()
        self._go(0)
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

    # -------------------------------------------------------------- decisions

    def accept(self) -> Override:
        """The class that PSA gave the current region is right for the selected pixels; where a decision is
        looked at again, what was decided."""
        row = self._meant()
        if self.feedback.again(row):
            return self.relabel(int(self.decided[row]))
        return self._decide(Action.ACCEPT, int(self.regions.class_id[row]))

    def take_suggestion(self) -> Override:
        """The class suggested for the current region is right for the selected pixels: the classifier's, or
        what decisions on regions like it say."""
        suggested = int(self.suggested[self._meant()])
        return self.ignore() if suggested == IGNORE else self.relabel(suggested)

    def relabel(self, class_id: int) -> Override:
        """Give the selected pixels a class.

        Raises
        ------
        OverrideError
            If the scheme has no such class.
        """
        selection = self.selection
        if class_id not in self.scheme:
            raise OverrideError(
                f"the scheme {self.scheme.name} has no class {class_id}.", remedy="Choose one of the list."
            )
        same = [class_id] == self.regions.class_id[list(selection.rows)].tolist()
        return self._decide(Action.ACCEPT if same else Action.RELABEL, class_id)

    def ignore(self) -> Override:
        """The selected pixels shall have no label."""
        return self._decide(Action.IGNORE, IGNORE)

    def unknown(self) -> Override:
        """The selected pixels are none of the classes: the scheme's unknown class, or ignore without one."""
        class_id = IGNORE if self.scheme.unknown is None else self.scheme.unknown
        return self._decide(Action.UNKNOWN, class_id)

    def take(self, overrides: Sequence[Override], *, go_on: bool = True) -> None:
        """Take in a batch that was just recorded, of one image or several, and go on or stay."""
        self._update(overrides)
        if go_on:
            self._advance()
        else:
            self.region_changed.emit()  # what is said about the current one may have changed

    def undo(self) -> bool:
        """Take back an edit's newest step, else the newest decision and go to it; whether there was any.

        What tools had selected for that decision is selected again: an edit that is not a step, so that undo
        goes on with the decision before.
        """
        self.turned = ()
        if self.steps:
            self._go(self._position - 1)
            return True
        if not self._turn(self.project.overrides.undo):
            return False
        self._select_again()
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a step of an edit to take back, or a decision."""
        return self.steps > 0 or self.project.overrides.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step of an edit, or an undone decision."""
        return self._position < len(self._steps) or self.project.overrides.can_redo

    def redo(self) -> bool:
        """Do an edit's undone step again, else the undone decision and go to it; whether there was any."""
        self.turned = ()
        if self._position < len(self._steps):
            self._go(self._position + 1)
            return True
        return self._turn(self.project.overrides.redo)

    def reload(self, tables: Tables | None = None) -> None:
        """Read everything again after the pipeline has run; image, place in it and edit stay.

        Parameters
        ----------
        tables : Tables, optional
            Those of the project, if another thread has read them already.
        """
        edit = self.image_id, self._steps.copy(), self._given_back, self._position
        self._forget_edit()
        super().reload(tables)
        if edit[1] and self.image_id == edit[0]:
            _, self._steps, self._given_back, position = edit
            self._go(position)

    # ----------------------------------------------------------------- inside

    def _meant(self) -> int:
        if self.meant is None:
            drawn = self.selection.kind is not Kind.EMPTY
            raise OverrideError(
                "no region is selected" + (", only something drawn." if drawn else "."),
                remedy="Choose a class for it." if drawn else "Click one, or go on with the queue.",
            )
        return self.meant

    def _decide(self, action: Action, class_id: int) -> Override:
        if not self.frame.reviewable:
            raise OverrideError(
                f"what cannot be seen is not decided: {self.frame.problem}",
                remedy="Put the file right and come back to the image.",
            )
        selection = self.selection
        if selection.kind is Kind.EMPTY:
            raise OverrideError(
                "no region is selected.", remedy="Click or draw one, or go on with the queue."
            )
        looked_at = self.row if self.row in selection.rows else next(iter(selection.rows), None)
        (override,) = self.project.overrides.record(
            [
                Decision(
                    action=_ACTIONS.get(selection.kind, action),
                    image_id=self.image_id,
                    class_id=class_id,
                    box=selection.patch.box,
                    mask=selection.patch.mask,
                    region_id=None if looked_at is None else int(self.regions.id[looked_at]),
                )
            ]
        )
        self._update([override])
        if self.row is None or not self.reviewed[self.row]:
            self.region_changed.emit()  # the rest of it is next
        else:
            self._advance()
        return override

    def _turn(self, turn: Callable[[], Sequence[Override]]) -> bool:
        try:
            self.turned = overrides = tuple(turn())
        except OverrideError:
            self.reload()  # shows what another window has decided
            raise
        if not overrides:
            return False
        first = next((o for o in overrides if o.image_id == self.image_id), overrides[0])
        if first.image_id != self.image_id:
            self._remember()
            self._leave_for(first.image_id)
        self._update(overrides)
        x0, y0, x1, y1 = first.box
        here = self.rows
        count = here.stop - here.start
        ids = self.frame.region_ids[y0:y1, x0:x1][first.mask]
        under = np.bincount(ids, minlength=count + 1)[1 : count + 1]
        if under.any():
            # the region that was looked at when it was decided, else that with the most of what was
            looked_at = np.flatnonzero((self.regions.id[here] == first.region_id) & (under > 0))
            self._show(here.start + int(looked_at[0] if len(looked_at) else under.argmax()))
        else:
            self.row = None
            self.region_changed.emit()
        return True

    def _select_again(self) -> None:
        """Select what tools had selected for the decision that was just undone."""
        undone = self.turned[0]
        if len(self.turned) > 1 or undone.action not in _ACTIONS.values() or not self.frame.reviewable:
            return
        patch = Patch.of(undone.mask, undone.box[:2][::-1])
        if not patch.same(self.patch):
            self._steps, self._given_back = [((patch,), 0)], 1
            self._go(1)

    def _update(self, overrides: Sequence[Override]) -> None:
        """Bring the regions under some overrides, and the current image's pixels, up to date."""
        # of an image that cannot be read there is no map to go by
        seen = self.image_id if self.frame.reviewable else None
        here = [o for o in overrides if o.image_id == seen]
        by_others = self.project.overrides.changed_by_others()
        elsewhere = sorted(({o.image_id for o in overrides} | by_others) - {seen})
        if elsewhere:
            self.others_decided.emit(self.recount(elsewhere))
        ids = self.frame.region_ids
        if seen in by_others:
            self.recount([self.image_id])
            rows = np.arange(self.rows.start, self.rows.stop)
            box = (0, 0, ids.shape[1], ids.shape[0])
        elif here:
            rows, box = self.update(self.image_id, ids, here)
        else:
            return
        x0, y0, x1, y1 = box
        self.curated[y0:y1, x0:x1] = self.curated_map(self.image_id, ids[y0:y1, x0:x1], box)
        if here:
            self._forget_edit()
        self.regions_decided.emit(rows, box)

    def _go(self, position: int) -> None:
        """Take the selection of a step of the edit."""
        self._position = position
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
        self._steps.clear()
        self._position = self._given_back = 0
        self._unedited = self._selection = None
