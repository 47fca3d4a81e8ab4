"""Regions of an image that a run has stored and that are in no table yet: seen, decided, not scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.project import Project, RegionArrays
from seco_core.project.overrides import Box
from seco_core.refine import paint_regions
from seco_viewer.frames import Frame

TOLD = (
    "a run has just made its regions anew. They are not scored yet: click one to decide on it, or go on with "
    "the queue. Scores come when the run ends."
)


@dataclass(frozen=True, eq=False)
class NewRegions:
    """Regions of the current image that a run has made since the tables were read.

    Attributes
    ----------
    region_ids : ndarray of uint16, (H, W)
        0 is no region.
    class_id : ndarray of uint8, (N,)
        Class after PSA of the regions, from id 1 on.
    votes : ndarray of float32, (N, C)
        Shares of the pseudo-label's classes in each.
    """

    region_ids: NDArray[np.uint16]
    class_id: NDArray[np.uint8]
    votes: NDArray[np.float32]

    def class_map(self, box: Box) -> NDArray[np.uint8]:
        """The part of the class map after PSA in a box."""
        x0, y0, x1, y1 = box
        return paint_regions(self.region_ids[y0:y1, x0:x1], self.class_id)


def has_other_regions(project: Project, regions: RegionArrays, image_id: int) -> bool:
    """Whether a run has made an image's regions anew since all were read, so that its rows mean others."""
    area, class_id = project.region_areas(image_id)
    rows = regions.rows_of(image_id)
    same = np.array_equal(area, regions.area[rows])
    return not same or not np.array_equal(class_id, regions.class_id[rows])


def read_new_regions(project: Project, frame: Frame) -> NewRegions | None:
    """What a frame's region id map belongs to, if it is what the store has now."""
    stored = project.regions(frame.image_id)
    if not np.array_equal(stored.area, frame.areas):
        return None
    return NewRegions(frame.region_ids, stored.class_id, stored.votes)
