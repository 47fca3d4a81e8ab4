"""Plans to decide the same about many regions at once, of any images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import OverrideError
from seco_core.project import Action, Override, RegionArrays
from seco_core.project.overrides import Origin
from seco_core.scheme import IGNORE
from seco_viewer.session import Session

MOST_AT_ONCE = 20_000
"""Regions that one batch may decide: more would keep the window waiting for minutes."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be decided about many regions, as things stood when it was asked for.

    Attributes
    ----------
    regions : RegionArrays
        All regions of the project.
    rows : ndarray of int64, (N,)
        Those to decide, ascending.
    targets : ndarray of uint8, (N,)
        The class that each of them gets.
    whole : ndarray of bool, (N,)
        Which are decided anew, with all of their pixels; of the others what is open.
    again : ndarray of bool, (N,)
        Which are looked at a second time: deciding the same again settles them, others it need not be.
    action : Action
        What is recorded; accepting and relabelling as it comes.
    overrides : dict of int to tuple of Override
        Those that held in each image.
    last_seq : int
        Number of the newest event of the log.
    origin, source_seq
        As for `Decision`.
    """

    regions: RegionArrays
    rows: NDArray[np.int64]
    targets: NDArray[np.uint8]
    whole: NDArray[np.bool_]
    again: NDArray[np.bool_]
    action: Action
    overrides: Mapping[int, tuple[Override, ...]]
    last_seq: int
    origin: Origin = Origin.PERSON
    source_seq: int | None = None

    @property
    def images(self) -> list[int]:
        """The images of the regions, ascending."""
        return list(self.overrides)


def plan_many(session: Session, rows: NDArray[np.int64], action: Action, class_id: int | None = None) -> Plan:
    """Plan to decide the same about many regions.

    Of a region that was partly decided before only the rest is; one that was decided in full is decided anew.

    Parameters
    ----------
    session : Session
        Whose project.
    rows : ndarray of int64, (N,)
        The regions, of any images.
    action : Action
        ``ACCEPT``: each region's class is right, as `Session.accept` takes it. ``RELABEL``: each gets
        `class_id`, or the class that is predicted for it if there is none, and those that are not scored are
        left as they are; one that has that class already is accepted. ``IGNORE`` and ``UNKNOWN``: as
        `Session` does it for one.
    class_id : int, optional
        For ``RELABEL``.

    Raises
    ------
    OverrideError
        If there is no region or there are too many, nothing is predicted for any of them, or the scheme has
        no such class.
    """
    rows = _checked(rows)
    if action is Action.RELABEL and class_id is None:
        rows = rows[session.has_prediction(rows)]
        if not len(rows):
            raise OverrideError(
                "nothing is predicted for regions that are not scored yet.",
                remedy="Accept their classes, or choose one.",
            )
    if class_id is not None and class_id not in session.scheme:
        raise OverrideError(f"the scheme {session.scheme.name} has no class {class_id}.")
    return _plan(session, rows, action, _targets(session, rows, action, class_id))


def plan_proposals(session: Session, rows: NDArray[np.int64], seq: int) -> Plan:
    """Plan to decide about regions what follows from a decision (`ReviewState.proposals`).

    Each of them gets the class of that decision, and the log says what it follows from.

    Parameters
    ----------
    session : Session
        Whose project.
    rows : ndarray of int64, (N,)
        Those proposed regions that a person agreed to.
    seq : int
        `Override.seq` of the decision.

    Raises
    ------
    OverrideError
        If the decision does not hold any more, or as for `plan_many`.
    """
    source = session.override(seq)
    if source is None:
        raise OverrideError("the decision that these follow from was undone.", remedy="Decide again.")
    meant = source.action in (Action.IGNORE, Action.UNKNOWN)
    action = source.action if meant else Action.IGNORE if source.class_id == IGNORE else Action.RELABEL
    rows = _checked(rows)
    targets = np.full(len(rows), source.class_id, dtype=np.uint8)
    return _plan(session, rows, action, targets, Origin.PROPOSAL, seq)


def _plan(
    session: Session,
    rows: NDArray[np.int64],
    action: Action,
    targets: NDArray[np.uint8],
    origin: Origin = Origin.PERSON,
    source_seq: int | None = None,
) -> Plan:
    log, regions = session.project.overrides, session.regions
    overrides = {i: log.active(i) for i in np.unique(regions.image_id[rows]).tolist()}
    whole, again = session.reviewed[rows], session.feedback.again(rows)
    return Plan(regions, rows, targets, whole, again, action, overrides, log.last_seq, origin, source_seq)


def _checked(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, ascending, each once."""
    rows = np.unique(rows)
    if not len(rows):
        raise OverrideError("no regions are selected.", remedy="Select rows of the table.")
    if len(rows) > MOST_AT_ONCE:
        raise OverrideError(
            f"{len(rows):,} regions are too many for one decision.",
            remedy=f"Select {MOST_AT_ONCE:,} at most.",
        )
    return rows


def _targets(
    session: Session, rows: NDArray[np.int64], action: Action, class_id: int | None
) -> NDArray[np.uint8]:
    """The class that each region gets."""
    r = session.regions
    if action is Action.ACCEPT:
        return np.where(session.feedback.again(rows), session.decided[rows], r.class_id[rows])
    if action is Action.RELABEL and class_id is None:
        return r.predicted[rows]
    if action is Action.IGNORE:
        class_id = IGNORE
    elif action is Action.UNKNOWN:
        class_id = session.unknown_class
    return np.full(len(rows), class_id, dtype=np.uint8)
