"""``labeled.txt`` and ``unlabeled.txt``: the split that semi-supervised training such as UniMatch reads.

Each line is an image and its class PNG. The image's path is absolute and the PNG's relative to the export, so
the export folder is the data root to train with: joined to it, both lead to the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seco_core.files import write_bytes

NAMES = ("labeled.txt", "unlabeled.txt")


def write(folder: Path, images: Sequence[tuple[Path, str, bool]]) -> list[Path]:
    """Write both lists below `folder`; their paths.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    images : sequence of (Path, str, bool)
        Image, class PNG relative to `folder`, and whether it counts as labelled. Columns are separated by a
        space; in a list where a path has a space itself, by a tab.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If they cannot be written.
    """
    paths = []
    for name, wanted in zip(NAMES, (True, False), strict=True):
        rows = [(str(image.absolute()), label) for image, label, labelled in images if labelled is wanted]
        separator = "\t" if any(" " in part for row in rows for part in row) else " "
        path = folder / name
        write_bytes(path, "".join(separator.join(row) + "\n" for row in rows).encode())
        paths.append(path)
    return paths
