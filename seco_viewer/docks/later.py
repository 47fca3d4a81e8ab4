"""Work that may wait: until the next painting, or until the keys rest and its panel is seen."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QWidget

_MILLISECONDS = 40
_REST_MILLISECONDS = 100


class Soon(QObject):
    """Does work once before the window is painted next, however often it was asked for until then.

    Of keys that come faster than the window is painted only the last one's work is done.
    """

    _asked = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], None] = {}
        # queued: Qt delivers it before it paints, and before the next key
        self._asked.connect(self._do, Qt.ConnectionType.QueuedConnection)

    def ask(self, work: Callable[[], None]) -> None:
        """Do this soon; once, if it is waiting already."""
        if not self._waiting:
            self._asked.emit()
        self._waiting[work] = None

    def drop(self) -> None:
        """Do nothing of what is waiting."""
        self._waiting.clear()

    def _do(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for work in waiting:
            work()


class Afterwards:
    """Does one piece of work after the other when the window has been painted, with room for keys between.

    Parameters
    ----------
    parent : QObject
        When Qt deletes it, nothing more is done: the window is gone.
    """

    def __init__(self, parent: QObject) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self._do)

    def ask(self, work: Callable[[], None]) -> None:
        """Do this afterwards."""
        self._waiting.append(work)
        self._timer.start()

    def drop(self) -> None:
        """Do nothing of what is waiting, and nothing any more."""
        self._waiting.clear()
        self._timer.stop()
        self._timer.deleteLater()

    def _do(self) -> None:
        self._waiting.pop(0)()
        if self._waiting:
            self._timer.start()


class AtRest:
    """Does work when nobody has asked for any for a moment: not between keys that come quickly.

    Parameters
    ----------
    parent : QObject
        When Qt deletes it, nothing more is done: the window is gone.
    """

    def __init__(self, parent: QObject) -> None:
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MILLISECONDS)
        self._timer.timeout.connect(self._do)

    def ask(self, work: Callable[[], None]) -> None:
        """Do this then; once, however often it was asked for."""
        self._waiting[work] = None
        self._timer.start()

    def drop(self) -> None:
        """Do nothing of what is waiting, and nothing any more."""
        self._waiting.clear()
        self._timer.stop()
        self._timer.deleteLater()

    def _do(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for work in waiting:
            work()


class Later:
    """Refreshes a panel a moment after the last time it was asked to, if the panel is visible then.

    A panel that comes into view later asks in its ``showEvent``.
    """

    def __init__(self, panel: QWidget, refresh: Callable[[], None], milliseconds: int = _MILLISECONDS):
        self._panel, self._refresh = panel, refresh
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
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
