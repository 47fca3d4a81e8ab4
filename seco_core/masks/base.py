"""What PSA needs of a mask source (SAM is the published one)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seco_core.progress import CancelToken


@dataclass(frozen=True)
class MaskSet:
    """Class-agnostic masks of one image, each a crop on its box; they may overlap.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image.
    boxes : ndarray of int32, (M, 4)
        x0, y0, x1, y1 with exclusive maximum.
    crops : tuple of ndarray of bool
        ``crops[i]`` has shape ``(y1 - y0, x1 - x0)`` of ``boxes[i]``.
    """

    shape: tuple[int, int]
    boxes: NDArray[np.int32]
    crops: tuple[NDArray[np.bool_], ...]

    def __len__(self) -> int:
        return len(self.crops)


@dataclass(frozen=True)
class Prompt:
    """A box with points, in pixels of the image.

    Attributes
    ----------
    box : (float, float, float, float)
        x0, y0, x1, y1.
    points : ndarray of float, (K, 2)
        x, y of each point; K may be 0.
    labels : ndarray of int, (K,)
        1 = inside the object, 0 = outside.
    points_first : bool
        Whether a positive point is in the answer even if it fits the box less well so, as when a person has
        put it. Only the hierarchy takes notice: SAM weighs both by itself, masks of files are as they are.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    points_first: bool = False


class ImageMasks(Protocol):
    """A mask source that has seen one image."""

    def proposals(self) -> MaskSet:
        """Automatic masks of the whole image."""

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """One mask for each prompt, in order; a mask may be empty (a 0x0 crop on an empty box)."""


class MaskSource(Protocol):
    """Makes masks for images.

    Attributes
    ----------
    name : str
        ``"hierarchy"``, ``"sam"`` or ``"files"``.
    signature : dict
        Everything that decides what masks come out (parameters, weights' SHA-256), JSON-serialisable.
        Stored with the run and part of the ledger's key.
    concurrent : bool
        Whether `prepare` may be called from several threads at once.
    """

    name: str
    signature: dict[str, Any]
    concurrent: bool

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> ImageMasks:
        """Look at an RGB image (H, W, 3); ``image_name`` is for sources that read files and for errors.

        Raises
        ------
        MaskSourceError
            If this image has no masks.
        Cancelled
            If `cancel` was set.
        """


def crop_masks(masks: Iterable[NDArray[np.bool_]], shape: tuple[int, int]) -> MaskSet:
    """Cut masks of the whole image (H, W) to their boxes; a mask without pixels becomes a 0x0 crop."""
    boxes, crops = [], []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            x0, y0, x1, y1 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        else:
            x0 = y0 = x1 = y1 = 0
        boxes.append((x0, y0, x1, y1))
        crops.append(mask[y0:y1, x0:x1].copy())
    return MaskSet(shape, np.array(boxes, dtype=np.int32).reshape(-1, 4), tuple(crops))
