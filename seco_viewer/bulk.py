"""Plans for many regions carried out: one batch of overrides, undone by one key.

`decisions` reads the masks that a plan takes, in any thread, and `record` puts them into the log; `carry_out`
does both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seco_core.errors import ImageFileError, OverrideError, SecoError
from seco_core.pipeline.inputs import check_still_the_same
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Action, Override, Project
from seco_core.project.overrides import Decision
from seco_core.refine import override_owner
from seco_viewer.bulk_plans import Plan
from seco_viewer.new_regions import has_other_regions
from seco_viewer.session import Session


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

    All regions may have been read anew since the plan was made. Decisions are about pixels: they stay what
    they are, also in an image that was cut anew after its map was read for them.

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
        If nothing is left to decide.
    ImageFileError, OverrideError
        If none of the images can be judged.
    """
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
        raise OverrideError("all of them are already decided so.")
    session.take(session.project.overrides.record(batch), go_on=_current_is_planned(session, plan))
    return len(batch)


def _current_is_planned(session: Session, plan: Plan) -> bool:
    """Whether the current region is one of those to decide, be its row still the same or not."""
    if session.row is None:
        return False
    before, now = plan.regions, session.regions
    rows = plan.rows[before.id[plan.rows] == now.id[session.row]]
    same = before.area[rows] == now.area[session.row]
    return bool((same & (before.box[rows] == now.box[session.row]).all(axis=1)).any())


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
    classes = np.array([-1, *(o.class_id for o in overrides)])
    found = []
    for i in np.flatnonzero(r.image_id[plan.rows] == image_id).tolist():
        row, target = int(plan.rows[i]), int(plan.targets[i])
        x0, y0, x1, y1 = r.box[row].tolist()
        mask = region_ids[y0:y1, x0:x1] == row - of_image.start + 1
        mask &= ~settled[y0:y1, x0:x1] if plan.whole[i] else owner[y0:y1, x0:x1] == 0
        same = (classes[owner[y0:y1, x0:x1][mask]] == target).all()  # also where nothing is left
        if same and (not plan.again[i] or not mask.any()):
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
