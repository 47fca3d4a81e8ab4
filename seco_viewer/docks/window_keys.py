"""The keys of the table of shortcuts that work in the whole window, also while the dock floats."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from seco_viewer import shortcuts
from seco_viewer.docks.key_list import top_window


class WindowKeys(QObject):
    """Binds the keys on the main window: Qt keeps those working where a dock that floats has the focus.

    Parameters
    ----------
    owner : QWidget
        Somewhere in the main window, or a window of its own; the keys work as long as it is shown.
    perform : callable
        Does the action of an id of the table of shortcuts.
    """

    def __init__(self, owner: QWidget, perform: shortcuts.Perform):
        super().__init__(owner)
        self._owner = owner
        self._bound: list[QShortcut] = []
        for entry, key in shortcuts.keys_by_reach()[1]:
            sequence = shortcuts.shown(key)
            # keyboards differ in whether ? is typed with Shift, systems in whether that is told
            for spelling in {sequence, f"Shift+{key}" if len(key) == 1 else sequence}:
                bound = QShortcut(QKeySequence(spelling), owner)
                bound.setAutoRepeat(False)
                bound.activated.connect(partial(perform, entry.id))
                bound.activatedAmbiguously.connect(partial(perform, entry.id))
                self.destroyed.connect(bound.deleteLater)
                self._bound.append(bound)
        owner.installEventFilter(self)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Follow the owner into its window."""
        if event.type() == QEvent.Type.Show:
            window = top_window(self._owner)
            for bound in self._bound:
                bound.setParent(window)
                bound.setEnabled(True)
        elif event.type() == QEvent.Type.Hide:
            for bound in self._bound:
                bound.setEnabled(False)
        return False
