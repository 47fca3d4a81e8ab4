"""Masks without weights: a binary partition tree over watershed parts.

Markers of low Lab gradient, watershed, region graph, Ward linkage of mean colour, its rank in the image, and
position. The nodes of several nested cuts are the automatic masks; a prompt is answered by the node that fits
its box and points best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt
from seco_core.progress import CancelToken
from seco_core.regions import adjacency

COLOR_WEIGHT = (0.5, 1.0, 1.0)
"""What L, a and b count in the linkage. Lightness differs within a surface more than hue does."""

RANK_RANGE = 50.0
"""Lab units between the lowest and the highest of an image's values of one channel, by their rank."""

RANK_GAIN = 20.0
"""Most Lab units that the range of ranks has for each unit of the values' deviation: noise stays small."""

ROW_RANGE, COLUMN_RANGE = 125.0, 42.0
"""Lab units that a distance of the square root of the image's area counts in the linkage, down and across.
Surfaces of a street lie above one another and run on sideways."""

CUT_RATIOS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""Sizes of the nested cuts as shares of the parts: 4000, 2000, 1000, 500, 250 and 125."""

_LEVELS, _LEVELS_ZERO = (2.55, 2.0, 2.0), (0.0, 128.0, 128.0)  # Lab as the bytes that OpenCV floods

BOX_FILL = 0.5
"""Share of a prompt's box that its object is expected to fill."""


class HierarchySource:
    """Mask source that needs no weights.

    Parameters
    ----------
    parts : int
        About how many watershed parts an image is cut into.
    """

    name = "hierarchy"
    concurrent = True

    def __init__(self, parts: int = 4000) -> None:
        self.parts = parts
        self.signature: dict[str, Any] = {
            "source": self.name,
            "version": 2,
            "parts": parts,
            "color_weight": list(COLOR_WEIGHT),
            "rank_range": [RANK_RANGE, RANK_GAIN],
            "position_range": [ROW_RANGE, COLUMN_RANGE],
            "cuts": [round(ratio, 4) for ratio in CUT_RATIOS],
            "box_fill": BOX_FILL,
        }

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> HierarchyMasks:
        """Build the partition tree of an RGB image (H, W, 3).

        Raises
        ------
        Cancelled
            If `cancel` was set.
        """
        if cancel is not None:
            cancel.raise_if_cancelled()
        lab = smoothed_lab(image)
        parts = watershed_parts(lab, self.parts)
        if cancel is not None:
            cancel.raise_if_cancelled()
        return HierarchyMasks(partition_tree(lab, parts), self.parts)


def smoothed_lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE Lab of an RGB image (H, W, 3), lightly smoothed; float32, L in 0..100."""
    lab = cv2.cvtColor(np.ascontiguousarray(image).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    smooth: NDArray[np.float32] = cv2.GaussianBlur(lab, (5, 5), 1.0)
    return smooth


def watershed_parts(lab: NDArray[np.float32], n_parts: int) -> NDArray[np.int32]:
    """Cut an image into about `n_parts` connected parts along its colour edges.

    Every cell of a regular grid has a marker where its gradient is lowest, so parts are of similar size; from
    there they grow over the smallest differences of colour.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    n_parts : int
        Parts wanted; there are at most as many as pixels.

    Returns
    -------
    ndarray of int32, (H, W)
        Part of each pixel, 1 to the number of parts.
    """
    height, width = lab.shape[:2]
    dx = cv2.Sobel(lab, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    gradient = np.sqrt((dx * dx + dy * dy).sum(axis=2))
    spacing = max(1.0, np.sqrt(height * width / n_parts))
    markers = _lowest_of_cells(gradient, max(1, round(height / spacing)), max(1, round(width / spacing)))
    levels = np.clip(lab * _LEVELS + _LEVELS_ZERO, 0, 255).astype(np.uint8)
    # OpenCV gives the outermost pixels to no part
    framed = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.watershed(cv2.copyMakeBorder(levels, 1, 1, 1, 1, cv2.BORDER_REPLICATE), framed)
    return _fill_lines(framed[1:-1, 1:-1].copy(), lab)


def _fill_lines(parts: NDArray[np.int32], lab: NDArray[np.float32]) -> NDArray[np.int32]:
    """Let every pixel between parts (value below 1) join the 4-neighbour whose colour is closest."""
    height, width = parts.shape
    while len((line := np.nonzero(parts < 1))[0]):
        nearest = np.full(len(line[0]), np.inf, dtype=np.float32)
        joined = np.zeros(len(line[0]), dtype=np.int32)
        for down, across in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            beside = np.clip(line[0] + down, 0, height - 1), np.clip(line[1] + across, 0, width - 1)
            difference = ((lab[beside] - lab[line]) ** 2).sum(axis=1)
            closer = (parts[beside] > 0) & (difference < nearest)
            nearest[closer], joined[closer] = difference[closer], parts[beside][closer]
        parts[line] = joined
    return parts


def _lowest_of_cells(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.int32]:
    """Number from 1 on the first lowest pixel of every cell of a grid; 0 elsewhere."""
    height, width = values.shape
    cell_of_row, cell_of_column = np.arange(height) * rows // height, np.arange(width) * columns // width
    row_starts = np.searchsorted(cell_of_row, np.arange(rows))
    column_starts = np.searchsorted(cell_of_column, np.arange(columns))
    lowest = np.minimum.reduceat(np.minimum.reduceat(values, row_starts, axis=0), column_starts, axis=1)
    candidates = np.flatnonzero(values == lowest[cell_of_row][:, cell_of_column])
    cell = cell_of_row[candidates // width] * columns + cell_of_column[candidates % width]
    first = np.unique(cell, return_index=True)[1]
    markers = np.zeros(height * width, dtype=np.int32)
    markers[candidates[first]] = np.arange(1, len(first) + 1)
    return markers.reshape(height, width)


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
        crops = []
        for node in nodes:
            x0, y0, x1, y1 = self.box[node]
            crop = self.ranks[y0:y1, x0:x1]
            crops.append((crop >= self.start[node]) & (crop < self.stop[node]))
        height, width = self.ranks.shape
        return MaskSet((height, width), self.box[nodes], tuple(crops))

    def sums(self, of_rank: NDArray[Any]) -> NDArray[Any]:
        """Sum over each node of a value per rank."""
        total = np.concatenate([[0], np.cumsum(of_rank)])
        return total[self.stop] - total[self.start]


def partition_tree(lab: NDArray[np.float32], parts: NDArray[np.int32]) -> PartitionTree:
    """Merge touching parts pair by pair, by Ward linkage of mean Lab and position.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    parts : ndarray of int32, (H, W)
        1 to n, every part connected.
    """
    import higra as hg

    height, width = parts.shape
    n = int(parts.max())
    flat = parts.reshape(-1) - 1
    area = np.bincount(flat, minlength=n)
    y, x = np.indices(parts.shape)
    channels = [*np.moveaxis(lab, 2, 0), y, x]
    total = np.stack([np.bincount(flat, weights=c.reshape(-1), minlength=n) for c in channels], axis=1)
    mean = total / area[:, None]
    features = np.column_stack(
        [
            mean[:, :3] * COLOR_WEIGHT,
            *(_rank(mean[:, c], area) for c in range(3)),
            mean[:, 3:] * (ROW_RANGE, COLUMN_RANGE) / np.sqrt(height * width),
        ]
    )
    graph = hg.UndirectedGraph(n)
    pairs = adjacency(parts)[0]
    graph.add_edges(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64))
    tree, _ = hg.binary_partition_tree_ward_linkage(graph, features, area.astype(np.float64))

    parent = np.asarray(tree.parents(), dtype=np.int64)
    count = hg.accumulate_sequential(tree, np.ones(n), hg.Accumulators.sum).astype(np.int64)
    # each second child starts where its sibling ends
    children = np.argsort(parent[:-1], kind="stable").reshape(-1, 2)
    offset = np.zeros(len(parent))
    offset[children[:, 1]] = count[children[:, 0]]
    start = hg.propagate_sequential_and_accumulate(tree, offset, hg.Accumulators.sum).astype(np.int64)

    first = np.stack([x, y]).reshape(2, -1)
    low = np.full((n, 2), [width, height])
    high = np.zeros((n, 2), dtype=np.int64)
    for axis in range(2):
        np.minimum.at(low[:, axis], flat, first[axis])
        np.maximum.at(high[:, axis], flat, first[axis] + 1)
    box = np.concatenate(
        [
            hg.accumulate_sequential(tree, low.astype(np.float64), hg.Accumulators.min),
            hg.accumulate_sequential(tree, high.astype(np.float64), hg.Accumulators.max),
        ],
        axis=1,
    )
    return PartitionTree(
        ranks=start[:n].astype(np.int32)[flat].reshape(height, width),
        parent=parent,
        start=start,
        stop=start + count,
        box=box.astype(np.int32),
        area=hg.accumulate_sequential(tree, area.astype(np.float64), hg.Accumulators.sum).astype(np.int64),
    )


def _rank(value: NDArray[Any], area: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the image that lies in parts of lower value, in Lab units; equal values have equal ranks."""
    inverse = np.unique(value, return_inverse=True)[1]
    share = np.bincount(inverse, weights=area) / area.sum()
    spread = np.sqrt(np.average((value - np.average(value, weights=area)) ** 2, weights=area))
    return ((np.cumsum(share) - share / 2) * min(RANK_RANGE, RANK_GAIN * spread))[inverse]


class HierarchyMasks:
    """The partition tree of one image as a source of masks.

    Parameters
    ----------
    tree : PartitionTree
    parts : int
        Parts of the finest cut.
    """

    def __init__(self, tree: PartitionTree, parts: int) -> None:
        self.tree = tree
        self.parts = parts

    def proposals(self) -> MaskSet:
        """The nodes of all nested cuts, each once, in merge order."""
        cuts = [self.tree.cut(round(self.parts * ratio)) for ratio in CUT_RATIOS]
        return self.tree.masks(np.unique(np.concatenate(cuts)))

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """The node that fits each prompt best.

        An object is expected as an ellipse in the middle of its box. Of the nodes without a negative point
        the one with the highest intersection over union with that ellipse answers, counted the less the more
        positive points it leaves out. The mask is empty for a box off the image.
        """
        height, width = self.tree.ranks.shape
        nodes = [_best_node(self.tree, prompt) for prompt in prompts]
        found = self.tree.masks(np.array([node for node in nodes if node is not None], dtype=np.int64))
        boxes = np.zeros((len(prompts), 4), dtype=np.int32)
        crops = [np.zeros((0, 0), dtype=bool)] * len(prompts)
        answered = [i for i, node in enumerate(nodes) if node is not None]
        for i, box, crop in zip(answered, found.boxes, found.crops, strict=True):
            boxes[i], crops[i] = box, crop
        return MaskSet((height, width), boxes, tuple(crops))


def _best_node(tree: PartitionTree, prompt: Prompt) -> int | None:
    height, width = tree.ranks.shape
    x0, y0 = max(int(np.floor(prompt.box[0])), 0), max(int(np.floor(prompt.box[1])), 0)
    x1, y1 = min(int(np.ceil(prompt.box[2])), width), min(int(np.ceil(prompt.box[3])), height)
    if x0 >= x1 or y0 >= y1:
        return None
    target = _inner_ellipse(prompt.box, (x0, y0, x1, y1))
    inside = np.bincount(tree.ranks[y0:y1, x0:x1][target], minlength=tree.n_parts)
    common = tree.sums(inside)
    overlap = common / (tree.area + target.sum() - common)
    if len(prompt.points):
        columns = np.clip(np.floor(prompt.points[:, 0]).astype(int), 0, width - 1)
        rows = np.clip(np.floor(prompt.points[:, 1]).astype(int), 0, height - 1)
        rank = tree.ranks[rows, columns]
        contains = (tree.start[:, None] <= rank) & (rank < tree.stop[:, None])
        positive = prompt.labels > 0
        # the box bounds what points can do: two in parts far apart have only a huge node in common
        overlap *= (1 + contains[:, positive].sum(axis=1)) / (1 + positive.sum())
        excluded = contains[:, ~positive].any(axis=1)
        if not excluded.all():
            overlap[excluded] = -1.0
    return int(np.argmax(overlap))


def _inner_ellipse(
    box: tuple[float, float, float, float], window: tuple[int, int, int, int]
) -> NDArray[np.bool_]:
    """Pixels of a window in the centred ellipse that fills `BOX_FILL` of the box; never none."""
    x0, y0, x1, y1 = window
    scale = np.sqrt(BOX_FILL * 4 / np.pi) / 2
    across = (np.arange(x0, x1) + 0.5 - (box[0] + box[2]) / 2) / max(scale * (box[2] - box[0]), 0.5)
    down = (np.arange(y0, y1) + 0.5 - (box[1] + box[3]) / 2) / max(scale * (box[3] - box[1]), 0.5)
    distance = across[None, :] ** 2 + down[:, None] ** 2
    ellipse: NDArray[np.bool_] = distance <= max(1.0, distance.min())
    return ellipse
