"""Remembering how the window looks and where the reviewer is, a moment after the keys rest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from seco_viewer.look import NAME
from seco_viewer.memory import go_back_to, memory_file, place_of, recall, remember
from seco_viewer.session import Session

if TYPE_CHECKING:
    from seco_viewer.docks.main import SecoDock
    from seco_viewer.docks.opened import OpenProject

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
        """Go where the reviewer was in a project that is being opened, if the image can still be read."""
        place = self.memory.places.get(str(session.project.path.absolute()))
        if isinstance(place, dict) and len(session.regions):
            go_back_to(session, place)
            if not session.frame.reviewable:
                session.resume()

    def set_up(self, opened: OpenProject) -> None:
        """Make a project's layers and panels as they were, and watch them from now on."""
        memory, session, layers = self.memory, opened.session, opened.layers
        memory.project = str(session.project.path.absolute())
        if memory.learn_after >= 0:
            opened.learn.after.setValue(memory.learn_after)
        layers.view.keep_zoom = memory.keep_zoom
        opened.comparison.recall_sides(memory.sides)
        reviewing = len(session.regions) > 0
        for layer in layers.all:
            look = memory.layers.get(layer.name.removeprefix(NAME), {}) if reviewing else {}
            # decisions shall be seen from the first on, whatever was looked at last
            if isinstance(visible := look.get("visible"), bool) and layer is not layers.curated:
                layer.visible = visible
            if isinstance(opacity := look.get("opacity"), float) and 0 <= opacity <= 1:
                layer.opacity = opacity
            layer.events.visible.connect(self.ask)
            layer.events.opacity.connect(self.ask)
        if reviewing and memory.tab:
            self._dock.tabs.go_to_name(memory.tab)
        opened.learn.after.valueChanged.connect(self.ask)
        opened.comparison.changed.connect(self.ask)
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
        opened = dock.opened
        if opened is not None:
            memory.learn_after = opened.learn.after.value()
            memory.keep_zoom = opened.layers.view.keep_zoom
            memory.sides = [opened.comparison.left, opened.comparison.right]
            if len(opened.session.regions):
                memory.tab = dock.tabs.tabText(dock.tabs.currentIndex())
                # the newest last
                memory.places.pop(memory.project, None)
                memory.places[memory.project] = place_of(opened.session)
                self._note_layers(opened)
        remember(memory, self._file)

    def _note_layers(self, opened: OpenProject) -> None:
        layers = opened.layers
        for_the_moment = [*layers.hidden, *opened.comparison.gave_way]
        compared = [layers.pseudo_label, layers.psa] if opened.comparison.flicked else []
        self.memory.layers = {
            layer.name.removeprefix(NAME): {
                "visible": bool(layer.visible or layer in for_the_moment) and layer not in compared,
                "opacity": float(layer.opacity),
            }
            for layer in layers.all
        }

    def _frame(self) -> tuple[QDockWidget | None, QMainWindow | None]:
        """napari's frame around the dock, and the window it is docked in."""
        frame = self._dock.parentWidget()
        while frame is not None and not isinstance(frame, QDockWidget):
            frame = frame.parentWidget()
        window = None if frame is None else frame.parentWidget()
        return frame, window if isinstance(window, QMainWindow) else None
