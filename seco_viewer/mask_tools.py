"""Selecting what the mask source sees at a click or in a box, as soon as it has looked at the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seco_core.errors import SecoError
from seco_core.masks.base import Prompt
from seco_core.pipeline.image_masks import SeenImage
from seco_viewer.masks_ahead import MasksAhead
from seco_viewer.selection import Patch, Place, half_of, mask_patch, masks_at
from seco_viewer.session import Session

_FIRST_OF_A_CLICK = 0.005
"""Share of the image that the first mask offered for a click has at least."""


class MaskTools:
    """Parts of regions and whole objects, as the project's mask source sees them.

    Parameters
    ----------
    session : Session
        Whose selection is edited.
    say : callable
        Shows a message; ``wrong=True`` for errors.
    """

    def __init__(self, session: Session, say: Callable[..., None]):
        self._session, self._say = session, say
        self.ahead = MasksAhead(session.project)
        self._prompt: Prompt | None = None
        self._answered: Patch | None = None
        self._waiting: Callable[[SeenImage], None] | None = None
        self._asked_at: tuple[int, int | None, Patch] | None = None
        self.ahead.ready.connect(self._ready)
        self.ahead.failed.connect(self._failed)
        session.reloaded.connect(self.ahead.forget)
        session.region_changed.connect(self._drop_outdated)
        session.selection_changed.connect(self._drop_outdated)

    def release(self) -> None:
        """Let go of the session; work that is going on is cancelled."""
        self._session.selection_changed.disconnect(self._drop_outdated)
        self._session.region_changed.disconnect(self._drop_outdated)
        self._session.reloaded.disconnect(self.ahead.forget)
        self.ahead.ready.disconnect(self._ready)
        self.ahead.failed.disconnect(self._failed)
        self.ahead.stop()

    def look(self) -> None:
        """Let the mask source look at the current image, since it will be asked."""
        self.ahead.want(self._session.image_id)

    def forget(self) -> None:
        """Begin without a box, and wait for nothing."""
        self._prompt = self._answered = None
        self._wait_for(None)

    def part_at(self, pixel: tuple[int, int], *, adds: bool) -> None:
        """Select the part of the region at a pixel, or add it to what is selected; it can be made smaller."""
        self._with_masks(lambda seen: self._part_at(seen, pixel, adds=adds))

    def box(self, first: Place, last: Place) -> None:
        """Select what is in a box, given by two corners."""
        (y0, x0), (y1, x1) = first, last
        # places are at the middle of pixels, prompts at their corners
        low, high = (min(x0, x1) + 0.5, min(y0, y1) + 0.5), (max(x0, x1) + 0.5, max(y0, y1) + 0.5)
        self._prompt = Prompt((*low, *high), points_first=True)
        self._with_masks(self._answer)

    def point(self, place: Place, *, leaves_out: bool) -> None:
        """Say what belongs to the box's object and what does not; without a box select what is there."""
        # decided, taken back or changed otherwise, the answer is no longer what points are about
        holds = self._session.awaited or self._session.patch is self._answered
        if self._prompt is None or not holds:
            self.forget()
            self._with_masks(lambda seen: self._object_at(seen, place))
            return
        self._prompt = replace(
            self._prompt,
            points=np.concatenate([self._prompt.points, [[place[1] + 0.5, place[0] + 0.5]]]),
            labels=np.append(self._prompt.labels, int(not leaves_out)),
        )
        self._with_masks(self._answer)

    # ----------------------------------------------------------------- inside

    def _part_at(self, seen: SeenImage, pixel: tuple[int, int], *, adds: bool) -> None:
        session = self._session
        region = session.patch_at(pixel)
        if not region.area:
            self._say("There is no region here.")
            return
        if not adds and not session.unedited.holds(pixel):
            session.select_at(*pixel)
        parts = masks_at(seen.proposals, pixel, region)
        if not parts:
            self._say("The masks do not divide the region here: split it with a line.")
            return
        chosen = half_of(parts, region)
        if adds and session.edited:
            parts = [session.patch | part for part in parts]
        session.edit(parts, chosen)

    def _object_at(self, seen: SeenImage, place: Place) -> None:
        found = masks_at(seen.proposals, (round(place[0]), round(place[1])))
        if not found:
            self._say("There is no mask here: drag a box round it.")
            return
        height, width = self._session.frame.shape
        large = [i for i, p in enumerate(found) if p.area >= _FIRST_OF_A_CLICK * height * width]
        self._session.edit(found, large[0] if large else len(found) - 1)

    def _answer(self, seen: SeenImage) -> None:
        if self._prompt is None:
            return
        found = mask_patch(seen.masks.answer([self._prompt]), 0)
        if not found.area:
            self._say("The mask source finds nothing there.")
        elif self._session.edited and found.same(self._session.patch):
            self._say("The same again: no other mask fits better. Brush and eraser change any pixel.")
        else:
            self._session.edit([found])
        self._answered = self._session.patch

    def _with_masks(self, do: Callable[[SeenImage], None]) -> None:
        seen = self.ahead.want(self._session.image_id)
        if seen is not None:
            do(seen)
        else:
            self._wait_for(do)
            self._say("The mask source is looking at the image …")

    def _ready(self, seen: SeenImage) -> None:
        waiting = self._waiting
        self._wait_for(None)
        if waiting is None:
            return
        try:
            waiting(seen)
        except SecoError as error:
            self._say(str(error), wrong=True)

    def _failed(self, text: str) -> None:
        self._wait_for(None)
        self._say(text, wrong=True)

    def _wait_for(self, do: Callable[[SeenImage], None] | None) -> None:
        session = self._session
        self._waiting = do
        self._asked_at = None if do is None else (session.image_id, session.number, session.patch)
        session.await_pixels(do is not None)

    def _drop_outdated(self) -> None:
        """What was asked is about what was selected then: of anything else it selects nothing."""
        if self._asked_at is None:
            return
        image_id, number, patch = self._asked_at
        session = self._session
        if (session.image_id, session.number) != (image_id, number) or not session.patch.same(patch):
            self.forget()
