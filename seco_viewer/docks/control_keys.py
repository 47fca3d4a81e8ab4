"""Letters where a field of napari's layer controls has the focus: they decide nothing, and that is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget

from seco_viewer import shortcuts
from seco_viewer.docks.canvas import canvases
from seco_viewer.docks.canvas_keys import KeyTable

_CONTROLS = "layer controls"
"""napari's name of the dock widget."""
_OF_NUMBERS = "eE"
"""Letters that a number may have: 1e-3."""


class ControlKeys(QObject):
    """Watches the fields in which something is chosen by its letters or a number is typed.

    Escape gives the keys back to the canvas.

    Parameters
    ----------
    owner : QWidget
        Somewhere in napari's main window; the fields are watched as long as it lives.
    left : callable
        Told of each letter of the table of shortcuts that a field takes.
    """

    def __init__(self, owner: QWidget, left: Callable[[shortcuts.Shortcut, str], None]):
        super().__init__(owner)
        self._owner, self._left, self._table = owner, left, KeyTable()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focused)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Leave all but Escape to the field."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() == Qt.Key.Key_Escape:
            for canvas in canvases(self._owner):
                canvas.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        number = isinstance(watched, QLineEdit) and event.text() in _OF_NUMBERS
        if (found := self._table.of(event)) is not None and event.text().isalpha() and not number:
            self._left(*found)
        return False

    def _focused(self, before: QWidget | None, now: QWidget | None) -> None:
        fits = isinstance(now, QComboBox) or (isinstance(now, QLineEdit) and now.validator() is not None)
        if now is not None and fits and _in_controls(now):
            now.installEventFilter(self)  # once, however often


def _in_controls(widget: QWidget) -> bool:
    parent: QWidget | None = widget
    while parent is not None and parent.objectName() != _CONTROLS:
        parent = parent.parentWidget()
    return parent is not None
