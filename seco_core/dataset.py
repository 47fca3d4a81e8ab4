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

Folder names, in any case and with ``-``, ``_`` or spaces: see `FOLDER_NAMES`. Files match when their paths
below those folders are the same but for the suffix and the endings of Cityscapes' names; a label folder without
subfolders is matched by file name alone. Subfolders for which there is no pseudo-label at all, such as a split
of the data that was not predicted, are not part of the dataset.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seco_core.errors import DatasetError, SecoError

LAYOUTS = ("seco", "cityscapes", "bdd", "folders", "list")

FOLDER_NAMES = {
    "image": ("image", "images", "img", "imgs"),
    "pseudo-label": (
        "pseudo_label",
        "pseudo_labels",
        "pseudolabel",
        "pseudolabels",
        "pixel_level_pseudo_label",
        "pixel_level_pseudo_labels",
        "pixel_pseudo_label",
        "pixel_pseudo_labels",
    ),
    "confidence": ("confidence", "confidences", "conf"),
    "ground truth": ("ground_truth", "ground_truths", "groundtruth", "gt"),
}
"""Names by which each kind of folder is known; a pseudo-label folder may also be named ``pseudo_label*``."""

_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
_LABEL_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp", ".npy"})
_SUFFIXES = {
    "image": _IMAGE_SUFFIXES,
    "pseudo-label": _LABEL_SUFFIXES,
    "confidence": _LABEL_SUFFIXES | {".npz"},
    "ground truth": _LABEL_SUFFIXES,
}
_ENDINGS = ("_leftImg8bit", "_gtFine_labelTrainIds", "_labelTrainIds", "_train_id")
_DEEPEST = 6
_REMEDY = (
    "Give a folder with image/ and pseudo_label/ (optionally confidence/ and ground_truth/), with list/all.txt, "
    "in Cityscapes' (leftImg8bit/, pseudo_label/) or BDD's (images/10k/, pseudo_label/) layout, "
    "or a list file with the columns image, pseudo-label, [confidence], [ground truth]."
)


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


_Files = tuple[Path, Path, Path | None, Path | None]


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
        raise DatasetError("does not exist.", path=path, remedy=_REMEDY)
    if layout == "auto":
        layout = _recognise(path)
    if (layout == "list") != path.is_file():
        raise DatasetError(f"is not of the layout {layout!r}.", path=path, remedy=_REMEDY)

    listing = _Listing()
    root = path
    if layout in ("list", "seco"):
        source = path if layout == "list" else _list_file(path)
        if source is None:
            raise DatasetError("has no list/all.txt.", path=path, remedy=_REMEDY)
        root = _list_root(source)
        found, problems = _from_list(source, root, listing)
    else:
        found, problems = _from_folders(_role_folders(path, layout), listing)
    if not found:
        first = f" The first of {len(problems)} problems: {problems[0]}" if problems else ""
        raise DatasetError(
            f"has no image with a pseudo-label (layout {layout}).{first}", path=path, remedy=_REMEDY
        )
    found = _drop_same_names(found, problems)
    names = _unique_names([files[0] for files in found])
    samples = tuple(Sample(name, *files) for name, files in zip(names, found, strict=True))
    return Dataset(root, layout, samples, tuple(problems))


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

    def tree(self, folder: Path, suffixes: frozenset[str]) -> dict[str, list[Path]]:
        """Files below a folder by key: path below it, without suffix and known endings."""
        found: dict[str, list[Path]] = defaultdict(list)
        self._walk(str(folder), "", suffixes, found)
        return found

    def _walk(self, folder: str, below: str, suffixes: frozenset[str], found: dict[str, list[Path]]) -> None:
        # symbolic links are followed, so a limit is needed where they form a circle
        if below.count("/") > _DEEPEST:
            return
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda e: e.name)
        except OSError as error:
            raise DatasetError(
                f"cannot be listed ({error.strerror}).", path=folder, remedy="Make the folder readable."
            ) from error
        for entry in listed:
            if entry.name.startswith("."):
                continue
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() in suffixes:
                found[below + _without_ending(stem)].append(Path(entry.path))
            elif entry.is_dir():
                self._walk(entry.path, f"{below}{entry.name}/", suffixes, found)


def _recognise(path: Path) -> str:
    if path.is_file():
        if path.suffix.lower() in _SUFFIXES["confidence"] | _IMAGE_SUFFIXES:
            raise DatasetError("is a single file, not a dataset.", path=path, remedy=_REMEDY)
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


def _from_list(source: Path, root: Path, listing: _Listing) -> tuple[list[_Files], list[SecoError]]:
    try:
        lines = source.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot be read as a list file: {error}.", path=source, remedy=_REMEDY) from error
    found: list[_Files] = []
    problems: list[SecoError] = []
    first_line: dict[Path, int] = {}
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
        problems.append(
            DatasetError(f"line {number} is left out: {wrong}.", path=source, remedy="Correct the line.")
        )
    return found, problems


def _resolve_columns(line: str, root: Path) -> _Files | str:
    """The files that a line names, or what is wrong with it."""
    columns = [c.strip() for c in line.split("\t")] if "\t" in line else line.split()
    if not 2 <= len(columns) <= 4:
        return f"it has {len(columns)} columns instead of 2 to 4"
    image, label, confidence, truth = (
        None if c in ("", "-") else Path(os.path.normpath(os.path.join(root, c)))
        for c in columns + ["-"] * (4 - len(columns))
    )
    if image is None or label is None:
        return "image or pseudo-label is missing"
    return image, label, confidence, truth


def _role_folders(root: Path, layout: str) -> dict[str, Path | None]:
    """The folder of each kind of file; those of image and pseudo-label exist."""
    folders: dict[str, Path | None] = {role: _named_folder(root, role) for role in FOLDER_NAMES}
    if layout == "cityscapes":
        folders["image"] = root / "leftImg8bit"
        folders["ground truth"] = _if_folder(root / "gtFine")
    elif layout == "bdd":
        folders["image"] = root / "images" / "10k"
        folders["ground truth"] = _if_folder(root / "labels" / "sem_seg" / "masks")
    for role in ("image", "pseudo-label"):
        folder = folders[role]
        if folder is None or not folder.is_dir():
            raise DatasetError(f"has no {role} folder (layout {layout}).", path=root, remedy=_REMEDY)
    return folders


def _named_folder(root: Path, role: str) -> Path | None:
    with os.scandir(root) as entries:
        by_name = {_plain(e.name): Path(e.path) for e in sorted(entries, key=lambda e: e.name) if e.is_dir()}
    for name in FOLDER_NAMES[role]:
        if name in by_name:
            return by_name[name]
    if role != "pseudo-label":
        return None
    candidates = [folder for name, folder in by_name.items() if name.startswith("pseudo_label")]
    if len(candidates) > 1:
        raise DatasetError(
            f"has several pseudo-label folders: {', '.join(f.name for f in candidates)}.",
            path=root,
            remedy="Name the one to use pseudo_label, or give a list file.",
        )
    return candidates[0] if candidates else None


def _if_folder(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


def _without_ending(stem: str) -> str:
    for ending in _ENDINGS:
        if stem.endswith(ending) and len(stem) > len(ending):
            return stem[: -len(ending)]
    return stem


def _from_folders(folders: dict[str, Path | None], listing: _Listing) -> tuple[list[_Files], list[SecoError]]:
    trees = {
        role: listing.tree(folder, _SUFFIXES[role]) for role, folder in folders.items() if folder is not None
    }
    images, labels = trees["image"], trees["pseudo-label"]
    flat = {role: all("/" not in key for key in tree) for role, tree in trees.items()}
    stems = Counter(key.rpartition("/")[2] for key in images)
    labelled_parts = {_first_folder(key) for key in labels}
    found: list[_Files] = []
    problems: list[SecoError] = []
    for key, paths in images.items():
        if not flat["pseudo-label"] and _first_folder(key) not in labelled_parts:
            continue
        stem = key.rpartition("/")[2]
        matches = {role: tree.get(stem if flat[role] else key, []) for role, tree in trees.items()}
        matches["image"] = paths
        crowded = [role for role, files in matches.items() if len(files) > 1]
        shared = [r for r, files in matches.items() if r != "image" and flat[r] and files and stems[stem] > 1]
        wrong = None
        if not matches["pseudo-label"]:
            wrong = "it has no pseudo-label"
        elif crowded:
            wrong = f"it has several {crowded[0]} files: {', '.join(p.name for p in matches[crowded[0]])}"
        elif shared:
            wrong = f"other images have the same name, and the {shared[0]} folder has no subfolders"
        if wrong is not None:
            problems.append(
                DatasetError(
                    f"is left out: {wrong}.", path=paths[0], remedy="Correct the folders or give a list file."
                )
            )
            continue
        found.append(
            (
                paths[0],
                matches["pseudo-label"][0],
                _only(matches.get("confidence", [])),
                _only(matches.get("ground truth", [])),
            )
        )
    return found, problems


def _first_folder(key: str) -> str:
    return key.partition("/")[0] if "/" in key else ""


def _only(paths: Sequence[Path]) -> Path | None:
    return paths[0] if paths else None


def _drop_same_names(found: list[_Files], problems: list[SecoError]) -> list[_Files]:
    """Leave out images whose path differs from another's by suffix or case alone: no name could tell them."""
    kept: dict[str, _Files] = {}
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
