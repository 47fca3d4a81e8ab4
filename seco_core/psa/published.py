"""PSA as the published code computes it, pixel for pixel: profiles ``seco-v1`` and ``seco-v2``.

Masks are painted in the order given, later ones over earlier ones, and the answers of thing prompts over all
of them. Where the paper (SeCo, section 3.2) says something else, see `seco_core.psa.paper`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.label_files import resize_nearest
from seco_core.masks.base import MaskSet, Prompt
from seco_core.masks.resized import resize_masks, resize_prompts
from seco_core.psa.prompts import ThingPrompt, thing_prompts
from seco_core.regions import label_components, region_table
from seco_core.scheme import IGNORE, ClassScheme

Answer = Callable[[Sequence[Prompt]], MaskSet]
"""Gives one mask for each prompt, in order; `seco_core.masks.base.ImageMasks.answer` is one."""

CITYSCAPES_THINGS = [5, 6, 7, *range(11, 19)]
"""Thing classes among the 19 of Cityscapes, for which ``seco-v2`` has a rule of its own."""

SMALL_THINGS = [5, 6, 7]
"""Those of them that prompt in ``seco-v2``: pole, traffic light, traffic sign."""

LEAST_BOX = (64, 32)
"""Width and height that boxes of regions grow to."""

CROP_SHAPE = (64, 128)
"""Height and width of the mask crops of regions."""


@dataclass(frozen=True)
class Profile:
    """What distinguishes the two published scripts.

    Attributes
    ----------
    size : (int, int) or None
        Height and width that everything is brought to; None for the label's own.
    from_label : bool
        Whether the canvas starts as the pseudo-label, not empty.
    all_stuff : bool
        Whether with the 19 Cityscapes classes every class is stuff, and only small things prompt.
    min_share : float
        A mask is used where the best stuff class has more than this share of its labelled pixels.
    min_component : int
        Smallest component that prompts, in pixels.
    above_class : int
        Regions are kept of classes with more pixels than this in the image.
    above_area : int
        Regions of more pixels than this are kept.
    """

    size: tuple[int, int] | None
    from_label: bool
    all_stuff: bool
    min_share: float
    min_component: int
    above_class: int
    above_area: int

    def kinds(self, scheme: ClassScheme) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids of the stuff and of the thing classes, ascending."""
        cityscapes = np.array_equal(scheme.ids, np.arange(19))
        if self.all_stuff and cityscapes and np.array_equal(scheme.thing_ids, CITYSCAPES_THINGS):
            return scheme.ids, np.array(SMALL_THINGS)
        return scheme.stuff_ids, scheme.thing_ids


SECO_V1 = Profile(None, False, False, 0.20, 10, 0, 0)
"""The code published with SeCo (NeurIPS 2024)."""

SECO_V2 = Profile((512, 1024), True, True, 0.10, 2, 1000, 100)
"""The code published with SeCoV2 (TPAMI 2025)."""


def aggregate_published(
    pseudo_label: NDArray[np.uint8], proposals: MaskSet, answer: Answer, scheme: ClassScheme, profile: Profile
) -> NDArray[np.uint8]:
    """Aggregate the pixels of a pseudo-label as a published script does.

    Parameters
    ----------
    pseudo_label : ndarray of uint8, (H, W)
        Class ids of `scheme`, 255 = ignore.
    proposals : MaskSet
        Automatic masks of the image, in the order they are painted.
    answer : callable
        Called once with the prompts of all components, in pixels of the image; not if there are none.
    scheme : ClassScheme
        Classes, and which of them are things.
    profile : Profile
        `SECO_V1` or `SECO_V2`.

    Returns
    -------
    ndarray of uint8, (H, W)
        255 where nothing claims a pixel. Maps, masks and prompts go to the profile's working size and back by
        nearest neighbour.

    Examples
    --------
    >>> from seco_core.scheme import load_scheme
    >>> label = np.array([[0, 0, 2, 255]], dtype=np.uint8)
    >>> whole = MaskSet((1, 4), np.array([[0, 0, 4, 1]], dtype=np.int32), (np.ones((1, 4), dtype=bool),))
    >>> no_things = lambda prompts: MaskSet((1, 4), np.zeros((0, 4), dtype=np.int32), ())
    >>> aggregate_published(label, whole, no_things, load_scheme("cityscapes19"), SECO_V1).tolist()
    [[0, 0, 0, 0]]
    """
    own, working = pseudo_label.shape, profile.size or pseudo_label.shape
    label = resize_nearest(pseudo_label, working)
    stuff, _ = profile.kinds(scheme)
    canvas = label.copy() if profile.from_label else np.full_like(label, IGNORE)
    masks = resize_masks(proposals, working)
    votes = mask_votes(masks, label)
    paint(canvas, masks, best_stuff(votes, stuff, profile.min_share))
    prompts = published_prompts(pseudo_label, scheme, profile)
    if prompts:
        answers = answer([p.prompt for p in prompts])
        paint(canvas, resize_masks(answers, working), [p.class_id for p in prompts])
    return resize_nearest(canvas, own)


def published_prompts(
    pseudo_label: NDArray[np.uint8], scheme: ClassScheme, profile: Profile
) -> list[ThingPrompt]:
    """The prompts of a published script for the things of a pseudo-label (H, W), in its pixels and its order.

    Areas are those at the profile's working size.
    """
    own, working = pseudo_label.shape, profile.size or pseudo_label.shape
    _, things = profile.kinds(scheme)
    found = thing_prompts(resize_nearest(pseudo_label, working), things, profile.min_component)
    prompts = resize_prompts([p.prompt for p in found], working, own)
    return [ThingPrompt(p.class_id, p.area, prompt) for p, prompt in zip(found, prompts, strict=True)]


def mask_votes(masks: MaskSet, label: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Labelled pixels of each class in each mask, (M, 255)."""
    votes = np.zeros((len(masks), IGNORE), dtype=np.int64)
    for i, ((x0, y0, x1, y1), crop) in enumerate(zip(masks.boxes, masks.crops, strict=True)):
        votes[i] = np.bincount(label[y0:y1, x0:x1][crop], minlength=IGNORE + 1)[:IGNORE]
    return votes


def best_stuff(votes: NDArray[np.int64], stuff: NDArray[np.int64], min_share: float) -> NDArray[np.int64]:
    """The stuff class with most votes in each mask, the lowest of equals.

    Parameters
    ----------
    votes : ndarray of int64, (M, 255)
        See `mask_votes`.
    stuff : ndarray of int, (S,)
        Ids of the stuff classes, ascending.
    min_share : float
        What part of all votes in the mask, those for things included, the class must exceed.

    Returns
    -------
    ndarray of int64, (M,)
        255 where no class does.
    """
    if not len(stuff):
        return np.full(len(votes), IGNORE, dtype=np.int64)
    best = stuff[votes[:, stuff].argmax(axis=1)]
    share = votes[np.arange(len(votes)), best] / np.maximum(votes.sum(axis=1), 1)
    return np.where(share > min_share, best, IGNORE)


def paint(canvas: NDArray[np.uint8], masks: MaskSet, classes: Sequence[int] | NDArray[np.int64]) -> None:
    """Write the class of each mask but 255 into `canvas`, in order."""
    for (x0, y0, x1, y1), crop, class_id in zip(masks.boxes, masks.crops, classes, strict=True):
        if class_id != IGNORE:
            np.copyto(canvas[y0:y1, x0:x1], np.uint8(class_id), where=crop)


@dataclass(frozen=True)
class PublishedRegions:
    """The regions that a published script keeps, classes ascending, components in raster order.

    Attributes
    ----------
    components : ndarray of int32, (H, W)
        All components of the class map, 0 = none.
    component : ndarray of int32, (N,)
        Which of them each region is.
    class_id : ndarray of uint8, (N,)
        Its class.
    area : ndarray of int64, (N,)
        Pixels.
    box : ndarray of int32, (N, 4)
        x0, y0, x1, y1, grown on both sides by half of what is missing to 64x32, rounded down, and clipped to
        the image; x1 and y1 exclusive.
    """

    components: NDArray[np.int32]
    component: NDArray[np.int32]
    class_id: NDArray[np.uint8]
    area: NDArray[np.int64]
    box: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.component)

    def crop(self, i: int) -> NDArray[np.bool_]:
        """Mask of region `i` on its box, brought to 64 x 128 by OpenCV's nearest neighbour."""
        x0, y0, x1, y1 = self.box[i]
        near = cv2.resize(self.components[y0:y1, x0:x1], CROP_SHAPE[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(near == self.component[i])


def published_regions(class_map: NDArray[np.uint8], profile: Profile) -> PublishedRegions:
    """The regions of an aggregated class map that a published script goes on with.

    Parameters
    ----------
    class_map : ndarray of uint8, (H, W)
        Class ids, 255 = ignore.
    profile : Profile
        Which regions are kept.
    """
    components, n = label_components(class_map)
    table = region_table(components, n, class_map)
    in_class = np.bincount(class_map.reshape(-1), minlength=IGNORE + 1)
    kept = np.flatnonzero(
        (in_class[table.class_id] > profile.above_class) & (table.area > profile.above_area)
    )
    kept = kept[np.argsort(table.class_id[kept], kind="stable")]
    low, high = table.box[kept, :2], table.box[kept, 2:]
    growth = np.maximum(np.array(LEAST_BOX, dtype=np.int32) - (high - low), 0) // 2
    low, high = np.maximum(low - growth, 0), np.minimum(high + growth, class_map.shape[::-1])
    return PublishedRegions(
        components,
        (kept + 1).astype(np.int32),
        table.class_id[kept],
        table.area[kept],
        np.concatenate([low, high], axis=1).astype(np.int32),
    )
