"""A label set from outside, or another project, becomes overrides of a project: one undoable batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seco_core.differences import differences
from seco_core.errors import OverrideError, ProjectError, SecoError
from seco_core.given_labels import GivenLabels, given_labels
from seco_core.pipeline.inputs import check_still_the_same
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.project.records import ImageRecord
from seco_core.project.store import snapshot
from seco_core.refine import override_owner, paint_overrides, paint_regions, region_labels
from seco_core.scheme import IGNORE
from seco_core.texts import counted


class _Compared(NamedTuple):
    """Decisions on an image; pixels that they change, that were decided otherwise before, of no class."""

    decisions: list[Decision]
    changed: int
    disputed: int
    foreign: int


@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Attributes
    ----------
    path : Path
        The folder.
    images, differing, absent : int
        Images of the project that were compared, those of them that differ, and those that it lacks.
    overrides : int
        Overrides that were made, all in one batch.
    pixels : int
        Pixels that they change.
    accepted : int
        Of the overrides, how many accept a region that agrees whole.
    conflicts, conflict_images : int
        Pixels that people had decided otherwise in this project before, and in how many images.
    replaced : bool
        Whether the folder's labels hold there, not the decisions made before.
    foreign, foreign_images : int
        Pixels of the folder's labels that are of no class and were read as ignore, and in how many images.
    problems : tuple of SecoError
        One for each image or file that could not be used.
    """

    path: Path
    images: int
    differing: int
    absent: int
    overrides: int
    pixels: int
    accepted: int
    conflicts: int
    conflict_images: int
    replaced: bool
    foreign: int
    foreign_images: int
    problems: tuple[SecoError, ...]

    @property
    def exit_code(self) -> int:
        """0 = all images that are there were compared, 1 = some could not be, 2 = none could."""
        if not self.problems:
            return 0
        return 1 if self.images else 2

    def __str__(self) -> str:
        differ = counted(self.differing, "differs", "differ")
        absent = f", {counted(self.absent, 'is', 'are')} not in it" if self.absent else ""
        accepted = f", {counted(self.accepted, 'accepts', 'accept')} what agrees" if self.accepted else ""
        text = (
            f"{counted(self.images, 'image')} compared with {self.path}, {differ}{absent}: "
            f"{counted(self.overrides, 'override')}{accepted}, {counted(self.pixels, 'pixel')} changed"
        )
        if self.conflicts:
            holds = "the folder holds there" if self.replaced else "decisions made here before hold there"
            pixels, images = counted(self.conflicts, "pixel"), counted(self.conflict_images, "image")
            text += f"; {pixels} of {images} in conflict, {holds}"
        if self.foreign:
            pixels, images = counted(self.foreign, "pixel"), counted(self.foreign_images, "label")
            text += f"; {pixels} of {images} of no class, read as ignore"
        return text


def import_labels(
    project: Project,
    folder: Path | str,
    *,
    by: str | None = None,
    replace: bool = False,
    accept_equal: bool = False,
    keep_unlabelled: bool = False,
    foreign_ids: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Make overrides where a label set differs from a project's curated map.

    Parameters
    ----------
    project : Project
        Open for writing; the pipeline must have run.
    folder : path-like
        An export, perhaps edited by another tool; a folder of class maps named as the project's images; or
        another project of the same images, of which what people decided is taken.
    by : str, optional
        Who is on record for the overrides; the user's name if left out.
    replace : bool
        Let the folder win where people have decided otherwise in this project. Their decisions hold else.
    accept_equal : bool
        Accept regions that nobody has decided and that agree whole.
    keep_unlabelled : bool
        Take pixels without a label for ones that nothing is said of, instead of for ignored ones. Always so
        for an export of the state ``reviewed``.
    foreign_ids : str, optional
        ``"error"`` leaves images out whose label has ids or colours that are not in the class scheme,
        ``"ignore"`` reads those pixels as ignore; as in the project's last run if left out.
    progress, cancel
        As for `run_pipeline`.

    Returns
    -------
    ImportReport
        Images that could not be used are in its ``problems``; nothing is decided on them.

    Raises
    ------
    DatasetError
        If the folder has no label for any image of the project.
    SchemeError, LabelError
        If it says that it has other classes.
    ProjectError, OverrideError
        If not all regions have a verdict, or people decided something meanwhile. Nothing was recorded.
    Cancelled
        If `cancel` was set. Nothing was recorded.
    """
    folder = Path(folder)
    unfinished = project.unfinished()
    if unfinished is not None:
        raise unfinished
    if foreign_ids is None:
        foreign_ids = project.parameters().foreign_ids
    before = project.overrides.last_seq
    compared: list[_Compared] = []
    with given_labels(
        folder, project, keep_unlabelled=keep_unlabelled, foreign_as_ignore=foreign_ids == "ignore"
    ) as given:
        problems = list(given.problems)
        for number, record in enumerate(project.images, start=1):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(ProgressEvent("import", number, len(project.images), record.name))
            if record.name in given.names:
                try:
                    compared.append(_compare(project, record, given, replace, accept_equal))
                except SecoError as error:
                    problems.append(error)
    project.overrides.refresh()
    if project.overrides.last_seq != before:
        raise OverrideError("people decided something meanwhile; nothing was imported.", remedy="Try again.")
    decisions = [decision for image in compared for decision in image.decisions]
    if decisions:
        project.overrides.record(decisions, by=by)
    return ImportReport(
        path=folder,
        images=len(compared),
        differing=sum(bool(image.changed or image.disputed) for image in compared),
        absent=len(project.images) - len(given.names),
        overrides=len(decisions),
        pixels=sum(image.changed for image in compared),
        accepted=sum(d.action is Action.ACCEPT for d in decisions),
        conflicts=sum(image.disputed for image in compared),
        conflict_images=sum(image.disputed > 0 for image in compared),
        replaced=replace,
        foreign=sum(image.foreign for image in compared),
        foreign_images=sum(image.foreign > 0 for image in compared),
        problems=tuple(problems),
    )


def _compare(
    project: Project,
    record: ImageRecord,
    given: GivenLabels,
    replace: bool,
    accept_equal: bool,
) -> _Compared:
    """What brings an image to what is said of it.

    Raises
    ------
    SecoError
        If the run has not processed the image, it is another one now, or what is said of it is bad.
    """
    if record.status == "skipped":
        raise ProjectError(
            f"the last run skipped this image: {record.problem}",
            path=record.image,
            remedy="Then run the pipeline and import again.",
        )
    # ids and what they mean must be of one run: another may just be finishing
    with snapshot(project.connection):
        region_ids, regions = project.read_region_ids(record.id), project.regions(record.id)
    if region_ids is None:
        raise ProjectError(
            "the pipeline has not processed this image.", path=record.image, remedy="Run it first."
        )
    check_still_the_same(project, record)
    said, stated, foreign = given.read(record)
    overrides = project.overrides.active(record.id)
    labels = region_labels(regions.class_id, regions.verdict, regions.predicted, state=given.state)
    current = paint_overrides(paint_regions(region_ids, labels), overrides)
    decided = override_owner(region_ids.shape, overrides) > 0
    differs = stated & (said != current)
    wanted = differs if replace else differs & ~decided
    agreed = stated & ~differs & ~decided & (said != IGNORE) & accept_equal
    found = differences(record.id, region_ids, regions, said, wanted, agreed, project.scheme.unknown)
    changed, disputed = (int(np.count_nonzero(pixels)) for pixels in (wanted, differs & decided))
    return _Compared(found, changed, disputed, foreign)
