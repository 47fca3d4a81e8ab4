"""A binary partition tree whose nodes are intervals of ranked parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet


@dataclass(frozen=True)
class PartitionTree:
    """A binary partition tree whose nodes are intervals of ranked parts.

    Parts are ranked so that every node is a run of consecutive ranks. The 2n - 1 nodes are in merge order:
    the n parts first, the root last.

    Attributes
    ----------
    ranks : ndarray of int32, (H, W)
        Rank of each pixel's part, from 0.
    parent : ndarray of int64, (2n - 1,)
        Parent of each node; the root's is itself.
    start, stop : ndarray of int64, (2n - 1,)
        The node holds the ranks start <= r < stop.
    box : ndarray of int32, (2n - 1, 4)
        x0, y0, x1, y1, maximum exclusive.
    area : ndarray of int64, (2n - 1,)
        Pixels.
    """

    ranks: NDArray[np.int32]
    parent: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    box: NDArray[np.int32]
    area: NDArray[np.int64]

    @property
    def n_parts(self) -> int:
        """Number of parts."""
        return (len(self.parent) + 1) // 2

    def cut(self, n_parts: int) -> NDArray[np.int64]:
        """The nodes of the partition with `n_parts` parts (all parts if there are fewer)."""
        limit = 2 * self.n_parts - min(max(n_parts, 1), self.n_parts)
        nodes = np.arange(limit)
        return nodes[(self.parent[:limit] >= limit) | (nodes == len(self.parent) - 1)]

    def masks(self, nodes: NDArray[np.int64]) -> MaskSet:
        """The nodes as masks, in the order given."""
        found = [self.union([node]) for node in nodes.tolist()]
        height, width = self.ranks.shape
        return MaskSet((height, width), self.box[nodes], tuple(crop for _, crop in found))

    def union(self, nodes: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Several nodes as one mask: its box, and which of the box's pixels are in one of them."""
        box = np.concatenate([self.box[nodes, :2].min(axis=0), self.box[nodes, 2:].max(axis=0)])
        ranks = self.ranks[box[1] : box[3], box[0] : box[2]]
        crop = np.zeros(ranks.shape, dtype=bool)
        for node in nodes:
            crop |= (ranks >= self.start[node]) & (ranks < self.stop[node])
        return box, crop

    def sums(self, of_rank: NDArray[Any]) -> NDArray[Any]:
        """Sum over each node of a value per rank."""
        total = np.concatenate([[0], np.cumsum(of_rank)])
        return total[self.stop] - total[self.start]


def partition_tree(links: Any, parts: NDArray[np.int32]) -> PartitionTree:
    """Rank the parts of a merge tree so that every node is a run of them.

    Parameters
    ----------
    links : higra.Tree
        Binary; its leaves are the parts.
    parts : ndarray of int32, (H, W)
        1 to n, none without pixels.
    """
    import higra as hg
    from scipy import ndimage

    n = links.num_leaves()
    parent = np.asarray(links.parents(), dtype=np.int64)
    count = hg.accumulate_sequential(links, np.ones(n), hg.Accumulators.sum).astype(np.int64)
    # each second child starts where its sibling ends
    children = np.argsort(parent[:-1], kind="stable").reshape(-1, 2)
    offset = np.zeros(len(parent))
    offset[children[:, 1]] = count[children[:, 0]]
    start = hg.propagate_sequential_and_accumulate(links, offset, hg.Accumulators.sum).astype(np.int64)

    windows = ndimage.find_objects(parts)
    low = np.array([(x.start, y.start) for y, x in windows], dtype=np.float64)
    high = np.array([(x.stop, y.stop) for y, x in windows], dtype=np.float64)
    box = np.concatenate(
        [
            hg.accumulate_sequential(links, low, hg.Accumulators.min),
            hg.accumulate_sequential(links, high, hg.Accumulators.max),
        ],
        axis=1,
    )
    area = np.bincount(parts.reshape(-1), minlength=n + 1)[1:].astype(np.float64)
    return PartitionTree(
        ranks=start[:n].astype(np.int32)[parts - 1],
        parent=parent,
        start=start,
        stop=start + count,
        box=box.astype(np.int32),
        area=hg.accumulate_sequential(links, area, hg.Accumulators.sum).astype(np.int64),
    )


def regions_of_parts(links: Any, n_regions: int) -> NDArray[np.int64]:
    """Region of each part, from 0, after the merges that leave `n_regions` (all, if there are fewer)."""
    import higra as hg

    n = links.num_leaves()
    limit = 2 * n - min(max(n_regions, 1), n)
    nodes = np.arange(2 * n - 1)
    top = hg.propagate_sequential(links, nodes, links.parents() < limit)[:n]
    return np.unique(top, return_inverse=True)[1]
