"""When Python looks for what nothing refers to: that stops the window, so not while a project is open."""

from __future__ import annotations

import gc

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

_MILLISECONDS = 100
_TURNS = 4
"""Qt deletes a closed project's pages in its loop's next turn, PyQt what their signals called one later."""


class Tidying:
    """Collects what a closed project leaves: hundreds of megabytes may hang on a few cycles.

    What stays is set aside for as long as a project is open. Otherwise Python goes through all of it, some
    700 000 objects, now and then, and the window stops for half a second.

    Parameters
    ----------
    owner : QWidget
        Nothing is set aside once it is gone.
    """

    def __init__(self, owner: QWidget):
        self._turns = 0
        self._open = False
        self._timer = QTimer(owner)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self._turn)
        owner.destroyed.connect(lambda: gc.unfreeze())

    def opened(self) -> None:
        """Set aside what there is: a project has been opened."""
        self._open = True
        if not self._timer.isActive():  # which else sets aside
            gc.freeze()

    def closed(self) -> None:
        """Collect a little later: a project has been closed."""
        self._open = False
        self._turns = _TURNS
        self._timer.start()

    def _turn(self) -> None:
        self._turns -= 1
        if self._turns == 0:
            self._timer.stop()
            gc.unfreeze()
            gc.collect()
            if self._open:
                gc.freeze()
