"""What people decide.

An override has its own mask, because region ids change when PSA runs again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


class Action(StrEnum):
    """What a person can decide."""

    ACCEPT = "accept"
    RELABEL = "relabel"
    IGNORE = "ignore"
    UNKNOWN = "unknown"
    SPLIT = "split"
    """A part of a region has a class of its own; the rest of it stays undecided."""
    MERGE = "merge"
    """Several regions are one, of one class."""
    DRAW = "draw"
    """Pixels drawn freely have a class."""


class Origin(StrEnum):
    """How a decision came about."""

    PERSON = "person"
    """By hand, one at a time."""
    PROPOSAL = "proposal"
    """It follows from another decision; a person saw the proposal and agreed."""
    IMPORT = "import"
    """A label set that was imported says so."""


# compared by identity: masks are arrays
@dataclass(frozen=True, eq=False)
class Decision:
    """What a person decided, before it is in the log.

    Attributes
    ----------
    action : Action
        What was decided.
    image_id : int
        The image.
    class_id : int
        The class that the pixels of the mask have from now on; 255 for ignore.
    box : (int, int, int, int)
        x0, y0, x1, y1, maximum exclusive.
    mask : ndarray of bool, (y1 - y0, x1 - x0)
        Which pixels of the box.
    region_id : int or None
        The region that was looked at, for the record.
    origin : Origin
        How it came about.
    source_seq : int or None
        Of a proposal: `Override.seq` of the decision it follows from.
    """

    action: Action
    image_id: int
    class_id: int
    box: Box
    mask: NDArray[np.bool_]
    region_id: int | None = None
    origin: Origin = Origin.PERSON
    source_seq: int | None = None


@dataclass(frozen=True, eq=False)
class Override(Decision):
    """A decision in the log. Of two that cover a pixel the one with the higher `seq` holds."""

    seq: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Event:
    """One line of the log, for people: an override, or the undoing or redoing of a batch of them.

    Of an override `origin` is one of `Origin`, `source_seq` the line that a proposal follows from, `holds`
    whether it is not undone; of the other kinds they are None.
    """

    seq: int
    batch: int
    time: str
    by: str
    kind: str
    target_batch: int | None
    action: str | None
    image_id: int | None
    region_id: int | None
    class_id: int | None
    box: Box | None
    origin: str | None = None
    source_seq: int | None = None
    holds: bool | None = None
