"""``manifest.json``: every file of an export with size and SHA-256, and where its content came from.

It is the last thing written. While files are being replaced it says ``"complete": false``, so that after a
crash it never vouches for files that it does not describe.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from seco_core.errors import ExportError
from seco_core.files import write_bytes

NAME = "manifest.json"
FORMAT = "seco-label-set"
VERSION = 1
_AGAIN = "Export again."


def write(path: Path, folder: Path, files: Iterable[str], content: dict[str, Any]) -> None:
    """Write the manifest of a finished export.

    Parameters
    ----------
    path : Path
        File to write.
    folder : Path
        Where the files are now.
    files : iterable of str
        Their paths below `folder`, with slashes.
    content : dict
        What else to say, JSON-serialisable, such as state, counts and provenance.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    described = [
        {"path": name, "bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
        for name in sorted(files)
    ]
    _write(path, {"complete": True, **content, "files": described})


def write_incomplete(path: Path, files: Iterable[str]) -> None:
    """Write a manifest that only says which files the export may leave behind if it does not finish."""
    _write(path, {"complete": False, "files": [{"path": name} for name in sorted(files)]})


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export; None if the folder has none or it is not SeCo's.

    Raises
    ------
    ExportError
        If a newer version of SeCo wrote it.
    """
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    if not isinstance(content.get("version"), int) or content["version"] > VERSION:
        raise ExportError(
            "was written by a newer version of SeCo.",
            path=path,
            remedy="Update SeCo or choose another folder.",
        )
    files = content.get("files")
    if not isinstance(files, list) or not all(
        isinstance(f, dict) and _is_inside(f.get("path")) for f in files
    ):
        return None
    return content


def verify(folder: Path) -> list[ExportError]:
    """Compare an export with its manifest.

    Parameters
    ----------
    folder : Path
        Folder of the export.

    Returns
    -------
    list of ExportError
        What is wrong, one entry for each file; empty if all is as it was written.
    """
    try:
        content = read(folder)
    except ExportError as error:
        return [error]
    path = folder / NAME
    if content is None:
        return [
            ExportError("is no manifest of a label set.", path=path, remedy="Name the folder of an export.")
        ]
    if content.get("complete") is not True:
        return [ExportError("describes an export that was interrupted.", path=path, remedy=_AGAIN)]
    problems = []
    for entry in content["files"]:
        file = folder / entry["path"]
        try:
            if file.stat().st_size != entry.get("bytes") or _sha256(file) != entry.get("sha256"):
                problems.append(ExportError("is not as it was exported.", path=file, remedy=_AGAIN))
        except OSError as error:
            problems.append(ExportError(f"cannot be read ({error.strerror}).", path=file, remedy=_AGAIN))
    return problems


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps({"format": FORMAT, "version": VERSION, **content}, indent=1, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def _is_inside(path: Any) -> bool:
    """Whether a path from a manifest stays in the export's folder, whoever wrote the manifest."""
    if not isinstance(path, str) or not path or "\\" in path:
        return False
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts and ":" not in pure.parts[0]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
