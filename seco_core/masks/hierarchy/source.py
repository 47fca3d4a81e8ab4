"""The mask source that needs no weights, and how it answers prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt
from seco_core.masks.hierarchy.borders import settle_borders
from seco_core.masks.hierarchy.linkage import link_parts
from seco_core.masks.hierarchy.order import order_merges
from seco_core.masks.hierarchy.parts import gradient, smoothed_lab, watershed_parts
from seco_core.masks.hierarchy.tree import PartitionTree, partition_tree, regions_of_parts
from seco_core.progress import CancelToken

CUT_RATIOS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""Sizes of the nested cuts as shares of the parts: 4000, 2000, 1000, 500, 250 and 125."""

SETTLED_RATIO = 1 / 8
"""The cut whose borders are settled, 500: fine enough for small objects, with areas large enough to have a
colour of their own."""

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
            "version": 4,
            "parts": parts,
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
        change = gradient(lab)
        links = order_merges(*link_parts(lab, change, parts), lab, change, parts)
        parts = settle_borders(lab, parts, regions_of_parts(links, round(self.parts * SETTLED_RATIO)))
        return HierarchyMasks(partition_tree(links, parts), self.parts)


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
        positive points it leaves out. With `points_first` every positive point that it leaves out adds the
        node that makes the best union with it, if one has no negative point. The mask is empty for a box off
        the image.
        """
        boxes = np.zeros((len(prompts), 4), dtype=np.int32)
        crops = [np.zeros((0, 0), dtype=bool)] * len(prompts)
        for i, prompt in enumerate(prompts):
            nodes = _best_nodes(self.tree, prompt)
            if nodes:
                boxes[i], crops[i] = self.tree.union(nodes)
        height, width = self.tree.ranks.shape
        return MaskSet((height, width), boxes, tuple(crops))


def _best_nodes(tree: PartitionTree, prompt: Prompt) -> list[int]:
    """The nodes that answer together, none below another: one, unless points go first."""
    height, width = tree.ranks.shape
    x0, y0 = max(int(np.floor(prompt.box[0])), 0), max(int(np.floor(prompt.box[1])), 0)
    x1, y1 = min(int(np.ceil(prompt.box[2])), width), min(int(np.ceil(prompt.box[3])), height)
    if x0 >= x1 or y0 >= y1:
        return []
    target = _inner_ellipse(prompt.box, (x0, y0, x1, y1))
    inside = np.bincount(tree.ranks[y0:y1, x0:x1][target], minlength=tree.n_parts)
    common = tree.sums(inside)
    overlap = common / (tree.area + target.sum() - common)
    if not len(prompt.points):
        return [int(np.argmax(overlap))]
    columns = np.clip(np.floor(prompt.points[:, 0]).astype(int), 0, width - 1)
    rows = np.clip(np.floor(prompt.points[:, 1]).astype(int), 0, height - 1)
    rank = tree.ranks[rows, columns]
    contains = (tree.start[:, None] <= rank) & (rank < tree.stop[:, None])
    positive = prompt.labels > 0
    excluded = contains[:, ~positive].any(axis=1)
    if not prompt.points_first:
        # the box bounds what points can do: two in parts far apart have only a huge node in common
        overlap *= (1 + contains[:, positive].sum(axis=1)) / (1 + positive.sum())
    if not excluded.all():
        overlap[excluded] = -1.0
    nodes = [int(np.argmax(overlap))]
    for holds in contains[:, positive].T if prompt.points_first else ():
        able = holds & ~excluded
        if holds[nodes].any() or not able.any():
            continue
        # two nodes are apart or one is below the other
        apart = (tree.stop[:, None] <= tree.start[nodes]) | (tree.stop[nodes] <= tree.start[:, None])
        shared = common + apart @ common[nodes]
        union = shared / (tree.area + apart @ tree.area[nodes] + target.sum() - shared)
        added = int(np.argmax(np.where(able, union, -1.0)))
        nodes = [node for node, stays in zip(nodes, apart[added], strict=True) if stays] + [added]
    return nodes


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
