"""The steps of an edited selection: what tools have selected one after the other, undone and done again."""

from __future__ import annotations

from collections.abc import Sequence

from seco_viewer.selection import Patch


class EditSteps:
    """What tools have selected, step by step.

    A step offers one patch or several to choose from, and one of them is chosen.

    Attributes
    ----------
    to_undo : int
        How many steps there are to undo: all up to the present one but what `give_back` has selected.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[tuple[Patch, ...], int]] = []
        self._position = 0  # those past it are undone
        self.to_undo = 0

    def __bool__(self) -> bool:
        """Whether there is any step, if only an undone one."""
        return bool(self._steps)

    @property
    def patch(self) -> Patch | None:
        """What is selected; None if no step holds."""
        if not self._position:
            return None
        choices, chosen = self._steps[self._position - 1]
        return choices[chosen]

    @property
    def choices(self) -> int:
        """How many patches the present step offers."""
        return len(self._steps[self._position - 1][0]) if self._position else 0

    @property
    def apart(self) -> bool:
        """Whether the patches to choose from are pieces of what was cut: they have no pixel in common."""
        if self.choices < 2:
            return False
        patches, chosen = self._steps[self._position - 1]
        return not any((patches[chosen] & p).area for i, p in enumerate(patches) if i != chosen)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return self._position < len(self._steps)

    def add(self, choices: Sequence[Patch], chosen: int = 0) -> None:
        """Go one step on; what was undone is forgotten.

        Parameters
        ----------
        choices : sequence of Patch
            One or several, smallest first.
        chosen : int
            Which of them is selected first.
        """
        del self._steps[self._position :]
        self._steps.append((tuple(choices), chosen))
        self._move(1)

    def give_back(self, patch: Patch) -> None:
        """Begin anew with a patch that is no step of its own: undo does not take it away."""
        self._steps, self._position, self.to_undo = [((patch,), 0)], 1, 0

    def undo(self) -> None:
        """Take the present step back."""
        self._move(-1)

    def redo(self) -> None:
        """Take the step that was undone last again."""
        self._move(1)

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
        self._steps[self._position - 1] = patches, following
        return following != chosen

    def choose_at(self, place: tuple[int, int]) -> bool | None:
        """Select the smallest of the patches to choose from that holds a pixel.

        Returns
        -------
        bool or None
            Whether that is another one; None if there was none.
        """
        if self.choices < 2:
            return None
        patches, chosen = self._steps[self._position - 1]
        found = next((i for i, patch in enumerate(patches) if patch.holds(place)), None)
        return None if found is None else self.choose(found - chosen)

    def _move(self, by: int) -> None:
        self._position += by
        self.to_undo += by
