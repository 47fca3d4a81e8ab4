"""Class maps in the scheme's colours as palette PNG, one file for each image: what people look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.label_files import write_color
from seco_core.scheme import ClassScheme

FOLDER = "color"


def write(folder: Path, name: str, labels: NDArray[np.uint8], scheme: ClassScheme) -> Path:
    """Write ``color/<name>.png`` below `folder`; its path.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    name : str
        Name of the image.
    labels : ndarray of uint8, (H, W)
        Curated class map.
    scheme : ClassScheme
        The colours.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    path = folder / FOLDER / f"{name}.png"
    write_color(path, labels, scheme)
    return path
