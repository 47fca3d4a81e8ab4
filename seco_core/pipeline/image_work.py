"""What is done to one image alone: masks, PSA, regions, region features. Runs in any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seco_core.absorb import absorb_small
from seco_core.confidence_files import read_confidence
from seco_core.encoders import RegionEncoder
from seco_core.images import read_image
from seco_core.label_files import read_label, read_label_leniently
from seco_core.masks.base import ImageMasks, MaskSource
from seco_core.parameters import PsaParameters
from seco_core.pipeline.inputs import Inputs, read_inputs
from seco_core.progress import CancelToken
from seco_core.project import ImageRecord, Override
from seco_core.psa import aggregate
from seco_core.refine import override_owner
from seco_core.regions import (
    RegionTable,
    adjacency,
    class_votes,
    connected_regions,
    mean_in_regions,
    quantile_in_regions,
)
from seco_core.scheme import ClassScheme

PEAK = 0.9
"""Share of a region's pixels that its peak confidence is not below."""


@dataclass(frozen=True)
class ImageRegions:
    """The regions of one image and what its pseudo-label says about them.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image.
    inputs : Inputs
        The files that it was made of.
    class_map : ndarray of uint8, (H, W)
        After PSA.
    region_ids : ndarray of uint16, (H, W)
        0 is no region.
    table : RegionTable
        The regions.
    votes : ndarray of float32, (N, C)
        Share of each class among a region's pseudo-label pixels.
    confidence : ndarray of float32, (N,)
        Mean confidence; NaN without a confidence map.
    contacts : ndarray of int32, (E, 3)
        Rows a < b of touching regions and the length of their contact in pixels.
    features : ndarray of float32, (N, D)
        From the region encoder.
    peak_confidence : ndarray of float32, (N,)
        What the surest tenth of each region's pixels reaches, which uncertain borders do not touch; NaN
        without a confidence map.
    """

    shape: tuple[int, int]
    inputs: Inputs
    class_map: NDArray[np.uint8]
    region_ids: NDArray[np.uint16]
    table: RegionTable
    votes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    contacts: NDArray[np.int32]
    features: NDArray[np.float32]
    peak_confidence: NDArray[np.float32]


@dataclass(frozen=True)
class ImageTask:
    """What has to be done to one image, with all it needs of the store; can be sent to another machine.

    Attributes
    ----------
    record : ImageRecord
        The image.
    scheme : ClassScheme
        Of the project.
    psa : PsaParameters
        For the aggregation.
    overrides : tuple of Override
        Regions are cut along their borders, so that each one lies either inside or outside.
    known : (ndarray of uint16, RegionTable) or None
        Regions that are up to date, when only their features are wanted.
    foreign_as_ignore : bool
        Whether pixels of the pseudo-label that are of no class are read as ignore.
    """

    record: ImageRecord
    scheme: ClassScheme
    psa: PsaParameters
    overrides: tuple[Override, ...]
    known: tuple[NDArray[np.uint16], RegionTable] | None
    foreign_as_ignore: bool = False

    def run(
        self, source: MaskSource, encoder: RegionEncoder, cancel: CancelToken
    ) -> ImageRegions | NDArray[np.float32]:
        """Find and describe the image's regions, or only describe those that are known.

        Raises
        ------
        SecoError
            If a file is bad or the image has no masks.
        Cancelled
            If `cancel` was set.
        """
        cancel.raise_if_cancelled()
        if self.known is not None:
            return encoder.encode(read_image(self.record.image), *self.known)
        inputs = read_inputs(self.record)
        image = read_image(self.record.image)
        shape = image.shape[:2]
        if self.foreign_as_ignore:
            pseudo_label, foreign = read_label_leniently(self.record.pseudo_label, self.scheme, shape)
            inputs = replace(inputs, foreign_pixels=foreign)
        else:
            pseudo_label = read_label(self.record.pseudo_label, self.scheme, shape)
        confidence = read_confidence(self.record.confidence, shape) if self.record.confidence else None
        cancel.raise_if_cancelled()
        masks = source.prepare(image, self.record.name, cancel)
        class_map, cuts = aggregate_around(
            pseudo_label, confidence, masks, self.scheme, self.psa, self.overrides
        )
        cancel.raise_if_cancelled()
        region_ids, table = connected_regions(class_map, cuts=cuts)
        n = len(table)
        votes = class_votes(region_ids, n, pseudo_label, self.scheme.size)
        pairs, contact = adjacency(region_ids)
        return ImageRegions(
            shape=shape,
            inputs=inputs,
            class_map=class_map,
            region_ids=region_ids,
            table=table,
            votes=(votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)).astype(np.float32),
            confidence=(
                mean_in_regions(region_ids, n, confidence).astype(np.float32)
                if confidence is not None
                else np.full(n, np.nan, dtype=np.float32)
            ),
            contacts=np.column_stack([pairs, contact]).astype(np.int32),
            features=encoder.encode(image, region_ids, table),
            peak_confidence=(
                quantile_in_regions(region_ids, n, confidence, PEAK)
                if confidence is not None
                else np.full(n, np.nan, dtype=np.float32)
            ),
        )


def aggregate_around(
    pseudo_label: NDArray[np.uint8],
    confidence: NDArray[np.floating] | None,
    image_masks: ImageMasks,
    scheme: ClassScheme,
    psa: PsaParameters,
    overrides: Sequence[Override],
) -> tuple[NDArray[np.uint8], NDArray[np.int32] | None]:
    """PSA of an image, and where overrides cut its regions.

    The class map does not depend on the overrides, so undoing one gives back what the machine had said.

    Parameters
    ----------
    pseudo_label, confidence, image_masks, scheme, psa
        As for `seco_core.psa.aggregate`.
    overrides : sequence of Override
        Those of the image that hold.

    Returns
    -------
    class_map : ndarray of uint8, (H, W)
    cuts : ndarray of int32, (H, W), or None
        Which override holds at each pixel, 0 for none; None without overrides.
    """
    class_map = aggregate(pseudo_label, confidence, image_masks, scheme, psa)
    cuts = override_owner(class_map.shape, overrides) if overrides else None
    return absorb_small(class_map, psa.min_region_area), cuts
