"""One decision on many regions at once, of any images: one batch of overrides, undone by one key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import OverrideError
from seco_core.project import Action
from seco_core.project.overrides import Decision, Origin
from seco_core.refine import override_owner
from seco_core.scheme import IGNORE
from seco_viewer.session import Session

MOST_AT_ONCE = 20_000
"""Regions that one batch may decide: more would keep the window waiting for minutes."""


def decide_many(
    session: Session, rows: NDArray[np.int64], action: Action, class_id: int | None = None
) -> int:
    """Decide the same about many regions, as one undoable batch, and go on.

    Of a region that was partly decided before only the rest is; one that was decided in full is decided anew.

    Parameters
    ----------
    session : Session
        Whose project.
    rows : ndarray of int64, (N,)
        The regions, of any images.
    action : Action
        ``ACCEPT``: each region's class is right. ``RELABEL``: each gets `class_id`, or the class that is
        predicted for it if there is none; one that has that class already is accepted. ``IGNORE`` and
        ``UNKNOWN``: as `Session` does it for one.
    class_id : int, optional
        For ``RELABEL``.

    Returns
    -------
    int
        How many regions were decided.

    Raises
    ------
    OverrideError
        If there is no region or there are too many, the scheme has no such class, or the regions of an image
        are just being made anew. Nothing was recorded.
    """
    rows = np.unique(rows)
    _check(rows)
    if class_id is not None and class_id not in session.scheme:
        raise OverrideError(f"the scheme {session.scheme.name} has no class {class_id}.")
    decisions = list(_decisions(session, rows, action, _targets(session, rows, action, class_id)))
    session.take(session.project.overrides.record(decisions))
    return len(decisions)


def accept_proposals(session: Session, rows: NDArray[np.int64], seq: int) -> int:
    """Decide about regions what follows from a decision (`ReviewState.proposals`), as one undoable batch.

    Each of them gets the class of that decision, and the log says what it follows from.

    Parameters
    ----------
    session : Session
        Whose project.
    rows : ndarray of int64, (N,)
        Those proposed regions that a person agreed to.
    seq : int
        `Override.seq` of the decision.

    Returns
    -------
    int
        How many regions were decided.

    Raises
    ------
    OverrideError
        If the decision does not hold any more, or as for `decide_many`.
    """
    source = session.override(seq)
    if source is None:
        raise OverrideError("the decision that these follow from was undone.", remedy="Decide again.")
    meant = source.action in (Action.IGNORE, Action.UNKNOWN)
    action = source.action if meant else Action.IGNORE if source.class_id == IGNORE else Action.RELABEL
    rows = np.unique(rows)
    targets = np.full(len(rows), source.class_id, dtype=np.uint8)
    _check(rows)
    decisions = [
        replace(decision, origin=Origin.PROPOSAL, source_seq=seq)
        for decision in _decisions(session, rows, action, targets)
    ]
    session.take(session.project.overrides.record(decisions))
    return len(decisions)


def _check(rows: NDArray[np.int64]) -> None:
    if not len(rows):
        raise OverrideError("no regions are selected.", remedy="Select rows of the table.")
    if len(rows) > MOST_AT_ONCE:
        raise OverrideError(
            f"{len(rows):,} regions are too many for one decision.",
            remedy=f"Select {MOST_AT_ONCE:,} at most.",
        )


def _targets(
    session: Session, rows: NDArray[np.int64], action: Action, class_id: int | None
) -> NDArray[np.uint8]:
    """The class that each region gets."""
    r = session.regions
    if action is Action.ACCEPT:
        return r.class_id[rows]
    if action is Action.RELABEL and class_id is None:
        return r.predicted[rows]
    if action is Action.IGNORE:
        class_id = IGNORE
    elif action is Action.UNKNOWN:
        class_id = IGNORE if session.scheme.unknown is None else session.scheme.unknown
    return np.full(len(rows), class_id, dtype=np.uint8)


def _decisions(
    session: Session, rows: NDArray[np.int64], action: Action, targets: NDArray[np.uint8]
) -> Iterator[Decision]:
    """The decision on each region; rows ascend, so every image's map is read once."""
    r = session.regions
    for image_id in np.unique(r.image_id[rows]).tolist():
        of_image = r.rows_of(image_id)
        region_ids = _region_ids(session, image_id)
        owner = override_owner(region_ids.shape, session.project.overrides.active(image_id))
        here = r.image_id[rows] == image_id
        for row, target in zip(rows[here].tolist(), targets[here].tolist(), strict=True):
            x0, y0, x1, y1 = r.box[row].tolist()
            mask = region_ids[y0:y1, x0:x1] == row - of_image.start + 1
            rest = mask & (owner[y0:y1, x0:x1] == 0)
            same = action is Action.RELABEL and target == r.class_id[row]
            yield Decision(
                action=Action.ACCEPT if same else action,
                image_id=image_id,
                class_id=target,
                box=(x0, y0, x1, y1),
                mask=rest if not session.reviewed[row] and rest.any() else mask,
                region_id=int(r.id[row]),
            )


def _region_ids(session: Session, image_id: int) -> NDArray[np.uint16]:
    """An image's region id map, which the session's tables belong to."""
    if image_id == session.image_id:
        found = session.frame.region_ids if len(session.frame.areas) else None
    else:
        found = session.project.read_region_ids(image_id)
    areas = session.regions.area[session.regions.rows_of(image_id)]
    if found is None or not np.array_equal(np.bincount(found.ravel(), minlength=1)[1:], areas):
        name = session.project.images[image_id].name
        raise OverrideError(
            f"the regions of image {name} are being made anew.", remedy="Wait for the run to end."
        )
    return found
