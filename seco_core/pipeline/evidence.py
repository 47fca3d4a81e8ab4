"""Everything about a project's regions that the noise score is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seco_core.parameters import Parameters
from seco_core.pipeline.region_inputs import contacts, described_regions, lessons
from seco_core.project import Project, RegionArrays
from seco_core.scc.evidence import class_mean, corroborated, disagreement, seen_otherwise, surroundings
from seco_core.scc.kin import kin_doubt
from seco_core.scc.linear import linear_loss


def evidence(
    project: Project, regions: RegionArrays, images: list[int], parameters: Parameters, kin: bool
) -> dict[str, NDArray[np.float32]]:
    """Everything about the regions that the noise score is made of.

    Parameters
    ----------
    project : Project
        The project.
    regions : RegionArrays
        All of its regions, scored.
    images : list of int
        Images that are described; nothing but what the region arrays hold is known of the others' regions.
    parameters : Parameters
        Those of the run.
    kin : bool
        Whether to look for the regions' kin, which have no weight beside confidence maps.

    Returns
    -------
    dict of str to ndarray of float32, (R,)
        By the names of `seco_core.scc.noise.EVIDENCE`; NaN where unknown.
    """
    peak = np.full(len(regions), np.nan, dtype=np.float32)
    seen = np.full(len(regions), np.nan, dtype=np.float32)
    for image_id in images:
        rows = regions.rows_of(image_id)
        found = project.read_raster(image_id, "peak_confidence")
        if found is not None:
            peak[rows] = found
        learnt = project.read_raster(image_id, "learnt")
        if learnt is not None:
            seen[rows] = seen_otherwise(learnt, regions.class_id[rows])
    graph = project.graph(regions.id)
    touching = contacts(project, regions, images)
    enclosure, smallness = surroundings(touching[:, :2], touching[:, 2], regions.class_id, regions.area)
    unlinked, linear, others = np.full((3, len(regions)), np.nan, dtype=np.float32)
    described, features = described_regions(project, regions, images)
    labels, weight, reviewed = lessons(project, regions, by_area=False)
    linear[described] = linear_loss(
        features,
        labels[described],
        regions.image_id[described],
        n_classes=project.scheme.size,
        folds=parameters.scc.folds,
        seed=parameters.seed,
        sample_weight=weight[described],
        asked=regions.class_id[described],
    )
    if kin:
        others[described] = kin_doubt(
            features,
            labels[described],
            # nothing speaks against what a person decided
            np.where(reviewed, 0.0, linear)[described],
            n_classes=project.scheme.size,
            # small regions are wrong more often; by area or its root they would have no say at all
            sample_weight=(weight * (regions.area / max(regions.area.mean(), 1.0)) ** 0.25)[described],
            asked=regions.class_id[described],
        )
    believed_enclosure, believed_smallness = corroborated([enclosure, smallness], linear)
    return {
        "peak_doubt": 1.0 - peak,
        "doubt": 1.0 - regions.confidence,
        "class_doubt": class_mean(1.0 - regions.confidence, regions.class_id),
        "loss": regions.loss,
        "linear": linear,
        "kin": others,
        "disagreement": unlinked if graph is None else disagreement(graph, regions.class_id),
        "entropy": regions.entropy,
        "enclosure": believed_enclosure,
        "smallness": believed_smallness,
        "seen": seen,
    }
