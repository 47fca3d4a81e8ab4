"""Folder layouts: which folder holds what, and which files belong to one image.

Folder names, in any case and with ``-``, ``_`` or spaces: see `FOLDER_NAMES`. Files match when their paths
below those folders are the same but for the suffix and the endings of Cityscapes' names; a label folder
without subfolders is matched by file name alone. Subfolders for which there is no pseudo-label at all, such
as a split of the data that was not predicted, are not part of the dataset.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from seco_core.errors import DatasetError, SecoError

LAYOUT_REMEDY = (
    "Give a folder with image/ and pseudo_label/ (optionally confidence/ and ground_truth/), "
    "one with list/all.txt, one in Cityscapes' (leftImg8bit/, pseudo_label/) or BDD's (images/10k/, "
    "pseudo_label/) layout, or a list file with the columns image, pseudo-label, [confidence], "
    "[ground truth]."
)
"""The layouts that are understood, for errors."""

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
RASTER_SUFFIXES = _IMAGE_SUFFIXES.union(*_SUFFIXES.values())
"""Endings of all files that are looked for in folders."""

_ENDINGS = ("_leftImg8bit", "_gtFine_labelTrainIds", "_labelTrainIds", "_train_id")
_DEEPEST = 6


SampleFiles = tuple[Path, Path, Path | None, Path | None]
"""Image, pseudo-label, confidence and ground truth."""


def role_folders(root: Path, layout: str) -> dict[str, Path | None]:
    """The folder of each kind of file (keys of `FOLDER_NAMES`); those of image and pseudo-label exist.

    Raises
    ------
    DatasetError
        If one of those two is missing, or there are several pseudo-label folders.
    """
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
            raise DatasetError(f"has no {role} folder (layout {layout}).", path=root, remedy=LAYOUT_REMEDY)
    return folders


def _named_folder(root: Path, role: str) -> Path | None:
    by_name = {_plain(e.name): Path(e.path) for e in _entries(str(root)) if e.is_dir()}
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


def match_folders(folders: dict[str, Path | None]) -> tuple[list[SampleFiles], list[SecoError]]:
    """Put together the files of each image, by path below the folders.

    Parameters
    ----------
    folders : dict
        Folder by kind of file, as `role_folders` gives it.

    Returns
    -------
    files : list of SampleFiles
        Sorted by path.
    problems : list of SecoError
        One for each image that is left out.

    Raises
    ------
    DatasetError
        If a folder cannot be listed.
    """
    trees = {role: _tree(folder, _SUFFIXES[role]) for role, folder in folders.items() if folder is not None}
    images, labels = trees["image"], trees["pseudo-label"]
    flat = {role: all("/" not in key for key in tree) for role, tree in trees.items()}
    stems = Counter(key.rpartition("/")[2] for key in images)
    labelled_parts = {_first_folder(key) for key in labels}
    found: list[SampleFiles] = []
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
            looked_for = stem if flat["pseudo-label"] else key
            wrong = f"it has no pseudo-label, no {looked_for}.png in {folders['pseudo-label']}"
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


def _tree(folder: Path, suffixes: frozenset[str]) -> dict[str, list[Path]]:
    """Files below a folder by key: path below it, without suffix and known endings."""
    found: dict[str, list[Path]] = defaultdict(list)
    _walk(str(folder), "", suffixes, found)
    return found


def _walk(folder: str, below: str, suffixes: frozenset[str], found: dict[str, list[Path]]) -> None:
    # symbolic links are followed, so a limit is needed where they form a circle
    if below.count("/") > _DEEPEST:
        return
    for entry in _entries(folder):
        if entry.name.startswith("."):
            continue
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() in suffixes:
            found[below + _without_ending(stem)].append(Path(entry.path))
        elif entry.is_dir():
            _walk(entry.path, f"{below}{entry.name}/", suffixes, found)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda e: e.name)
    except OSError as error:
        raise DatasetError(
            f"cannot be listed ({error.strerror}).", path=folder, remedy="Make the folder readable."
        ) from error
