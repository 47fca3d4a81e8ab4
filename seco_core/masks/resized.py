"""Masks and prompts brought to another image size by nearest neighbour."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt


def resize_masks(masks: MaskSet, shape: tuple[int, ...]) -> MaskSet:
    """Bring masks to another image size, as `seco_core.label_files.resize_nearest` would each of them.

    Parameters
    ----------
    masks : MaskSet
        At any size.
    shape : (int, int)
        Height and width wanted.

    Examples
    --------
    >>> dot = MaskSet((2, 2), np.array([[1, 0, 2, 1]], dtype=np.int32), (np.ones((1, 1), dtype=bool),))
    >>> resize_masks(dot, (2, 6)).boxes.tolist()
    [[3, 0, 6, 1]]
    """
    if masks.shape == shape:
        return masks
    rows, columns = _sources(masks.shape[0], shape[0]), _sources(masks.shape[1], shape[1])
    boxes = np.zeros((len(masks), 4), dtype=np.int32)
    crops = []
    for i, ((x0, y0, x1, y1), crop) in enumerate(zip(masks.boxes, masks.crops, strict=True)):
        left, right = np.searchsorted(columns, [x0, x1])
        top, bottom = np.searchsorted(rows, [y0, y1])
        boxes[i] = left, top, right, bottom
        crops.append(crop[rows[top:bottom] - y0][:, columns[left:right] - x0])
    return MaskSet((shape[0], shape[1]), boxes, tuple(crops))


def resize_prompts(
    prompts: Sequence[Prompt], given: tuple[int, ...], wanted: tuple[int, ...]
) -> Sequence[Prompt]:
    """Bring prompts from the pixels of an image of one size (H, W) to those of another.

    Boxes are scaled; a point goes to the pixel in which the centre of its own lies.
    """
    if given == wanted:
        return prompts
    scale = np.array([wanted[1] / given[1], wanted[0] / given[0]])
    resized = []
    for prompt in prompts:
        x0, y0, x1, y1 = (np.array(prompt.box) * np.tile(scale, 2)).tolist()
        points = np.floor((prompt.points + 0.5) * scale)
        resized.append(dataclasses.replace(prompt, box=(x0, y0, x1, y1), points=points))
    return resized


def _sources(given: int, wanted: int) -> NDArray[np.int64]:
    """The pixel that each pixel along a resized side is taken from."""
    return (2 * np.arange(wanted) + 1) * given // (2 * wanted)
