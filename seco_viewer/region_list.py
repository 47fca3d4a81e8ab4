"""All regions as a list to be narrowed and sorted: which rows, in which order. No window is needed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_viewer.review_state import ReviewState


class Column(IntEnum):
    """What is listed of a region."""

    IMAGE = 0
    CLASS = 1
    PREDICTED = 2
    NOISE = 3
    AREA = 4
    STATE = 5


class RegionState(IntEnum):
    """Where a region stands."""

    FLAGGED = 0
    """The machine or decisions on regions like it doubt its class, or what a person decided on it."""
    NOT_SCORED = 1
    """A run was stopped, or goes on, before it had a verdict, and nobody has looked."""
    KEPT = 2
    """The machine keeps it, and nobody has looked."""
    REVIEWED = 3
    """A person decided, and nothing calls for a second look."""
    LEFT_OUT = 4
    """It cannot be judged: its image is gone, or a run has just cut it anew."""


@dataclass(frozen=True)
class RowFilter:
    """Which regions are listed.

    Attributes
    ----------
    image_name : str
        Part of the image's name, in capitals or not; empty for all.
    class_id, predicted : int or None
        Class after PSA, and the classifier's; nothing is predicted for regions that are not scored.
    state : RegionState or None
        Where they stand; None for all.
    noise : (float, float)
        Least and highest noise score. One without a score is listed only if the range is whole.
    area : (int, int or None)
        Least and largest number of pixels; None for any.
    rows : ndarray of bool, (R,), or None
        Only these.
    """

    image_name: str = ""
    class_id: int | None = None
    predicted: int | None = None
    state: RegionState | None = None
    noise: tuple[float, float] = (0.0, 1.0)
    area: tuple[int, int | None] = (0, None)
    rows: NDArray[np.bool_] | None = None


def region_states(session: ReviewState, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.uint8]:
    """`RegionState` of some regions."""
    states = _lasting_states(session, rows)
    left_out = session.gone[rows] & (states != RegionState.REVIEWED)
    return np.where(left_out, np.uint8(RegionState.LEFT_OUT), states)


def listed_rows(session: ReviewState, wanted: RowFilter) -> NDArray[np.int64]:
    """Rows of the regions that a filter lets through, ascending."""
    return np.flatnonzero(_fitting(session, wanted) & _standing(session, wanted, region_states(session)))


def limited_to(session: ReviewState, wanted: RowFilter) -> NDArray[np.bool_]:
    """Which regions a queue holds that is limited to the listed ones, (R,).

    Decided ones are among them whatever their state and score are now: when undone they are to come again.
    So are those that are left out for now, as if they were not.
    """
    states = _lasting_states(session)
    return _fitting(session, wanted) & (_standing(session, wanted, states) | (states == RegionState.REVIEWED))


def sorted_rows(
    session: ReviewState, rows: NDArray[np.int64], column: Column, *, descending: bool
) -> NDArray[np.int64]:
    """Rows by what one column shows; of equals the worse ones first.

    Parameters
    ----------
    session : ReviewState
        Whose regions.
    rows : ndarray of int64, (N,)
        The rows.
    column : Column
        Names and classes are ordered as text, missing scores and predictions come last either way.
    descending : bool
        Largest first.
    """
    r = session.regions
    key: NDArray[Any]
    if column is Column.IMAGE:
        key = _alphabetical([record.name for record in session.project.images])[r.image_id[rows]]
    elif column in (Column.CLASS, Column.PREDICTED):
        names = [session.scheme.label(c) for c in range(256)]
        key = _alphabetical(names)[(r.class_id if column is Column.CLASS else r.predicted)[rows]]
        if column is Column.PREDICTED:
            key = np.where(session.has_prediction(rows), key, np.nan)
    elif column is Column.NOISE:
        key = session.noise(slice(None))[rows].astype(np.float64)
    elif column is Column.AREA:
        key = r.area[rows]
    else:
        key = region_states(session, rows)
    key = key.astype(np.float64)
    key = np.nan_to_num(-key if descending else key, nan=np.inf)
    worst = -np.nan_to_num(r.noise_score[rows].astype(np.float64), nan=-1.0)
    return rows[np.lexsort((rows, -r.area[rows], worst, key))]


def _fitting(session: ReviewState, wanted: RowFilter) -> NDArray[np.bool_]:
    """Which regions a filter lets through by what no decision changes."""
    r = session.regions
    fitting = np.ones(len(r), dtype=bool) if wanted.rows is None else wanted.rows.copy()
    if wanted.image_name:
        part = wanted.image_name.casefold()
        named = np.array([part in record.name.casefold() for record in session.project.images], dtype=bool)
        fitting &= named[r.image_id]
    if wanted.class_id is not None:
        fitting &= r.class_id == wanted.class_id
    if wanted.predicted is not None:
        fitting &= (r.predicted == wanted.predicted) & session.has_prediction()
    least, largest = wanted.area
    fitting &= r.area >= least
    if largest is not None:
        fitting &= r.area <= largest
    return fitting


def _lasting_states(session: ReviewState, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.uint8]:
    """Where regions stand, whether they can be judged just now or not."""
    flagged = session.flags(rows)
    unscored = session.tables.unscored[rows]
    states = np.where(unscored, np.uint8(RegionState.NOT_SCORED), np.uint8(RegionState.KEPT))
    states[session.reviewed[rows]] = RegionState.REVIEWED
    states[flagged] = RegionState.FLAGGED
    return states


def _standing(session: ReviewState, wanted: RowFilter, states: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which regions a filter lets through by their state and noise score."""
    standing = np.ones(len(session.regions), dtype=bool)
    if wanted.state is not None:
        standing &= states == wanted.state
    low, high = wanted.noise
    if (low, high) != (0.0, 1.0):
        noise = session.noise(slice(None))
        standing &= (noise >= low) & (noise <= high)  # never so for NaN
    return standing


def _alphabetical(names: list[str]) -> NDArray[np.int64]:
    """Place of each name in the alphabet."""
    place = np.empty(len(names), dtype=np.int64)
    place[sorted(range(len(names)), key=lambda i: names[i].casefold())] = np.arange(len(names))
    return place
