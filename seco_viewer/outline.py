"""The border of a mask as line segments along its pixels' edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def outline(mask: NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """Border of a mask, holes included, as few straight segments as possible.

    Parameters
    ----------
    mask : ndarray of bool, (h, w)
        The mask.
    origin : (int, int)
        Row and column of the mask's first pixel. Pixel (r, c) covers r - 0.5 to r + 0.5.

    Returns
    -------
    ndarray of float32, (N, 2, 2)
        Start and direction of each segment, (row, column): the form of napari's vectors.

    Examples
    --------
    >>> outline(np.array([[True, True]])).tolist()[0]
    [[-0.5, -0.5], [0.0, 2.0]]
    """
    padded = np.pad(mask, 1)
    level = _runs(padded[:-1] != padded[1:])
    upright = _runs((padded[:, :-1] != padded[:, 1:]).T)[:, :, ::-1]
    segments = np.concatenate([level, upright])
    segments[:, 0] += np.array(origin, dtype=np.float32)
    return segments


def _runs(edge: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Runs along the rows: row r is the line between pixel rows r - 1 and r; columns are padded by one."""
    change = np.diff(np.pad(edge, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    start, stop = np.argwhere(change == 1), np.argwhere(change == -1)
    segments = np.zeros((len(start), 2, 2), dtype=np.float32)
    segments[:, 0, 0] = start[:, 0] - 0.5
    segments[:, 0, 1] = start[:, 1] - 1.5
    segments[:, 1, 1] = stop[:, 1] - start[:, 1]
    return segments
