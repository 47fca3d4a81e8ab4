"""Decisions that bring one class map of an image to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.project import Action, RegionArrays
from seco_core.project.overrides import Box, Decision, Origin
from seco_core.scheme import IGNORE


def differences(
    image_id: int,
    region_ids: NDArray[np.uint16],
    regions: RegionArrays,
    given: NDArray[np.uint8],
    wanted: NDArray[np.bool_],
    agreed: NDArray[np.bool_],
    unknown: int | None = None,
) -> list[Decision]:
    """Decisions that bring the class map of an image to what was given.

    A region that changes whole, to one class, is decided as such. What is left is one drawing for each class:
    label sets that differ along every border would otherwise become thousands of specks.

    Parameters
    ----------
    image_id : int
        The image.
    region_ids : ndarray of uint16, (H, W)
        Its region id map.
    regions : RegionArrays
        Its regions.
    given : ndarray of uint8, (H, W)
        Class ids and ignore.
    wanted : ndarray of bool, (H, W)
        Pixels that are to become what was given.
    agreed : ndarray of bool, (H, W)
        Pixels that are right already; regions in which all are, in one class, are accepted.
    unknown : int, optional
        The class that means none of the others.

    Returns
    -------
    list of Decision
        Their masks do not overlap, and together cover `wanted` and what is accepted.
    """

    def act(otherwise: Action, class_id: int) -> Action:
        return {IGNORE: Action.IGNORE, unknown: Action.UNKNOWN}.get(class_id, otherwise)

    label = np.zeros(len(regions) + 1, dtype=np.uint8)
    label[region_ids] = given  # of each region one pixel's
    uniform = given == label[region_ids]
    decisions = []
    whole = np.zeros(len(regions) + 1, dtype=bool)
    for pixels, confirms in ((wanted, False), (agreed, True)):
        count = np.bincount(region_ids[pixels & uniform], minlength=len(regions) + 1)
        found = np.concatenate([[False], count[1:] == regions.area])
        whole |= found
        for row in (np.flatnonzero(found) - 1).tolist():
            x0, y0, x1, y1 = box = _box(regions.box[row])
            class_id = int(label[row + 1])
            action = Action.ACCEPT if confirms else act(Action.RELABEL, class_id)
            mask = region_ids[y0:y1, x0:x1] == row + 1
            decisions.append(
                Decision(action, image_id, class_id, box, mask, int(regions.id[row]), Origin.IMPORT)
            )
    rest = wanted & ~whole[region_ids]
    for class_id in np.unique(given[rest]).tolist():
        mask = rest & (given == class_id)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        x0, y0, x1, y1 = box = _box(np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]))
        action = act(Action.DRAW, class_id)
        decisions.append(Decision(action, image_id, class_id, box, mask[y0:y1, x0:x1], origin=Origin.IMPORT))
    return decisions


def _box(values: NDArray[np.integer]) -> Box:
    x0, y0, x1, y1 = values.tolist()
    return x0, y0, x1, y1
