"""What a region encoder is, and how a feature map is pooled under regions (SeCo, section 3.3)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.regions import RegionTable


class RegionEncoder(Protocol):
    """Describes each region of an image by a vector.

    Attributes
    ----------
    name : str
        The specification it was made from, such as ``"descriptor"``.
    signature : dict
        Everything that decides what vectors come out (parameters, weights' SHA-256), JSON-serialisable.
        Stored with the run and part of the ledger's key.
    concurrent : bool
        Whether `encode` may be called from several threads at once.
    """

    name: str
    concurrent: bool

    @property
    def signature(self) -> dict[str, Any]:
        """Everything that decides what vectors come out."""

    def encode(
        self, image: NDArray[np.uint8], region_ids: NDArray[np.uint16], table: RegionTable
    ) -> NDArray[np.float32]:
        """Vectors of the regions of an RGB image.

        Parameters
        ----------
        image : ndarray of uint8, (H, W, 3)
            RGB.
        region_ids : ndarray of uint16, (H, W)
            0 = no region, i + 1 = row i of the table.
        table : RegionTable
            The N regions. Their classes are not looked at.

        Returns
        -------
        ndarray of float32, (N, D)
            Finite; D depends on the encoder alone.
        """


def membership(
    region_ids: NDArray[np.uint16], n: int, grid: tuple[int, int], valid: tuple[float, float] | None = None
) -> sparse.csr_matrix:
    """Share of each region that lies in each cell of a coarser (or finer) grid.

    Every pixel counts for the cell under its centre, so a region of one pixel still has a cell.

    Parameters
    ----------
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = region i.
    n : int
        Number of regions N.
    grid : (int, int)
        Rows h and columns w of the grid.
    valid : (float, float), optional
        Rows and columns of the grid that the image covers, from the top left; all of it by default.

    Returns
    -------
    scipy.sparse.csr_matrix of float64, (N, h * w)
        Rows sum to 1, or to 0 for a region without pixels.
    """
    (height, width), (rows, columns) = region_ids.shape, grid
    valid_rows, valid_columns = valid if valid is not None else grid
    row = np.minimum(((np.arange(height) + 0.5) * (valid_rows / height)).astype(np.int64), rows - 1)
    column = np.minimum(((np.arange(width) + 0.5) * (valid_columns / width)).astype(np.int64), columns - 1)
    inside = region_ids > 0
    region = region_ids[inside].astype(np.int64) - 1
    cell = (row[:, None] * columns + column[None, :])[inside]
    area = np.bincount(region, minlength=n)
    shares = 1.0 / area[region]
    return sparse.csr_matrix((shares, (region, cell)), shape=(n, rows * columns))


def pool_feature_map(
    feature_map: NDArray[np.float32],
    region_ids: NDArray[np.uint16],
    n: int,
    valid_shape: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Masked average pooling: the mean feature of each region, each cell weighted by the region's area in it.

    Unlike the published code's, the result does not scale with the region's area.

    Parameters
    ----------
    feature_map : ndarray of float32, (C, h, w)
        Features on a grid over the image.
    region_ids : ndarray of uint16, (H, W)
        0 = no region, i + 1 = region i.
    n : int
        Number of regions N.
    valid_shape : (float, float), optional
        Rows and columns of the feature map that the image covers, from the top left, where the network saw
        a padded image; all of it by default.

    Returns
    -------
    ndarray of float32, (N, C)
        Zero for a region without pixels.

    Examples
    --------
    >>> features = np.array([[[1.0, 3.0]]], dtype=np.float32)
    >>> ids = np.array([[1, 1, 1, 2], [1, 1, 2, 2]], dtype=np.uint16)
    >>> pool_feature_map(features, ids, 2).ravel().tolist()
    [1.399999976158142, 3.0]
    """
    channels, rows, columns = feature_map.shape
    shares = membership(region_ids, n, (rows, columns), valid_shape)
    return np.asarray(shares @ feature_map.reshape(channels, -1).T.astype(np.float64), dtype=np.float32)
