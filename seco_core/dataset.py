"""Finding a dataset's files: folder layouts and list files become samples. No image is opened.

Layouts
-------
``seco``
    A folder with ``list/all.txt`` (or one single ``.txt`` in ``list/``), as SeCo's code has it beside its
    image and pseudo-label folders.
``cityscapes``
    ``leftImg8bit/<split>/<city>/*_leftImg8bit.png``, a pseudo-label folder with the same subfolders, and
    optionally ``gtFine/<split>/<city>/*_gtFine_labelTrainIds.png``.
``bdd``
    ``images/10k/<split>/*.jpg``, a pseudo-label folder with the same subfolders, and optionally
    ``labels/sem_seg/masks/<split>/*.png``.
``folders``
    An image folder and a pseudo-label folder, optionally confidence and ground truth, matched by name.
``list``
    A text file with a line for each image: image, pseudo-label, optional confidence, optional ground truth,
    separated by tabs, or by spaces where a line has no tab. ``-`` is no file, ``#`` begins a comment line.
    Paths are absolute or relative to the list file; when it lies in ``list/``, to the folder above.

How folders are named and how files in them match: see `seco_core.layouts`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seco_core.errors import DatasetError, SecoError
from seco_core.layouts import LAYOUT_REMEDY, RASTER_SUFFIXES, SampleFiles, match_folders, role_folders
from seco_core.texts import counted

LAYOUTS = ("seco", "cityscapes", "bdd", "folders", "list")


@dataclass(frozen=True)
class Sample:
    """The files of one image.

    Attributes
    ----------
    name : str
        Unique in the dataset, also where case does not matter, and fit for a file name: the image's stem,
        with parent folders before it (``aachen__0001``) where stems repeat.
    image, pseudo_label : Path
        The image and its pseudo-label.
    confidence, ground_truth : Path or None
        The optional files.
    """

    name: str
    image: Path
    pseudo_label: Path
    confidence: Path | None
    ground_truth: Path | None


@dataclass(frozen=True)
class Dataset:
    """The samples that were found, in a fixed order, and what could not be used.

    Attributes
    ----------
    root : Path
        Folder of the dataset.
    layout : str
        One of `LAYOUTS`.
    samples : tuple of Sample
        In the list's order; by path where there is no list.
    problems : tuple of SecoError
        One for each line or image that was left out.
    """

    root: Path
    layout: str
    samples: tuple[Sample, ...]
    problems: tuple[SecoError, ...]


def open_dataset(path: Path | str, *, layout: str = "auto") -> Dataset:
    """Find the files of a dataset.

    Parameters
    ----------
    path : path-like
        A folder or a list file.
    layout : str
        One of `LAYOUTS`, or ``"auto"`` to tell from what is there.

    Returns
    -------
    Dataset
        At least one sample.

    Raises
    ------
    DatasetError
        If there is no such folder or file, it has no known layout, or nothing in it can be used.
    """
    path = Path(os.path.abspath(path))
    if layout not in ("auto", *LAYOUTS):
        raise DatasetError(
            f"there is no layout {layout!r}.", path=path, remedy=f"One of: auto, {', '.join(LAYOUTS)}."
        )
    if not path.exists():
        raise DatasetError("does not exist.", path=path, remedy=LAYOUT_REMEDY)
    if layout == "auto":
        layout = _recognise(path)
    if (layout == "list") != path.is_file():
        raise DatasetError(f"is not of the layout {layout!r}.", path=path, remedy=LAYOUT_REMEDY)

    root = path
    if layout in ("list", "seco"):
        source = path if layout == "list" else _list_file(path)
        if source is None:
            raise DatasetError("has no list/all.txt.", path=path, remedy=LAYOUT_REMEDY)
        root = _list_root(source)
        found, problems = _from_list(source, root)
    else:
        found, problems = match_folders(role_folders(path, layout))
    if not found:
        first = f" The first of {len(problems)} problems: {problems[0]}" if problems else ""
        raise DatasetError(
            f"has no image with a pseudo-label (layout {layout}).{first}", path=path, remedy=LAYOUT_REMEDY
        )
    found = _drop_same_names(found, problems)
    names = _unique_names([files[0] for files in found])
    samples = tuple(Sample(name, *files) for name, files in zip(names, found, strict=True))
    return Dataset(root, layout, samples, tuple(problems))


def _recognise(path: Path) -> str:
    if path.is_file():
        if path.suffix.lower() in RASTER_SUFFIXES:
            raise DatasetError("is a single file, not a dataset.", path=path, remedy=LAYOUT_REMEDY)
        return "list"
    if _list_file(path) is not None:
        return "seco"
    if (path / "leftImg8bit").is_dir():
        return "cityscapes"
    if (path / "images" / "10k").is_dir():
        return "bdd"
    return "folders"


def _list_file(root: Path) -> Path | None:
    listed = root / "list" / "all.txt"
    if listed.is_file():
        return listed
    texts = sorted((root / "list").glob("*.txt"))
    return texts[0] if len(texts) == 1 else None


def _list_root(source: Path) -> Path:
    return source.parent.parent if source.parent.name == "list" else source.parent


class _Listing:
    """Which files exist, from one listing for each folder instead of a question for each file."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def has(self, path: Path) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._names:
            try:
                with os.scandir(folder) as entries:
                    self._names[folder] = frozenset(
                        e.name for e in entries if not e.is_dir(follow_symlinks=False)
                    )
            except (OSError, ValueError):
                self._names[folder] = frozenset()
        # a file system that ignores case knows more names than its listing shows
        return name in self._names[folder] or os.path.isfile(path)


def _from_list(source: Path, root: Path) -> tuple[list[SampleFiles], list[SecoError]]:
    try:
        lines = source.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"cannot be read as a list file: {error}.", path=source, remedy=LAYOUT_REMEDY
        ) from error
    found: list[SampleFiles] = []
    problems: list[SecoError] = []
    first_line: dict[Path, int] = {}
    listing = _Listing()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        files = _resolve_columns(line.rstrip(), root)
        if isinstance(files, str):
            wrong = files
        elif missing := [f for f in files if f is not None and not listing.has(f)]:
            wrong = f"{missing[0]} does not exist"
        elif (first := first_line.setdefault(files[0], number)) != number:
            wrong = f"{files[0]} is already on line {first}"
        else:
            found.append(files)
            continue
        remedy = "Correct the line."
        if "\t" not in line:
            remedy += " Where a path has a space, tabs must separate the columns."
        problems.append(DatasetError(f"line {number} is left out: {wrong}.", path=source, remedy=remedy))
    return found, problems


def _resolve_columns(line: str, root: Path) -> SampleFiles | str:
    """The files that a line names, or what is wrong with it."""
    columns = [c.strip() for c in line.split("\t")] if "\t" in line else line.split()
    if not 2 <= len(columns) <= 4:
        return f"it has {counted(len(columns), 'column')} instead of 2 to 4"
    image, label, confidence, truth = (
        None if c in ("", "-") else Path(os.path.normpath(os.path.join(root, c)))
        for c in columns + ["-"] * (4 - len(columns))
    )
    if image is None or label is None:
        return "image or pseudo-label is missing"
    return image, label, confidence, truth


def _drop_same_names(found: list[SampleFiles], problems: list[SecoError]) -> list[SampleFiles]:
    """Leave out images whose path differs from another's by suffix or case alone: no name could tell them."""
    kept: dict[str, SampleFiles] = {}
    for files in found:
        key = "__".join(_name_parts(files[0])).casefold()
        first = kept.setdefault(key, files)[0]
        if first != files[0]:
            problems.append(
                DatasetError(f"is left out: its name is that of {first}.", path=files[0], remedy="Rename it.")
            )
    return list(kept.values())


def _unique_names(images: Iterable[Path]) -> list[str]:
    """A name for each image: its stem, with as many parent folders before it as it takes."""
    parts = [_name_parts(image) for image in images]
    used = [1] * len(parts)
    while True:
        names = ["__".join(p[-n:]) for p, n in zip(parts, used, strict=True)]
        counts = Counter(name.casefold() for name in names)
        again = [i for i, name in enumerate(names) if counts[name.casefold()] > 1 and used[i] < len(parts[i])]
        if not again:
            return names
        for i in again:
            used[i] += 1


def _name_parts(image: Path) -> tuple[str, ...]:
    return (*image.parent.parts[1:], image.stem)
