"""A project becomes a label set: PNGs, lists, decisions and a manifest with checksums.

Everything is written beside the place where it goes and moved there at the end: until then an earlier export
in the same folder stays as it is, and whatever happens, the manifest never vouches for files not its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from seco_core.errors import ExportError, ProjectError, SecoError, StorageFullError
from seco_core.files import storage_errors
from seco_core.formats import class_png, color_png, decisions, lists, manifest
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.refine import State
from seco_core.scheme import IGNORE
from seco_core.texts import counted

if TYPE_CHECKING:
    from seco_core.project.project import Project

FORMATS = ("class_png", "color_png", "lists", "decisions", "manifest")
"""Formats of an export; the manifest is always written."""

LABELLED_SHARE = 0.95
"""Share of an image's pixels that must have a label for it to go into ``labeled.txt``."""

_STAGE = ".seco-export"


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes
    ----------
    path : Path
        Folder of the export.
    state : str
        Which pixels were exported.
    images : int
        Images exported.
    labelled : int
        Of these, images with labels on enough pixels to go into ``labeled.txt``.
    covered : float
        Share of all exported pixels that have a label, 0..1.
    files : int
        Files written, the manifest included.
    problems : tuple of SecoError
        One for each image that could not be exported.
    """

    path: Path
    state: str
    images: int
    labelled: int
    covered: float
    files: int
    problems: tuple[SecoError, ...]

    def __str__(self) -> str:
        left_out = f", {len(self.problems):,} left out" if self.problems else ""
        return (
            f"{counted(self.images, 'image')} ({self.state}, {self.covered:.1%} of the pixels labelled, "
            f"{self.labelled:,} in labeled.txt{left_out}), {counted(self.files, 'file')} in {self.path}"
        )


def export(
    project: Project,
    out: Path | str,
    *,
    state: str = "clean",
    formats: Sequence[str] = FORMATS,
    labelled_share: float = LABELLED_SHARE,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Write the curated label set of a project.

    Parameters
    ----------
    project : Project
        An open project; it is only read.
    out : path-like
        A folder that is new, empty, or an earlier export, which is replaced.
    state : {"clean", "reviewed", "all"}
        Pixels to export: kept and relabelled regions with overrides on top, overridden pixels only, or every
        region. The others are written as the scheme's ignore id.
    formats : sequence of str
        Which of `FORMATS`.
    labelled_share : float
        Share of an image's pixels, 0..1, that must have a label in this export for the image to be listed as
        labelled. Pixels that a reviewer decided to ignore have none.
    progress : callable
        Told after each image.
    cancel : CancelToken, optional
        Checked before each image.

    Returns
    -------
    ExportReport
        Images that have no curated map yet are left out and named in its ``problems``.

    Raises
    ------
    ExportError
        If the request makes no sense, more than reviewed pixels are asked for and the last run has made no
        verdicts or a run changed them meanwhile, the folder holds anything else than an earlier export or
        cannot be written, or no image could be exported.
    StorageFullError
        If the disk is full. An earlier export is as it was.
    Cancelled
        If `cancel` was set. An earlier export is as it was.
    """
    out = Path(os.path.abspath(out))
    _check_request(state, formats, labelled_share)
    earlier = _earlier_files(out)
    existed = out.exists()
    stage = out / _STAGE
    by = _verdicts_of(project, state)
    with _export_errors(out):
        try:
            if stage.exists():
                shutil.rmtree(stage)
            stage.mkdir(parents=True)
            report = _fill(project, stage, out, cast(State, state), formats, labelled_share, progress, cancel)
            if _verdicts_of(project, state) != by:
                raise ExportError(
                    "a run changed the project meanwhile.", path=project.path, remedy="Export again."
                )
            _publish(stage, out, earlier)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            if not existed and out.is_dir() and not any(out.iterdir()):
                out.rmdir()
            raise
    return report


def verify_export(path: Path | str) -> list[ExportError]:
    """Compare an export with its manifest: what is wrong, empty if all is as it was written."""
    return manifest.verify(Path(path))


def _check_request(state: str, formats: Sequence[str], labelled_share: float) -> None:
    if state not in get_args(State):
        raise ExportError(f"there is no state {state!r}.", remedy=f"One of: {', '.join(get_args(State))}.")
    unknown = [f for f in formats if f not in FORMATS]
    if unknown or not formats:
        raise ExportError(
            f"there is no format {unknown[0]!r}." if unknown else "no format was asked for.",
            remedy=f"Some of: {', '.join(FORMATS)}.",
        )
    if "lists" in formats and "class_png" not in formats:
        raise ExportError("the lists name class PNGs.", remedy="Export class_png with them.")
    if not 0 <= labelled_share <= 1:
        raise ExportError(f"the labelled share must be from 0 to 1, not {labelled_share}.")


def _verdicts_of(project: Project, state: str) -> int | None:
    """The run that the verdicts come from, if any go into the export."""
    if state == "reviewed":
        return None
    unfinished = project.unfinished()
    if unfinished is not None:
        raise ExportError(unfinished.message, path=project.path, remedy=unfinished.remedy)
    run = project.scoring_run()
    return run.id if run is not None else None


def _earlier_files(out: Path) -> set[str]:
    """Files of an earlier export in the folder, which may be replaced."""
    if not out.exists():
        return set()
    if not out.is_dir():
        raise ExportError("is a file, not a folder.", path=out, remedy="Choose another folder.")
    try:
        names = {entry.name for entry in out.iterdir()}
    except OSError as error:
        raise ExportError(
            f"cannot be listed ({error.strerror}).", path=out, remedy="Choose another folder."
        ) from error
    content = manifest.read(out)
    if content is not None:
        return {entry["path"] for entry in content["files"]}
    if names - {_STAGE}:
        raise ExportError(
            "is not empty and no earlier export.", path=out, remedy="Choose a new or empty folder."
        )
    return set()


def _fill(
    project: Project,
    stage: Path,
    out: Path,
    state: State,
    formats: Sequence[str],
    labelled_share: float,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> ExportReport:
    """Write all files into the stage, the manifest last."""
    scheme = project.scheme
    files: list[Path] = []
    listed: list[tuple[Path, str, bool]] = []
    problems: list[SecoError] = []
    pixels = covered = 0
    for number, record in enumerate(project.images, start=1):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if PurePath(record.name).name != record.name:
            raise ExportError(f"the image name {record.name!r} is no file name.", path=project.path)
        try:
            if record.problem is not None:
                why = record.problem.removeprefix(f"{record.image}: ")
                raise ExportError(
                    f"is left out, the pipeline skipped it: {why}",
                    path=record.image,
                    remedy="Then run the pipeline again.",
                )
            labels = project.curated(record.id, state)
        except SecoError as error:
            problems.append(error)
        else:
            labelled = int(np.count_nonzero(labels != IGNORE))
            pixels += labels.size
            covered += labelled
            for name, writer in (("class_png", class_png.write), ("color_png", color_png.write)):
                if name in formats:
                    files.append(writer(stage, record.name, labels, scheme))
            label = f"{class_png.FOLDER}/{record.name}.png"
            listed.append((record.image, label, labelled >= labelled_share * labels.size))
        progress(ProgressEvent("export", number, len(project.images), record.name))
    if not listed:
        if problems:
            first = problems[0]
            told = f"no image can be exported. The first, {first.path}: {first.message}"
            raise ExportError(told, path=project.path, remedy=first.remedy)
        raise ExportError("no image can be exported.", path=project.path, remedy="Run the pipeline.")
    if "lists" in formats:
        files += lists.write(stage, listed)
    if "decisions" in formats:
        names = {record.id: record.name for record in project.images}
        files.append(decisions.write(stage, project.overrides.history(), names, scheme))
    report = ExportReport(
        path=out,
        state=state,
        images=len(listed),
        labelled=sum(row[2] for row in listed),
        covered=covered / pixels,
        files=len(files) + 1,
        problems=tuple(problems),
    )
    content = {
        "state": state,
        "images": report.images,
        "labelled": report.labelled,
        "labelled_share": labelled_share,
        "covered": report.covered,
        "left_out": [str(problem) for problem in problems],
        "provenance": project.provenance(),
    }
    manifest.write(stage / manifest.NAME, stage, [f.relative_to(stage).as_posix() for f in files], content)
    return report


def _publish(stage: Path, out: Path, earlier: set[str]) -> None:
    """Move everything from the stage into place. Until the last step the manifest says it is incomplete."""
    new = {path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file()} - {
        manifest.NAME
    }
    foreign = sorted(name for name in new - earlier if (out / name).exists())
    if foreign:
        raise ExportError(
            "is in the way and not from an earlier export.",
            path=out / foreign[0],
            remedy="Move it elsewhere.",
        )
    finished = stage / "finished" / manifest.NAME
    finished.parent.mkdir()
    os.replace(stage / manifest.NAME, finished)
    manifest.write_incomplete(stage / manifest.NAME, earlier | new)
    os.replace(stage / manifest.NAME, out / manifest.NAME)
    for name in sorted(new):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / name, out / name)
    for name in earlier - new:
        (out / name).unlink(missing_ok=True)
    for folder in (class_png.FOLDER, color_png.FOLDER):
        if (out / folder).is_dir() and not any((out / folder).iterdir()):
            (out / folder).rmdir()
    os.replace(finished, out / manifest.NAME)
    shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _export_errors(out: Path) -> Iterator[None]:
    try:
        with storage_errors(out):
            yield
    except StorageFullError:
        raise
    except ProjectError as error:
        raise ExportError(error.message, path=error.path, remedy=error.remedy) from error
