"""Pixel semantic aggregation (SeCo, section 3.2): speckled pixels in, full regions with sharp borders out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.absorb import absorb_small
from seco_core.errors import LabelError
from seco_core.masks.base import ImageMasks
from seco_core.parameters import PsaParameters
from seco_core.psa.align import align, make_canvas, reliable_pixels, voting_weights
from seco_core.psa.paper import aggregate_paper, paper_prompts
from seco_core.psa.prompts import ThingPrompt, claim, thing_prompts
from seco_core.psa.published import SECO_V1, SECO_V2, aggregate_published, published_prompts
from seco_core.scheme import IGNORE, ClassScheme

LEAST_PROMPT_AREA = 10
"""Smallest component of a thing class that prompts, in pixels."""

PUBLISHED = {"seco-v1": SECO_V1, "seco-v2": SECO_V2}
"""The profiles that repeat a published script."""


def aggregate(
    pseudo_label: NDArray[np.uint8],
    confidence: NDArray[np.floating] | None,
    image_masks: ImageMasks,
    scheme: ClassScheme,
    parameters: PsaParameters,
) -> NDArray[np.uint8]:
    """Aggregate the pixels of a pseudo-label to regions.

    Profile ``default``: every automatic mask votes on the pixels it covers (`align`). Components of thing
    classes prompt for masks of theirs, and these claim what their votes carry (`claim`). Components that are
    too small join a neighbour. The result does not depend on the order of the masks.

    Profile ``paper``: see `seco_core.psa.paper`. Profiles ``seco-v1`` and ``seco-v2``: see
    `seco_core.psa.published`; they look at neither confidence nor any parameter.

    Parameters
    ----------
    pseudo_label : ndarray of uint8, (H, W)
        Class ids of `scheme`, 255 = ignore.
    confidence : ndarray of float, (H, W), optional
        0..1. With it the most confident `reliable_share` of the pixels of each class decide.
    image_masks : ImageMasks
        Masks of the image of the same size.
    scheme : ClassScheme
        Classes, and which of them are things.
    parameters : PsaParameters
        Profile, share of reliable pixels and smallest region.

    Returns
    -------
    ndarray of uint8, (H, W)
        255 where there is neither a label nor a mask with labels; in the other profiles wherever no mask
        claims a pixel.

    Raises
    ------
    LabelError
        If label, confidence and masks differ in size.
    """
    proposals = image_masks.proposals()
    for what, shape in (
        ("masks are", proposals.shape),
        ("confidence map is", confidence.shape if confidence is not None else pseudo_label.shape),
    ):
        if tuple(shape) != pseudo_label.shape:
            raise LabelError(f"the pseudo-label is {_size(pseudo_label.shape)}, the {what} {_size(shape)}.")
    votes = _known_labels(pseudo_label, scheme)
    if parameters.profile in PUBLISHED:
        profile = PUBLISHED[parameters.profile]
        return aggregate_published(votes, proposals, image_masks.answer, scheme, profile)
    if parameters.profile == "paper":
        votes[~reliable_pixels(votes, confidence, parameters.reliable_share)] = IGNORE
        return aggregate_paper(votes, proposals, image_masks.answer, scheme, LEAST_PROMPT_AREA)
    weights = voting_weights(votes, confidence, parameters.reliable_share)
    class_map, strength = align(make_canvas(proposals), votes, weights, scheme.size)

    prompts = thing_prompts(votes, scheme.thing_ids, LEAST_PROMPT_AREA)
    if prompts:
        answers = image_masks.answer([p.prompt for p in prompts])
        class_map = claim(class_map, strength, answers, [p.class_id for p in prompts], votes, weights)
    return absorb_small(class_map, parameters.min_region_area)


def prompts_of(
    pseudo_label: NDArray[np.uint8],
    confidence: NDArray[np.floating] | None,
    scheme: ClassScheme,
    parameters: PsaParameters,
) -> list[ThingPrompt]:
    """What `aggregate` asks of a mask source with the same arguments: the prompts of the profile's things.

    Parameters
    ----------
    pseudo_label, confidence, scheme, parameters
        As for `aggregate`.

    Returns
    -------
    list of ThingPrompt
        In pixels of the pseudo-label, in the order in which they are asked.

    Examples
    --------
    >>> from seco_core.scheme import load_scheme
    >>> label = np.zeros((60, 60), dtype=np.uint8)
    >>> label[20:40, 20:40] = 13
    >>> (car,) = prompts_of(label, None, load_scheme("cityscapes19"), PsaParameters())
    >>> car.class_id, car.prompt.box
    (13, (14.0, 14.0, 45.0, 45.0))
    """
    votes = _known_labels(pseudo_label, scheme)
    if parameters.profile in PUBLISHED:
        return published_prompts(votes, scheme, PUBLISHED[parameters.profile])
    if parameters.profile == "paper":
        votes[~reliable_pixels(votes, confidence, parameters.reliable_share)] = IGNORE
        return paper_prompts(votes, scheme, LEAST_PROMPT_AREA)
    return thing_prompts(votes, scheme.thing_ids, LEAST_PROMPT_AREA)


def _known_labels(pseudo_label: NDArray[np.uint8], scheme: ClassScheme) -> NDArray[np.uint8]:
    return np.where(np.isin(pseudo_label, scheme.ids), pseudo_label, np.uint8(IGNORE))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in reversed(shape))
