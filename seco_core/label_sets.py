"""A label set from outside, or another project, becomes overrides of a project: one undoable batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import DatasetError, ImageFileError, LabelError, OverrideError, ProjectError, SecoError
from seco_core.formats import class_png, color_png, manifest
from seco_core.images import read_label, read_label_leniently
from seco_core.layouts import RASTER_SUFFIXES
from seco_core.pipeline.inputs import check_still_the_same, stored_inputs
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Action, Project, RegionArrays
from seco_core.project.overrides import Box, Decision, Origin
from seco_core.project.records import ImageRecord
from seco_core.project.store import STORE_NAME, snapshot
from seco_core.refine import State, override_owner, paint_overrides, paint_regions, region_labels
from seco_core.scheme import IGNORE, ClassScheme
from seco_core.texts import counted

_REMEDY = (
    "Name the folder of an export, a folder of class PNGs named as the project's images, or a project folder."
)


class _Given(NamedTuple):
    """What is said of an image: class map, (H, W), where it says anything, and pixels of no class in it."""

    labels: NDArray[np.uint8]
    stated: NDArray[np.bool_]
    foreign: int = 0


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
    is_project = (folder / STORE_NAME).is_file()
    state: State = "clean"
    problems: list[SecoError] = []
    if is_project:
        other = Project.open(folder, readonly=True)
        _check_scheme(other.scheme, project.scheme, folder)
        records = {r.name: r for r in other.images}
        names = {r.name for r in project.images} & records.keys()
        read = _from_project(other, records, project)
    else:
        content = manifest.read(folder) or {}
        provenance = content.get("provenance")
        if isinstance(provenance, dict) and (stated := provenance.get("scheme")) is not None:
            path = folder / manifest.NAME
            _check_scheme(ClassScheme.from_dict(stated, path), project.scheme, path)
        state = "all" if content.get("state") == "all" else "clean"
        keep_unlabelled |= content.get("state") == "reviewed"
        files = _label_files(folder)
        names = {r.name for r in project.images} & files.keys()
        problems = [
            DatasetError("belongs to no image of the project.", path=files[name], remedy="Rename it.")
            for name in sorted(files.keys() - names)
        ]
        if foreign_ids is None:
            foreign_ids = project.parameters().foreign_ids
        read = _from_files(files, project.scheme, keep_unlabelled, foreign_ids == "ignore")
    if not names:
        raise DatasetError("has no label for any image of the project.", path=folder, remedy=_REMEDY)
    before = project.overrides.last_seq
    compared: list[_Compared] = []
    try:
        for number, record in enumerate(project.images, start=1):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(ProgressEvent("import", number, len(project.images), record.name))
            if record.name not in names:
                continue
            try:
                compared.append(_compare(project, record, read, state, replace, accept_equal))
            except SecoError as error:
                problems.append(error)
    finally:
        if is_project:
            other.close()
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
        absent=len(project.images) - len(names),
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


def _compare(
    project: Project,
    record: ImageRecord,
    read: Callable[[ImageRecord], _Given],
    state: State,
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
    given, stated, foreign = read(record)
    overrides = project.overrides.active(record.id)
    labels = region_labels(regions.class_id, regions.verdict, regions.predicted, state=state)
    current = paint_overrides(paint_regions(region_ids, labels), overrides)
    decided = override_owner(region_ids.shape, overrides) > 0
    differs = stated & (given != current)
    wanted = differs if replace else differs & ~decided
    agreed = stated & ~differs & ~decided & (given != IGNORE) & accept_equal
    found = differences(record.id, region_ids, regions, given, wanted, agreed, project.scheme.unknown)
    changed, disputed = (int(np.count_nonzero(pixels)) for pixels in (wanted, differs & decided))
    return _Compared(found, changed, disputed, foreign)


def _from_files(
    files: dict[str, Path], scheme: ClassScheme, keep_unlabelled: bool, lenient: bool
) -> Callable[[ImageRecord], _Given]:
    def read(record: ImageRecord) -> _Given:
        path = files[record.name]
        if lenient:
            given, foreign = read_label_leniently(path, scheme, may_be_empty=True)
        else:
            given, foreign = read_label(path, scheme, may_be_empty=True), 0
        if given.shape != record.shape:
            (h, w), (height, width) = given.shape, record.shape or (0, 0)
            raise LabelError(
                f"has {w} x {h} pixels, the project's image {width} x {height}.",
                path=path,
                remedy="Export it at the image's size.",
            )
        stated = given != IGNORE if keep_unlabelled else np.ones(given.shape, dtype=bool)
        return _Given(given, stated, foreign)

    return read


def _from_project(
    other: Project, records: dict[str, ImageRecord], project: Project
) -> Callable[[ImageRecord], _Given]:
    def read(record: ImageRecord) -> _Given:
        theirs = records[record.name]
        overrides = other.overrides.active(theirs.id)
        if theirs.shape != record.shape and overrides:
            raise ImageFileError(
                f"has another size in {other.path}.", path=record.image, remedy="Use the same images."
            )
        known = [
            p.get(i) for p, i in ((stored_inputs(other), theirs.id), (stored_inputs(project), record.id))
        ]
        if overrides and all(known) and len({k.sha256[0] for k in known if k}) > 1:
            raise ImageFileError(
                f"is another image in {other.path}.", path=record.image, remedy="Use the same images."
            )
        shape = record.shape or (0, 0)
        given = paint_overrides(np.full(shape, IGNORE, dtype=np.uint8), overrides)
        return _Given(given, override_owner(shape, overrides) > 0)

    return read


def _label_files(folder: Path) -> dict[str, Path]:
    """Class maps in a folder by the name of their image."""
    if not folder.is_dir():
        raise DatasetError("is no folder.", path=folder, remedy=_REMEDY)
    for inner in (class_png.FOLDER, color_png.FOLDER):
        if (folder / inner).is_dir():
            folder = folder / inner
            break
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in RASTER_SUFFIXES and p.is_file())
    files: dict[str, Path] = {}
    for path in paths:
        if files.setdefault(path.stem, path) != path:
            raise DatasetError(
                f"has the same name as {files[path.stem].name}.", path=path, remedy="Keep one of them."
            )
    return files


def _check_scheme(theirs: ClassScheme, ours: ClassScheme, path: Path) -> None:
    names = [{c.id: c.name for c in scheme.classes} for scheme in (theirs, ours)]
    if names[0] != names[1] or theirs.ignore != ours.ignore:
        raise LabelError(
            f"has the class scheme {theirs.name}, whose ids mean other classes than those of the project's "
            f"({ours.name}).",
            path=path,
            remedy="Import into a project of the same class scheme.",
        )


def _box(values: NDArray[np.integer]) -> Box:
    x0, y0, x1, y1 = values.tolist()
    return x0, y0, x1, y1
