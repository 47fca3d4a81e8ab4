"""All regions of a project as arrays: what the queue, the classifier and the window work on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.project.store import store_errors
from seco_core.scc.correction import Verdict

IDS_PER_IMAGE = 65536
"""A region's id in the store is image id x 65536 + its id in the image's region id map."""


@dataclass(frozen=True)
class RegionArrays:
    """Every region of a project, one row each, ordered by image and then by id in the image.

    All of it is what the machine says, also of regions that a person has decided.

    Attributes
    ----------
    id : ndarray of int64, (R,)
        Id in the store, ascending.
    image_id : ndarray of int32, (R,)
        Image of the region.
    class_id : ndarray of uint8, (R,)
        Class after PSA.
    area : ndarray of int64, (R,)
        Pixels.
    box : ndarray of int32, (R, 4)
        x0, y0, x1, y1, maximum exclusive.
    centroid : ndarray of float32, (R, 2)
        Row, column.
    votes : ndarray of float32, (R, C)
        Share of each class among the region's pseudo-label pixels; all zero where it has none.
    confidence : ndarray of float32, (R,)
        Mean confidence of the pseudo-label; NaN where none is known.
    loss : ndarray of float32, (R,)
        Cross-entropy of the region's class under models that have not seen its image; NaN before SCC.
    noise_score : ndarray of float32, (R,)
        Probability that the region's class is wrong, 0..1; NaN before SCC.
    probabilities : ndarray of float32, (R, C)
        The region classifier's; all zero before SCC.
    predicted : ndarray of uint8, (R,)
        Class of the highest probability; the region's own class before SCC.
    verdict : ndarray of uint8, (R,)
        `Verdict`: keep, relabel or drop; keep before SCC.
    uncertainty : ndarray of float32, (R,)
        Of the graph VAE, 0..3: its three parts, each scaled to 0..1 over the project, summed; NaN
        before SCC-Unc.
    rec_error, entropy, kl : ndarray of float32, (R,)
        The parts before scaling: mean squared error of the reconstruction, entropy of the graph classifier in
        nats, mean KL in nats; NaN before SCC-Unc.
    eta : ndarray of float32, (R,)
        Posterior of the noisy component of the loss mixture, 0..1; NaN before SCC.
    disagreement : ndarray of float32, (R,)
        Weighted share of the region's neighbours in the relational graph that have another class, 0..1; NaN
        where it has none.
    label_quality : ndarray of float32, (R,)
        cleanlab's label quality, 0..1, low for a label that looks wrong; NaN where it was not asked for.
    unknown_score : ndarray of float32, (R,)
        How likely the region fits none of the classes, 0..1; NaN before SCC-Unc.
    """

    id: NDArray[np.int64]
    image_id: NDArray[np.int32]
    class_id: NDArray[np.uint8]
    area: NDArray[np.int64]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]
    votes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    loss: NDArray[np.float32]
    noise_score: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.uint8]
    verdict: NDArray[np.uint8]
    uncertainty: NDArray[np.float32]
    rec_error: NDArray[np.float32]
    entropy: NDArray[np.float32]
    kl: NDArray[np.float32]
    eta: NDArray[np.float32]
    disagreement: NDArray[np.float32]
    label_quality: NDArray[np.float32]
    unknown_score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.id)

    def rows_of(self, image_id: int) -> slice:
        """The rows of one image; row ``rows.start + i`` is id ``i + 1`` of its region id map."""
        start, stop = np.searchsorted(self.image_id, [image_id, image_id + 1])
        return slice(int(start), int(stop))


_COLUMNS = (
    "SELECT r.id, r.image_id, r.class_id, r.area, r.x0, r.y0, r.x1, r.y1, r.centroid_row, r.centroid_col,"
    " r.confidence, r.votes, s.loss, s.noise_score, s.predicted, s.verdict, s.probabilities,"
    " s.uncertainty, s.rec_error, s.entropy, s.kl,"
    " s.eta, s.disagreement, s.label_quality, s.unknown_score"
    " FROM regions r LEFT JOIN scores s ON s.region_id = r.id"
)


def load_regions(connection: sqlite3.Connection, n_classes: int, image_id: int | None = None) -> RegionArrays:
    """Read the regions of a project, or of one image.

    Raises
    ------
    ProjectError
        If the store is damaged.
    """
    with store_errors(connection):
        if image_id is None:
            cursor = connection.execute(f"{_COLUMNS} ORDER BY r.id")
        else:
            cursor = connection.execute(f"{_COLUMNS} WHERE r.image_id = ? ORDER BY r.id", (image_id,))
        cursor.row_factory = None
        rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 25

    def numbers(i: int, dtype: Any, missing: float | None = None) -> NDArray[Any]:
        values = columns[i]
        if missing is not None:
            values = tuple(missing if v is None else v for v in values)
        return np.array(values, dtype=dtype)

    def blobs(i: int) -> NDArray[np.float32]:
        empty = bytes(4 * n_classes)
        data = b"".join(empty if v is None else v for v in columns[i])
        return np.frombuffer(data, dtype="<f4").reshape(len(rows), n_classes)

    class_id = numbers(2, np.uint8)
    scored = np.array([v is not None for v in columns[14]], dtype=bool)
    return RegionArrays(
        id=numbers(0, np.int64),
        image_id=numbers(1, np.int32),
        class_id=class_id,
        area=numbers(3, np.int64),
        box=np.stack([numbers(i, np.int32) for i in range(4, 8)], axis=1),
        centroid=np.stack([numbers(i, np.float32) for i in (8, 9)], axis=1),
        votes=blobs(11),
        confidence=numbers(10, np.float32, np.nan),
        loss=numbers(12, np.float32, np.nan),
        noise_score=numbers(13, np.float32, np.nan),
        probabilities=blobs(16),
        predicted=np.where(scored, numbers(14, np.uint8, 0), class_id),
        verdict=np.where(scored, numbers(15, np.uint8, 0), np.uint8(Verdict.KEEP)),
        uncertainty=numbers(17, np.float32, np.nan),
        rec_error=numbers(18, np.float32, np.nan),
        entropy=numbers(19, np.float32, np.nan),
        kl=numbers(20, np.float32, np.nan),
        eta=numbers(21, np.float32, np.nan),
        disagreement=numbers(22, np.float32, np.nan),
        label_quality=numbers(23, np.float32, np.nan),
        unknown_score=numbers(24, np.float32, np.nan),
    )
