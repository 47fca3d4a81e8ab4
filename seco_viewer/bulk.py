"""One decision on many regions at once, of any images: one batch of overrides, undone by one key.

A `Plan` says what is to be decided, `decisions` reads the masks that it takes in any thread, and `record`
puts them into the log; `carry_out` does both at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ImageFileError, OverrideError, SecoError
from seco_core.pipeline.inputs import check_still_the_same
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Action, Override, Project, RegionArrays
from seco_core.project.overrides import Decision, Origin
from seco_core.refine import override_owner
from seco_core.scheme import IGNORE
from seco_viewer.new_regions import has_other_regions
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
    action: Action
    overrides: Mapping[int, tuple[Override, ...]]
    last_seq: int
    origin: Origin = Origin.PERSON
    source_seq: int | None = None

    @property
    def images(self) -> list[int]:
        """The images of the regions, ascending."""
        return list(self.overrides)


@dataclass(frozen=True, eq=False)
class Found:
    """What a plan comes to in each image.

    Attributes
    ----------
    decisions : dict of int to list of Decision
        By images.
    left_out : dict of int to SecoError
        Images of which nothing can be judged, because they are gone, others lie in their places or a run has
        just cut them anew, and why.
    """

    decisions: dict[int, list[Decision]] = field(default_factory=dict)
    left_out: dict[int, SecoError] = field(default_factory=dict)

    def look(self, plan: Plan, project: Project, image_id: int, overrides: Sequence[Override]) -> None:
        """Work out the decisions on an image, given the overrides that hold there."""
        try:
            self.decisions[image_id] = _in_image(plan, project, image_id, overrides)
        except (ImageFileError, OverrideError) as error:
            self.left_out[image_id] = error


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
        `class_id`, or the class that is predicted for it if there is none; one that has that class already is
        accepted. ``IGNORE`` and ``UNKNOWN``: as `Session` does it for one.
    class_id : int, optional
        For ``RELABEL``.

    Raises
    ------
    OverrideError
        If there is no region or there are too many, or the scheme has no such class.
    """
    rows = _checked(rows)
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


def carry_out(session: Session, plan: Plan) -> int:
    """Decide as planned while the caller waits; how many regions were decided.

    Raises
    ------
    OverrideError, ImageFileError
        As for `decisions` and `record`. Nothing was recorded.
    """
    return record(session, plan, decisions(plan, session.project))


def decisions(
    plan: Plan,
    project: Project,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Found:
    """The decision on each region, by images; every image's map is read once.

    Parameters
    ----------
    plan : Plan
        What to decide.
    project : Project
        Opened in the thread that calls.
    progress : callable, optional
        Called after every image.
    cancel : CancelToken, optional
        Stops between images.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    OverrideError
        If the regions of an image are just being made anew.
    """
    found = Found()
    for number, (image_id, overrides) in enumerate(plan.overrides.items(), start=1):
        if cancel is not None:
            cancel.raise_if_cancelled()
        found.look(plan, project, image_id, overrides)
        progress(ProgressEvent("decide", number, len(plan.overrides)))
    return found


def read_and_decide(path: Path, plan: Plan, progress: ProgressCallback, cancel: CancelToken) -> Found:
    """`decisions` with a store of its own, for another thread."""
    with Project.open(path, readonly=True) as project:
        return decisions(plan, project, progress=progress, cancel=cancel)


def record(session: Session, plan: Plan, found: Found) -> int:
    """Put decisions into the log as one batch, and go on if the current region is among them.

    Parameters
    ----------
    session : Session
        Whose project.
    plan : Plan
        What they come from.
    found : Found
        From `decisions`. Where something else was decided in an image since, it is looked at once more: what
        a person did meanwhile stays.

    Returns
    -------
    int
        How many regions were decided.

    Raises
    ------
    OverrideError
        If the project has other regions by now, or nothing is left to decide.
    ImageFileError, OverrideError
        If none of the images can be judged.
    """
    if session.regions is not plan.regions:
        raise OverrideError("the regions were made anew meanwhile.", remedy="Select again and decide again.")
    batch: list[Decision] = []
    for image_id, planned in plan.overrides.items():
        now = session.project.overrides.active(image_id)
        if now != planned and image_id not in found.left_out:
            found.look(plan, session.project, image_id, now)
        if image_id not in found.left_out:
            batch += found.decisions[image_id]
    if not batch and found.left_out:
        raise next(iter(found.left_out.values()))
    if not batch:
        raise OverrideError("all of them were decided meanwhile.")
    session.take(session.project.overrides.record(batch), go_on=session.row in plan.rows)
    return len(batch)


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
    return Plan(
        regions, rows, targets, session.reviewed[rows], action, overrides, log.last_seq, origin, source_seq
    )


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
        class_id = IGNORE if session.scheme.unknown is None else session.scheme.unknown
    return np.full(len(rows), class_id, dtype=np.uint8)


def _in_image(plan: Plan, project: Project, image_id: int, overrides: Sequence[Override]) -> list[Decision]:
    """The decisions on the planned regions of one image, given the overrides that hold there."""
    r, of_image = plan.regions, plan.regions.rows_of(image_id)
    check_still_the_same(project, project.images[image_id])
    region_ids, areas = project.read_region_ids(image_id), r.area[of_image]
    # a run stores the map and the table at once, but they are read one after the other
    fits = region_ids is not None and np.array_equal(np.bincount(region_ids.ravel(), minlength=1)[1:], areas)
    if region_ids is None or not fits or has_other_regions(project, r, image_id):
        raise OverrideError(
            f"the regions of image {project.images[image_id].name} were just made anew.",
            remedy="Decide them when the run has scored them.",
        )
    owner = override_owner(region_ids.shape, overrides)
    # what was decided since the plan was made is never decided over
    settled = np.array([False, *(o.seq > plan.last_seq for o in overrides)])[owner]
    found = []
    for i in np.flatnonzero(r.image_id[plan.rows] == image_id).tolist():
        row, target = int(plan.rows[i]), int(plan.targets[i])
        x0, y0, x1, y1 = r.box[row].tolist()
        mask = region_ids[y0:y1, x0:x1] == row - of_image.start + 1
        mask &= ~settled[y0:y1, x0:x1] if plan.whole[i] else owner[y0:y1, x0:x1] == 0
        if not mask.any():
            continue
        action = plan.action
        if action in (Action.ACCEPT, Action.RELABEL):
            action = Action.ACCEPT if target == r.class_id[row] else Action.RELABEL
        found.append(
            Decision(
                action=action,
                image_id=image_id,
                class_id=target,
                box=(x0, y0, x1, y1),
                mask=mask,
                region_id=int(r.id[row]),
                origin=plan.origin,
                source_seq=plan.source_seq,
            )
        )
    return found
