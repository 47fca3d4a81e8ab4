"""What was decided in a window, and whether model, store and every layer agree with it."""

from __future__ import annotations

from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from seco_core.feedback.spread import Feedback
from seco_core.parameters import Parameters
from seco_core.project import Project
from seco_core.refine import conflicts, override_owner, paint_overrides, paint_regions, region_labels
from seco_core.review import order_scores, queue_keys, tie_ranks
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE
from seco_viewer.map_layers import present_map
from seco_viewer.outline import outline
from seco_viewer.region_list import RegionState
from seco_viewer.session import Session

TAU = Parameters().scc.tau_ns
"""Of every run here."""
NUMBERS = ("noise", "wrong", "doubt", "suggested", "belief", "held_out", "open_links")

Batch = list[tuple[int, NDArray[np.bool_], int]]
"""Image, pixels and class of each decision of a batch."""


def assert_agrees_with_the_store(session: Session) -> None:
    """What the session kept up to date bit by bit is what a new one reads."""
    assert np.array_equal(session.curated, session.project.curated(session.image_id))
    with closing(Session(Project.open(session.project.path, readonly=True))) as fresh:
        assert np.array_equal(fresh.reviewed, session.reviewed)
        assert np.array_equal(fresh.decided, session.decided)
        assert len(fresh.queue) == int(session.flagged.sum())


class Agreement:
    """Compares everything in a dock with the batches that were decided, in `done`."""

    def __init__(self, dock):
        self.dock = dock
        self.done: list[Batch] = []
        self.log: list[str] = []

    @property
    def session(self):
        return self.dock.session

    def shape(self, image_id: int) -> tuple[int, int]:
        return self.session.project.images[image_id].shape

    def check(self, *, at_rest: bool = True) -> None:
        """Compare everything with everything; less while a run is changing the store."""
        try:
            self._check_store()
            self._check_layers()
            self._check_selection()
            if at_rest:
                self._check_numbers()
                self._check_list()
        except AssertionError as error:
            raise AssertionError("\n".join([*self.log[-12:], str(error)])) from error

    def painted(self, image_id: int, machine: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The class map that has to come of the machine's."""
        machine = machine.copy()
        for batch in self.done:
            for decided_on, mask, class_id in batch:
                if decided_on == image_id:
                    machine[mask] = class_id
        return machine

    def _check_store(self) -> None:
        """A reader of its own sees the same decisions, and they hold."""
        session = self.session
        with Project.open(session.project.path, readonly=True) as stored:
            for image_id in range(len(stored.images)):
                nothing = np.full(self.shape(image_id), IGNORE, dtype=np.uint8)
                expected = self.painted(image_id, nothing)
                assert np.array_equal(paint_overrides(nothing, stored.overrides.active(image_id)), expected)
            assert sum(map(len, self.done)) == len(stored.overrides) == len(session.project.overrides)

    def _check_numbers(self) -> None:
        """What follows from decisions, worked out anew from the store."""
        session = self.session
        regions = session.regions
        with Project.open(session.project.path, readonly=True) as stored:
            fresh = stored.regions()
            for name in ("id", "class_id", "noise_score", "predicted", "verdict", "probabilities"):
                assert np.array_equal(getattr(fresh, name), getattr(regions, name), equal_nan=True), name
            for image_id in range(len(stored.images)):
                rows = fresh.rows_of(image_id)
                labels = region_labels(fresh.class_id[rows], fresh.verdict[rows], fresh.predicted[rows])
                region_ids = stored.read_region_ids(image_id)
                expected = self.painted(image_id, paint_regions(region_ids, labels))
                assert np.array_equal(stored.curated(image_id, "clean"), expected)
                if image_id == session.image_id:
                    assert np.array_equal(session.curated, expected)
                    assert np.array_equal(session.frame.region_ids, region_ids)
            state = type(session).__mro__[2](stored)  # the state of the review, without a place in it
            for name in ("reviewed", "decided", "confirmed"):
                assert np.array_equal(getattr(state, name), getattr(session, name)), name
            machine = region_labels(fresh.class_id, fresh.verdict, fresh.predicted, state="all")
            feedback = Feedback(
                stored.graph(fresh.id), fresh.class_id, machine, fresh.noise_score, fresh.probabilities,
                fresh.predicted, state.reviewed, state.decided, state.confirmed,
            )  # fmt: skip
            for name in NUMBERS:
                a, b = getattr(feedback, name), getattr(session.feedback, name)
                assert a.tobytes() == b.tobytes(), (name, np.flatnonzero(a != b))
        flagged = (fresh.verdict != Verdict.KEEP) | (
            (feedback.noise > TAU) & ~(fresh.noise_score >= feedback.noise)
        )
        flagged = np.where(state.reviewed, feedback.again(), flagged)
        assert np.array_equal(flagged, session.flagged)
        wanted = ~state.reviewed | feedback.again()
        if session.only_flagged:
            wanted &= flagged
        if session.only_class is not None:
            wanted &= fresh.class_id == session.only_class
        if session.only_image is not None:
            wanted &= fresh.image_id == session.only_image
        if session.only_rows is not None:
            wanted &= session.only_rows
        score = order_scores(
            session.order, noise=np.maximum(feedback.noise, feedback.doubt * feedback.again()),
            wrong=feedback.wrong, area=fresh.area, open_links=feedback.open_links, class_id=fresh.class_id,
        )  # fmt: skip
        order = np.argsort(queue_keys(score, tie_ranks(fresh.area)))
        assert session.queue.first(len(fresh)).tolist() == order[wanted[order]].tolist()
        assert session.counts() == (len(fresh), int(flagged.sum()), int(state.reviewed.sum()))

    def _check_layers(self) -> None:
        """Layers that are seen have what the session has; hidden ones may be behind, what is saved is not."""
        session, layers, frame = self.session, self.dock.opened.layers, self.session.frame
        new = session.new_regions
        classes = session.regions.class_id[session.rows][: len(frame.areas)]
        noise = np.concatenate([[0], np.nan_to_num(session.noise(session.rows))])[frame.region_ids]
        partly = np.concatenate([[False], ~session.reviewed[session.rows]])[frame.region_ids]
        decided = override_owner(frame.shape, session.project.overrides.active(session.image_id)) > 0
        noise[partly & decided] = 0
        expected = {
            layers.image: frame.image,
            layers.pseudo_label: frame.pseudo_label,
            layers.psa: paint_regions(frame.region_ids, classes) if new is None else self._stored_psa(),
            layers.curated: session.curated,
            layers.noise: noise.astype(np.float32),
            layers.regions: frame.borders,
            layers.graph.nodes: session.regions.centroid[session.rows],
        }
        for layer, data in expected.items():
            assert not layer.visible or np.array_equal(layer.data, data), layer.name
            if layer in layers.class_maps:
                assert np.array_equal(present_map(layer.data), data), layer.name
        if layers.outline.layer.visible and session.patch.area:
            line = outline(session.patch.mask, (session.patch.box[1], session.patch.box[0]))
            assert np.array_equal(layers.outline.drawn, line)
        if self.dock.opened.conflicts.all:
            machine = session.machine_label[session.rows][: len(frame.areas)]
            here = session.project.overrides.active(session.image_id)
            cut_through = conflicts(frame.region_ids, machine, here)
            assert np.array_equal(self.dock.opened.conflicts.all[0].data > 0, cut_through)
        ours = {layer for layer in self.dock._viewer.layers if layer.name.startswith("SeCo: ")}
        assert ours == {*layers.all, *layers.others} - {*layers.coming}
        assert not any(layer.visible for layer in layers.coming if layer is not layers.drawing)

    def _stored_psa(self) -> NDArray[np.uint8]:
        with Project.open(self.session.project.path, readonly=True) as stored:
            return stored.read_psa(self.session.image_id)

    def _check_selection(self) -> None:
        session = self.session
        if session.row is not None:
            assert session.rows.start <= session.row < session.rows.stop
        if session.edited or session.row is None or not len(session.frame.areas):
            return
        if session.part is not None:
            active = session.project.overrides.active(session.image_id)
            held = override_owner(session.frame.shape, active)
            number = [o.seq for o in active].index(session.part.override.seq) + 1
            assert np.array_equal(session.patch.on((0, 0, *held.shape[::-1])), held == number)
            return
        region = session.frame.region_ids == session.row - session.rows.start + 1
        if not session.reviewed[session.row]:
            region &= self.painted(session.image_id, np.full(region.shape, 254, np.uint8)) == 254
        assert np.array_equal(session.patch.on((0, 0, *region.shape[::-1])), region)

    def _check_list(self) -> None:
        panel, session = self.dock.opened.queue, self.session
        panel.narrow()
        if panel.filters.state.currentData() is RegionState.FLAGGED:
            assert session.flagged[panel.model.rows].all()
        listed = panel.model.rows
        assert len(np.unique(listed)) == len(listed)
