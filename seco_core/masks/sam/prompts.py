"""Answers to box-and-point prompts, many in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seco_core.masks.base import MaskSet, Prompt
from seco_core.masks.sam.automatic import join, masks_at_once, to_crops
from seco_core.masks.sam.batches import in_batches
from seco_core.masks.sam.model import Embedding, InputPrompts, PromptableModel


def answer_prompts(
    model: PromptableModel,
    embedding: Embedding,
    shape: tuple[int, int],
    prompts: Sequence[Prompt],
    *,
    prompts_per_batch: int,
    between: Callable[[], None] = lambda: None,
) -> MaskSet:
    """One mask for each prompt, in order.

    Prompts with the same number of points share a pass: padding to one number would change the answers.

    Parameters
    ----------
    model : PromptableModel
        The model that made the embedding.
    embedding : tuple of Tensor
        Of the image.
    shape : (int, int)
        Height and width of the image.
    prompts : sequence of Prompt
        In pixels of the image.
    prompts_per_batch : int
        Prompts in one pass; halved whenever memory runs out.
    between : callable, optional
        Called before every batch; what it raises ends the work.

    Raises
    ------
    MaskSourceError
        If memory does not suffice for one prompt.
    """
    groups: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        groups.setdefault(len(prompt.points), []).append(i)
    boxes = np.zeros((len(prompts), 4), dtype=np.int32)
    crops = [np.zeros((0, 0), dtype=bool)] * len(prompts)
    for members in groups.values():
        group = to_input_prompts(model, shape, [prompts[i] for i in members])

        def answer(batch: slice, group: InputPrompts = group) -> MaskSet:
            between()
            logits = model.decode(embedding, group.part(batch), multimask=False).logits
            masks = MaskSet(shape, np.zeros((0, 4), dtype=np.int32), ())
            for part in logits.split(masks_at_once(model, shape)):
                masks = join(masks, to_crops(model, part, shape))
            return masks

        for done, found in in_batches(len(members), prompts_per_batch, answer):
            for i, box, crop in zip(members[done - len(found) : done], found.boxes, found.crops, strict=True):
                boxes[i], crops[i] = box, crop
    return MaskSet(shape, boxes, tuple(crops))


def to_input_prompts(
    model: PromptableModel, shape: tuple[int, int], prompts: Sequence[Prompt]
) -> InputPrompts:
    """Prompts on an image (H, W) with the same number of points, as the model takes them."""
    corners = np.array([p.box for p in prompts], dtype=np.float64).reshape(-1, 2, 2)
    boxes = model.to_input(corners, shape).reshape(-1, 4)
    if not len(prompts[0].points):
        return InputPrompts(boxes=boxes)
    points = model.to_input(np.array([p.points for p in prompts]), shape)
    return InputPrompts(points, np.array([p.labels for p in prompts], dtype=np.int64), boxes)
