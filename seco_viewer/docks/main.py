"""The dock: start page, or the tabs of an open project; every key and button ends here."""

from __future__ import annotations

import html
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from qtpy.QtWidgets import QLabel, QShortcut, QVBoxLayout, QWidget

from seco_core.errors import SecoError
from seco_core.parameters import Parameters
from seco_core.pipeline import PsaTrial
from seco_viewer import shortcuts
from seco_viewer.compare import Comparison
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.docks.actions import Actions
from seco_viewer.docks.canvas_keys import CanvasKeys
from seco_viewer.docks.export import ExportPanel
from seco_viewer.docks.images import ImagesPanel
from seco_viewer.docks.key_list import KeyList, top_window
from seco_viewer.docks.later import Soon
from seco_viewer.docks.learn import LearnBar
from seco_viewer.docks.pipeline import PipelinePanel
from seco_viewer.docks.plots import PlotsPanel
from seco_viewer.docks.proposals import ProposalsPanel
from seco_viewer.docks.psa import PsaPanel
from seco_viewer.docks.queue import QueuePanel
from seco_viewer.docks.remember import Remembering
from seco_viewer.docks.review import ReviewPanel
from seco_viewer.docks.start import StartPage
from seco_viewer.docks.tabs import ProjectTabs, scrolling
from seco_viewer.docks.view_bar import ViewBar
from seco_viewer.docks.why import WhyPanel
from seco_viewer.edit_tools import EditTools
from seco_viewer.layers import ReviewLayers, prepare
from seco_viewer.projects import all_skipped, get_project, open_session
from seco_viewer.session import Session
from seco_viewer.trial_layers import TrialLayers

_REPEAT_MILLISECONDS = 60
"""A key that comes down again so soon was held all the time."""
_RESIZE_MILLISECONDS = 150
_FOCUS = (
    "QPushButton:focus, QToolButton:focus, QComboBox:focus, QCheckBox:focus, QLineEdit:focus, "
    "QAbstractSpinBox:focus, QTableView:focus, QListView:focus { border: 1px solid #e69f00; }"
)
"""Where the keys go is seen in both themes."""
_BUSY = "The pipeline, a trial or an export is still going on: cancel it or wait for its end."


class SecoDock(QWidget):
    """Everything of SeCo in napari's window.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The window's viewer, or napari's public proxy of it.

    Attributes
    ----------
    session : Session or None
        The open project under review.
    """

    def __init__(self, napari_viewer: Any):
        super().__init__()
        self._viewer = napari_viewer
        self.session: Session | None = None
        self.layers: ReviewLayers | None = None
        self.actions: Actions | None = None
        self.key_list = KeyList(self)
        self._placed = False
        # the key that is held down in a panel, and since when
        self._held: tuple[shortcuts.Shortcut, float] | None = None
        self._let_go = QTimer(self)
        self._let_go.setSingleShot(True)
        self._let_go.setInterval(_REPEAT_MILLISECONDS)
        self._let_go.timeout.connect(self._end_hold)
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(_RESIZE_MILLISECONDS)
        self._resized.timeout.connect(self._look_again)
        self._soon = Soon(self)
        self.setMinimumWidth(330)
        self.setStyleSheet(_FOCUS)
        self.setAcceptDrops(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 5, 0, 0)
        layout.setSpacing(2)
        self.start = StartPage(self.open_project, self.say)
        self.start.made.connect(self._run_if_new)
        self._start_area = scrolling(self.start)
        self.tabs = ProjectTabs()
        self.tabs.setVisible(False)
        self.tabs.close_button.clicked.connect(self._close_clicked)
        self.remembering = Remembering(self)
        self.start.offer(self.remembering.memory.project)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.RichText)
        self.message.setContentsMargins(6, 2, 6, 4)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for part in (self._start_area, self.tabs, self.message):
            layout.addWidget(part)
        QTimer.singleShot(0, prepare)  # once the start page is there
        self._bind_keys(self.key_list, self.perform)
        self._bind_far_keys()

    def sizeHint(self) -> Any:  # noqa: N802
        """As wide as the dock is meant to be."""
        hint = super().sizeHint()
        hint.setWidth(370)
        return hint

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Take the place in the window that it had when it was last open."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            self.remembering.place_dock()
            top_window(self).installEventFilter(self)
            self._canvas_keys = CanvasKeys(self, self.perform, self._keys_are_ours)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """The canvas has another size with the window: the region shall stay in view."""
        if event.type() == QEvent.Type.Resize:
            self._resized.start()
        return bool(super().eventFilter(watched, event))

    def _look_again(self) -> None:
        if self.layers is not None:
            self.layers.look_again()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Remember the new size."""
        super().resizeEvent(event)
        self.remembering.ask()
        self._resized.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Remember everything: the window may be about to close."""
        super().hideEvent(event)
        self.remembering.note()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keep keys that nothing here wants: napari would pass them to the canvas, where they decide."""
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take projects that are dragged here; on the canvas napari may ask which plugin shall read them."""
        if any(get_project(url.toLocalFile()) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open the project that was dropped."""
        for url in event.mimeData().urls():
            path = get_project(url.toLocalFile())
            if path is not None:
                event.acceptProposedAction()
                self.open_project(path)
                return

    # --------------------------------------------------------------- projects

    def open_project(self, path: Path | str) -> bool:
        """Open a project folder, or the store in it, in place of the one that is open; whether it could."""
        path = get_project(path) or Path(path)
        if self.busy:
            self.say(_BUSY, wrong=True)
            return False
        try:
            session = open_session(path)
        except SecoError as error:
            self.say(str(error), wrong=True)
            return False
        self.close_project()
        self.remembering.go_back(session)
        self._show_session(session)
        if session.project.readonly:
            self.say("The project cannot be written: look around, but nothing can be decided.", wrong=True)
        else:
            self._say_what_is_next(session)
        return True

    def close_project(self) -> None:
        """Go back to the start page. Everything decided is stored already."""
        if self.session is None or self.layers is None:
            return
        self.remembering.note()
        self.psa.clear()
        shortcuts.unbind([self._viewer, *self.layers.all])
        for panel in (
            self.proposals,
            self.tools,
            self.view_bar,
            self.review,
            self.learn,
            self.why,
            self.queue,
            self.images,
            self.psa,
            self.plots,
        ):
            panel.release()
        self.comparison.release()
        self.conflicts.release()
        self.layers.remove()
        self.session.close()
        self.session = self.layers = self.actions = None
        self.tabs.clear_pages()
        self.tabs.setVisible(False)
        self.start.offer(self.remembering.memory.project)
        self._start_area.setVisible(True)

    @property
    def busy(self) -> bool:
        """Whether long work of the open project is going on."""
        return self.session is not None and any(
            panel.running for panel in (self.pipeline, self.psa, self.plots, self.export)
        )

    def _show_session(self, session: Session) -> None:
        self.session = session
        self.layers = ReviewLayers(self._viewer, session, self._soon.ask)
        self.review = ReviewPanel(session, self.perform, self._relabel)
        self.learn = LearnBar(session, lambda: not self.busy, self.say)
        self.review.layout().addWidget(self.learn)
        self.tools = EditTools(self._viewer, session, self.layers, self.say)
        self.tools.tool_changed.connect(lambda: self.review.edit_bar.show_tool(self.tools.tool))
        self.comparison = Comparison(self._viewer, session, self.layers)
        self.conflicts = ConflictLayer(self._viewer, session, self.layers)
        self.comparison.changed.connect(self._take_other_layers)
        self.conflicts.changed.connect(self._take_other_layers)
        self.view_bar = ViewBar(self.perform, self.comparison, self.conflicts)
        self.view_bar.left.connect(self.review.setFocus)
        self.review.add(self.view_bar)
        self.actions = Actions(
            session,
            self.layers,
            self.tools,
            self.comparison,
            self.conflicts,
            self.tabs,
            self.review,
            self.say,
        )
        self.actions.table["learn"] = self.learn.toggle
        self.actions.table["next_page"] = partial(self.tabs.turn, 1)
        self.actions.table["previous_page"] = partial(self.tabs.turn, -1)
        self.why = WhyPanel(session)
        self.proposals = ProposalsPanel(session, self.say)
        self.review.add(self.proposals)
        self.queue = QueuePanel(session, self.perform, self.say)
        self.images = ImagesPanel(session)
        self.plots = PlotsPanel(session)
        self.pipeline = PipelinePanel(session)
        self.psa = PsaPanel(session)
        self.trial_layers = TrialLayers(self._viewer, session.scheme)
        self.export = ExportPanel(session)
        self.plots.told.connect(self.say)
        self.plots.failed.connect(partial(self.say, wrong=True))
        self.plots.previewed.connect(self._preview)
        self.plots.used.connect(self.pipeline.form.set_parameters)
        self.pipeline.ended.connect(self._run_ended)
        self.learn.started.connect(partial(self.pipeline.run_button.setEnabled, False))
        self.learn.ended.connect(partial(self.pipeline.run_button.setEnabled, not session.project.readonly))
        self.psa.tried.connect(self._show_trial)
        self.psa.cleared.connect(self._clear_trial)
        self.psa.adopted.connect(self._adopt)
        for name, page, first in (
            ("Review", self.review, None),
            ("Why", self.why, None),
            ("Queue", self.queue, self.queue.table),
            ("Images", self.images, self.images.table),
            ("Plots", self.plots, None),
            ("Pipeline", self.pipeline, self.pipeline.run_button),
            ("PSA", self.psa, self.psa.try_button),
            ("Export", self.export, self.export.export_button),
        ):
            self.tabs.add(name, page, first)
        # only where no text or numbers are typed
        self._bind_keys(self.review, self.perform)
        self._bind_keys(self.why, self.perform)
        self._bind_keys(self.images, self.perform)
        self._bind_keys(self.queue.table, self.queue.perform)
        shortcuts.bind([self._viewer, *self.layers.all], self.perform)
        self.tabs.close_button.setToolTip(
            f"Close {session.project.path.absolute()}. Everything decided is stored already."
        )
        self._start_area.setVisible(False)
        self.tabs.setVisible(True)
        if len(session.regions):
            self.tabs.go_to(self.review)
        else:
            self.tabs.go_to(self.images if all_skipped(session) else self.pipeline)
        self.remembering.set_up()

    # ---------------------------------------------------------------- actions

    def perform(self, action_id: str) -> None:
        """Do the action of an id of the table of shortcuts and say what came of it."""
        if action_id == "help":
            self.key_list.toggle()
        elif self.key_list.put_away() and action_id == "leave":
            return  # that was what it was for
        elif self.actions is not None:
            self.actions.perform(action_id)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a message below the tabs; what is wrong also on the canvas."""
        self.message.setText(f"<b>⚠ {html.escape(text)}</b>" if wrong else html.escape(text))
        if wrong:
            show_warning(text)

    def _keys_are_ours(self) -> bool:
        """Whether the layer in hand is one of these; another's own keys come first."""
        active = self._viewer.layers.selection.active
        layers = self.layers
        return layers is not None and (active is None or active in [*layers.all, *layers.others])

    def _relabel(self, class_id: int) -> None:
        if self.actions is not None:
            self.actions.relabel(class_id)

    def _bind_keys(self, page: QWidget, perform: shortcuts.Perform) -> None:
        for entry, key in shortcuts.keys_by_reach()[0]:
            bound = QShortcut(QKeySequence(shortcuts.shown(key)), page)
            bound.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            bound.setAutoRepeat(False)
            bound.activated.connect(partial(self._pressed, entry, perform))

    def _bind_far_keys(self) -> None:
        """Bind the keys that work wherever the focus is in this window."""
        for entry, key in shortcuts.keys_by_reach()[1]:
            sequence = shortcuts.shown(key)
            # keyboards differ in whether ? is typed with Shift, systems in whether that is told
            for spelling in {sequence, f"Shift+{key}" if len(key) == 1 else sequence}:
                bound = QShortcut(QKeySequence(spelling), self)
                bound.setAutoRepeat(False)
                bound.activated.connect(partial(self.perform, entry.id))
                bound.activatedAmbiguously.connect(partial(self.perform, entry.id))

    def _pressed(self, entry: shortcuts.Shortcut, perform: shortcuts.Perform) -> None:
        if self._let_go.isActive():
            self._let_go.stop()  # it was not let go: a busy system tells repeats as keys of their own
            return
        self._held = (entry, time.monotonic()) if entry.momentary else None
        perform(entry.id)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """What is shown while a key is held ends with it; a short press stays, as on the canvas."""
        if self._held is None or event.isAutoRepeat():
            event.ignore()
        elif time.monotonic() - self._held[1] > get_settings().application.hold_button_delay:
            self._let_go.start()
        else:
            self._held = None

    def _end_hold(self) -> None:
        if self._held is not None:
            (entry, _), self._held = self._held, None
            self.perform(entry.id)

    def _run_if_new(self) -> None:
        if self.session is not None and not len(self.session.regions):
            self.pipeline.run()

    def _run_ended(self) -> None:
        if self.session is None:
            return
        if len(self.session.regions):
            _, flagged, _ = self.session.counts()
            self.say(f"{flagged:,} regions are flagged. The Review tab has the worst first.")
        else:
            self._say_what_is_next(self.session)

    def _say_what_is_next(self, session: Session) -> None:
        """What to do with a project that has nothing to review yet; nothing otherwise."""
        if len(session.regions):
            self.say("")
        elif all_skipped(session):
            self.say(
                f"No image could be used. The first: {session.project.images[0].problem} The Images tab says "
                "why for each. Put it right, then run the pipeline again.",
                wrong=True,
            )
        else:
            self.say("Nothing has been worked on yet. Next: run the pipeline (Pipeline tab).")

    def _show_trial(self, trial: PsaTrial, borders: NDArray[np.uint16]) -> None:
        self.trial_layers.show(trial, borders)
        self._take_other_layers()

    def _preview(self, class_map: NDArray[np.uint8] | None) -> None:
        if self.layers is not None:
            self.layers.preview(class_map)

    def _clear_trial(self) -> None:
        self.trial_layers.clear()
        self._take_other_layers()

    def _take_other_layers(self) -> None:
        """Keys work on the layers that come and go, and they are hidden with the others."""
        if self.layers is not None:
            self.layers.others = [*self.trial_layers.all, *self.comparison.all, *self.conflicts.all]
            shortcuts.bind(self.layers.others, self.perform)

    def _adopt(self, parameters: Parameters, names: tuple[str, ...]) -> None:
        self.pipeline.form.set_parameters(parameters, names)
        self.pipeline.form.unfold.setChecked(True)  # some of them are among the others
        self.tabs.go_to(self.pipeline)
        self.say("The tried parameters are in the form. Run the pipeline to use them for all images.")

    def _close_clicked(self) -> None:
        if self.busy:
            self.say(_BUSY, wrong=True)
        else:
            self.close_project()
            self.say("")
