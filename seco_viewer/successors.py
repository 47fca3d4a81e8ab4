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
    sorting = np.argsort(keys)  # looked up in ascending order, which is many times as fast
    place = np.empty(len(keys), dtype=np.int64)
    place[sorting] = np.searchsorted(keys_now[order], keys[sorting])
    rows = order[np.minimum(place, len(order) - 1)]
    same = np.logical_and.reduce([a == b[rows] for a, b in zip(shapes, shapes_now, strict=True)])
    return np.where(same, rows, -1)


def _shapes(r: RegionArrays) -> list[NDArray[np.int64]]:
    """What pixels are told apart by, each (R,)."""
    columns = (r.image_id, *r.box.T, r.area, *r.centroid.view(np.int32).T)
    return [column.astype(np.int64) for column in columns]


def _keys(shapes: list[NDArray[np.int64]]) -> NDArray[np.uint64]:
    """A number for each shape, hardly ever the same for two."""
    keys = np.zeros(len(shapes[0]), dtype=np.uint64)
    for column in shapes:
        keys = (keys ^ column.view(np.uint64)) * _FACTOR
        keys ^= keys >> np.uint64(32)
    return keys
