"""The queue as a table: find regions of the whole project, go to them, decide many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.project import Action
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.bulk_plans import plan_many
from seco_viewer.docks.actions import Say
from seco_viewer.docks.bulk import BulkBar
from seco_viewer.docks.buttons import in_brackets
from seco_viewer.docks.classes import swatch
from seco_viewer.docks.embedding import EmbeddingPanel
from seco_viewer.docks.queue_filters import QueueFilters, combo, line
from seco_viewer.docks.queue_table import QueueTable, QueueView
from seco_viewer.region_list import limited_to
from seco_viewer.session import Session

_BULK = {
    "accept": ("Accept", Action.ACCEPT, "The class of each selected region is right"),
    "take_suggestion": (
        "Predictions",
        Action.RELABEL,
        "Each selected region gets the class predicted for it",
    ),
    "ignore": ("Ignore", Action.IGNORE, "The selected regions get no label"),
    "unknown": ("Unknown", Action.UNKNOWN, "The selected regions are none of the classes"),
}


class QueuePanel(QWidget):
    """The table with its filters, and what can be done with a selection.

    Parameters
    ----------
    session : Session
        What is shown.
    perform : callable
        Does the action of an id of the table of shortcuts.
    say : callable
        Shows a message.
    """

    def __init__(self, session: Session, perform: Callable[[str], None], say: Say):
        super().__init__()
        self._session, self._perform_one, self._say = session, perform, say
        self._only: NDArray[np.bool_] | None = None
        self._limit: NDArray[np.bool_] | None = None  # what this page has limited the queue to
        self._stale = True  # nothing is listed before it is looked at
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        self.model = QueueTable(session)
        self.map = EmbeddingPanel(session)
        self.map.setVisible(False)
        self.map.lassoed.connect(self.show_only)
        self.bulk = BulkBar(session, say)
        for part in (*self._make_filters(), self.map, self._make_table(), *self._make_bulk(), self.bulk):
            layout.addWidget(part)
        self.bulk.decided.connect(self.table.clearSelection)
        session.region_changed.connect(self._follow)
        session.regions_decided.connect(self._decided)
        session.others_decided.connect(self._decided)
        session.images_cut_anew.connect(self._decided)
        session.reviewable_changed.connect(self._decided)
        session.reloaded.connect(self._reloaded)
        session.queue_changed.connect(self._queue_changed)
        self._count()

    def release(self) -> None:
        """Let go of the session."""
        self.bulk.release()
        self._session.region_changed.disconnect(self._follow)
        self._session.regions_decided.disconnect(self._decided)
        self._session.others_decided.disconnect(self._decided)
        self._session.images_cut_anew.disconnect(self._decided)
        self._session.reviewable_changed.disconnect(self._decided)
        self._session.reloaded.disconnect(self._reloaded)
        self._session.queue_changed.disconnect(self._queue_changed)
        self.map.release()

    # ------------------------------------------------------------------- what

    def selected(self) -> NDArray[np.int64]:
        """The selected regions."""
        spans = [np.arange(part.top(), part.bottom() + 1) for part in self.table.selectionModel().selection()]
        return self.model.rows[np.unique(np.concatenate(spans))] if spans else np.zeros(0, dtype=np.int64)

    def show_only(self, rows: NDArray[np.int64]) -> None:
        """List only some regions, until the mark that says so is clicked away."""
        only = np.zeros(len(self._session.regions), dtype=bool)
        only[rows] = True
        self._choose(only)
        self.filters.state.setCurrentIndex(0)
        self.narrow()

    def perform(self, action_id: str) -> None:
        """Do an action that was asked for from the table: with several rows selected, to all of them."""
        if len(self.selected()) > 1 and action_id in _BULK:
            self.decide(_BULK[action_id][1])
        elif len(self.selected()) > 1 and action_id == "relabel":
            self.relabel_to.setFocus()
            self.relabel_to.showPopup()
        else:
            self._perform_one(action_id)

    def decide(self, action: Action, class_id: int | None = None) -> None:
        """Decide about the selection, as one step."""
        chosen, verb = self.selected(), "decided"
        if action is Action.RELABEL and class_id is None:
            left = np.count_nonzero(~self._session.has_prediction(chosen))
            verb += f", {left:,} not: nothing is predicted for what is not scored" if left else ""
        self.bulk.carry_out(lambda: plan_many(self._session, chosen, action, class_id), verb)

    def narrow(self) -> None:
        """List what the filters let through, as it is now."""
        self._stale = False
        self.model.narrow(self.filters.wanted(self._only))
        self.table.columns.fit()
        if self.in_queue.isChecked():
            self._limit_queue()
        self._follow()
        self._count()

    # ------------------------------------------------------------------ build

    def _make_filters(self) -> list[QWidget]:
        self.filters = QueueFilters(self._session.scheme)
        self.filters.changed.connect(self.narrow)
        self.chosen = QToolButton()
        self.chosen.setToolTip("Only chosen regions are listed; click to list all again.")
        self.chosen.setVisible(False)
        self.chosen.clicked.connect(self._forget_chosen)
        self.counts = QLabel()
        self.counts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.in_queue = QCheckBox("review only these")
        self.in_queue.setToolTip(
            "The Review tab then holds only what is listed here, and of that what its filters let through."
        )
        self.show_map = QToolButton()
        self.show_map.setText("map")
        self.show_map.setCheckable(True)
        self.show_map.setToolTip(
            "All regions on a plane, alike ones together: draw around some to list them."
        )
        self.show_map.toggled.connect(self.map.setVisible)
        self.in_queue.toggled.connect(self._toggle_limit)
        return [
            self.filters,
            line((self.in_queue, 1), (self.chosen, 0), (self.show_map, 0)),
            self.counts,
        ]  # fmt: skip

    def _make_table(self) -> QTableView:
        self.table = QueueView(self.model)
        self.table.clicked.connect(self._clicked)
        self.table.activated.connect(self._go)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._count())
        return self.table

    def _make_bulk(self) -> list[QWidget]:
        self.buttons: dict[str, QPushButton] = {}
        parts: list[tuple[QWidget, int]] = []
        for action_id, (text, action, tip) in _BULK.items():
            button = QPushButton(text)
            button.setToolTip(f"{tip}; one step to undo {in_brackets(action_id)}")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, chosen=action: self.decide(chosen))
            self.buttons[action_id] = button
            parts.append((button, 1))
        self.relabel_to = combo("relabel to…", "Every selected region gets this class; one step to undo")
        for c in self._session.scheme.classes:
            self.relabel_to.addItem(swatch(c.color), c.name, c.id)
        self.relabel_to.activated.connect(self._relabel)
        return [line(*parts), self.relabel_to]

    # -------------------------------------------------------------- what happens

    def _relabel(self, index: int) -> None:
        class_id = self.relabel_to.itemData(index)
        self.relabel_to.setCurrentIndex(0)
        self.table.setFocus()
        if class_id is not None:
            self.decide(Action.RELABEL, class_id)

    def _clicked(self, index: QModelIndex) -> None:
        if QApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self._go(index)

    def _go(self, index: QModelIndex) -> None:
        row = int(self.model.rows[index.row()])
        if row != self._session.row:
            self._session.go_to(row)

    def _follow(self) -> None:
        """Keep the current region in view; a selection of several rows stays."""
        row = self._session.row
        place = -1 if row is None else self.model.place(row)
        if place >= 0:
            index = self.model.index(place, 0)
            mode = QItemSelectionModel.SelectionFlag
            alone = len(self.selected()) <= 1
            self.table.selectionModel().setCurrentIndex(
                index, mode.ClearAndSelect | mode.Rows if alone else mode.NoUpdate
            )
            self.table.scrollTo(index)
        self.table.viewport().update()

    def _decided(self, *_: Any) -> None:
        self._stale = True
        self.model.touch()
        self._count()

    def _reloaded(self) -> None:
        self._decided()
        if self._session.renumbered:
            self._carry_over()
        if self.isVisible() and len(self.selected()) <= 1:
            self.narrow()

    def _carry_over(self) -> None:
        """Go on with those of the chosen regions that a run has left as they are."""
        session, by_filters = self._session, self._only is None and self.in_queue.isChecked()
        if self._only is not None:
            self._choose(session.carried_over(self._only))
        self.model.forget()
        self._limit = session.only_rows if self.in_queue.isChecked() and not by_filters else None
        if by_filters:
            self._limit_queue()
        self._queue_changed()

    def _choose(self, only: NDArray[np.bool_]) -> None:
        """List only some regions, or all if there are none."""
        count = int(np.count_nonzero(only))
        self._only = only if count else None
        self.chosen.setText(f"{count:,} chosen ✕")
        self.chosen.setVisible(count > 0)

    def _forget_chosen(self) -> None:
        self._choose(np.zeros(0, dtype=bool))
        self.narrow()

    def _toggle_limit(self, on: bool) -> None:
        if on:
            session, limit = self._session, self._limit_queue(go_there=True)
            undecided = int(np.count_nonzero(session.to_settle() & limit))
            flagged_alone = session.only_class is None and session.only_image is None
            self._say(
                project_words.limited(len(self.model.rows), undecided, len(session.queue), flagged_alone)
            )
        else:
            self._session.limit(None, go_there=True)

    def _limit_queue(self, *, go_there: bool = False) -> NDArray[np.bool_]:
        limit = limited_to(self._session, self.filters.wanted(self._only))
        if self._limit is None or not np.array_equal(limit, self._limit):
            self._limit = limit
            self._session.limit(limit, go_there=go_there)
        return limit

    def _queue_changed(self) -> None:
        """The box is ticked as long as the queue is limited to what is listed here."""
        if self._limit is None or self._session.only_rows is not self._limit:
            self._limit = None
            with QSignalBlocker(self.in_queue):
                self.in_queue.setChecked(False)

    def _count(self) -> None:
        selected = len(self.selected())
        text = counted(len(self.model.rows), "region") if self.model.filled else ""
        self.counts.setText(f"{text}, {selected:,} selected" if selected > 1 else text)
        for button in (*self.buttons.values(), self.relabel_to):
            button.setEnabled(selected > 0)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Leave out what was done since the list was last looked at."""
        if self._stale and len(self.selected()) <= 1:
            self.narrow()
        self.table.columns.fit()
        super().showEvent(event)
