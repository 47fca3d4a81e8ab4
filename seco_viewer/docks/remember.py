"""Remembering how the window looks and where the reviewer is, a moment after the keys rest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from seco_viewer.layers import NAME
from seco_viewer.memory import go_back_to, memory_file, place_of, recall, remember
from seco_viewer.session import Session

if TYPE_CHECKING:
    from seco_viewer.docks.main import SecoDock

_MILLISECONDS = 2000
_AREAS = {"left": Qt.DockWidgetArea.LeftDockWidgetArea, "right": Qt.DockWidgetArea.RightDockWidgetArea}


class Remembering(QObject):
    """What the dock remembers.

    Parameters
    ----------
    dock : SecoDock
        Whose window.
    """

    def __init__(self, dock: SecoDock):
        super().__init__(dock)
        self._dock = dock
        self._file = memory_file()
        self.memory = recall(self._file)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self.note)
        application = QApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.note)
        dock.tabs.currentChanged.connect(self.ask)

    def ask(self, *_: object) -> None:
        """Something has changed."""
        self._timer.start()

    def go_back(self, session: Session) -> None:
        """Go where the reviewer was in a project that is being opened."""
        place = self.memory.places.get(str(session.project.path.absolute()))
        if isinstance(place, dict) and len(session.regions):
            go_back_to(session, place)

    def set_up(self) -> None:
        """Make the open project's layers and panels as they were, and watch them from now on."""
        dock, memory = self._dock, self.memory
        session, layers = dock.session, dock.layers
        assert session is not None
        assert layers is not None
        memory.project = str(session.project.path.absolute())
        if memory.learn_after >= 0:
            dock.learn.after.setValue(memory.learn_after)
        layers.view.keep_zoom = memory.keep_zoom
        dock.comparison.recall_sides(memory.sides)
        reviewing = len(session.regions) > 0
        for layer in layers.all:
            look = memory.layers.get(layer.name.removeprefix(NAME), {}) if reviewing else {}
            if isinstance(visible := look.get("visible"), bool):
                layer.visible = visible
            if isinstance(opacity := look.get("opacity"), float) and 0 <= opacity <= 1:
                layer.opacity = opacity
            layer.events.visible.connect(self.ask)
            layer.events.opacity.connect(self.ask)
        if reviewing and memory.tab:
            dock.tabs.go_to_name(memory.tab)
        dock.learn.after.valueChanged.connect(self.ask)
        dock.comparison.changed.connect(self.ask)
        session.region_changed.connect(self.ask)
        session.queue_changed.connect(self.ask)
        self.ask()

    def place_dock(self) -> None:
        """Give the dock the side and width that it had."""
        frame, window = self._frame()
        if frame is None or window is None or not self.memory.width:
            return
        area = _AREAS.get(self.memory.side)
        if area is not None and window.dockWidgetArea(frame) != area:
            window.addDockWidget(area, frame)
        # the window lays its docks out once more when it is shown
        QTimer.singleShot(
            0, partial(window.resizeDocks, [frame], [self.memory.width], Qt.Orientation.Horizontal)
        )

    def note(self) -> None:
        """Remember everything as it is now."""
        dock, memory = self._dock, self.memory
        self._timer.stop()
        frame, window = self._frame()
        if frame is not None and window is not None and frame.isVisible() and not frame.isFloating():
            memory.width = frame.width()
            area = window.dockWidgetArea(frame)
            memory.side = next((side for side, a in _AREAS.items() if a == area), memory.side)
        session, layers = dock.session, dock.layers
        if session is not None and layers is not None:
            memory.learn_after = dock.learn.after.value()
            memory.keep_zoom = layers.view.keep_zoom
            memory.sides = [dock.comparison.left, dock.comparison.right]
            if len(session.regions):
                memory.tab = dock.tabs.tabText(dock.tabs.currentIndex())
                # the newest last
                memory.places.pop(memory.project, None)
                memory.places[memory.project] = place_of(session)
                self._note_layers()
        remember(memory, self._file)

    def _note_layers(self) -> None:
        dock = self._dock
        assert dock.layers is not None
        for_the_moment = [*dock.layers.hidden, *dock.comparison.gave_way]
        self.memory.layers = {
            layer.name.removeprefix(NAME): {
                "visible": bool(layer.visible or layer in for_the_moment),
                "opacity": float(layer.opacity),
            }
            for layer in dock.layers.all
        }

    def _frame(self) -> tuple[QDockWidget | None, QMainWindow | None]:
        """napari's frame around the dock, and the window it is docked in."""
        frame = self._dock.parentWidget()
        while frame is not None and not isinstance(frame, QDockWidget):
            frame = frame.parentWidget()
        window = None if frame is None else frame.parentWidget()
        return frame, window if isinstance(window, QMainWindow) else None
