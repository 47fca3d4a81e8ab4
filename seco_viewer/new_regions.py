"""Regions of an image that a run has stored and that are in no table yet: seen, decided, not scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.project import Override, Project, RegionArrays
from seco_core.project.overrides import Box
from seco_core.refine import paint_regions, reviewed_regions
from seco_core.scc.correction import Verdict
from seco_viewer.decided_pixels import in_box
from seco_viewer.frames import Frame
from seco_viewer.selection import Patch
from seco_viewer.words import RegionFacts

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

    def region(self, number: int) -> Patch:
        """The pixels of a region, by its id."""
        return Patch.of(self.region_ids == number)

    def decided(self, number: int, overrides: Sequence[Override]) -> int | None:
        """Class that people gave a region, 255 for ignore; None as long as any of it is open but slivers.

        Parameters
        ----------
        number : int
            Its id.
        overrides : sequence of Override
            Those of the image that hold, oldest first.
        """
        region = self.region(number)
        inside = in_box(overrides, region.box)
        reviewed, decided = reviewed_regions(region.mask.astype(np.uint16), 1, inside)
        return int(decided[0]) if reviewed[0] else None

    def facts(self, number: int, decided: int | None) -> RegionFacts:
        """What there is to say about a region before it is scored, by its id.

        Parameters
        ----------
        number : int
            Its id.
        decided : int or None
            Class that people gave it, 255 for ignore.
        """
        order = np.argsort(-self.votes[number - 1], kind="stable")
        return RegionFacts(
            class_id=int(self.class_id[number - 1]),
            predicted=int(self.class_id[number - 1]),
            probability=math.nan,
            noise_score=math.nan,
            verdict=Verdict.KEEP,
            votes=tuple((int(c), share) for c in order if (share := float(self.votes[number - 1, c])) > 0),
            confidence=math.nan,
            neighbours=(),
            touching=(),
            area=self.region(number).area,
            decided=decided,
            coming=True,
        )

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
