"""What is known of all regions of a project: scores, classes, decisions, links, and the maps of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seco_core.feedback.spread import Influence
from seco_core.graph import EdgeKind
from seco_core.project import Override, Project
from seco_core.project.overrides import Box
from seco_core.refine import override_owner, paint_overrides, paint_regions, region_labels
from seco_core.review import doubted_regions
from seco_core.scc.correction import Verdict
from seco_viewer.decided_pixels import in_box
from seco_viewer.successors import successors
from seco_viewer.tables import Tables
from seco_viewer.words import Reason, RegionFacts, side


class KnownRegions:
    """The regions of a project as they are now, to be asked about.

    Parameters
    ----------
    project : Project
        Open in the thread that uses this.

    Attributes
    ----------
    regions, machine_label, tau, reviewed, decided, confirmed, feedback
        As in `Tables`.
    successors : ndarray of int64 or None, (R before,)
        The rows now of the regions that there were until the tables were last read, -1 for those that were
        cut anew; None if a row means the same region as before.
    run_goes_on : bool
        Whether the window's own run is working on the project: what has no score will have one.
    away : bool
        Whether the project was no longer where it was opened when somebody looked last.
    """

    def __init__(self, project: Project):
        self.project = project
        self.scheme = project.scheme
        self.run_goes_on = self.away = False
        self.tables = Tables.read(project)
        self.take_tables(self.tables)

    def take_tables(self, tables: Tables) -> None:
        """Go on with other regions; another thread may have read them a while ago."""
        tables.catch_up(self.project)
        self.project.overrides.forget_changed()
        same = tables.same_regions(self.tables)
        self.successors = None if same else successors(self.tables.regions, tables.regions)
        self.tables = tables
        self.regions, self.machine_label, self.tau = tables.regions, tables.machine_label, tables.tau
        self.reviewed, self.decided, self.confirmed = tables.reviewed, tables.decided, tables.confirmed
        self.feedback = tables.feedback

    @property
    def renumbered(self) -> bool:
        """Whether the regions are others since the tables were last read, so that a row means another one."""
        return self.successors is not None

    def carried_over(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which regions are those of the former ones, (R before,), that were not cut anew, (R,)."""
        assert self.successors is not None
        rows = self.successors[chosen]
        found = np.zeros(len(self.regions), dtype=bool)
        found[rows[rows >= 0]] = True
        return found

    # ---------------------------------------------------------------- numbers

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Regions to be looked at, (R,): those that the machine or decisions on regions like them doubt and
        nobody has looked at, and those decided otherwise than all that is known says."""
        return self.flags(slice(None))

    def flags(self, rows: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        """Which of some regions are to be looked at, see `flagged`."""
        r = self.regions
        doubted = doubted_regions(r.verdict[rows], r.noise_score[rows], self.feedback.noise[rows], self.tau)
        return np.where(self.reviewed[rows], self.feedback.again(rows), doubted)

    def noise(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Noise scores that count now: 0 where a person decided, raised or lowered by decisions on regions
        like it; NaN where there is none."""
        return self.feedback.noise[rows]

    def has_prediction(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """For which regions the model predicts a class: for none that no run has scored."""
        return ~np.isnan(self.regions.noise_score[rows])

    @property
    def suggested(self) -> NDArray[np.uint8]:
        """What each region is if its class is wrong, (R,): as predicted, or as decisions on regions like it
        say; 255 for ignore."""
        return self.feedback.suggested

    def label(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The present best class of regions: what a person decided, else the correction, else PSA's."""
        return np.where(self.reviewed[rows], self.decided[rows], self.machine_label[rows])

    def facts(self, row: int) -> RegionFacts:
        """Everything there is to say about a region."""
        r = self.regions
        order = np.argsort(-r.votes[row], kind="stable")
        links = self.links(row)
        alike = [n for n, _, kind in links if kind == EdgeKind.FEATURE]
        touching = [n for n, _, kind in links if kind == EdgeKind.TOUCHES]
        scored = bool(r.probabilities[row].any())
        noise = float(self.feedback.noise[row])
        return RegionFacts(
            class_id=int(r.class_id[row]),
            predicted=int(r.predicted[row]),
            probability=float(r.probabilities[row, r.predicted[row]]) if scored else float("nan"),
            noise_score=noise,
            verdict=Verdict(r.verdict[row]),
            votes=tuple((int(c), float(r.votes[row, c])) for c in order if r.votes[row, c] > 0),
            confidence=float(r.confidence[row]),
            neighbours=tuple(self.label(np.array(alike, dtype=np.int64)).tolist()),
            touching=tuple(self.label(np.array(touching, dtype=np.int64)).tolist()),
            area=int(r.area[row]),
            decided=int(self.decided[row]) if self.reviewed[row] else None,
            machine_noise=float(r.noise_score[row]),
            reasons=tuple(self._reason(row, i) for i in self.feedback.influences(row)),
            unknown_score=float(r.unknown_score[row]),
            again=bool(self.feedback.again(row)),
            suggested=int(self.feedback.suggested[row]),
            coming=self.run_goes_on and math.isnan(noise),
        )

    def links(self, row: int) -> list[tuple[int, float, EdgeKind]]:
        """Rows of all images linked to a region, with weight and kind of the link, heaviest first."""
        ids = self.regions.id
        found: list[tuple[int, float, EdgeKind]] = []
        if not self.tables.linked:
            return found
        for region_id, weight, kind in self.project.neighbours(int(ids[row])):
            other = int(np.searchsorted(ids, region_id))
            # a run that is going on may have linked regions that are not in the tables yet
            if other < len(ids) and ids[other] == region_id:
                found.append((other, weight, EdgeKind(kind)))
        return found

    # ------------------------------------------------------------------- maps

    def psa_map(self, image_id: int, region_ids: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """The class map of an image after PSA, or the part of it that `region_ids` is of."""
        return paint_regions(region_ids, self.regions.class_id[self.regions.rows_of(image_id)])

    def curated_map(
        self, image_id: int, region_ids: NDArray[np.uint16], box: Box | None = None
    ) -> NDArray[np.uint8]:
        """The curated class map of an image, or the part of it in a box, overrides on top.

        Parameters
        ----------
        image_id : int
            The image.
        region_ids : ndarray of uint16, (h, w)
            Its region id map, or the part of it in `box`.
        box : (int, int, int, int), optional
            x0, y0, x1, y1 of the part; the whole image if left out.
        """
        r, rows = self.regions, self.regions.rows_of(image_id)
        labels = region_labels(r.class_id[rows], r.verdict[rows], r.predicted[rows], state="clean")
        return paint_overrides(paint_regions(region_ids, labels), self._overrides(image_id, box))

    def noise_map(
        self, image_id: int, region_ids: NDArray[np.uint16], box: Box | None = None
    ) -> NDArray[np.float32]:
        """The noise score that counts now at every pixel: that of its region, but 0 where a part was decided.

        Parameters
        ----------
        image_id, region_ids, box
            As for `curated_map`.
        """
        rows = self.regions.rows_of(image_id)
        scores = np.nan_to_num(self.noise(rows))
        found = np.concatenate([np.zeros(1, dtype=np.float32), scores])[region_ids]
        if overrides := self._overrides(image_id, box):
            # a region decided whole has its own score: it may call for a second look
            part = np.concatenate([[False], ~self.reviewed[rows]])[region_ids]
            found[part & (override_owner(found.shape, overrides) > 0)] = 0
        return found

    # ----------------------------------------------------------------- inside

    def _reason(self, row: int, influence: Influence) -> Reason:
        r, other = self.regions, influence.row
        image_id = int(r.image_id[other])
        if image_id == r.image_id[row]:
            where = side(*(r.centroid[other] - r.centroid[row]).tolist())
        else:
            where = f"in image {self.project.images[image_id].name}"
        return Reason(
            where=where,
            class_id=influence.class_id,
            decided=influence.decided,
            similarity=influence.similarity,
            raises=influence.raises,
            row=influence.row,
        )

    def _overrides(self, image_id: int, box: Box | None) -> Sequence[Override]:
        """Overrides of an image that hold, or what of them lies in a box, in the box's own pixels."""
        active = self.project.overrides.active(image_id)
        return active if box is None else in_box(active, box)
