"""The dock: start page, or the tabs of an open project; every key and button ends here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
)
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from seco_core.errors import SecoError
from seco_core.project.store import STORE_NAME
from seco_viewer.docks.buttons import with_key
from seco_viewer.docks.canvas import CanvasContext
from seco_viewer.docks.canvas_keys import CanvasKeys, napari_has
from seco_viewer.docks.control_keys import ControlKeys
from seco_viewer.docks.key_dialog import KeyDialog
from seco_viewer.docks.key_list import KeyList, top_window
from seco_viewer.docks.keys import PageKeys
from seco_viewer.docks.message import Message
from seco_viewer.docks.opened import OpenProject
from seco_viewer.docks.remember import Remembering
from seco_viewer.docks.start import StartPage
from seco_viewer.docks.tabs import ProjectTabs, scrolling
from seco_viewer.docks.tidying import Tidying
from seco_viewer.docks.window_keys import WindowKeys
from seco_viewer.napari_costs import prepare
from seco_viewer.projects import get_project, open_session
from seco_viewer.session import Session
from seco_viewer.shortcuts import KEY_PROBLEMS, Shortcut, shortcut, shown

_RESIZE_MILLISECONDS = 150
_FOCUS = (
    "QPushButton:focus, QToolButton:focus, QComboBox:focus, QCheckBox:focus, QLineEdit:focus, "
    "QAbstractSpinBox:focus, QTableView:focus, QListView:focus { border: 1px solid #e69f00; }"
)
"""Where the keys go is seen in both themes."""
_CHOOSE = f"Choose the folder that holds {STORE_NAME}, or make a project from a dataset."
_BUSY = "The pipeline, a trial or an export is still going on: cancel it or wait for its end."


class SecoDock(QWidget):
    """Everything of SeCo in napari's window.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The window's viewer, or napari's public proxy of it.

    Attributes
    ----------
    opened : OpenProject or None
        Layers and pages of the open project.
    """

    def __init__(self, napari_viewer: Any):
        super().__init__()
        self._viewer = napari_viewer
        self.opened: OpenProject | None = None
        self.message = Message()
        self.say = self.message.say
        self.key_list = KeyList(self)
        self.key_list.change_button.clicked.connect(self.change_keys)
        self.key_dialog: KeyDialog | None = None
        self._keys = PageKeys(self, self.perform)
        self._keys.bind(self.key_list)
        self._window_keys = WindowKeys(self, self.perform)
        self._placed = False
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(_RESIZE_MILLISECONDS)
        self._resized.timeout.connect(self._look_again)
        self._tidying = Tidying(self)
        self.setMinimumWidth(330)
        self.setStyleSheet(_FOCUS)
        self.setAcceptDrops(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 5, 0, 0)
        layout.setSpacing(2)
        self.start = StartPage(self.open_project, self.say)
        self.start.made.connect(self._run_if_new)
        self.start.left_out.connect(self._tell_left_out)
        self._start_area = scrolling(self.start)
        self.tabs = ProjectTabs()
        self.tabs.setVisible(False)
        self.tabs.close_button.clicked.connect(self._close_clicked)
        self.remembering = Remembering(self)
        self.start.offer(self.remembering.memory.project)
        for part in (self._start_area, self.tabs, self.message):
            layout.addWidget(part)
        if KEY_PROBLEMS:
            self.say(f"Keys of your own: {KEY_PROBLEMS[0]} {with_key('help')} lists all.", wrong=True)
        QTimer.singleShot(0, prepare)  # once the start page is there

    @property
    def session(self) -> Session | None:
        """The open project under review."""
        return None if self.opened is None else self.opened.session

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
            self._canvas_context = CanvasContext(self, self._viewer)
            self._canvas_keys = CanvasKeys(self, self.perform, self._keys_are_ours, self._tell_whose)
            self._control_keys = ControlKeys(self, self._tell_typed)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """The canvas has another size with the window: the region shall stay in view."""
        if event.type() == QEvent.Type.Resize:
            self._resized.start()
        return bool(super().eventFilter(watched, event))

    def _look_again(self) -> None:
        if self.opened is not None:
            self.opened.layers.look_again()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Remember the new size."""
        super().resizeEvent(event)
        self.remembering.ask()
        self._resized.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Remember everything: the window may be about to close."""
        super().hideEvent(event)
        self.remembering.note()

    def event(self, event: QEvent) -> bool:
        """Leave Enter to the field that is typed into, also if the user chose it for an action."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and isinstance(QApplication.focusWidget(), QLineEdit | QAbstractSpinBox)
        ):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keep keys that nothing here wants: napari would pass them to the canvas, where they decide."""
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """A key that was held is let go."""
        self._keys.released(event)

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
        found = get_project(path)
        if self.busy:
            self.say(_BUSY, wrong=True)
            return False
        if found is None:
            self.say(f"{path}: there is no project here. {_CHOOSE}", wrong=True)
            return False
        try:
            session = open_session(found)
        except SecoError as error:
            self.say(str(error), wrong=True)
            return False
        self.close_project()
        self.remembering.go_back(session)
        self.opened = OpenProject(self._viewer, session, self.tabs, self._keys, self.perform, self.say)
        self.tabs.close_button.setToolTip(
            f"Close {session.project.path.absolute()}. Everything decided is stored already."
        )
        self._start_area.setVisible(False)
        self.tabs.setVisible(True)
        self._tidying.opened()
        self.opened.go_to_first_page()
        self.remembering.set_up(self.opened)
        if session.project.readonly:
            self.say("The project cannot be written: look around, but nothing can be decided.", wrong=True)
        else:
            self.opened.say_what_is_next()
        return True

    def close_project(self) -> None:
        """Go back to the start page. Everything decided is stored already."""
        if self.opened is None:
            return
        self.remembering.note()
        self.opened.release()
        self.opened = None
        self.say("")
        self.tabs.setVisible(False)
        self.tabs.clear_pages()
        self._tidying.closed()
        self.start.offer(self.remembering.memory.project)
        self._start_area.setVisible(True)

    @property
    def busy(self) -> bool:
        """Whether long work of the open project is going on."""
        return self.opened is not None and self.opened.busy

    # ---------------------------------------------------------------- actions

    def perform(self, action_id: str) -> None:
        """Do the action of an id of the table of shortcuts and say what came of it."""
        if action_id == "help":
            self.key_list.toggle()
        elif self.key_list.put_away() and action_id == "leave":
            return  # that was what it was for
        elif self.opened is not None:
            self.opened.actions.perform(action_id)
        else:
            self.say(f"{shortcut(action_id).text}: open a project first, or make one.", wrong=True)

    def change_keys(self) -> None:
        """Show the dialog where keys of one's own are chosen, in place of the list of keys."""
        self.key_list.put_away()
        if self.key_dialog is None:
            self.key_dialog = KeyDialog(self)
        self.key_dialog.open_up()

    def _keys_are_ours(self) -> bool:
        """Whether keys on the canvas decide: always on the Review page; on others a layer that is not one of
        these has its own keys first."""
        if self.opened is None:
            return False
        if self.tabs.page(self.tabs.currentIndex()) is self.opened.review:
            return True
        active, layers = self._viewer.layers.selection.active, self.opened.layers
        return active is None or active in [*layers.all, *layers.others]

    def _tell_whose(self, entry: Shortcut, key: str) -> None:
        """Say what a key does not do, if it is one of the layer in hand."""
        active = self._viewer.layers.selection.active
        if self.opened is not None and napari_has(active, key):
            self.say(
                f"{shown(key)} is napari's key for the layer {active.name}, which is in hand. "
                f"On the Review tab it is ours: {entry.text}."
            )

    def _tell_typed(self, entry: Shortcut, key: str) -> None:
        if self.opened is not None:
            self.say(
                f"{shown(key)} ({entry.text}) does nothing while a field of the layer controls has the keys. "
                "Esc gives them back to the image."
            )

    def _run_if_new(self) -> None:
        if self.opened is not None and not len(self.opened.session.regions):
            self.opened.pipeline.run()

    def _tell_left_out(self, problems: list[str]) -> None:
        if self.opened is not None:
            self.opened.tell_left_out(problems)

    def _close_clicked(self) -> None:
        if self.busy:
            self.say(_BUSY, wrong=True)
        else:
            self.close_project()
