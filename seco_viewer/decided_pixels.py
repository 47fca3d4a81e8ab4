"""Decisions pixel by pixel: what of them lies in a box, and which of them holds where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seco_core.project import Override
from seco_core.project.overrides import Box
from seco_core.refine import override_owner
from seco_viewer.selection import Patch


@dataclass(frozen=True, eq=False)
class DecidedPart:
    """What was decided at once, as far as it still holds.

    Attributes
    ----------
    override : Override
        The decision.
    patch : Patch
        The pixels that no later one has taken from it; never empty.
    """

    override: Override
    patch: Patch


def in_box(overrides: Sequence[Override], box: Box) -> list[Override]:
    """What of some overrides lies in a box, in the box's own pixels; without those that do not meet it."""
    return [_cropped(o, box) for o in overrides if _meet(o.box, box)]


def still_held(overrides: Sequence[Override], seq: int) -> DecidedPart | None:
    """What a decision still holds, by its number in the log; None if it is undone or all is decided anew.

    Parameters
    ----------
    overrides : sequence of Override
        Those of the image that hold, oldest first.
    seq : int
        `Override.seq` of the decision.
    """
    found = next((o for o in overrides if o.seq == seq), None)
    if found is None:
        return None
    x0, y0, _, _ = found.box
    later = in_box([o for o in overrides if o.seq > seq], found.box)
    patch = Patch.of(found.mask & (override_owner(found.mask.shape, later) == 0), (y0, x0))
    return DecidedPart(found, patch) if patch.area else None


def decided_part(
    overrides: Sequence[Override], region: Patch, place: tuple[int, int], *, reviewed: bool
) -> DecidedPart | None:
    """The decision that holds at a pixel, unless nothing else was decided of the whole region there.

    Parameters
    ----------
    overrides : sequence of Override
        Those of the image that hold, oldest first.
    region : Patch
        The region at the pixel; empty where there is none.
    place : (int, int)
        Row and column.
    reviewed : bool
        Whether decisions cover the region but for slivers.

    Returns
    -------
    DecidedPart or None
        None where nobody has decided, and of a reviewed region that one decision covers: it is meant itself.
    """
    holder = next((o for o in reversed(overrides) if Patch(o.box, o.mask).holds(place)), None)
    if holder is None:
        return None
    of_region = override_owner(region.mask.shape, in_box(overrides, region.box))[region.mask]
    if reviewed and len(np.unique(of_region[of_region > 0])) == 1:
        return None
    return still_held(overrides, holder.seq)


def class_of_all(overrides: Sequence[Override], patch: Patch) -> int | None:
    """The class that decisions gave to all of some pixels; None if some are open or there are several.

    Parameters
    ----------
    overrides : sequence of Override
        Those that meet the patch's box, in the box's own pixels, oldest first.
    patch : Patch
        The pixels.
    """
    if not overrides or not patch.area:
        return None
    owners = np.unique(override_owner(patch.mask.shape, overrides)[patch.mask])
    classes = {overrides[owner - 1].class_id if owner else None for owner in owners.tolist()}
    return classes.pop() if len(classes) == 1 else None


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _cropped(override: Override, box: Box) -> Override:
    """The part of an override inside a box that it meets, in the box's own pixels."""
    x0, y0, x1, y1 = override.box
    left, top, right, bottom = max(x0, box[0]), max(y0, box[1]), min(x1, box[2]), min(y1, box[3])
    return Override(
        action=override.action,
        image_id=override.image_id,
        class_id=override.class_id,
        box=(left - box[0], top - box[1], right - box[0], bottom - box[1]),
        mask=override.mask[top - y0 : bottom - y0, left - x0 : right - x0],
    )
