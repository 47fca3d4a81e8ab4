"""What networks that learn from the pseudo-label see in every region: the first stage over all regions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.cnn import learnt_classes
from seco_core.encoders.decoded import DecodedImages
from seco_core.images import read_image
from seco_core.parameters import Parameters
from seco_core.pipeline.ledger import Ledger, signature
from seco_core.pipeline.region_inputs import trust
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project


def learn_features(
    project: Project,
    parameters: Parameters,
    ledger: Ledger,
    device: str,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> None:
    """Bring the learnt part of the features up to date, over the images that are not skipped.

    Trains on the machine's classes: what people decided teaches the region classifier, which follows.
    """
    described = ledger.image_signatures("features")
    key = learnt_signature(parameters, described)
    if ledger.project_signature("cnn") == key:
        return
    regions = project.regions()
    images = sorted(described)
    rows = np.flatnonzero(np.isin(regions.image_id, images))

    def read(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16], int]:
        of_image = regions.rows_of(images[index])
        region_ids = project.read_region_ids(images[index])
        assert region_ids is not None, "the ledger says that psa is done"
        return read_image(project.images[images[index]].image), region_ids, of_image.stop - of_image.start

    found = np.zeros((len(regions), project.scheme.size), dtype=np.float32)
    found[rows] = learnt_classes(
        DecodedImages(read),
        regions.class_id[rows],
        np.searchsorted(images, regions.image_id[rows]),
        n_classes=project.scheme.size,
        label_smoothing=parameters.scc.label_smoothing,
        seed=parameters.seed,
        device=device,
        sample_weight=trust(regions)[rows],
        progress=progress,
        cancel=cancel,
    )
    ledger.store_learnt({i: found[regions.rows_of(i)] for i in images}, key)


def learnt_signature(parameters: Parameters, described: Mapping[int, str]) -> str:
    """Signature of what networks learn about images with these signatures of their features."""
    return signature(
        stage="cnn",
        features=described,
        label_smoothing=parameters.scc.label_smoothing,
        seed=parameters.seed,
    )
