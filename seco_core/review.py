"""In which order a person looks at regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def worst_first(
    noise_score: NDArray[np.float32], area: NDArray[np.int64], candidates: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Rows of the candidate regions, the highest noise score first.

    Parameters
    ----------
    noise_score : ndarray of float32, (R,)
        0..1; NaN (not scored) comes last.
    area : ndarray of int64, (R,)
        Pixels; among equal scores the larger region comes first, then the lower row.
    candidates : ndarray of bool, (R,)
        Regions to order.

    Examples
    --------
    >>> worst_first(np.array([0.1, 0.9, 0.9]), np.array([5, 5, 7]), np.array([True, True, True]))
    array([2, 1, 0])
    """
    rows = np.flatnonzero(candidates)
    score = np.nan_to_num(noise_score[rows].astype(np.float64), nan=-1.0)
    return rows[np.lexsort((rows, -area[rows], -score))]
