"""Which regions a run has left as they were, when it has given all of them new rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.project import RegionArrays

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, with bits all over: 2**64 divided by the golden ratio."""


def successors(before: RegionArrays, now: RegionArrays) -> NDArray[np.int64]:
    """The rows that regions have now, (R before,); -1 for those that were cut anew.

    The same image, box, size and centre are taken for the same pixels; the class may be another.
    """
    if not len(now):
        return np.full(len(before), -1)
    shapes, shapes_now = _shapes(before), _shapes(now)
    keys, keys_now = _keys(shapes), _keys(shapes_now)
    order = np.argsort(keys_now)
    place = np.searchsorted(keys_now, keys, sorter=order)
    rows = order[np.minimum(place, len(order) - 1)]
    return np.where((shapes_now[rows] == shapes).all(axis=1), rows, -1)


def _shapes(r: RegionArrays) -> NDArray[np.int64]:
    """What pixels are told apart by, (R, 8)."""
    return np.column_stack([r.image_id, r.box, r.area, r.centroid.view(np.int32)]).astype(np.int64)


def _keys(shapes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A number for each shape, hardly ever the same for two."""
    keys = np.zeros(len(shapes), dtype=np.uint64)
    for column in shapes.T:
        keys = (keys ^ column.astype(np.uint64)) * _FACTOR
        keys ^= keys >> np.uint64(32)
    return keys
