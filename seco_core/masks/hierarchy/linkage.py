"""Which parts belong together: Ward linkage of colour, its rank in the image, its light, and position.

Ward linkage of squared differences lets one large difference, such as a reflection's, outweigh many small
ones, and keeps wide surfaces apart whose ends are far from each other. Here every feature is laid out so that
squared distances become plain differences, which makes it the linkage by energy distance (Szekely and Rizzo,
"Hierarchical clustering via joint between-within distances", Journal of Classification 22, 2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.hierarchy.parts import DARK
from seco_core.regions import adjacency

COLOR_WEIGHT = (0.5, 1.0, 1.0)
"""What L, a and b count in the linkage. Lightness differs within a surface more than hue does."""

EDGE = 3.0
"""Lab units of change from one pixel to the next at which a pixel counts half in its part's colour: on an
edge it mixes the colours of both sides."""

RANK_RANGE = 50.0
"""Lab units between the lowest and the highest of an image's values of one channel, by their rank."""

RANK_GAIN = 20.0
"""Most Lab units that the range of ranks has for each unit of the values' deviation: noise stays small."""

LIGHT_RATIO, HUE_RATIO = 20.0, 80.0
"""Lab units that a unit of the logarithm of lightness counts, and one of hue by lightness: among dark
surfaces, differences of Lab are small."""

ROW_RANGE, COLUMN_RANGE = 90.0, 10.0
"""Lab units that a distance of the square root of the image's area counts in the linkage, down and across.
Surfaces of a street lie above one another and run on sideways."""

WAVES = 16
"""Terms of the series that lays out a feature; below its range / `WAVES`, squares of differences count."""


def link_parts(
    lab: NDArray[np.float32], change: NDArray[np.float32], parts: NDArray[np.int32]
) -> tuple[Any, NDArray[np.float64]]:
    """Merge touching parts pair by pair.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    change : ndarray of float32, (H, W)
        Its `gradient`.
    parts : ndarray of int32, (H, W)
        1 to n, every part connected.

    Returns
    -------
    links : higra.Tree
        The n parts are its leaves, in their order.
    altitude : ndarray of float64, (2n - 1,)
        How different the two regions of each merge are; 0 for the parts.
    """
    import higra as hg

    n = int(parts.max())
    graph = hg.UndirectedGraph(n)
    pairs = adjacency(parts)[0]
    graph.add_edges(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64))
    area = np.bincount(parts.reshape(-1) - 1, minlength=n)
    features = np.column_stack([layout(values) for values in _channels(lab, change, parts, area)])
    links, altitude = hg.binary_partition_tree_ward_linkage(graph, features, area.astype(np.float64))
    return links, altitude


def _channels(
    lab: NDArray[np.float32],
    change: NDArray[np.float32],
    parts: NDArray[np.int32],
    area: NDArray[np.int64],
) -> list[NDArray[np.float64]]:
    """What is compared, in Lab units: colour, its rank, colour by its light, and position of every part."""
    flat = parts.reshape(-1) - 1
    pure = (1 / (1 + (change / EDGE) ** 2)).reshape(-1)
    weight = np.bincount(flat, weights=pure)
    color = [np.bincount(flat, weights=lab[..., c].reshape(-1) * pure) / weight for c in range(3)]
    light = color[0] + DARK
    row, column = (np.bincount(flat, weights=place.reshape(-1)) / area for place in np.indices(parts.shape))
    unit = np.sqrt(parts.size)
    return [
        *(values * counts for values, counts in zip(color, COLOR_WEIGHT, strict=True)),
        *(_rank(values, area) for values in color),
        np.log(light) * LIGHT_RATIO,
        *(hue / light * HUE_RATIO for hue in color[1:]),
        row * (ROW_RANGE / unit),
        column * (COLUMN_RANGE / unit),
    ]


def _rank(value: NDArray[np.float64], area: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the image that lies in parts of lower value, in Lab units; equal values have equal ranks."""
    inverse = np.unique(value, return_inverse=True)[1]
    share = np.bincount(inverse, weights=area) / area.sum()
    spread = np.sqrt(np.average((value - np.average(value, weights=area)) ** 2, weights=area))
    return ((np.cumsum(share) - share / 2) * min(RANK_RANGE, RANK_GAIN * spread))[inverse]


def layout(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, `WAVES`) whose squared distances are the differences of the values.

    The function that is 1 below a value and 0 above has |x - y| for the squared distance of two values; these
    are its coefficients in a sine series.
    """
    low = value.min()
    span = max(value.max() - low, np.finfo(np.float64).tiny)
    order = np.pi * np.arange(1, WAVES + 1)
    return np.sqrt(2 * span) * np.cos((value - low)[:, None] / span * order) / order
