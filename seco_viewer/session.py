"""What is decided: decisions on the selected pixels, undo and redo; signals.

No window is needed. A decision is about the selected pixels: those of the current region that are still open,
unless tools have made it others. Whatever they are, one decision is one override with their mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from psygnal import Signal

from seco_core.errors import OverrideError
from seco_core.project import Action, Override, Project
from seco_core.project.arrays import IDS_PER_IMAGE
from seco_core.project.overrides import Decision
from seco_core.refine import SLIVER_SHARE, override_owner
from seco_core.scheme import IGNORE
from seco_viewer.offers import Offer, Offering
from seco_viewer.selection import FEW_PIXELS, Kind, Patch, wide

_ACTIONS = {Kind.PART: Action.SPLIT, Kind.WHOLE: Action.MERGE, Kind.DRAWN: Action.DRAW}


class Session(Offering):
    """A project under review.

    Parameters
    ----------
    project : Project
        The session closes it.

    Attributes
    ----------
    turned : tuple of Override
        What was undone or redone last; empty if that was a step of an edit.
    catching_up : bool
        Whether what changes is what another window has decided.
    """

    regions_decided = Signal(np.ndarray, tuple)
    """Rows of the current image whose decision changed, and the box in which its maps did."""
    others_decided = Signal(np.ndarray)
    """Rows of other images whose decision changed with the same batch."""

    def __init__(self, project: Project):
        self.turned: tuple[Override, ...] = ()
        self.catching_up = False
        self._corrections: set[int] = set()  # numbers of decisions on what was clicked to put it right
        super().__init__(project)

    def accept(self) -> Override:
        """The class that PSA gave the current region is right for the selected pixels; where a decision is
        looked at again, what was decided."""
        offer = self._offered("accept")
        if offer.kept == offer.called:
            return self._decide(Action.ACCEPT, offer.kept)
        return self._give(offer.kept)

    def take_suggestion(self) -> Override:
        """The class suggested for the current region is right for the selected pixels: the classifier's, or
        what decisions on regions like it say.

        Raises
        ------
        OverrideError
            If no other class is suggested than the present one.
        """
        suggested = self._offered("take_suggestion").suggested
        assert suggested is not None
        return self._give(suggested)

    def relabel(self, class_id: int) -> Override:
        """Give the selected pixels a class.

        Raises
        ------
        OverrideError
            If the scheme has no such class.
        """
        if class_id not in self.scheme:
            raise OverrideError(
                f"the scheme {self.scheme.name} has no class {class_id}.", remedy="Choose one of the list."
            )
        same = [class_id] == self.classes_here[np.array(self.selection.ids, dtype=np.int64) - 1].tolist()
        return self._decide(Action.ACCEPT if same else Action.RELABEL, class_id)

    def ignore(self) -> Override:
        """The selected pixels shall have no label."""
        return self._decide(Action.IGNORE, IGNORE)

    def unknown(self) -> Override:
        """The selected pixels are none of the classes: the scheme's unknown class, or ignore without one."""
        return self._decide(Action.UNKNOWN, self.unknown_class)

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
            self._steps.undo()
            self._step_taken()
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
        return self._steps.can_redo or self.project.overrides.can_redo

    def redo(self) -> bool:
        """Do an edit's undone step again, else the undone decision and go to it; whether there was any."""
        self.turned = ()
        if self._steps.can_redo:
            self._steps.redo()
            self._step_taken()
            return True
        return self._turn(self.project.overrides.redo)

    def catch_up(self) -> bool:
        """Show what other windows have decided since; whether they have. One stays where one is.

        Undo still takes none of it back unasked.
        """
        if not self.project.overrides.look():
            return False
        self.catching_up = True
        try:
            self._update(())
        finally:
            self.catching_up = False
        self._look_anew()
        self.selection_changed.emit()
        return True

    # ----------------------------------------------------------------- inside

    def _offered(self, action_id: str) -> Offer:
        if (refusal := self.refusal(action_id)) is not None:
            raise refusal
        offer = self.offer
        assert offer is not None
        return offer

    def _give(self, class_id: int) -> Override:
        return self.ignore() if class_id == IGNORE else self.relabel(class_id)

    def _decide(self, action: Action, class_id: int) -> Override:
        if (refusal := self.hindrance or self.repeats(class_id)) is not None:
            raise refusal
        selection, number, corrects = self.selection, self.number, self._corrects()
        looked_at = number if number in selection.ids else next(iter(selection.ids), None)
        pieces = self._steps.apart
        (override,) = self.project.overrides.record(
            [
                Decision(
                    action=_ACTIONS.get(selection.kind, action),
                    image_id=self.image_id,
                    class_id=class_id,
                    box=selection.patch.box,
                    mask=selection.patch.mask,
                    region_id=None if looked_at is None else self.image_id * IDS_PER_IMAGE + looked_at,
                )
            ]
        )
        if corrects:
            self._corrections.add(override.seq)
        self._update([override])
        if corrects and self._show_decision(override, clicked=True):
            return override
        if number is not None:
            if self.decided_of(number) is None:
                self.region_changed.emit()  # the rest of it is next
                return override
            if selection.kind is Kind.PART and number in selection.ids and self._select_rest(number, pieces):
                return override
        if self.row is None:
            self.picked = None  # of new regions none is next: another key shall decide nothing
            self.region_changed.emit()
        else:
            self._advance()
        return override

    def _select_rest(self, number: int, pieces: bool) -> bool:
        """Select what a decision on a part has left of a region that counts as decided now; whether that
        is more than slivers, or was cut off on purpose."""
        region = self.region(number)
        owner = override_owner(region.mask.shape, self._overrides(self.image_id, region.box))
        rest = Patch.of(region.mask & (owner == 0), region.box[1::-1])
        much = rest.area > SLIVER_SHARE * region.area
        if rest.area <= FEW_PIXELS or not (pieces or much or wide(rest)):
            return False
        self._clicked_at = None  # it is part of the same decision, no correction
        self.region_changed.emit()
        self._steps.give_back(rest)
        self._step_taken()
        return True

    def _corrects(self) -> bool:
        """Whether something decided was clicked, to put it right: one goes on working there."""
        number = self.number
        if number is None or self.decided_of(number) is None:
            return False
        in_queue = self.row is not None and bool(self.feedback.again(self.row))
        return self.part is not None or (self.clicked and not in_queue)

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
        if not self._show_decision(first, clicked=first.seq in self._corrections):
            self.row = self.picked = None
            self.region_changed.emit()
        return True

    def _select_again(self) -> None:
        """Select what tools had selected for the decision that was just undone."""
        undone = self.turned[0]
        if len(self.turned) > 1 or undone.action not in _ACTIONS.values() or not self.frame.reviewable:
            return
        patch = Patch.of(undone.mask, undone.box[1::-1])
        if not patch.same(self.patch):
            self._steps.give_back(patch)
            self._step_taken()

    def _update(self, overrides: Sequence[Override]) -> None:
        """Bring the regions under some overrides, and the current image's pixels, up to date."""
        # of an image that cannot be read there is no map to go by
        seen = self.image_id if self.frame.reviewable else None
        here = [o for o in overrides if o.image_id == seen]
        log = self.project.overrides
        by_others = log.changed_by_others()
        elsewhere = sorted(({o.image_id for o in overrides} | by_others) - {seen})
        if elsewhere:
            self.others_decided.emit(self.recount(elsewhere))
        if seen in by_others:
            self.recount([self.image_id])
        log.forget_changed()  # not before: what could not be read is shown the next time
        ids = self.frame.region_ids
        if seen in by_others:
            rows = np.arange(self.rows.start, self.rows.stop)
            box = (0, 0, ids.shape[1], ids.shape[0])
        elif here:
            rows, box = self.update(self.image_id, ids, here)
        else:
            return
        x0, y0, x1, y1 = box
        self.curated[y0:y1, x0:x1] = self.curated_here(box)
        if here:
            self._forget_edit()
        self.regions_decided.emit(rows, box)
