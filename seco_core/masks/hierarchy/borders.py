"""Borders between regions moved to where the colours change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STIFFNESS = 30.0
"""Squared Lab units that a pixel saves for each neighbour of its own region (a diagonal one counts 0.7)."""

ROUNDS = 2
"""How often every pixel of a border may move."""

_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
_NEARNESS = np.array([1.0, 0.7] * 4, dtype=np.float32)


def settle_borders(
    lab: NDArray[np.float32], parts: NDArray[np.int32], region: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Let pixels beside another region join a touching part there if they fit it better.

    A pixel fits a region by its colour and by how many of its neighbours are there. One whose leaving would
    divide its part, or end it, stays. Pixels that move at once never touch, so none counts on what
    another gives up.

    Parameters
    ----------
    lab : ndarray of float32, (H, W, 3)
        CIE Lab.
    parts : ndarray of int32, (H, W)
        1 to n, every part connected.
    region : ndarray of int64, (n,)
        Region of each part, from 0.

    Returns
    -------
    ndarray of int32, (H, W)
        The same parts with moved borders, each connected still.
    """
    padded = np.pad(parts, 1)
    part = padded.reshape(-1)
    color = np.pad(lab, ((1, 1), (1, 1), (0, 0))).reshape(-1, 3)
    region_of_part = np.concatenate([[-1], region]).astype(np.int32)
    stride = padded.shape[1]
    ring = np.array([down * stride + across for down, across in _RING])[:, None]
    for _ in range(ROUNDS):
        regions = region_of_part[padded]
        mean = _mean_color(lab, regions[1:-1, 1:-1])
        border = _border(regions)
        row, column = np.divmod(border, stride)
        for turn in range(4):
            at = border[(row % 2) * 2 + column % 2 == turn]
            around = part[at + ring]
            same = around == part[at]
            # the number of runs of the part's pixels on the ring that touch the pixel with a side
            runs = sum((same[k] & ~(same[k + 1] & same[(k + 2) % 8])).astype(np.int8) for k in (0, 2, 4, 6))
            movable = runs == 1
            at, around = at[movable], around[:, movable]
            own_color, regions_around = color[at], region_of_part[around]
            choices = np.concatenate([part[at][None], around[::2]])
            cost = np.empty(choices.shape, dtype=np.float32)
            for choice, into in enumerate(region_of_part[choices]):
                cost[choice] = ((own_color - mean[into]) ** 2).sum(axis=1)
                cost[choice] -= STIFFNESS * (_NEARNESS @ (regions_around == into))
            cost[choices == 0] = np.inf
            part[at] = choices[cost.argmin(axis=0), np.arange(len(at))]
    return padded[1:-1, 1:-1].copy()


def _mean_color(lab: NDArray[np.float32], regions: NDArray[np.int32]) -> NDArray[np.float32]:
    flat = regions.reshape(-1)
    total = np.stack([np.bincount(flat, weights=lab[..., c].reshape(-1)) for c in range(3)], axis=1)
    return (total / np.bincount(flat)[:, None]).astype(np.float32)


def _border(regions: NDArray[np.int32]) -> NDArray[np.int64]:
    """Flat indices of the pixels that touch another region with a side; -1 frames the image and has none."""
    edge = np.zeros(regions.shape, dtype=bool)
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (regions[one] != regions[other]) & (regions[one] >= 0) & (regions[other] >= 0)
        edge[one] |= differs
        edge[other] |= differs
    return np.flatnonzero(edge)
