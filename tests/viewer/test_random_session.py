"""A long session of random actions in a window: after each one model, store and every layer agree.

``SECO_ACTIONS=500`` does so many instead of a few, ``SECO_SEEDS=1,2,3`` does them with other seeds.
"""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from qtpy.QtCore import QItemSelection, QItemSelectionModel
from qtpy.QtWidgets import QApplication

from seco_core.feedback.spread import Feedback
from seco_core.parameters import Parameters
from seco_core.project import Action, Project
from seco_core.refine import conflicts, override_owner, paint_overrides, paint_regions, region_labels
from seco_core.review import Order, order_scores, queue_keys, tie_ranks
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE
from seco_viewer.outline import outline
from seco_viewer.plugin import show_dock
from seco_viewer.region_list import RegionState
from seco_viewer.selection import brushed, cut, filled_polygon
from tests.viewer.scenes import make_project

pytestmark = pytest.mark.gui

ACTIONS = int(os.environ.get("SECO_ACTIONS", "60"))
BESIDE = 10
"""Actions while something runs in the background."""
SEEDS = [int(seed) for seed in os.environ.get("SECO_SEEDS", "0").split(",")]
QUICK = Parameters().replace(
    **{
        "masks.parts": 60, "scc.epochs": 2, "scc.folds": 2, "scc.uncertainty_epochs": 1, "device": "cpu",
        "psa.min_region_area": 4, "workers": 1,
    }
)  # fmt: skip
TIMEOUT = 120_000
NUMBERS = ("noise", "wrong", "doubt", "suggested", "belief", "held_out", "open_links")

Batch = list[tuple[int, NDArray[np.bool_], int]]
"""Image, pixels and class of each decision of a batch."""


class RandomReviewer:
    """Does random things to an open project, and knows what has to come of them."""

    def __init__(self, dock, qtbot, seed: int):
        self.dock, self.qtbot = dock, qtbot
        self.rng = np.random.default_rng(seed)
        self.done: list[Batch] = []
        self.undone: list[Batch] = []
        self.log: list[str] = []
        # what, and how often
        self.choices: dict[Callable[[], object], int] = {
            self.decide: 20, self.relabel: 10, self.edit: 14, self.undo: 12, self.redo: 8,
            self.go_about: 14, self.change_filter: 4, self.change_order: 3, self.list_regions: 4,
            self.decide_many: 5, self.take_proposals: 4, self.look: 8, self.turn_page: 6, self.reopen: 1,
        }  # fmt: skip

    @property
    def session(self):
        return self.dock.session

    def act(self) -> None:
        """Do something."""
        weights = np.array(list(self.choices.values()), dtype=float)
        chosen = list(self.choices)[self.rng.choice(len(weights), p=weights / weights.sum())]
        told = chosen()
        self.log.append(f"{chosen.__name__} {told}")
        QApplication.processEvents()

    def any_of(self, *things):
        return things[int(self.rng.integers(len(things)))]

    def place(self) -> tuple[int, int]:
        height, width = self.session.frame.shape
        return int(self.rng.integers(height)), int(self.rng.integers(width))

    # ------------------------------------------------------- what is decided

    def decide(self) -> str:
        key = self.any_of("accept", "accept", "take_prediction", "ignore", "unknown")
        self._expect(lambda: self.dock.perform(key))
        return key

    def relabel(self) -> str:
        class_id = self.any_of(0, 2, 5, 10, 13)
        self._expect(lambda: self.dock.opened.relabel(class_id))
        return str(class_id)

    def decide_many(self) -> str:
        panel, action = self.dock.opened.queue, self.any_of(Action.ACCEPT, Action.RELABEL, Action.IGNORE)
        panel.narrow()
        listed = len(panel.model.rows)
        if not listed:
            return "of nothing"
        selection = QItemSelection()
        for start in self.rng.integers(0, listed, 3).tolist():
            stop = min(start + 2, listed - 1)
            selection.select(panel.model.index(start, 0), panel.model.index(stop, 0))
        mode = QItemSelectionModel.SelectionFlag
        panel.table.selectionModel().select(selection, mode.ClearAndSelect | mode.Rows)
        count = len(panel.selected())
        self._expect(lambda: panel.decide(action))
        return f"{count} {action}"

    def take_proposals(self) -> str:
        panel = self.dock.opened.proposals
        panel.refresh()
        count = len(panel.strip.ticked_rows())
        if count:
            self._expect(panel.accept)
        return str(count)

    def _expect(self, decide: Callable[[], object]) -> None:
        """Decide, and take what was recorded for what has to be."""
        session, before = self.session, self.session.project.overrides.last_seq
        patch, edited_or_open = session.patch, session.row is not None
        decide()
        assert not self.dock.opened.queue.bulk.running
        overrides = session.project.overrides
        new = [o for i in overrides.images() for o in overrides.active(i) if o.seq > before]
        if not new:
            return
        if len(new) == 1 and edited_or_open and new[0].origin == "person" and new[0].box == patch.box:
            assert np.array_equal(new[0].mask, patch.mask) or new[0].image_id != session.image_id
        batch = []
        for o in sorted(new, key=lambda o: o.seq):
            mask = np.zeros(self.shape(o.image_id), dtype=bool)
            x0, y0, x1, y1 = o.box
            mask[y0:y1, x0:x1] = o.mask
            batch.append((o.image_id, mask, o.class_id))
        self.done.append(batch)
        self.undone.clear()

    def shape(self, image_id: int) -> tuple[int, int]:
        return self.session.project.images[image_id].shape

    def undo(self) -> str:
        edit = self.session.edited
        self.dock.perform("undo")
        if not edit and self.done:
            self.undone.append(self.done.pop())
        return "a step of an edit" if edit else "a decision"

    def redo(self) -> str:
        before = self.session.project.overrides.last_seq
        self.dock.perform("redo")
        if self.session.project.overrides.last_seq > before:
            self.done.append(self.undone.pop())
            return "a decision"
        return "a step of an edit, or nothing"

    # ------------------------------------------------------- what is selected

    def edit(self) -> str:
        session, kind = (
            self.session,
            self.any_of("split", "merge", "brush", "erase", "polygon", "none", "other"),
        )
        shape, points = session.frame.shape, [self.place() for _ in range(3)]
        if kind == "split" and session.patch.area:
            x0, y0, x1, y1 = session.patch.box
            pieces = cut(session.patch, [(y0 - 2, (x0 + x1) / 2), (y1 + 2, (x0 + x1) / 2)])
            if len(pieces) > 1:
                session.edit(pieces, len(pieces) - 2)
        elif kind == "merge":
            self.dock.perform("merge_alike")
        elif kind in ("brush", "erase"):
            stroke = brushed(points[:2], float(self.rng.uniform(1, 6)), shape)
            session.edit([session.patch | stroke if kind == "brush" else session.patch - stroke])
        elif kind == "polygon":
            session.edit([filled_polygon(points, shape)])
        elif kind == "none":
            self.dock.perform(self.any_of("nothing", "leave"))
        else:
            self.dock.perform(self.any_of("other", "smaller", "larger"))
        return kind

    # ------------------------------------------------------------- where to be

    def go_about(self) -> str:
        session = self.session
        key = self.any_of(
            "skip", "skip", "back", "resume", "next_image", "previous_image", "click", "list", "tool"
        )
        if key == "click":
            session.select_at(*self.place())
        elif key == "list":
            session.go_to(int(self.rng.integers(len(session.regions))))
        elif key == "tool":
            key = self.any_of("split", "brush", "polygon", "merge")
            self.dock.perform(key)
        else:
            self.dock.perform(key)
        return key

    def change_filter(self) -> str:
        session = self.session
        chosen = {
            "only_flagged": bool(self.rng.random() < 0.5),
            "only_class": self.any_of(None, None, 2, 10),
            "only_image": self.any_of(None, None, session.image_id),
        }
        session.set_filter(**chosen)
        return str(chosen)

    def change_order(self) -> str:
        order = self.any_of(*Order)
        self.session.set_order(order)
        return order

    def list_regions(self) -> str:
        panel, what = self.dock.opened.queue, self.any_of("name", "state", "noise", "queue", "all")
        if what == "name":
            panel.name.setText(self.any_of("", "scene_1", "2"))
        elif what == "state":
            panel.state.setCurrentIndex(int(self.rng.integers(panel.state.count())))
        elif what == "noise":
            panel.least_noise.setValue(self.any_of(0.0, 0.3))
        elif what == "queue":
            panel.in_queue.setChecked(not panel.in_queue.isChecked())
        else:
            panel.name.setText("")
            panel.state.setCurrentIndex(0)
            panel.least_noise.setValue(0.0)
        return what

    def look(self) -> str:
        key = self.any_of("overlays", "noise", "compare", "wipe", "conflicts", "graph", "keep_zoom")
        self.dock.perform(key)
        return key

    def turn_page(self) -> str:
        page = self.any_of("review", "queue", "why", "images", "plots")
        self.dock.tabs.go_to(getattr(self.dock.opened, page))
        return page

    def reopen(self) -> str:
        path = self.session.project.path
        self.dock.close_project()
        assert self.dock.open_project(path)
        return ""

    # -------------------------------------------------------- what has to hold

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
            (feedback.noise > QUICK.scc.tau_ns) & ~(fresh.noise_score >= feedback.noise)
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
        """Layers that are seen have what the session has; hidden ones may be behind."""
        session, layers, frame = self.session, self.dock.opened.layers, self.session.frame
        classes = session.regions.class_id[session.rows][: len(frame.areas)]
        noise = np.concatenate([[0], np.nan_to_num(session.noise(session.rows))])[frame.region_ids]
        partly = np.concatenate([[False], ~session.reviewed[session.rows]])[frame.region_ids]
        decided = override_owner(frame.shape, session.project.overrides.active(session.image_id)) > 0
        noise[partly & decided] = 0
        expected = {
            layers.image: frame.image,
            layers.pseudo_label: frame.pseudo_label,
            layers.psa: paint_regions(frame.region_ids, classes),
            layers.curated: session.curated,
            layers.noise: noise.astype(np.float32),
            layers.regions: frame.borders,
            layers.nodes: session.regions.centroid[session.rows],
        }
        for layer, data in expected.items():
            assert not layer.visible or np.array_equal(layer.data, data), layer.name
        if layers.outline.layer.visible and session.patch.area:
            line = outline(session.patch.mask, (session.patch.box[1], session.patch.box[0]))
            assert np.array_equal(layers.outline.drawn, line)
        if self.dock.opened.conflicts.all:
            machine = session.machine_label[session.rows][: len(frame.areas)]
            here = session.project.overrides.active(session.image_id)
            cut_through = conflicts(frame.region_ids, machine, here)
            assert np.array_equal(self.dock.opened.conflicts.all[0].data > 0, cut_through)
        ours = {layer for layer in self.dock._viewer.layers if layer.name.startswith("SeCo: ")}
        assert ours == {*layers.all, *layers.others}

    def _check_selection(self) -> None:
        session = self.session
        if session.row is not None:
            assert session.rows.start <= session.row < session.rows.stop
        if session.edited or session.row is None or not len(session.frame.areas):
            return
        region = session.frame.region_ids == session.row - session.rows.start + 1
        if not session.reviewed[session.row]:
            region &= self.painted(session.image_id, np.full(region.shape, 254, np.uint8)) == 254
        assert np.array_equal(session.patch.on((0, 0, *region.shape[::-1])), region)

    def _check_list(self) -> None:
        panel, session = self.dock.opened.queue, self.session
        panel.narrow()
        if panel.state.currentData() is RegionState.FLAGGED:
            assert session.flagged[panel.model.rows].all()
        listed = panel.model.rows
        assert len(np.unique(listed)) == len(listed)


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """No thread that was not there before."""
    before = set(threading.enumerate())
    yield
    # Qt's own pool keeps its threads for what comes next; Python knows them as dummies
    made = [t for t in threading.enumerate() if t not in before and not t.name.startswith("Dummy")]
    for thread in made:
        thread.join(timeout=5)
    assert not [thread.name for thread in made if thread.is_alive()]


def megabytes() -> float:
    """Most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("seed", SEEDS)
def test_model_store_and_layers_agree_after_every_action(
    make_napari_viewer, qtbot, tmp_path: Path, seed: int
):
    viewer = make_napari_viewer(show=ACTIONS > 100)  # painting takes most of the time
    dock = show_dock(viewer)
    with nothing_left_behind():
        assert dock.open_project(make_project(tmp_path))
        dock.opened.learn.after.setValue(0)
        dock.opened.pipeline.form.set_parameters(QUICK)
        reviewer = RandomReviewer(dock, qtbot, seed)
        reviewer.check()
        for number in range(ACTIONS):
            if number == ACTIONS // 3:
                work_beside(reviewer, dock.opened.pipeline.run, lambda: dock.opened.pipeline.running)
            if number == ACTIONS * 2 // 3:
                work_beside(reviewer, dock.opened.learn.toggle, lambda: dock.opened.learn.running)
                peak = megabytes()
            reviewer.act()
            reviewer.check()
        assert megabytes() - peak < 60
        dock.close_project()
        assert not [layer for layer in viewer.layers if layer.name.startswith("SeCo: ")]


def work_beside(reviewer: RandomReviewer, start: Callable[[], None], running: Callable[[], bool]) -> None:
    """Go on while something runs in the background."""
    start()
    assert running()
    reviewer.log.append(f"{start.__qualname__} began")
    del reviewer.choices[reviewer.reopen]
    for _ in range(BESIDE):
        tables = reviewer.session.regions
        reviewer.act()
        if reviewer.session.regions is tables:
            reviewer.check(at_rest=not running())
    reviewer.qtbot.waitUntil(lambda: not running(), timeout=TIMEOUT)
    reviewer.choices[reviewer.reopen] = 1
    reviewer.log.append("ended")
    reviewer.check()
