"""How often each colour and each small pattern occurs in a region."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_RANKS = 8
_LIGHTNESS_EDGES = np.linspace(0.0, 100.0, 13)[1:-1]
_CHROMA_EDGES = np.array([-20.0, -12.0, -7.0, -4.0, -2.0, 0.0, 2.0, 4.0, 7.0, 12.0, 20.0])
_QUANTILE_STEP = 3
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_BRIGHTER = 1.0
_PATTERNS = 10


def histograms(lab: NDArray[np.float32], shares: sparse.csr_matrix) -> NDArray[np.float64]:
    """Histograms of colour and of local patterns under each region.

    A mean and a spread cannot tell a region half of glass and half of metal from a grey one; a histogram can.
    Roots of the shares are given, so that the rare bins count beside the common ones.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        The image in CIE Lab.
    shares : scipy.sparse.csr_matrix, (N, H * W)
        Share of each region in each pixel, as of `seco_core.encoders.base.membership`.

    Returns
    -------
    ndarray of float64, (N, 96)
        For L, a and b each: 8 bins between the image's own quantiles, so that day and dusk compare, and 12
        fixed ones. Then local binary patterns of lightness at 1 and 2 pixels: by number of brighter
        neighbours where these are in one row, else as one bin. Last the shares of pixels, 1 and 3 pixels off
        in eight directions, that are brighter.
    """
    found = []
    for channel, fixed in enumerate((_LIGHTNESS_EDGES, _CHROMA_EDGES, _CHROMA_EDGES)):
        values = lab[:, :, channel]
        own = np.quantile(values[::_QUANTILE_STEP, ::_QUANTILE_STEP], np.arange(1, _RANKS) / _RANKS)
        found += [_roots(np.digitize(values, edges), len(edges) + 1, shares) for edges in (own, fixed)]
    sharp, soft = (cv2.GaussianBlur(lab[:, :, 0], (0, 0), sigma) for sigma in (0.5, 1.0))
    found += [_roots(patterns(brighter_neighbours(sharp, far)), _PATTERNS, shares) for far in (1, 2)]
    for far in (1, 3):
        found.append(shares @ brighter_neighbours(soft, far).reshape(len(_NEIGHBOURS), -1).T)
    return np.hstack(found)


def brighter_neighbours(values: NDArray[np.float32], far: int) -> NDArray[np.bool_]:
    """Which of a pixel's eight neighbours at some distance are clearly brighter, (8, H, W), in a circle.

    Examples
    --------
    >>> brighter_neighbours(np.array([[0.0, 9.0], [0.0, 0.0]], np.float32), 1)[:, 1, 0].astype(int).tolist()
    [1, 0, 1, 0, 1, 0, 1, 0]
    """
    height, width = values.shape
    padded = cv2.copyMakeBorder(values, far, far, far, far, cv2.BORDER_REFLECT_101)
    least = values + _BRIGHTER
    return np.stack(
        [
            padded[far * (1 + dy) : far * (1 + dy) + height, far * (1 + dx) : far * (1 + dx) + width] > least
            for dy, dx in _NEIGHBOURS
        ]
    )


def patterns(brighter: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Uniform local binary patterns (Ojala et al. 2002) by number of brighter neighbours.

    Those of scikit-image have no margin by which a neighbour must be brighter: noise makes patterns there.

    Parameters
    ----------
    brighter : ndarray of bool, (8, ...)
        As of `brighter_neighbours`.

    Returns
    -------
    ndarray of uint8, (...)
        0 to 8 brighter neighbours if they lie in one row, 9 if not.

    Examples
    --------
    >>> circle = np.array([[1, 1], [1, 0], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]], dtype=bool)
    >>> patterns(circle).tolist()
    [2, 9]
    """
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0, dtype=np.uint8)
    return np.where(changes <= 2, brighter.sum(axis=0, dtype=np.uint8), np.uint8(_PATTERNS - 1))


def _roots(bins: NDArray[np.integer], count: int, shares: sparse.csr_matrix) -> NDArray[np.float64]:
    """Square roots of the shares of each region (N, count) that fall into each bin."""
    n = shares.shape[0]
    region = np.repeat(np.arange(n), np.diff(shares.indptr))
    cell = region * count + bins.ravel()[shares.indices]
    found: NDArray[np.float64] = np.sqrt(
        np.bincount(cell, shares.data, minlength=n * count).reshape(n, count)
    )
    return found
