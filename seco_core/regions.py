"""Regions of a class map: components, statistics, class votes, adjacency.

A region (the papers say "connectivity") is one 8-connected component of one class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ParameterError

MAX_REGIONS = 65535
"""Most regions that one image can have: region id maps are uint16."""


@dataclass(frozen=True)
class RegionTable:
    """The regions of one image, row i belonging to id i + 1 of its region id map.

    Rows are in raster order of each region's first pixel.

    Attributes
    ----------
    class_id : ndarray of uint8, (N,)
        Class of the region.
    area : ndarray of int64, (N,)
        Pixels.
    box : ndarray of int32, (N, 4)
        x0, y0, x1, y1 in pixels, x1 and y1 exclusive.
    centroid : ndarray of float32, (N, 2)
        Row and column of the mean pixel.
    """

    class_id: NDArray[np.uint8]
    area: NDArray[np.int64]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.area)


def connected_regions(
    class_map: NDArray[np.uint8], *, cuts: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.uint16], RegionTable]:
    """Cut a class map into its regions (SeCo, section 3.2: "connectivities").

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        Class ids; 255 belongs to no region.
    cuts : ndarray of int32, (H, W), optional
        Pixels of different value never share a region. The borders of people's overrides.

    Returns
    -------
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = row i of the table.
    regions : RegionTable
        In raster order of each region's first pixel.

    Raises
    ------
    ParameterError
        If there are more than 65535 regions.

    Examples
    --------
    >>> ids, table = connected_regions(np.array([[0, 0, 1], [255, 1, 0]], dtype=np.uint8))
    >>> ids.tolist(), table.class_id.tolist(), table.area.tolist()
    ([[1, 1, 2], [0, 2, 1]], [0, 1], [3, 2])
    """
    components, n_components = label_components(class_map, cuts)
    if n_components > MAX_REGIONS:
        raise ParameterError(
            f"an image was cut into {n_components} regions; {MAX_REGIONS} is the most there can be.",
            remedy="Raise psa.min_region_area.",
        )
    return components.astype(np.uint16), region_table(components, n_components, class_map)


def label_components(
    class_map: NDArray[np.uint8], cuts: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.int32], int]:
    """8-connected components of equal class (and equal cut) in raster order of their first pixel.

    Returns
    -------
    components : ndarray of int32, (H, W)
        0 where the class is 255, else 1 to `n_components`.
    n_components : int
    """
    import cc3d

    if not class_map.size:
        return np.zeros(class_map.shape, dtype=np.int32), 0
    key = class_map + np.uint8(1)  # wraps IGNORE to cc3d's background, 0
    if cuts is not None:
        cut = cuts.astype(np.int64) - cuts.min()
        key = np.where(key > 0, key + cut * 256, 0)
    found, n_components = cc3d.connected_components(
        np.ascontiguousarray(key), connectivity=8, return_N=True, out_dtype=np.uint32
    )
    components: NDArray[np.int32] = found.view(np.int32)
    first = np.sort(first_pixels(components, n_components))
    number = components.reshape(-1)[first]
    if np.any(number[1:] < number[:-1]):
        renumber = np.zeros(n_components + 1, dtype=np.int32)
        renumber[number] = np.arange(1, n_components + 1)
        components = renumber[components]
    return components, int(n_components)


def region_table(components: NDArray[np.int32], n: int, class_map: NDArray[np.uint8]) -> RegionTable:
    """Class, area, box and centroid of the `n` components of a class map; see `label_components`."""
    import cc3d

    if n == 0:
        return RegionTable(
            np.zeros(0, np.uint8),
            np.zeros(0, np.int64),
            np.zeros((0, 4), np.int32),
            np.zeros((0, 2), np.float32),
        )
    statistics = cc3d.statistics(components.view(np.uint32), no_slice_conversion=True)
    box = statistics["bounding_boxes"][1:].astype(np.int32)
    return RegionTable(
        class_id=class_map.reshape(-1)[first_pixels(components, n)].astype(np.uint8),
        area=statistics["voxel_counts"][1:].astype(np.int64),
        box=np.stack([box[:, 2], box[:, 0], box[:, 3] + 1, box[:, 1] + 1], axis=1),
        centroid=statistics["centroids"][1:].astype(np.float32),
    )


def class_votes(
    region_ids: NDArray[Any],
    n_regions: int,
    labels: NDArray[np.uint8],
    n_classes: int,
    weights: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Class histogram of each region.

    Parameters
    ----------
    region_ids : ndarray of integer, (H, W)
        0 = no region, i + 1 = row i.
    n_regions : int
        Rows of the result.
    labels : ndarray of uint8, (H, W)
        Class ids; those from `n_classes` on (255 among them) are left out.
    n_classes : int
        Columns of the result, `ClassScheme.size`.
    weights : ndarray, (H, W), optional
        What each pixel counts; 1 if left out.

    Returns
    -------
    ndarray of float64, (N, C)

    Examples
    --------
    >>> class_votes(np.array([[1, 1, 2]]), 2, np.array([[0, 1, 255]], dtype=np.uint8), 2).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    # row 0 and the last column take what is left out
    cell = np.multiply(region_ids, n_classes + 1, dtype=np.int64).reshape(-1)
    cell += np.minimum(labels, n_classes).reshape(-1)
    weight = None if weights is None else weights.reshape(-1)
    votes = np.bincount(cell, weights=weight, minlength=(n_regions + 1) * (n_classes + 1))
    return votes.reshape(n_regions + 1, n_classes + 1)[1:, :n_classes].astype(np.float64)


def mean_in_regions(region_ids: NDArray[Any], n_regions: int, values: NDArray[Any]) -> NDArray[np.float32]:
    """Mean of a value over each region, float32 (N,); NaN for a row without pixels."""
    flat = region_ids.reshape(-1)
    count = np.bincount(flat, minlength=n_regions + 1)[1:]
    total = np.bincount(flat, weights=values.reshape(-1), minlength=n_regions + 1)[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float32] = (total / count).astype(np.float32)
    return mean


def quantile_in_regions(
    region_ids: NDArray[Any], n_regions: int, values: NDArray[Any], share: float
) -> NDArray[np.float32]:
    """A quantile of a value over each region.

    Parameters
    ----------
    region_ids : ndarray of integer, (H, W)
        0 = no region, i + 1 = row i.
    n_regions : int
        Rows of the result.
    values : ndarray of float, (H, W)
        0..1; told apart in steps of 1/1023.
    share : float
        0 for the lowest value, 1 for the highest; of two between which it falls the lower one.

    Returns
    -------
    ndarray of float32, (N,)
        NaN for a row without pixels.

    Examples
    --------
    >>> quantile_in_regions(np.array([[1, 1, 1, 0]]), 1, np.array([[1.0, 0.0, 1.0, 0.5]]), 0.5).tolist()
    [1.0]
    """
    key = region_ids.reshape(-1).astype(np.uint32) * np.uint32(1024)
    key += np.rint(values.reshape(-1) * 1023).astype(np.uint32)
    key.sort()
    start = np.searchsorted(key, np.arange(1, n_regions + 2, dtype=np.uint32) * np.uint32(1024))
    count = np.diff(start)
    chosen = start[:-1] + np.floor(share * np.maximum(count - 1, 0)).astype(np.int64)
    found = (key[np.minimum(chosen, len(key) - 1)] % 1024 / np.float32(1023)).astype(np.float32)
    return np.where(count > 0, found, np.float32(np.nan))


def adjacency(region_ids: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Which regions touch, and how much.

    Parameters
    ----------
    region_ids : ndarray of integer, (H, W)
        0 = no region, i + 1 = row i.

    Returns
    -------
    pairs : ndarray of int32, (E, 2)
        Rows a < b of touching regions, in ascending order.
    contact : ndarray of int64, (E,)
        Number of 8-neighbouring pixel pairs across their border.

    Examples
    --------
    >>> pairs, contact = adjacency(np.array([[1, 2], [1, 2]]))
    >>> pairs.tolist(), contact.tolist()
    ([[0, 1]], [4])
    """
    height, width = region_ids.shape
    n = int(region_ids.max(initial=0))
    code = np.uint32 if (n + 1) ** 2 <= 2**32 else np.uint64  # 32 bits sort in half the time
    # a column of no region at the end keeps a row's last pixel from touching the next row's first
    padded = np.zeros((height, width + 1), dtype=code)
    padded[:, :width] = region_ids
    flat = padded.reshape(-1)
    found = []
    for step in (1, width, width + 1, width + 2):  # right, lower left, below, lower right
        across = np.flatnonzero(flat[step:] != flat[:-step])
        a, b = flat[across], flat[across + step]
        low, high = np.minimum(a, b), np.maximum(a, b)
        both = low > 0
        found.append(low[both] * code(n + 1) + high[both])
    edges = np.concatenate(found)
    edges.sort()
    start = np.flatnonzero(np.diff(edges, prepend=code(0)))  # no edge has code 0
    contact = np.diff(start, append=len(edges))
    pairs = np.stack(np.divmod(edges[start], code(n + 1)), axis=1).astype(np.int32) - 1
    return pairs, contact.astype(np.int64)


def first_pixels(components: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """Flat index of the first pixel in raster order of each of the components 1 to `n`."""
    flat = components.reshape(-1)
    highest = np.maximum.accumulate(flat)
    first = np.flatnonzero(highest[1:] != highest[:-1]) + 1
    if flat.size and flat[0]:
        first = np.concatenate([[0], first])
    if len(first) == n:  # each is the highest so far where it begins: they are in raster order
        return first
    first = np.zeros(n + 1, dtype=np.int64)
    first[flat[::-1]] = np.arange(flat.size - 1, -1, -1)  # the last assignment stays
    return first[1:]
