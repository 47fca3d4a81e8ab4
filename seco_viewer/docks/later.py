"""Work of a panel that may wait until the keys rest and the panel is seen."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

_MILLISECONDS = 40


class Later:
    """Refreshes a panel a moment after the last time it was asked to, if the panel is visible then.

    A panel that comes into view later asks in its ``showEvent``.
    """

    def __init__(self, panel: QWidget, refresh: Callable[[], None]):
        self._panel, self._refresh = panel, refresh
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self._due)

    def ask(self) -> None:
        """The panel is out of date."""
        self._timer.start()

    def stop(self) -> None:
        """Refresh no more."""
        self._timer.stop()

    def _due(self) -> None:
        if self._panel.isVisible():
            self._refresh()
