"""Weights of networks that the pipeline trained, as files of plain arrays beside the store."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.files import read_named, write_bytes
from seco_core.project.own_files import reading


def write_model(root: Path, name: str, weights: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """Write named arrays and return (file relative to `root`, SHA-256 of the file)."""
    buffer = io.BytesIO()
    np.savez(buffer, **dict(sorted(weights.items())))  # type: ignore[arg-type]
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    file = f"models/{name}-{digest[:16]}.npz"
    write_bytes(root / file, data)
    return file, digest


def read_model(root: Path, file: str) -> dict[str, NDArray[Any]]:
    """Read the arrays that `write_model` wrote.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    path = root / file
    with (
        reading("a network of the project", path),
        np.load(io.BytesIO(read_named(path)), allow_pickle=False) as arrays,
    ):
        return dict(arrays)
