"""Refinement: scores and overrides joined to a curated class map (SeCo 3.3, overrides on top)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE

State = Literal["all", "clean", "reviewed"]
"""Pixels of a curated map: of all regions, of all but the dropped ones, or the overridden ones only."""

SLIVER_SHARE = 0.1
"""Most of a region that overrides may leave out if it is to count as reviewed."""
SLIVER_PIXELS = 20
"""So many pixels may be left out in any case, of a region that is at least half covered."""


class Painted(Protocol):
    """What refinement needs of an override: its class and its mask on its box."""

    @property
    def class_id(self) -> int: ...  # noqa: D102
    @property
    def box(self) -> tuple[int, int, int, int]: ...  # noqa: D102
    @property
    def mask(self) -> NDArray[np.bool_]: ...  # noqa: D102


def region_labels(
    class_id: NDArray[np.uint8],
    verdict: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    *,
    state: State = "clean",
) -> NDArray[np.uint8]:
    """Label of every region: its own class, the predicted one if relabelled, ignore if dropped.

    With `state` ``"all"`` dropped regions keep their class; with ``"reviewed"`` every region is ignore,
    since overrides are painted on top.
    """
    if state == "reviewed":
        return np.full(len(class_id), IGNORE, dtype=np.uint8)
    labels = np.where(verdict == Verdict.RELABEL, predicted, class_id).astype(np.uint8)
    if state == "clean":
        labels[verdict == Verdict.DROP] = IGNORE
    return labels


def paint_regions(region_ids: NDArray[np.uint16], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Class map of labelled regions; pixels of no region are ignore."""
    table = np.concatenate([np.array([IGNORE], dtype=np.uint8), labels])
    return table[region_ids]


def paint_overrides(class_map: NDArray[np.uint8], overrides: Sequence[Painted]) -> NDArray[np.uint8]:
    """The class map with overrides on top, a later one over an earlier one."""
    painted = class_map.copy()
    for override in overrides:
        x0, y0, x1, y1 = override.box
        view = painted[y0:y1, x0:x1]
        view[override.mask[: view.shape[0], : view.shape[1]]] = override.class_id
    return painted


def override_owner(shape: tuple[int, int], overrides: Sequence[Painted]) -> NDArray[np.int32]:
    """Which override holds at each pixel: its position in the sequence plus one, 0 for none."""
    owner = np.zeros(shape, dtype=np.int32)
    for number, override in enumerate(overrides, start=1):
        x0, y0, x1, y1 = override.box
        view = owner[y0:y1, x0:x1]
        view[override.mask[: view.shape[0], : view.shape[1]]] = number
    return owner


def conflicts(
    region_ids: NDArray[np.uint16], labels: NDArray[np.uint8], overrides: Sequence[Painted]
) -> NDArray[np.bool_]:
    """Where a person and the machine disagree within a region that overrides cut through.

    The override holds there, pixel by pixel; the rest of the region stays the machine's. A region that is
    covered whole is no conflict: there the person has simply decided otherwise.

    Parameters
    ----------
    region_ids : ndarray of uint16, (H, W)
        Region id map; 0 is no region.
    labels : ndarray of uint8, (N,)
        The machine's label of each region, as from `region_labels`.
    overrides : sequence of Override
        Those of the image that hold, oldest first.

    Returns
    -------
    ndarray of bool, (H, W)
        Overridden pixels of partly covered regions whose machine label is another one.
    """
    covered = override_owner(region_ids.shape, overrides) > 0
    area = np.bincount(region_ids.ravel(), minlength=len(labels) + 1)
    inside = np.bincount(region_ids[covered], minlength=len(labels) + 1)
    cut = (inside > 0) & (inside < area)
    cut[0] = False
    machine = paint_regions(region_ids, labels)
    return cut[region_ids] & covered & (paint_overrides(machine, overrides) != machine)


def reviewed_regions(
    region_ids: NDArray[np.uint16], n_regions: int, overrides: Sequence[Painted]
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Which regions a person has decided, and on which class.

    A region counts as reviewed when overrides cover nearly all of it: all but a tenth, or all but 20 pixels
    and at least half. So what is left of a region that was split is still open, but not the slivers along
    borders that people drew or that moved with another PSA. Its class is the one that most of its overridden
    pixels have.

    Returns
    -------
    reviewed : ndarray of bool, (N,)
    decided : ndarray of uint8, (N,)
        Ignore where not reviewed, and where that was the decision.
    """
    if not overrides or n_regions == 0:
        return np.zeros(n_regions, dtype=bool), np.full(n_regions, IGNORE, dtype=np.uint8)
    owner = override_owner(region_ids.shape, overrides)
    touched = (owner > 0) & (region_ids > 0)
    region = region_ids[touched].astype(np.int64) - 1
    # column 0 holds nothing: owner starts at 1
    classes = np.array([0] + [o.class_id for o in overrides], dtype=np.int64)[owner[touched]]
    votes = np.bincount(region * 256 + classes, minlength=n_regions * 256).reshape(n_regions, 256)
    area = np.bincount(region_ids.ravel(), minlength=n_regions + 1)[1 : n_regions + 1]
    covered = votes.sum(axis=1)
    left_out = np.maximum(SLIVER_PIXELS, SLIVER_SHARE * area)
    reviewed = (area - covered <= left_out) & (covered * 2 >= area) & (area > 0)
    return reviewed, np.where(reviewed, votes.argmax(axis=1), IGNORE).astype(np.uint8)


def confirmed_regions(
    region_ids: NDArray[np.uint16], decided: NDArray[np.uint8], overrides: Sequence[Painted]
) -> NDArray[np.bool_]:
    """Which regions were decided twice, and both times on the class that holds.

    Parameters
    ----------
    region_ids : ndarray of uint16, (H, W)
        Region id map; 0 is no region.
    decided : ndarray of uint8, (N,)
        As `reviewed_regions` gives it.
    overrides : sequence of Override
        Those that hold. One that covers half of a region or more is a decision about it.

    Returns
    -------
    ndarray of bool, (N,)
    """
    n = len(decided)
    area = np.bincount(region_ids.ravel(), minlength=n + 1)[1 : n + 1]
    times = np.zeros(n, dtype=np.int64)
    for override in overrides:
        x0, y0, x1, y1 = override.box
        view = region_ids[y0:y1, x0:x1]
        inside = np.bincount(view[override.mask[: view.shape[0], : view.shape[1]]], minlength=n + 1)[1:]
        times += (inside * 2 >= area) & (inside > 0) & (decided == override.class_id)
    return times > 1
