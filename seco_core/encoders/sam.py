"""The encoder that reuses SAM's image embedding."""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.base import pool_feature_map
from seco_core.masks.base import MaskSource
from seco_core.regions import RegionTable


class HasEmbedding(Protocol):
    """What SAM's mask source makes of an image, as far as it matters here.

    Attributes
    ----------
    padded : bool
        Whether the embedding is of the image padded to a square at the right and the bottom, as SAM's is;
        else the image was stretched, as for SAM 2.
    """

    padded: bool

    def embedding(self) -> NDArray[np.float32]:
        """Image embedding, float32 (C, h, w)."""


class SamEncoder:
    """Pools SAM's image embedding under the regions.

    Parameters
    ----------
    source : MaskSource
        A source whose `prepare` gives an object with `embedding`, as SAM's does.
    """

    name = "sam"

    def __init__(self, source: MaskSource):
        self._source = source
        self.concurrent = source.concurrent

    @property
    def signature(self) -> dict[str, Any]:
        """The encoder's name and the mask source's signature."""
        return {"encoder": self.name, "source": self._source.signature}

    def encode(
        self, image: NDArray[np.uint8], region_ids: NDArray[np.uint16], table: RegionTable
    ) -> NDArray[np.float32]:
        """Vectors of the regions, float32 (N, C); see `RegionEncoder.encode`.

        Raises
        ------
        MaskSourceError
            If the source cannot embed the image.
        """
        prepared = cast(HasEmbedding, self._source.prepare(image, "image"))
        return pool_embedding(prepared.embedding(), region_ids, len(table), padded=prepared.padded)


def pool_embedding(
    embedding: NDArray[np.float32], region_ids: NDArray[np.uint16], n: int, *, padded: bool = True
) -> NDArray[np.float32]:
    """Pool a SAM embedding under regions.

    For a caller that has the embedding already, such as one that has just asked SAM for masks.

    Parameters
    ----------
    embedding : ndarray of float32, (C, h, w)
        If padded, the image fills h * H / max(H, W) rows and w * W / max(H, W) columns from the top left;
        else all of it.
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = region i.
    n : int
        Number of regions N.
    padded : bool
        Whether the embedding is of the image padded to a square.

    Returns
    -------
    ndarray of float32, (N, C)
        Zero for a region without pixels.
    """
    if not padded:
        return pool_feature_map(embedding, region_ids, n)
    height, width = region_ids.shape
    longest = max(height, width)
    valid = (embedding.shape[1] * height / longest, embedding.shape[2] * width / longest)
    return pool_feature_map(embedding, region_ids, n, valid)
