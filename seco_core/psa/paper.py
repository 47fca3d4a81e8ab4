"""PSA as the paper describes it (SeCo, section 3.2): profile ``paper``.

What the paper leaves open is decided here so that the order of masks and prompts changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import MaskSet, Prompt
from seco_core.psa.prompts import ThingPrompt, thing_components
from seco_core.psa.published import Answer, mask_votes, paint
from seco_core.scheme import IGNORE, ClassScheme

BOX_AREA_FACTOR = 1.5
"""A component's bounding box is enlarged to this times its area."""


def aggregate_paper(
    reliable_label: NDArray[np.uint8], proposals: MaskSet, answer: Answer, scheme: ClassScheme, min_area: int
) -> NDArray[np.uint8]:
    """Aggregate reliable pixels to regions as the paper describes it.

    Every automatic mask takes the class with most of the labelled pixels in it, unless that is a thing:
    things come from the answers to their prompts alone, which lie above all masks. Where masks overlap the
    smallest wins, and so among answers.

    Parameters
    ----------
    reliable_label : ndarray of uint8, (H, W)
        Class ids of `scheme` at the most confident pixels of each class, 255 elsewhere.
    proposals : MaskSet
        Automatic masks of the image.
    answer : callable
        Called once with the prompts of all thing components; not if there are none.
    scheme : ClassScheme
        Classes, and which of them are things.
    min_area : int
        Components of fewer pixels do not prompt, nor does a class with no more pixels than that in all.

    Returns
    -------
    ndarray of uint8, (H, W)
        255 where nothing claims a pixel.

    Examples
    --------
    >>> from seco_core.scheme import load_scheme
    >>> label = np.array([[0, 0, 2, 255]], dtype=np.uint8)
    >>> whole = MaskSet((1, 4), np.array([[0, 0, 4, 1]], dtype=np.int32), (np.ones((1, 4), dtype=bool),))
    >>> no_things = lambda prompts: MaskSet((1, 4), np.zeros((0, 4), dtype=np.int32), ())
    >>> aggregate_paper(label, whole, no_things, load_scheme("cityscapes19"), 10).tolist()
    [[0, 0, 0, 0]]
    """
    canvas = np.full_like(reliable_label, IGNORE)
    votes = mask_votes(proposals, reliable_label)
    winner = votes.argmax(axis=1)
    of_stuff = np.isin(winner, scheme.stuff_ids) & votes.any(axis=1)
    _paint_smallest_last(canvas, proposals, np.where(of_stuff, winner, IGNORE).tolist())

    prompts = paper_prompts(reliable_label, scheme, min_area)
    if prompts:
        answers = answer([p.prompt for p in prompts])
        _paint_smallest_last(canvas, answers, [p.class_id for p in prompts])
    return canvas


def paper_prompts(reliable_label: NDArray[np.uint8], scheme: ClassScheme, min_area: int) -> list[ThingPrompt]:
    """The prompts of the components of thing classes; parameters as for `aggregate_paper`."""
    return [
        ThingPrompt(class_id, len(pixels), centre_prompt(pixels, reliable_label.shape))
        for class_id, pixels in thing_components(reliable_label, scheme.thing_ids, min_area)
    ]


def centre_prompt(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> Prompt:
    """The bounding box of a component enlarged to 1.5 times its area, and its centre point.

    Parameters
    ----------
    pixels : ndarray of int, (n,)
        Flat indices of the component.
    shape : (int, int)
        Of the image, to which the box is clipped.

    Examples
    --------
    >>> rows, columns = np.divmod(np.arange(40 * 40), 40)
    >>> prompt = centre_prompt((rows + 30) * 100 + columns + 20, (100, 100))
    >>> [round(x, 1) for x in prompt.box], prompt.points.tolist()
    ([15.5, 25.5, 64.5, 74.5], [[40.0, 50.0]])
    """
    rows, columns = np.divmod(pixels, shape[1])
    low = np.array([columns.min(), rows.min()], dtype=np.float64)
    high = np.array([columns.max() + 1, rows.max() + 1], dtype=np.float64)
    centre, half = (low + high) / 2, (high - low) / 2 * math.sqrt(BOX_AREA_FACTOR)
    x0, y0 = np.maximum(centre - half, 0).tolist()
    x1, y1 = np.minimum(centre + half, [shape[1], shape[0]]).tolist()
    return Prompt((x0, y0, x1, y1), centre[None], np.ones(1, dtype=np.int64))


def _paint_smallest_last(canvas: NDArray[np.uint8], masks: MaskSet, classes: Sequence[int]) -> None:
    """Paint masks by descending area; the rest of the key makes the result independent of their order."""
    keys = [
        (-int(np.count_nonzero(crop)), class_id, *box.tolist(), crop.tobytes())
        for crop, class_id, box in zip(masks.crops, classes, masks.boxes, strict=True)
    ]
    order = sorted(range(len(masks)), key=keys.__getitem__)
    ordered = MaskSet(masks.shape, masks.boxes[order], tuple(masks.crops[i] for i in order))
    paint(canvas, ordered, [classes[i] for i in order])
