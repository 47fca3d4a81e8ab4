"""The keys of the table of shortcuts on the dock's own pages, and what holding one of them does."""

from __future__ import annotations

import time
from functools import partial

from napari.settings import get_settings
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from seco_viewer import shortcuts

_REPEAT_MILLISECONDS = 60
"""A key that comes down again so soon was held all the time."""


class PageKeys(QObject):
    """Binds the keys where the canvas does not have the focus.

    Parameters
    ----------
    owner : QWidget
        The dock, whose pages they are.
    perform : callable
        Does the action of an id of the table of shortcuts.
    """

    def __init__(self, owner: QWidget, perform: shortcuts.Perform):
        super().__init__(owner)
        self._perform = perform
        # the key that is held down in a page, and since when
        self._held: tuple[shortcuts.Shortcut, float] | None = None
        self._let_go = QTimer(self)
        self._let_go.setSingleShot(True)
        self._let_go.setInterval(_REPEAT_MILLISECONDS)
        self._let_go.timeout.connect(self._end_hold)

    def bind(self, page: QWidget, perform: shortcuts.Perform | None = None) -> None:
        """Bind the keys that decide on a page: one where neither text nor numbers are typed.

        Parameters
        ----------
        page : QWidget
            They work in it and in what it holds.
        perform : callable, optional
            What does the actions from there, if not what does them elsewhere.
        """
        for entry, key in shortcuts.keys_by_reach()[0]:
            for spelling in shortcuts.spellings(key):
                bound = QShortcut(QKeySequence(spelling), page)
                bound.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                bound.setAutoRepeat(False)
                bound.activated.connect(partial(self._pressed, entry, perform or self._perform))

    def released(self, event: QKeyEvent) -> None:
        """What is shown while a key is held ends with it; a short press stays, as on the canvas."""
        if self._held is None or event.isAutoRepeat():
            event.ignore()
        elif time.monotonic() - self._held[1] > get_settings().application.hold_button_delay:
            self._let_go.start()
        else:
            self._held = None

    def _pressed(self, entry: shortcuts.Shortcut, perform: shortcuts.Perform) -> None:
        if self._let_go.isActive():
            self._let_go.stop()  # it was not let go: a busy system tells repeats as keys of their own
            return
        self._held = (entry, time.monotonic()) if entry.momentary else None
        perform(entry.id)

    def _end_hold(self) -> None:
        if self._held is not None:
            (entry, _), self._held = self._held, None
            self._perform(entry.id)
