"""One piece of work in napari's activity dock."""

from __future__ import annotations

import io
from typing import Any

from napari.utils import progress as napari_progress
from qtpy.QtCore import QObject, QTimer

from seco_core.progress import ProgressEvent
from seco_viewer.napari_costs import no_events_within

_MILLISECONDS = 1000


class ActivityBar(QObject):
    """Follows work once a second, one change at a time: each has the whole window composed anew.

    Parameters
    ----------
    title : str
        Stands at the bar until there is progress.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._bar: Any = None
        self._ended = False
        self._shown, self._event = "", ProgressEvent("", 0, 0)
        self._timer = QTimer(self)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self._show)

    def begin(self) -> None:
        """Have the bar soon."""
        QTimer.singleShot(0, self._make)
        self._timer.start()

    def follow(self, event: ProgressEvent) -> None:
        """Have the bar show how far the work is."""
        self._event = event

    def end(self) -> None:
        """Take the bar away."""
        self._ended = True
        self._timer.stop()
        if self._bar is not None:
            self._bar.close()

    def _make(self) -> None:
        if not self._ended:
            with no_events_within():  # and the terminal stays quiet
                self._bar = napari_progress(total=0, desc=self._title, file=io.StringIO())
            if self._ended:  # meanwhile: napari has handled events after all
                self._bar.close()

    def _show(self) -> None:
        event, bar = self._event, self._bar
        if bar is None:
            return
        with no_events_within():
            if event.stage != self._shown:
                self._shown = event.stage
                bar.reset(event.total)  # time left is of the stage
                bar.set_description(event.stage)
            elif (event.done, event.total) != (bar.n, bar.total):
                bar.total = event.total
                bar.update(event.done - bar.n)
