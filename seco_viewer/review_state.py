"""Which regions are to be looked at, and what a decision changes: kept up to date without reading anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.feedback.forecast import Forecast, forecast
from seco_core.feedback.proposals import Proposal, proposals
from seco_core.pipeline.region_inputs import whole_region
from seco_core.project import Override, Project
from seco_core.project.overrides import Box
from seco_core.refine import confirmed_regions, reviewed_regions
from seco_core.review import Order, order_scores, queue_keys
from seco_viewer.known import KnownRegions
from seco_viewer.queue import ReviewQueue
from seco_viewer.tables import Tables


class ReviewState(KnownRegions):
    """The regions of a project, those to look at in order, and everything that decisions change about them.

    Parameters
    ----------
    project : Project
        Open in the thread that uses this.

    Attributes
    ----------
    order : Order
        What comes first in the queue; see `sort`.
    queue : ReviewQueue
        The regions to look at.
    only_flagged, only_class, only_image, only_rows
        What the queue holds; see `Session.set_filter`.
    chosen_gone : int
        How many of the regions that the queue was limited to runs have cut anew since it was told of last.
    gone : ndarray of bool, (R,)
        Regions that cannot be judged now, see `leave_out`.
    """

    scores_changed = Signal(np.ndarray)
    """Rows whose noise score or suggestion decisions have changed, of any images."""

    def __init__(self, project: Project):
        self.order = Order.WORST
        self.only_flagged = True
        self.only_class: int | None = None
        self.only_image: int | None = None
        self.only_rows: NDArray[np.bool_] | None = None
        self.chosen_gone = 0
        super().__init__(project)

    def wanted(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """Which regions the queue is to hold."""
        r = self.regions
        wanted = self.to_settle(rows)
        if self.only_flagged:
            wanted &= self.flags(rows)
        if self.only_class is not None:
            wanted &= r.class_id[rows] == self.only_class
        if self.only_image is not None:
            wanted &= r.image_id[rows] == self.only_image
        if self.only_rows is not None:
            wanted &= self.only_rows[rows]
        return wanted

    def to_settle(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """Which regions nobody has decided for good, and can be judged."""
        return (~self.reviewed[rows] | self.feedback.again(rows)) & ~self.gone[rows]

    def counts(self, image_id: int | None = None) -> tuple[int, int, int]:
        """Number of regions, of flagged ones still to be looked at, and of reviewed ones.

        As many are flagged as are in the queue while it holds all flagged ones: none that is `gone`.
        """
        rows = slice(None) if image_id is None else self.regions.rows_of(image_id)
        reviewed, flagged = self.reviewed[rows], self.flags(rows) & ~self.gone[rows]
        return len(reviewed), int(np.count_nonzero(flagged)), int(np.count_nonzero(reviewed))

    def count_left_out(self) -> int:
        """Number of regions that would be to look at, but are `gone`."""
        return int(np.count_nonzero(self.flagged & self.gone))

    def count_unscored(self, image_id: int | None = None) -> int:
        """Number of regions that nobody has decided and that a stopped run has left without a verdict."""
        rows = slice(None) if image_id is None else self.regions.rows_of(image_id)
        return int(np.count_nonzero(self.tables.unscored[rows] & ~self.reviewed[rows]))

    def take_chosen_gone(self) -> tuple[int, bool]:
        """`chosen_gone` and whether the queue is limited to others of them; it is for who tells of it."""
        gone, self.chosen_gone = self.chosen_gone, 0
        return gone, self.only_rows is not None

    # ---------------------------------------------------------------- changes

    def take_tables(self, tables: Tables) -> None:
        """Begin with other regions or scores, and with the first of the queue."""
        super().take_tables(tables)
        if self.renumbered and self.only_rows is not None:
            before = int(np.count_nonzero(self.only_rows))
            kept = self.carried_over(self.only_rows)
            self.chosen_gone += before - int(np.count_nonzero(kept))
            self.only_rows = kept if kept.any() else None
        self.gone = np.zeros(len(tables.regions), dtype=bool)
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
        rows = self.tables.recount(self.project, image_ids)
        self._follow(rows)
        return rows

    def sort(self, order: Order) -> None:
        """Put the queue in another order and begin with the first again."""
        self.order = order
        keys = self._keys(np.arange(len(self.regions)))
        self.queue = ReviewQueue.by_keys(keys, self.wanted())

    def leave_out(self, rows: slice) -> None:
        """Keep regions that cannot be judged out of the queue until the tables are read again."""
        self.gone[rows] = True
        of_image = np.arange(rows.start, rows.stop)
        self.queue.set_open(of_image, np.zeros(len(of_image), dtype=bool))

    def take_back(self, rows: slice) -> None:
        """Have regions that were left out in the queue again, if it is to hold them."""
        self.gone[rows] = False
        of_image = np.arange(rows.start, rows.stop)
        self.queue.set_open(of_image, self.wanted(of_image))

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
            The most believed first; none if the decision was undone. `bulk_plans.plan_proposals`
            takes some or all of them.
        """
        source = self.override(seq)
        if source is None:
            return []
        sources = self._rows_under(source)
        settled = (self.machine_label == source.class_id) & ~self.flagged
        return proposals(self.feedback, sources, source.class_id, ~self.reviewed & ~settled & ~self.gone)

    def override(self, seq: int) -> Override | None:
        """A decision that holds, by its number in the log."""
        log = self.project.overrides
        return next((o for i in log.images() for o in log.active(i) if o.seq == seq), None)

    def forecast(self, k: int = 40, order: Order | None = None) -> Forecast:
        """Share of the area that is right now, and after the next `k` regions of the queue are reviewed.

        Parameters
        ----------
        k : int
            How many reviews.
        order : Order, optional
            As if the queue were in this order; as it is if left out.
        """
        if order in (None, self.order):
            following = self.queue.first(k)
        else:
            wanted = np.flatnonzero(self.wanted())
            following = wanted[np.argsort(self._keys(wanted, order))[:k]]
        return forecast(
            self.feedback.held_out,
            self.regions.area,
            self.reviewed,
            self.reviewed & (self.decided != self.machine_label),
            following,
        )

    # ----------------------------------------------------------------- inside

    def _keys(self, rows: NDArray[np.int64], order: Order | None = None) -> NDArray[np.uint64]:
        """Where regions belong in the queue, or would in another order."""
        again = np.where(self.feedback.again(rows), self.feedback.doubt[rows], 0)
        score = order_scores(
            self.order if order is None else order,
            noise=np.maximum(self.feedback.noise[rows], again),
            wrong=self.feedback.wrong[rows],
            area=self.regions.area[rows],
            open_links=self.feedback.open_links[rows],
            class_id=self.regions.class_id[rows],
        )
        return queue_keys(score, self.tables.tie[rows])

    def _follow(self, rows: NDArray[np.int64]) -> None:
        """Let decisions that changed spread, and the queue with them."""
        touched = self.feedback.update(rows)
        self.queue.move(touched, self._keys(touched))
        self.queue.set_open(touched, self.wanted(touched))
        if len(touched):
            self.scores_changed.emit(touched)

    def _rows_under(self, override: Override) -> NDArray[np.int64]:
        """The regions that a decision settled."""
        of_image = self.regions.rows_of(override.image_id)
        row = whole_region(self.regions, override)
        if row is not None:
            return np.array([row])
        region_ids = self.project.read_region_ids(override.image_id)
        if region_ids is None:
            return np.zeros(0, dtype=np.int64)
        x0, y0, x1, y1 = override.box
        under = np.unique(region_ids[y0:y1, x0:x1][override.mask]).astype(np.int64)
        rows = of_image.start + under[(under > 0) & (under <= of_image.stop - of_image.start)] - 1
        return rows[self.reviewed[rows] & (self.decided[rows] == override.class_id)]
