"""cleanlab's opinion of each region's class, as a second one beside the noise score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError


def label_quality(
    class_id: NDArray[np.uint8], probabilities: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """cleanlab's label quality (Northcutt et al., Confident Learning).

    Parameters
    ----------
    class_id : ndarray of uint8, (N,)
        Classes of the regions.
    probabilities : ndarray of float, (N, C)
        Of a classifier that did not train on them; rows sum to 1.

    Returns
    -------
    ndarray of float32, (N,)
        0..1, low for a class that looks wrong.

    Raises
    ------
    ParameterError
        If cleanlab is not installed.
    """
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise ParameterError(
            "scc.cleanlab needs the package cleanlab.",
            remedy="Install it with `pip install seco-viewer[cleanlab]`, or set scc.cleanlab = false.",
        ) from error
    if len(class_id) == 0:
        return np.zeros(0, dtype=np.float32)
    # rounding to float32 must not take a row's sum off 1
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return np.asarray(get_label_quality_scores(class_id.astype(np.int64), exact), dtype=np.float32)
