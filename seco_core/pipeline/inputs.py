"""The files that a project's images are made of: whether they are there, and whether they have changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seco_core.errors import DatasetError, ImageFileError
from seco_core.progress import CancelToken
from seco_core.project import ImageRecord, Project
from seco_core.texts import counted, typed

Stat = tuple[int, int] | None

ACCEPT_REPLACED = "run `seco run --accept-replaced`"
NAME_IT = "name it: `seco run DATASET --project"
"""How one accepts another file of the same size, in a terminal."""
_REPLACED = "is not the file that people decided on."


@dataclass(frozen=True)
class Inputs:
    """Image, pseudo-label and confidence of an image, as they were read.

    Attributes
    ----------
    stat : tuple of ((int, int) or None)
        Size and time of each file, None for one that there is not.
    sha256 : tuple of (str or None)
        Hash of each file's content.
    foreign_pixels : int
        Pixels of the pseudo-label that are of no class and were read as ignore, because that was asked for.
    """

    stat: tuple[Stat, ...]
    sha256: tuple[str | None, ...]
    foreign_pixels: int = 0


def read_inputs(record: ImageRecord) -> Inputs:
    """Look at an image's files.

    Raises
    ------
    ImageFileError
        If one cannot be read.
    """
    # what is replaced between looking and hashing counts as changed the next time
    stat = _stats(record)
    digests: list[str | None] = []
    for path in _files(record):
        if path is None:
            digests.append(None)
            continue
        digests.append(_sha256(path))
    return Inputs(stat, tuple(digests))


def stored_inputs(project: Project, image_id: int | None = None) -> dict[int, Inputs]:
    """Files of each image whose regions are stored, or of one of them, as they were read for them."""
    rows = project.connection.execute(
        "SELECT id, inputs_stat, inputs_sha256, foreign_pixels FROM images"
        " WHERE inputs_stat IS NOT NULL AND id = ifnull(?, id)",
        (image_id,),
    )
    return {
        row["id"]: Inputs(
            tuple(None if stat is None else tuple(stat) for stat in json.loads(row["inputs_stat"])),
            tuple(json.loads(row["inputs_sha256"])),
            row["foreign_pixels"],
        )
        for row in rows
    }


def unchanged_inputs(
    images: Iterable[ImageRecord], known: Mapping[int, Inputs], cancel: CancelToken
) -> dict[int, Inputs]:
    """Files, by image id, of the images whose files hold what they did when they were read before.

    They are read only if sizes are the same and times are not, as after copying a dataset.

    Parameters
    ----------
    images : iterable of ImageRecord
        Where the files are.
    known : mapping of int to Inputs
        What was read before, by image id.
    cancel : CancelToken
        Checked before each image.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """
    unchanged = {}
    for record in images:
        cancel.raise_if_cancelled()
        before = known.get(record.id)
        if before is None:
            continue
        stat = _stats(record)
        if stat == before.stat:
            unchanged[record.id] = before
        elif [s and s[0] for s in stat] == [s and s[0] for s in before.stat]:
            with contextlib.suppress(ImageFileError):
                now = read_inputs(record)
                if now.sha256 == before.sha256:
                    unchanged[record.id] = replace(now, foreign_pixels=before.foreign_pixels)
    return unchanged


def find_inputs(project: Project) -> list[Path]:
    """One image and one pseudo-label of the project that are there.

    Raises
    ------
    DatasetError
        If all images or all pseudo-labels are gone: that is about the dataset and not about its images.
    """
    found = []
    for what, paths in (
        ("images", (record.image for record in project.images)),
        ("pseudo-labels", (record.pseudo_label for record in project.images)),
    ):
        there = next((path for path in paths if is_there(path)), None)
        if there is None:
            raise DatasetError(
                f"none of the project's {what} is there any more; what was stored of them is kept.",
                path=project.data_root,
                remedy="Connect the disk or put the folder back; if it was moved, "
                f"{NAME_IT} {typed(project.path)}`.",
            )
        found.append(there)
    return found


def is_there(path: Path) -> bool:
    """Whether a file can be seen; on a share that has gone, where `Path.exists` raises, it cannot."""
    return os.path.exists(path)


def check_not_replaced(
    record: ImageRecord,
    before: Inputs | None,
    shape: tuple[int, int],
    now: Inputs,
    decisions: Sequence[object],
    *,
    accept_replaced: bool,
) -> None:
    """Refuse an image that is not the one whose pixels people decided.

    Parameters
    ----------
    record : ImageRecord
        The image as the project knows it.
    before : Inputs or None
        Its files when they were read last.
    shape, now
        Height and width of the image, and its files, as they are.
    decisions : sequence of Override
        Those of the image that hold.
    accept_replaced : bool
        Whether another file of the same size will do.

    Raises
    ------
    ImageFileError
        If it is another image, and there are decisions that would lie on the wrong pixels.
    """
    if not decisions:
        return
    kept = f"Put the earlier file back (kept for it: {counted(len(decisions), 'decision')})"
    if record.shape is not None and record.shape != shape:
        (h, w), (height, width) = record.shape, shape
        raise ImageFileError(
            f"has {width} x {height} pixels, {w} x {h} when people decided on it.",
            path=record.image,
            remedy=f"{kept}, or make another project for images of this size.",
        )
    if before is not None and before.sha256[0] != now.sha256[0] and not accept_replaced:
        raise ImageFileError(
            _REPLACED,
            path=record.image,
            remedy=f"{kept}, or {ACCEPT_REPLACED} if the new one shows the same.",
        )


def was_replaced(record: ImageRecord) -> bool:
    """Whether the last run skipped an image because another file of its size lies in its place.

    It is told from what the run said of it: nothing else of an image that was skipped is stored.
    """
    return record.status == "skipped" and _REPLACED in (record.problem or "")


def check_still_the_same(project: Project, record: ImageRecord) -> None:
    """Refuse an image whose file is not the one that its regions were made of.

    It is read only if its size or time is another one.

    Raises
    ------
    ImageFileError
        If it is another one, or cannot be read.
    """
    before = stored_inputs(project, record.id).get(record.id)
    if before is None or _stat(record.image) == before.stat[0]:
        return
    if _sha256(record.image) != before.sha256[0]:
        raise _another_file(record.image)


def lost_images(project: Project, cancel: CancelToken) -> dict[int, ImageFileError]:
    """Images that are gone, or are not those that their regions were made of, and why, by image id.

    None is read: of another file of the very same size nothing is said, see `check_still_the_same`.

    Parameters
    ----------
    project : Project
        Its images that a run has worked on are looked at.
    cancel : CancelToken
        Checked before each image.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """
    before, lost = stored_inputs(project), dict[int, ImageFileError]()
    for record in project.images:
        cancel.raise_if_cancelled()
        known = before[record.id].stat[0] if record.status == "done" and record.id in before else None
        if known is None:
            continue
        try:
            size = record.image.stat().st_size
        except OSError as error:
            lost[record.id] = _unreadable(record.image, error)
        else:
            if size != known[0]:
                lost[record.id] = _another_file(record.image)
    return lost


def _another_file(path: Path) -> ImageFileError:
    return ImageFileError(
        "is not the file that its regions were made of.",
        path=path,
        remedy="Put the earlier file back, or run the pipeline.",
    )


def _unreadable(path: Path, error: OSError) -> ImageFileError:
    return ImageFileError(
        f"cannot be read: {error.strerror or error}.", path=path, remedy="Check the dataset's paths."
    )


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _files(record: ImageRecord) -> tuple[Path | None, ...]:
    return record.image, record.pseudo_label, record.confidence


def _stats(record: ImageRecord) -> tuple[Stat, ...]:
    return tuple(_stat(path) for path in _files(record))


def _stat(path: Path | None) -> Stat:
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if stat is not None else None
