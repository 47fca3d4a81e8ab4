"""Class ids as 8-bit grey PNG, one file for each image: what training reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.label_codes import to_scheme_ids
from seco_core.label_files import write_label
from seco_core.scheme import ClassScheme

FOLDER = "label"


def write(folder: Path, name: str, labels: NDArray[np.uint8], scheme: ClassScheme) -> Path:
    """Write ``label/<name>.png`` below `folder`; its path.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    name : str
        Name of the image.
    labels : ndarray of uint8, (H, W)
        Curated class map; `IGNORE` is written as the scheme's own ignore id.
    scheme : ClassScheme
        The classes.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    path = folder / FOLDER / f"{name}.png"
    write_label(path, to_scheme_ids(labels, scheme))
    return path
