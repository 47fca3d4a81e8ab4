"""A reviewer who does random things to an open project."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QItemSelection, QItemSelectionModel
from qtpy.QtWidgets import QApplication

from seco_core.project import Action
from seco_core.refine import paint_overrides
from seco_core.review import Order
from seco_viewer.selection import Patch
from seco_viewer.strokes import brushed, cut, filled_polygon
from tests.viewer.agreement import Agreement, Batch

NOBODYS = 254
"""In place of a class where nobody has decided."""
EDITED = (Action.SPLIT, Action.MERGE, Action.DRAW)
"""Decisions that undo gives the selection of back."""


class RandomReviewer(Agreement):
    """Does random things to an open project, and knows what has to come of them."""

    def __init__(self, dock, qtbot, seed: int):
        super().__init__(dock)
        self.qtbot = qtbot
        self.rng = np.random.default_rng(seed)
        self.undone: list[Batch] = []
        # what, and how often
        self.choices: dict[Callable[[], object], int] = {
            self.decide: 20, self.relabel: 10, self.edit: 14, self.undo: 12, self.redo: 8,
            self.go_about: 14, self.change_filter: 4, self.change_order: 3, self.list_regions: 4,
            self.decide_many: 5, self.take_proposals: 4, self.look: 8, self.turn_page: 6, self.reopen: 1,
        }  # fmt: skip

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
        """Any pixel, or one that was decided."""
        decided = self.session.project.overrides.active(self.session.image_id)
        if decided and self.rng.random() < 0.3:
            override = self.any_of(*decided)
            return Patch(override.box, override.mask).first
        height, width = self.session.frame.shape
        return int(self.rng.integers(height)), int(self.rng.integers(width))

    # ------------------------------------------------------- what is decided

    def decide(self) -> str:
        key = self.any_of("accept", "accept", "take_suggestion", "ignore", "unknown")
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
        log = session.project.overrides
        held = {i: tuple(log.active(i)) for i in range(len(session.project.images))}
        again = session.regions.image_id[session.feedback.again()]
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
            # only a second look is settled by what was decided already
            before_it = paint_overrides(np.full(mask.shape, NOBODYS, dtype=np.uint8), held[o.image_id])
            assert (before_it[mask] != o.class_id).any() or o.image_id in again
            batch.append((o.image_id, mask, o.class_id))
        self.done.append(batch)
        self.undone.clear()

    def undo(self) -> str:
        edit, session = self.session.steps > 0, self.session
        assert edit <= session.edited
        self.dock.perform("undo")
        if not edit and self.done:
            batch = self.done.pop()
            self.undone.append(batch)
            if len(batch) == 1 and session.turned[0].action in EDITED and session.frame.reviewable:
                image_id, mask, _ = batch[0]
                assert session.image_id == image_id
                assert np.array_equal(session.patch.on((0, 0, *mask.shape[::-1])), mask)
                assert session.steps == 0
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
            panel.filters.name.setText(self.any_of("", "scene_1", "2"))
        elif what == "state":
            panel.filters.state.setCurrentIndex(int(self.rng.integers(panel.filters.state.count())))
        elif what == "noise":
            panel.filters.least_noise.setValue(self.any_of(0.0, 0.3))
        elif what == "queue":
            panel.in_queue.setChecked(not panel.in_queue.isChecked())
        else:
            panel.filters.name.setText("")
            panel.filters.state.setCurrentIndex(0)
            panel.filters.least_noise.setValue(0.0)
        return what

    def look(self) -> str:
        key = self.any_of(
            "overlays", "bare", "noise", "compare", "wipe", "conflicts", "graph", "keep_zoom"
        )  # fmt: skip
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
        # what the closed one leaves is collected a little later
        self.qtbot.waitUntil(lambda: not self.dock._tidying._timer.isActive())
        return ""
