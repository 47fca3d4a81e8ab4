"""What a folder says of a project's images: an export, class maps of another tool, or another project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import DatasetError, ImageFileError, LabelError, SecoError
from seco_core.formats import class_png, color_png, manifest
from seco_core.label_files import read_label, read_label_leniently
from seco_core.layouts import RASTER_SUFFIXES
from seco_core.pipeline.inputs import stored_inputs
from seco_core.project import ImageRecord, Project
from seco_core.project.store import STORE_NAME
from seco_core.refine import State, override_owner, paint_overrides
from seco_core.scheme import IGNORE, ClassScheme

_REMEDY = (
    "Name the folder of an export, a folder of class PNGs named as the project's images, or a project folder."
)


class Given(NamedTuple):
    """What is said of an image: class map, (H, W), where it says anything, and pixels of no class in it."""

    labels: NDArray[np.uint8]
    stated: NDArray[np.bool_]
    foreign: int = 0


@dataclass(frozen=True)
class GivenLabels:
    """A folder of labels, open.

    Attributes
    ----------
    names : frozenset of str
        The project's images that it says anything of.
    state : str
        State of the project's curated map that it is to be compared with.
    read : callable
        `Given` of an image among `names`; raises `SecoError` if its label is bad.
    problems : tuple of SecoError
        One for each file that belongs to no image.
    """

    names: frozenset[str]
    state: State
    read: Callable[[ImageRecord], Given]
    problems: tuple[SecoError, ...] = ()


@contextmanager
def given_labels(
    folder: Path, project: Project, *, keep_unlabelled: bool, foreign_as_ignore: bool
) -> Iterator[GivenLabels]:
    """Open a folder of labels.

    Parameters
    ----------
    folder : Path
        An export, a folder of class maps named as the project's images, or another project of the same
        images, of which what people decided is taken.
    project : Project
        Whose images are asked about.
    keep_unlabelled : bool
        Take pixels without a label for ones that nothing is said of. Always so for an export of the state
        ``reviewed``.
    foreign_as_ignore : bool
        Whether ids and colours that are not in the class scheme are no label.

    Raises
    ------
    DatasetError
        If it has no label for any image of the project.
    SchemeError, LabelError
        If it says that it has other classes.
    """
    if (folder / STORE_NAME).is_file():
        with Project.open(folder, readonly=True) as other:
            _check_scheme(other.scheme, project.scheme, folder)
            records = {r.name: r for r in other.images}
            yield GivenLabels(
                _shared(project, records, folder), "clean", _from_project(other, records, project)
            )
        return
    content = manifest.read(folder) or {}
    provenance, state = content.get("provenance"), content.get("state")
    if isinstance(provenance, dict) and (stated := provenance.get("scheme")) is not None:
        path = folder / manifest.NAME
        _check_scheme(ClassScheme.from_dict(stated, path), project.scheme, path)
    files = _label_files(folder)
    names = _shared(project, files, folder)
    yield GivenLabels(
        names,
        "all" if state == "all" else "clean",
        _from_files(files, project.scheme, keep_unlabelled or state == "reviewed", foreign_as_ignore),
        tuple(
            DatasetError("belongs to no image of the project.", path=files[name], remedy="Rename it.")
            for name in sorted(files.keys() - names)
        ),
    )


def _shared(project: Project, named: Iterable[str], folder: Path) -> frozenset[str]:
    names = frozenset(r.name for r in project.images) & frozenset(named)
    if not names:
        raise DatasetError("has no label for any image of the project.", path=folder, remedy=_REMEDY)
    return names


def _from_files(
    files: dict[str, Path], scheme: ClassScheme, keep_unlabelled: bool, lenient: bool
) -> Callable[[ImageRecord], Given]:
    def read(record: ImageRecord) -> Given:
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
        return Given(given, stated, foreign)

    return read


def _from_project(
    other: Project, records: dict[str, ImageRecord], project: Project
) -> Callable[[ImageRecord], Given]:
    def read(record: ImageRecord) -> Given:
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
        return Given(given, override_owner(shape, overrides) > 0)

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
