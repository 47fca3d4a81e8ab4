"""What the stages over all regions start from: labels, trust, features, contacts, decisions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seco_core.project import Action, Override, Project, RegionArrays
from seco_core.refine import confirmed_regions, reviewed_regions
from seco_core.scheme import IGNORE

OVERRIDE_WEIGHT = 4.0
"""Training weight of a region that a person decided, against 1 for one that the machine labelled."""


def trust(regions: RegionArrays, *, by_area: bool = True) -> NDArray[np.float64]:
    """How much the machine's label of each region teaches, (R,), about 1.

    A label that the network itself was unsure of teaches less, and so does that of a small region, unless
    area is left out: both are wrong more often.
    """
    sure = np.nan_to_num(regions.confidence, nan=1.0).astype(np.float64)
    return sure * np.sqrt(regions.area / max(regions.area.mean(), 1.0)) if by_area else sure


def lessons(
    project: Project, regions: RegionArrays, *, by_area: bool = True
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_]]:
    """Class that each region teaches, how much it counts (see `trust`), and whether a person decided it."""
    reviewed, decided = decided_regions(project, regions)
    labels, weight = regions.class_id.copy(), trust(regions, by_area=by_area)
    labels[reviewed] = decided[reviewed]
    weight[reviewed] = OVERRIDE_WEIGHT
    # the classifiers have no ignore class: what a person set to ignore cannot teach them one
    ignored = labels == IGNORE
    weight[ignored] = 0.0
    labels[ignored] = regions.class_id[ignored]
    return labels, weight, reviewed


def contacts(project: Project, regions: RegionArrays, images: list[int]) -> NDArray[np.int64]:
    """Rows of regions that touch in some images, and the length of their contact, (E, 3)."""
    contacts = [np.zeros((0, 3), dtype=np.int64)]
    for image_id in images:
        found = project.read_raster(image_id, "contacts")
        if found is not None:
            contacts.append(found + np.array([[1, 1, 0]]) * regions.rows_of(image_id).start)
    return np.concatenate(contacts)


def described_regions(
    project: Project, regions: RegionArrays, images: Iterable[int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of the regions of images that the current encoder has described, and their features.

    With the encoder ``cnn`` what the networks learnt lies beside what an image alone tells.
    """
    rows, features = [], []
    for image_id in sorted(images):
        found = [project.read_raster(image_id, kind) for kind in ("features", "learnt")]
        there = [values for values in found if values is not None]
        if there and len(there[0]):
            features.append(np.hstack(there))
            rows.append(np.arange(len(regions))[regions.rows_of(image_id)])
    return np.concatenate(rows), np.concatenate(features)


def decided_regions(project: Project, regions: RegionArrays) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Which regions a person has decided, and on which class.

    Parameters
    ----------
    project : Project
        The project.
    regions : RegionArrays
        All of its regions.

    Returns
    -------
    reviewed : ndarray of bool, (R,)
    decided : ndarray of uint8, (R,)
        Ignore where not reviewed, and where that was the decision.
    """
    return settled_regions(project, regions)[:2]


def settled_regions(
    project: Project, regions: RegionArrays
) -> tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.bool_]]:
    """As `decided_regions`, and where the same was decided twice, (R,)."""
    n = len(regions)
    reviewed, confirmed = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    decided = np.full(n, IGNORE, dtype=np.uint8)
    for image_id in project.overrides.images():
        rows = regions.rows_of(image_id)
        reviewed[rows], decided[rows], confirmed[rows] = settled(project, regions, image_id)
    return reviewed, decided, confirmed


def settled(
    project: Project, regions: RegionArrays, image_id: int
) -> tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.bool_]]:
    """Which regions of an image are decided, on which class, and where the same was decided twice.

    Parameters
    ----------
    project : Project
        Opened by this thread.
    regions : RegionArrays
        All its regions.
    image_id : int
        The image.
    """
    rows = regions.rows_of(image_id)
    count = rows.stop - rows.start
    reviewed, decided = np.zeros(count, dtype=bool), np.full(count, IGNORE, dtype=np.uint8)
    overrides = project.overrides.active(image_id)
    whole = [row - rows.start for o in overrides if (row := whole_region(regions, o)) is not None]
    if len(whole) == len(overrides):  # no need to read the region id map
        classes = [o.class_id for o in overrides]
        reviewed[whole] = True
        for region, class_id in zip(whole, classes, strict=True):
            decided[region] = class_id
        same = [region for region, c in zip(whole, classes, strict=True) if c == decided[region]]
        return reviewed, decided, np.bincount(np.array(same, dtype=np.int64), minlength=count) > 1
    region_ids = project.read_region_ids(image_id)
    if region_ids is None or region_ids.max(initial=0) > count:  # another run has replaced the regions
        return reviewed, decided, np.zeros(count, dtype=bool)
    reviewed, decided = reviewed_regions(region_ids, count, overrides)
    return reviewed, decided, confirmed_regions(region_ids, decided, overrides)


def whole_region(regions: RegionArrays, override: Override) -> int | None:
    """The row whose region is exactly what was decided on, if it is still there."""
    if override.region_id is None or override.action in (Action.SPLIT, Action.MERGE, Action.DRAW):
        return None
    rows = regions.rows_of(override.image_id)
    row = int(np.searchsorted(regions.id[rows], override.region_id)) + rows.start
    if row >= rows.stop or regions.id[row] != override.region_id:
        return None
    same_box = regions.box[row].tolist() == list(override.box)
    return row if same_box and regions.area[row] == np.count_nonzero(override.mask) else None
