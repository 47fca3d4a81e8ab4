"""PSA's stuff step: class votes of pixels, shared within masks, whatever the order the masks come in.

The published code lets masks overwrite one another in the order they arrive. Here the image is cut into
*atoms*, the pixels with the identical set of covering masks; every mask votes on its atoms.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet
from seco_core.regions import class_votes
from seco_core.scheme import IGNORE

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DOUBTFUL_WEIGHT = 0.3
"""What the vote of a pixel that is not reliable counts against that of one that is."""

LEAST_CONFIDENCE = 1e-3
"""Labelled pixels of no confidence still count this, so that they decide where nothing else does."""


@dataclass(frozen=True)
class Canvas:
    """An image cut into atoms by a set of masks.

    Attributes
    ----------
    atoms : ndarray of int32, (H, W)
        Atom of each pixel, 0 to A - 1 in raster order of first pixel.
    cover : csr_matrix of float64, (M, A)
        1 where the mask covers the atom. Masks are in canonical order (area, then content), each once.
    """

    atoms: NDArray[np.int32]
    cover: csr_matrix


def make_canvas(masks: MaskSet) -> Canvas:
    """Cut the image into atoms; equal for the same masks in any order.

    Examples
    --------
    >>> mask = MaskSet((1, 3), np.array([[0, 0, 2, 1]], dtype=np.int32), (np.ones((1, 2), dtype=bool),))
    >>> make_canvas(mask).atoms.tolist()
    [[0, 0, 1]]
    """
    from scipy.sparse import csr_matrix

    height, width = masks.shape
    codes = np.array([_content(b, c) for b, c in zip(masks.boxes, masks.crops, strict=True)], dtype=np.uint64)
    area = np.array([np.count_nonzero(crop) for crop in masks.crops], dtype=np.int64)
    # each content once: a mask given twice would cancel itself, and count double
    once = np.unique(codes, return_index=True)[1]
    once = once[area[once] > 0]
    order = once[np.lexsort((codes[once], area[once]))]

    canvas = np.zeros((height, width), dtype=np.uint64)
    for i in order:
        x0, y0, x1, y1 = masks.boxes[i]
        canvas[y0:y1, x0:x1] ^= masks.crops[i] * codes[i]
    _, first, inverse = np.unique(canvas, return_index=True, return_inverse=True)
    by_first = np.argsort(first)
    rank = np.empty(len(first), dtype=np.int32)
    rank[by_first] = np.arange(len(first), dtype=np.int32)
    row, column = np.divmod(first[by_first], width)

    covered = []
    for i in order:
        x0, y0, x1, y1 = masks.boxes[i]
        near = np.arange(*np.searchsorted(row, [y0, y1]))
        near = near[(column[near] >= x0) & (column[near] < x1)]
        covered.append(near[masks.crops[i][row[near] - y0, column[near] - x0]])
    ends = np.cumsum([0] + [len(c) for c in covered])
    indices = np.concatenate(covered) if covered else np.zeros(0, dtype=np.int64)
    cover = csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(order), len(first)))
    return Canvas(rank[inverse.reshape(height, width)], cover)


def reliable_pixels(
    pseudo_label: NDArray[np.uint8], confidence: NDArray[np.floating] | None, share: float
) -> NDArray[np.bool_]:
    """The most confident `share` of each predicted class (SeCo, section 3.2).

    Parameters
    ----------
    pseudo_label : ndarray of uint8, (H, W)
        Class ids, 255 = ignore.
    confidence : ndarray of float, (H, W), optional
        Without it all labelled pixels are reliable.
    share : float
        In 0..1. At least one pixel of each class is taken; of equals the first in raster order.

    Returns
    -------
    ndarray of bool, (H, W)
    """
    labelled = pseudo_label != IGNORE
    if confidence is None:
        return labelled
    flat = pseudo_label.reshape(-1)
    where = np.flatnonzero(labelled)
    order = where[np.lexsort((where, -confidence.reshape(-1)[where], flat[where]))]
    count = np.bincount(flat[where], minlength=256)
    start = np.cumsum(count) - count
    rank = np.arange(len(order)) - start[flat[order]]
    chosen = np.zeros(flat.size, dtype=bool)
    chosen[order[rank < np.ceil(share * count[flat[order]])]] = True
    return chosen.reshape(pseudo_label.shape)


def voting_weights(
    pseudo_label: NDArray[np.uint8], confidence: NDArray[np.floating] | None, share: float
) -> NDArray[np.float64]:
    """What each pixel's vote counts: its confidence if it is reliable, three tenths of that if not.

    So the reliable pixels decide where there are many, and a mask without one still follows its own labels.
    Without a confidence map every labelled pixel counts 1.
    """
    if confidence is None:
        return (pseudo_label != IGNORE).astype(np.float64)
    reliable = reliable_pixels(pseudo_label, confidence, share)
    weights = np.where(reliable, 1.0, DOUBTFUL_WEIGHT) * np.maximum(confidence, LEAST_CONFIDENCE)
    return np.where(pseudo_label != IGNORE, weights, 0.0)


def align(
    canvas: Canvas, pseudo_label: NDArray[np.uint8], weights: NDArray[np.floating], n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Give every atom the class that its masks agree on.

    A mask's class shares p are those of the votes inside it. It speaks for its atoms with ``p * max(p)**2``,
    whatever its size: a pure mask is louder than a mixed one, which is so left to its parts, and a small mask
    in doubt gives way to the certainty of larger ones around it.

    Parameters
    ----------
    canvas : Canvas
        Of the image's masks.
    pseudo_label : ndarray of uint8, (H, W)
        Class each pixel votes for, 255 = none.
    weights : ndarray of float, (H, W)
        What its vote counts.
    n_classes : int
        `ClassScheme.size`.

    Returns
    -------
    class_map : ndarray of uint8, (H, W)
        255 where no mask with votes covers the pixel; pixels that vote keep their class there.
    strength : ndarray of float64, (H, W)
        Share of the class in all that was said for the atom, 0..1.
    """
    n_atoms = canvas.cover.shape[1]
    votes = class_votes(canvas.atoms + 1, n_atoms, pseudo_label, n_classes, weights)
    in_mask = canvas.cover @ votes
    total = in_mask.sum(axis=1, keepdims=True)
    share = np.divide(in_mask, total, out=np.zeros_like(in_mask), where=total > 0)
    said = canvas.cover.T @ (share * share.max(axis=1, keepdims=True, initial=0.0) ** 2)
    in_all = said.sum(axis=1)
    heard = in_all > 0
    classes = np.where(heard, said.argmax(axis=1), IGNORE).astype(np.uint8)
    strength = np.divide(said.max(axis=1), in_all, out=np.zeros(n_atoms), where=heard)
    unheard = ~heard[canvas.atoms] & (pseudo_label < n_classes)
    return np.where(unheard, pseudo_label, classes[canvas.atoms]), strength[canvas.atoms]


def _content(box: NDArray[np.int32], crop: NDArray[np.bool_]) -> int:
    data = np.asarray(box, dtype="<i4").tobytes() + np.packbits(crop).tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
