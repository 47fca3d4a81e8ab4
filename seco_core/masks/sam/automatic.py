"""Automatic masks: a grid of points, their masks filtered by quality, duplicates left out.

The masks are those of ``SamAutomaticMaskGenerator`` at equal thresholds; the way is shorter. Masks are
filtered by their expected IoU before they are drawn where the model allows it, and in any case before they
are brought to the image's size; they are brought there a few at a time and kept small, and only those that
are left after non-maximum suppression come to the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import nms

from seco_core.masks.base import MaskSet, crop_masks
from seco_core.masks.sam.batches import in_batches
from seco_core.masks.sam.cleanup import remove_small_parts
from seco_core.masks.sam.model import Embedding, InputPrompts, PromptableModel

STABILITY_OFFSET = 1.0
"""How far the threshold of a mask's logits is shifted up and down to see whether the mask is stable."""

BOX_OVERLAP = 0.7
"""IoU of boxes above which two masks are duplicates."""


@dataclass(frozen=True)
class AutomaticSettings:
    """What decides which automatic masks there are.

    Attributes
    ----------
    points_per_side : int
        Points of the grid along one side.
    pred_iou_thresh : float
        Masks of which the model expects no higher IoU are left out; 0 keeps all.
    stability_score_thresh : float
        Masks less stable than this are left out; 0 keeps all.
    min_mask_region_area : int
        Smaller holes are filled and smaller islands removed, in pixels; 0 leaves masks as they are.
    """

    points_per_side: int = 32
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    min_mask_region_area: int = 0


BatchCallback = Callable[[int, int, float], None]
"""Called after every batch with points done, points in all, and seconds that the rest will take."""


def automatic_masks(
    model: PromptableModel,
    embedding: Embedding,
    shape: tuple[int, int],
    settings: AutomaticSettings,
    *,
    points_per_batch: int,
    between: BatchCallback = lambda done, total, seconds: None,
) -> MaskSet:
    """Masks of a whole image.

    Parameters
    ----------
    model : PromptableModel
        The model that made the embedding.
    embedding : tuple of Tensor
        Of the image.
    shape : (int, int)
        Height and width of the image.
    settings : AutomaticSettings
        Grid and thresholds.
    points_per_batch : int
        Points in one pass; halved whenever memory runs out. It does not change the masks.
    between : callable, optional
        Called between batches; what it raises ends the work.

    Returns
    -------
    MaskSet
        By falling expected IoU; after a clean-up those that needed none come first.

    Raises
    ------
    MaskSourceError
        If memory does not suffice for one point.
    """
    points = model.to_input(point_grid(settings.points_per_side) * (shape[1], shape[0]), shape)
    started = time.monotonic()
    found = []
    for done, candidates in in_batches(
        len(points),
        points_per_batch,
        lambda batch: _candidates(model, embedding, shape, points[batch], settings),
    ):
        found.append(candidates)
        between(done, len(points), (time.monotonic() - started) / done * (len(points) - done))
    logits, iou, boxes = (torch.cat(parts) for parts in zip(*found, strict=True))
    kept = nms(boxes.float(), iou, BOX_OVERLAP)
    logits = logits[kept]
    masks = MaskSet(shape, np.zeros((0, 4), dtype=np.int32), ())
    for _, part in in_batches(
        len(logits), masks_at_once(model, shape), lambda some: to_crops(model, logits[some], shape)
    ):
        masks = join(masks, part)
    return clean(masks, settings.min_mask_region_area) if settings.min_mask_region_area > 0 else masks


def point_grid(points_per_side: int) -> NDArray[np.float64]:
    """Points x, y (N, 2) evenly spaced in 0..1, row by row.

    Examples
    --------
    >>> point_grid(2).tolist()
    [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    """
    offset = 1 / (2 * points_per_side)
    one = np.linspace(offset, 1 - offset, points_per_side)
    return np.stack(np.meshgrid(one, one), axis=-1).reshape(-1, 2)


def masks_at_once(model: PromptableModel, shape: tuple[int, int]) -> int:
    """How many masks are brought to the image's size together."""
    budget = (1 << 29) if model.device.type == "cuda" else (1 << 26)
    return max(1, budget // (4 * (model.size**2 + shape[0] * shape[1])))


def to_crops(model: PromptableModel, logits: torch.Tensor, shape: tuple[int, int]) -> MaskSet:
    """Masks of an image (H, W) from logits (N, h, w)."""
    inside = model.upscale(logits, shape) > model.mask_threshold
    return crop_masks(inside.cpu().numpy(), shape)


def join(one: MaskSet, other: MaskSet) -> MaskSet:
    """The masks of both."""
    return MaskSet(one.shape, np.concatenate([one.boxes, other.boxes]), one.crops + other.crops)


def clean(masks: MaskSet, least_area: int) -> MaskSet:
    """Fill small holes, remove small islands, and leave out what became a duplicate.

    Masks that needed no change come first and win over those that did.
    """
    boxes, crops, same = [], [], []
    for crop, box in zip(masks.crops, masks.boxes.tolist(), strict=True):
        cleaned, place, changed = remove_small_parts(crop, tuple(box), masks.shape, least_area)
        crops.append(cleaned)
        boxes.append(place)
        same.append(0.0 if changed else 1.0)
    found = np.array(boxes, dtype=np.int32).reshape(-1, 4)
    # boxes as the generator has them: the maximum is the last pixel
    inclusive = found - np.where(found.any(axis=1, keepdims=True), [[0, 0, 1, 1]], 0)
    order = nms(torch.tensor(inclusive, dtype=torch.float), torch.tensor(same), BOX_OVERLAP).numpy()
    return MaskSet(masks.shape, found[order], tuple(crops[i] for i in order))


@torch.inference_mode()
def _candidates(
    model: PromptableModel,
    embedding: Embedding,
    shape: tuple[int, int],
    points: NDArray[np.float64],
    settings: AutomaticSettings,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, expected IoU and inclusive boxes of the masks that pass both thresholds."""
    prompts = InputPrompts(points[:, None], np.ones((len(points), 1), dtype=np.int64))
    least = settings.pred_iou_thresh if settings.pred_iou_thresh > 0 else None
    decoded = model.decode(embedding, prompts, multimask=True, least_iou=least)
    stable, boxes = [], []
    for logits in decoded.logits.split(masks_at_once(model, shape)):
        full = model.upscale(logits, shape)
        high = _areas(full > model.mask_threshold + STABILITY_OFFSET)
        low = _areas(full > model.mask_threshold - STABILITY_OFFSET)
        boxes.append(_inclusive_boxes(full > model.mask_threshold))
        # an empty mask has no stability, and NaN is below every threshold
        stable.append(high / low >= settings.stability_score_thresh)
    if not boxes:
        return decoded.logits, decoded.iou, torch.zeros((0, 4), dtype=torch.long, device=model.device)
    keep = torch.cat(stable)
    if settings.stability_score_thresh <= 0:
        keep = torch.ones_like(keep)
    return decoded.logits[keep], decoded.iou[keep], torch.cat(boxes)[keep]


def _areas(masks: torch.Tensor) -> torch.Tensor:
    """Pixels of each mask (N, H, W)."""
    if masks.device.type == "cpu":
        # torch would widen every pixel to an integer first
        return torch.tensor([np.count_nonzero(mask) for mask in masks.numpy()])
    return masks.sum(dim=(1, 2), dtype=torch.int32)


def _inclusive_boxes(masks: torch.Tensor) -> torch.Tensor:
    """x0, y0, x1, y1 of masks (N, H, W), the maximum being the last pixel; zero for an empty mask."""
    columns, rows = masks.any(dim=1).to(torch.uint8), masks.any(dim=2).to(torch.uint8)
    boxes = torch.stack(
        [
            columns.argmax(dim=1),
            rows.argmax(dim=1),
            columns.shape[1] - 1 - columns.flip(1).argmax(dim=1),
            rows.shape[1] - 1 - rows.flip(1).argmax(dim=1),
        ],
        dim=1,
    )
    return boxes * columns.any(dim=1)[:, None]
