"""Bulk arrays beside the store: written in full under a name made of their content, then named by a row.

A crash at any moment leaves the row pointing at a complete file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ProjectError
from seco_core.files import read_named, write_bytes
from seco_core.project.own_files import reading

PNG_KINDS = ("psa", "regions")
"""Kinds kept as PNG (class map uint8, region id map uint16); the others are NPY."""


def write_raster(root: Path, image_id: int, kind: str, array: NDArray[Any]) -> tuple[str, str]:
    """Write an array and return (file relative to `root`, SHA-256 of the file)."""
    data = _encode(kind, array)
    digest = hashlib.sha256(data).hexdigest()
    suffix = "png" if kind in PNG_KINDS else "npy"
    name = f"rasters/{kind}/{image_id:06d}-{digest[:16]}.{suffix}"
    write_bytes(root / name, data)
    return name, digest


def read_raster(root: Path, file: str, kind: str) -> NDArray[Any]:
    """Read an array that `write_raster` wrote.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    path = root / file
    with reading("a raster of the project", path):
        data = read_named(path)
        if kind in PNG_KINDS:
            array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            if array is None:
                raise ValueError("not a PNG")
            return array
        return np.load(io.BytesIO(data), allow_pickle=False)


def set_raster_row(
    connection: sqlite3.Connection, image_id: int, kind: str, file: str, sha256: str
) -> str | None:
    """Name the raster in the store (inside the caller's transaction); the file it replaces, if any."""
    row = connection.execute(
        "SELECT file FROM rasters WHERE image_id = ? AND kind = ?", (image_id, kind)
    ).fetchone()
    connection.execute(
        "INSERT OR REPLACE INTO rasters (image_id, kind, file, sha256) VALUES (?, ?, ?, ?)",
        (image_id, kind, file, sha256),
    )
    return row["file"] if row is not None and row["file"] != file else None


def remove_files(root: Path, files: Iterable[str | None]) -> None:
    """Delete files that no row names any more, where the system lets them go."""
    for file in files:
        if file is not None:
            with contextlib.suppress(PermissionError):
                (root / file).unlink(missing_ok=True)


def _encode(kind: str, array: NDArray[Any]) -> bytes:
    if kind in PNG_KINDS:
        # level 1: label maps compress well at any level, and writing is on the way of every image
        ok, data = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not ok:
            raise ProjectError(f"a raster of kind {kind} could not be encoded.")
        return data.tobytes()
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
