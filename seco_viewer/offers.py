"""What can be decided of what is selected: the classes in question, and why a decision cannot be made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seco_core.errors import OverrideError
from seco_core.scheme import IGNORE
from seco_viewer.selecting import Selector
from seco_viewer.shortcuts import with_keys
from seco_viewer.words import RegionFacts

ONE_KEY = ("accept", "take_suggestion", "ignore", "unknown")
"""Actions that decide at once what is selected."""


@dataclass(frozen=True)
class Offer:
    """The classes in question; ids throughout, 255 for ignore.

    Attributes
    ----------
    called : int
        What the machine calls the region.
    decided : int or None
        What people have decided of what is selected; None as long as it is open.
    kept : int
        What accepting gives: what it is called, or what was decided where that is looked at again.
    suggested : int or None
        What is suggested; None before scoring.
    """

    called: int
    decided: int | None
    kept: int
    suggested: int | None

    @property
    def present(self) -> int:
        """What it is now."""
        return self.called if self.decided is None else self.decided

    @property
    def suggests(self) -> bool:
        """Whether another class than the present one is suggested."""
        return self.suggested not in (None, self.present)


class Offering(Selector):
    """Some pixels of the image that is looked at, and what may be decided of them.

    Parameters
    ----------
    project : Project
        `close` closes it.
    """

    @property
    def offer(self) -> Offer | None:
        """What may be decided with one key; None where nothing is selected, or only something drawn."""
        number = self.meant_number
        if number is None:
            return None
        called, decided = int(self.classes_here[number - 1]), self._decided_of_meant(number)
        row = self.meant
        if row is None:
            return Offer(called, decided, called, None)
        kept = decided if decided is not None and self.feedback.again(row) else called
        return Offer(called, decided, kept, int(self.suggested[row]))

    @property
    def facts_here(self) -> RegionFacts | None:
        """What there is to say about the region whose class a decision goes by; of a decided part, what was
        decided of that."""
        number = self.meant_number
        if number is None:
            return None
        decided = self._decided_of_meant(number)
        if self.new_regions is not None:
            return self.new_regions.facts(number, decided)
        return replace(self.facts(self.rows.start + number - 1), decided=decided)

    @property
    def hindrance(self) -> OverrideError | None:
        """Why nothing can be decided here; None if it can."""
        if not self.frame.reviewable:
            return OverrideError(
                f"what cannot be seen is not decided: {self.frame.problem}",
                remedy="Put the file right and come back to the image.",
            )
        if self.awaited:
            return OverrideError(
                "the mask source is still looking at the image.",
                remedy=f"Wait for the mask{with_keys(', or press {} to leave it', 'leave')}.",
            )
        if not self.patch.area:
            return self.no_region
        return None

    def repeats(self, class_id: int) -> OverrideError | None:
        """Why a class need not be decided: all that is selected has it from people; None if it is to be.

        What is looked at a second time is settled by deciding the same again.

        Parameters
        ----------
        class_id : int
            Of the scheme; 255 for ignore.
        """
        if self.selection.decided != class_id or self._settles(class_id):
            return None
        return OverrideError(
            f"already decided as {self.scheme.label(class_id)}.", remedy="Choose another class to change it."
        )

    def refusal(self, action_id: str) -> OverrideError | None:
        """Why a decision cannot be made on what is selected; None if it can.

        Parameters
        ----------
        action_id : str
            Of the table of shortcuts. Accepting and taking the suggestion need a region, other decisions no
            more than pixels. Relabelling may turn out to `repeats` when the class is chosen.
        """
        hindrance = self.hindrance
        if hindrance is not None or action_id == "relabel":
            return hindrance
        if action_id not in ("accept", "take_suggestion"):
            return self.repeats(IGNORE if action_id == "ignore" else self.unknown_class)
        offer = self.offer
        if offer is None:
            return self.no_region
        if action_id == "accept":
            return self.repeats(offer.kept)
        if offer.suggested is not None and offer.suggests:
            return self.repeats(offer.suggested)
        if offer.suggested is None:
            return OverrideError(
                "nothing is suggested for a region that is not scored yet.",
                remedy="Accept its class, or choose one.",
            )
        return OverrideError(
            f"only {self.scheme.label(offer.present)} is suggested, which it is already.",
            remedy="Accept it, or choose a class.",
        )

    @property
    def unknown_class(self) -> int:
        """What is recorded for pixels that are none of the classes: the scheme's unknown class, or ignore."""
        return IGNORE if self.scheme.unknown is None else self.scheme.unknown

    # ----------------------------------------------------------------- inside

    def _settles(self, class_id: int) -> bool:
        """Whether a decision on what is selected is another one on a region that is looked at again."""
        selection = self.selection
        rows = np.array(selection.rows, dtype=np.int64)
        if not self.feedback.again(rows).any():
            return False
        pixels = self._pixels_under(selection.patch)[np.array(selection.ids, dtype=np.int64) - 1]
        about = pixels * 2 >= self.regions.area[rows]  # as for `confirmed_regions`
        return bool((about & self.feedback.again(rows) & (self.decided[rows] == class_id)).any())

    def _decided_of_meant(self, number: int) -> int | None:
        if self.part is not None and number == self.number:
            return self.part.override.class_id
        return self.decided_of(number)
