"""What is known of all regions of a project, what people decided, and which regions are to be looked at.

Kept up to date decision by decision, without reading the tables again. No window is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.feedback.forecast import Forecast, forecast
from seco_core.feedback.proposals import Proposal, proposals
from seco_core.feedback.spread import Feedback, Influence
from seco_core.graph import EdgeKind
from seco_core.project import Action, Override, Project, RegionArrays
from seco_core.project.overrides import Box
from seco_core.refine import (
    confirmed_regions,
    override_owner,
    paint_overrides,
    paint_regions,
    region_labels,
    reviewed_regions,
)
from seco_core.review import Order, order_scores, queue_keys, tie_ranks
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE
from seco_viewer.queue import ReviewQueue
from seco_viewer.words import Reason, RegionFacts


class ReviewState:
    """The regions of a project with everything that decisions change about them.

    Parameters
    ----------
    project : Project
        Open in the thread that uses this.

    Attributes
    ----------
    regions : RegionArrays
        All regions as the pipeline left them.
    reviewed : ndarray of bool, (R,)
        Which of them a person has decided.
    decided : ndarray of uint8, (R,)
        On which class; ignore where nobody has, or where that was decided.
    confirmed : ndarray of bool, (R,)
        Where the same was decided twice.
    machine_label : ndarray of uint8, (R,)
        The class that the machine ends with: the correction's, else PSA's.
    feedback : Feedback
        What decisions say about the other regions.
    order : Order
        What comes first in the queue; see `set_order`.
    queue : ReviewQueue
        The regions to look at.
    only_flagged, only_class, only_image, only_rows
        What the queue holds; see `Session.set_filter`.
    """

    scores_changed = Signal(np.ndarray)
    """Rows whose noise score or suggestion decisions have changed, of any images."""

    def __init__(self, project: Project):
        self.project = project
        self.scheme = project.scheme
        self.order = Order.WORST
        self.only_flagged = True
        self.only_class: int | None = None
        self.only_image: int | None = None
        self.only_rows: NDArray[np.bool_] | None = None
        self.take_tables(project.regions())

    # ---------------------------------------------------------------- numbers

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Regions to be looked at, (R,): those that the machine or decisions on regions like them doubt and
        nobody has looked at, and those decided otherwise than all that is known says."""
        return self.flags(slice(None))

    def flags(self, rows: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
        """Which of some regions are to be looked at, see `flagged`."""
        machine, now = self.regions.noise_score[rows], self.feedback.noise[rows]
        # a score that decisions have lowered flags nothing that the machine keeps
        raised = (now > self._tau) & ~(machine >= now)
        doubted = (self.regions.verdict[rows] != Verdict.KEEP) | raised
        return np.where(self.reviewed[rows], self.feedback.again(rows), doubted)

    def noise(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Noise scores that count now: 0 where a person decided, raised or lowered by decisions on regions
        like it; NaN where there is none."""
        return self.feedback.noise[rows]

    @property
    def suggested(self) -> NDArray[np.uint8]:
        """What each region is if its class is wrong, (R,): as predicted, or as decisions on regions like it
        say; 255 for ignore."""
        return self.feedback.suggested

    def label(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The present best class of regions: what a person decided, else the correction, else PSA's."""
        return np.where(self.reviewed[rows], self.decided[rows], self.machine_label[rows])

    def counts(self, image_id: int | None = None) -> tuple[int, int, int]:
        """Number of regions, of flagged ones still to be looked at, and of reviewed ones."""
        rows = slice(None) if image_id is None else self.regions.rows_of(image_id)
        reviewed = self.reviewed[rows]
        flagged = self.flags(rows)
        return len(reviewed), int(np.count_nonzero(flagged)), int(np.count_nonzero(reviewed))

    def facts(self, row: int) -> RegionFacts:
        """Everything there is to say about a region."""
        r = self.regions
        order = np.argsort(-r.votes[row], kind="stable")
        links = self.links(row)
        alike = [n for n, _, kind in links if kind == EdgeKind.FEATURE]
        touching = [n for n, _, kind in links if kind == EdgeKind.TOUCHES]
        scored = bool(r.probabilities[row].any())
        return RegionFacts(
            class_id=int(r.class_id[row]),
            predicted=int(r.predicted[row]),
            probability=float(r.probabilities[row, r.predicted[row]]) if scored else float("nan"),
            noise_score=float(self.feedback.noise[row]),
            verdict=Verdict(r.verdict[row]),
            votes=tuple((int(c), float(r.votes[row, c])) for c in order if r.votes[row, c] > 0),
            confidence=float(r.confidence[row]),
            neighbours=tuple(self.label(np.array(alike, dtype=np.int64)).tolist()),
            touching=tuple(self.label(np.array(touching, dtype=np.int64)).tolist()),
            area=int(r.area[row]),
            decided=int(self.decided[row]) if self.reviewed[row] else None,
            machine_noise=float(r.noise_score[row]),
            reasons=tuple(self._reason(i) for i in self.feedback.influences(row)),
            unknown_score=float(r.unknown_score[row]),
            again=bool(self.feedback.again(row)),
        )

    def links(self, row: int) -> list[tuple[int, float, EdgeKind]]:
        """Rows of all images linked to a region, with weight and kind of the link, heaviest first."""
        ids = self.regions.id
        found = []
        for region_id, weight, kind in self.project.neighbours(int(ids[row])):
            other = int(np.searchsorted(ids, region_id))
            # a run that is going on may have linked regions that are not in the tables yet
            if other < len(ids) and ids[other] == region_id:
                found.append((other, weight, EdgeKind(kind)))
        return found

    def wanted(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """Which regions the queue is to hold."""
        r = self.regions
        wanted = (~self.reviewed[rows] | self.feedback.again(rows)) & ~self._gone[rows]
        if self.only_flagged:
            wanted &= self.flags(rows)
        if self.only_class is not None:
            wanted &= r.class_id[rows] == self.only_class
        if self.only_image is not None:
            wanted &= r.image_id[rows] == self.only_image
        if self.only_rows is not None:
            wanted &= self.only_rows[rows]
        return wanted

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

    # ---------------------------------------------------------------- changes

    def take_tables(self, regions: RegionArrays) -> None:
        """Begin with other regions; find out which of them are reviewed and put them in order."""
        self.regions = regions
        self.only_rows = None
        self.reviewed = np.zeros(len(regions), dtype=bool)
        self.decided = np.full(len(regions), IGNORE, dtype=np.uint8)
        self.confirmed = np.zeros(len(regions), dtype=bool)
        for overridden in self.project.overrides.images():
            self._count_decisions(overridden)
        self._tie = tie_ranks(regions.area)
        self._gone = np.zeros(len(regions), dtype=bool)
        self.machine_label = region_labels(regions.class_id, regions.verdict, regions.predicted, state="all")
        run = self.project.scoring_run()
        self._tau = run.parameters.scc.tau_ns if run is not None else 1.0
        self.feedback = Feedback(
            self.project.graph(regions.id),
            regions.class_id,
            self.machine_label,
            regions.noise_score,
            regions.probabilities,
            regions.predicted,
            self.reviewed,
            self.decided,
            self.confirmed,
        )
        self.sort(self.order)

    def update(
        self, image_id: int, region_ids: NDArray[np.uint16], overrides: Sequence[Override]
    ) -> tuple[NDArray[np.int64], Box]:
        """Bring the regions under overrides that were just recorded, undone or redone up to date.

        Parameters
        ----------
        image_id : int
            Image of the overrides.
        region_ids : ndarray of uint16, (H, W)
            Its region id map.
        overrides : sequence of Override
            At least one.

        Returns
        -------
        rows : ndarray of int64
            The regions under them.
        box : (int, int, int, int)
            Where the image's curated map may have changed.
        """
        touched = np.unique(
            np.concatenate([region_ids[o.box[1] : o.box[3], o.box[0] : o.box[2]][o.mask] for o in overrides])
        )
        of_image = self.regions.rows_of(image_id)
        start = of_image.start
        rows = start + touched[touched > 0].astype(np.int64) - 1
        boxes = np.concatenate([self.regions.box[rows], np.array([o.box for o in overrides], dtype=np.int32)])
        x0, y0 = boxes[:, :2].min(axis=0).tolist()
        x1, y1 = boxes[:, 2:].max(axis=0).tolist()
        number = np.zeros(of_image.stop - start + 1, dtype=np.uint16)
        number[rows - start + 1] = np.arange(1, len(rows) + 1)
        part = number[region_ids[y0:y1, x0:x1]]
        active = self._overrides(image_id, (x0, y0, x1, y1))
        self.reviewed[rows], self.decided[rows] = reviewed_regions(part, len(rows), active)
        self.confirmed[rows] = confirmed_regions(part, self.decided[rows], active)
        self._follow(rows)
        return rows, (x0, y0, x1, y1)

    def recount(self, image_ids: Sequence[int]) -> NDArray[np.int64]:
        """Bring all regions of images up to date, after decisions on images that are not on screen.

        Returns
        -------
        ndarray of int64
            The rows whose decision changed.
        """
        known = (self.reviewed, self.decided, self.confirmed)
        changed = [np.zeros(0, dtype=np.int64)]
        for image_id in image_ids:
            of_image = self.regions.rows_of(image_id)
            before = [a[of_image].copy() for a in known]
            self.reviewed[of_image], self.decided[of_image], self.confirmed[of_image] = False, IGNORE, False
            self._count_decisions(image_id)
            other = np.any([a[of_image] != b for a, b in zip(known, before, strict=True)], axis=0)
            changed.append(of_image.start + np.flatnonzero(other))
        rows = np.concatenate(changed)
        self._follow(rows)
        return rows

    def sort(self, order: Order) -> None:
        """Put the queue in another order and begin with the first again."""
        self.order = order
        keys = self._keys(np.arange(len(self.regions)))
        self.queue = ReviewQueue.by_keys(keys, self.wanted())

    def leave_out(self, rows: slice) -> None:
        """Keep regions that a run has replaced out of the queue until the tables are read again."""
        self._gone[rows] = True
        of_image = np.arange(rows.start, rows.stop)
        self.queue.set_open(of_image, np.zeros(len(of_image), dtype=bool))

    # ------------------------------------------------------- what would follow

    def proposals(self, seq: int) -> list[Proposal]:
        """Regions that would follow from a decision: like what was decided, and now believed to be the same.

        Parameters
        ----------
        seq : int
            `Override.seq` of the decision.

        Returns
        -------
        list of Proposal
            The most believed first; none if the decision was undone. `seco_viewer.bulk.plan_proposals`
            takes some or all of them.
        """
        source = self.override(seq)
        if source is None:
            return []
        sources = self._rows_under(source)
        settled = (self.machine_label == source.class_id) & ~self.flagged
        return proposals(self.feedback, sources, source.class_id, ~self.reviewed & ~settled & ~self._gone)

    def override(self, seq: int) -> Override | None:
        """A decision that holds, by its number in the log."""
        log = self.project.overrides
        return next((o for i in log.images() for o in log.active(i) if o.seq == seq), None)

    def forecast(self, k: int = 40) -> Forecast:
        """Share of the area that is right now, and after the next `k` regions of the queue are reviewed."""
        return forecast(
            self.feedback.held_out,
            self.regions.area,
            self.reviewed,
            self.reviewed & (self.decided != self.machine_label),
            self.queue.first(k),
        )

    # ----------------------------------------------------------------- inside

    def _keys(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Where regions belong in the queue."""
        again = np.where(self.feedback.again(rows), self.feedback.doubt[rows], 0)
        score = order_scores(
            self.order,
            noise=np.maximum(self.feedback.noise[rows], again),
            wrong=self.feedback.wrong[rows],
            area=self.regions.area[rows],
            open_links=self.feedback.open_links[rows],
            class_id=self.regions.class_id[rows],
        )
        return queue_keys(score, self._tie[rows])

    def _follow(self, rows: NDArray[np.int64]) -> None:
        """Let decisions that changed spread, and the queue with them."""
        touched = self.feedback.update(rows)
        self.queue.move(touched, self._keys(touched))
        self.queue.set_open(touched, self.wanted(touched))
        if len(touched):
            self.scores_changed.emit(touched)

    def _reason(self, influence: Influence) -> Reason:
        image_id = int(self.regions.image_id[influence.row])
        return Reason(
            image=self.project.images[image_id].name,
            number=influence.row - self.regions.rows_of(image_id).start + 1,
            class_id=influence.class_id,
            decided=influence.decided,
            similarity=influence.similarity,
            raises=influence.raises,
            row=influence.row,
        )

    def _rows_under(self, override: Override) -> NDArray[np.int64]:
        """The regions that a decision settled."""
        of_image = self.regions.rows_of(override.image_id)
        row = self._unchanged(override, of_image)
        if row is not None:
            return np.array([row])
        region_ids = self.project.read_region_ids(override.image_id)
        if region_ids is None:
            return np.zeros(0, dtype=np.int64)
        x0, y0, x1, y1 = override.box
        under = np.unique(region_ids[y0:y1, x0:x1][override.mask]).astype(np.int64)
        rows = of_image.start + under[(under > 0) & (under <= of_image.stop - of_image.start)] - 1
        return rows[self.reviewed[rows] & (self.decided[rows] == override.class_id)]

    def _overrides(self, image_id: int, box: Box | None) -> Sequence[Override]:
        """Overrides of an image that hold, or what of them lies in a box, in the box's own pixels."""
        active = self.project.overrides.active(image_id)
        if box is None:
            return active
        return [part for part in (_cropped(o, box) for o in active) if part.mask.size]

    def _count_decisions(self, image_id: int) -> None:
        """Find out which regions of an image are reviewed."""
        rows = self.regions.rows_of(image_id)
        overrides = self.project.overrides.active(image_id)
        own = [self._unchanged(o, rows) for o in overrides]
        known = [row for row in own if row is not None]
        if len(known) == len(own):  # no need to read the region id map
            self.reviewed[known] = True
            for row, override in zip(known, overrides, strict=True):
                self.decided[row] = override.class_id
            same = [
                r - rows.start for r, o in zip(known, overrides, strict=True) if o.class_id == self.decided[r]
            ]
            times = np.bincount(np.array(same, dtype=np.int64), minlength=rows.stop - rows.start)
            self.confirmed[rows] = times > 1
            return
        region_ids = self.project.read_region_ids(image_id)
        if region_ids is not None:
            self.reviewed[rows], self.decided[rows] = reviewed_regions(
                region_ids, rows.stop - rows.start, overrides
            )
            self.confirmed[rows] = confirmed_regions(region_ids, self.decided[rows], overrides)

    def _unchanged(self, override: Override, rows: slice) -> int | None:
        """The row whose region is exactly what was decided on, if it is still there."""
        if override.region_id is None or override.action in (Action.SPLIT, Action.MERGE, Action.DRAW):
            return None
        row = int(np.searchsorted(self.regions.id[rows], override.region_id)) + rows.start
        if row >= rows.stop or self.regions.id[row] != override.region_id:
            return None
        same_box = self.regions.box[row].tolist() == list(override.box)
        return row if same_box and self.regions.area[row] == np.count_nonzero(override.mask) else None


def _cropped(override: Override, box: Box) -> Override:
    """The part of an override inside a box, in the box's own pixels."""
    x0, y0, x1, y1 = override.box
    left, top = max(x0, box[0]), max(y0, box[1])
    right, bottom = max(left, min(x1, box[2])), max(top, min(y1, box[3]))
    return Override(
        action=override.action,
        image_id=override.image_id,
        class_id=override.class_id,
        box=(left - box[0], top - box[1], right - box[0], bottom - box[1]),
        mask=override.mask[top - y0 : bottom - y0, left - x0 : right - x0],
    )
