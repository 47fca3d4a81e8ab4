"""In which order the merges of a tree count: those over the weakest borders first.

The linkage knows how different two regions are. Which of its merges join two surfaces shows in their border
too: there, measured against the light that falls on it, the colour changes from one pixel to the next, and
the two touch with a small share of their outlines, where pieces of one texture lie deep in one another.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.masks.hierarchy.parts import DARK

BORDER_EXPONENT = 0.2
"""How much the border and the size of the smaller region say beside the linkage's altitude."""

LIGHT_REACH = 3.0
"""Pixels (sigma) around a border over which its light is averaged."""

_LEAST_CONTRAST, _LEAST_SHARE = 0.01, 0.05  # even surfaces and regions that hardly touch have an order too


def order_merges(
    links: Any,
    altitude: NDArray[np.float64],
    lab: NDArray[np.float32],
    change: NDArray[np.float32],
    parts: NDArray[np.int32],
) -> Any:
    """Order the merges of a tree by how likely they join different surfaces, the least likely first.

    Parameters
    ----------
    links : higra.Tree
        Binary; its leaves are the parts.
    altitude : ndarray of float64, (2n - 1,)
        How different the two regions of each merge are; 0 for the parts.
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    change : ndarray of float32, (H, W)
        Its `gradient`.
    parts : ndarray of int32, (H, W)
        1 to n, every part connected.

    Returns
    -------
    higra.Tree
        The same regions; no merge comes before those within its regions.
    """
    import higra as hg

    n = links.num_leaves()
    merges = np.s_[n:]
    light = cv2.GaussianBlur(np.ascontiguousarray(lab[..., 0]), (0, 0), LIGHT_REACH)
    one, other, steepest = _borders(change / (light + DARK), parts)
    merge = links.lowest_common_ancestor(one, other)
    length = np.bincount(merge, minlength=2 * n - 1).astype(np.float64)
    # some touch with no more than a corner
    contrast = np.bincount(merge, steepest, minlength=2 * n - 1)[merges] / np.maximum(length[merges], 1)
    area = np.bincount(parts.reshape(-1) - 1, minlength=n).astype(np.float64)
    area = hg.accumulate_sequential(links, area, hg.Accumulators.sum)
    around = (np.bincount(one, minlength=n) + np.bincount(other, minlength=n)).astype(np.float64)
    # what the parts of a region share with one another is no outline of it
    within = hg.accumulate_and_add_sequential(links, length, np.zeros(n), hg.Accumulators.sum)
    outline = hg.accumulate_sequential(links, around, hg.Accumulators.sum) - 2 * within
    smaller = hg.accumulate_parallel(links, area, hg.Accumulators.min)[merges]
    share = length[merges] / hg.accumulate_parallel(links, outline, hg.Accumulators.min)[merges]
    border = (contrast + _LEAST_CONTRAST) * smaller / (share + _LEAST_SHARE) ** 2
    strength = np.zeros(2 * n - 1)
    strength[merges] = altitude[merges] * border**BORDER_EXPONENT
    strength = hg.accumulate_and_max_sequential(links, strength, np.zeros(n), hg.Accumulators.max)
    return _reordered(links, strength)


def _borders(
    values: NDArray[np.float32], parts: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Both parts, from 0, of all neighbouring pixels in different ones, and the larger value of the two."""
    found = []
    for first, second in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        differs = parts[first] != parts[second]
        larger = np.maximum(values[first][differs], values[second][differs])
        found.append((parts[first][differs], parts[second][differs], larger))
    one, other, larger = (np.concatenate(of_both) for of_both in zip(*found, strict=True))
    return one.astype(np.int64) - 1, other.astype(np.int64) - 1, larger


def _reordered(links: Any, strength: NDArray[np.float64]) -> Any:
    """The tree with its merges by rising strength; equal ones stay in their order."""
    import higra as hg

    n = links.num_leaves()
    parent = np.asarray(links.parents())
    place = np.arange(len(parent))
    place[n + np.argsort(strength[n:], kind="stable")] = np.arange(n, len(parent))
    moved = np.empty_like(parent)
    moved[place] = place[parent]
    return hg.Tree(moved)
