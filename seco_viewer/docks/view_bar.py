"""What is seen of an image: buttons for the layers, which maps are side by side, conflicts in words."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from seco_viewer import words
from seco_viewer.compare import MAPS, Comparison
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.docks.buttons import ActionButton
from seco_viewer.docks.combos import Choice
from seco_viewer.shortcuts import shortcut

_ACTIONS = ("overlays", "bare", "noise", "graph", "keep_zoom", "compare", "wipe", "conflicts")
_COLUMNS = 4


class ViewBar(QWidget):
    """Buttons, and below them what belongs to those that are on.

    Parameters
    ----------
    perform : callable
        Does the action of an id of the table of shortcuts.
    comparison, conflicts
        What is shown.

    Attributes
    ----------
    left : Signal()
        Choosing is over; the keys should work again.
    """

    left = Signal()

    def __init__(self, perform: Callable[[str], None], comparison: Comparison, conflicts: ConflictLayer):
        super().__init__()
        self._comparison, self._conflicts = comparison, conflicts
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        grid = QGridLayout()
        grid.setSpacing(3)
        for i, action_id in enumerate(_ACTIONS):
            button = ActionButton(action_id, perform, shortcut(action_id).text)
            button.setStyleSheet("QPushButton { padding: 2px; }")
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)
        layout.addLayout(grid)
        self.sides = QWidget()
        line = QHBoxLayout(self.sides)
        line.setContentsMargins(0, 0, 0, 0)
        self.of_left, self.of_right = Choice(), Choice()
        for combo, tip in ((self.of_left, "Left of the line"), (self.of_right, "Right of the line")):
            combo.addItems(MAPS)
            combo.setToolTip(tip)
            combo.left.connect(self.left)
            combo.currentTextChanged.connect(self._choose)
        line.addWidget(self.of_left, 1)
        line.addWidget(QLabel("|"))
        line.addWidget(self.of_right, 1)
        self.told = QLabel()
        self.told.setWordWrap(True)
        layout.addWidget(self.sides)
        layout.addWidget(self.told)
        comparison.changed.connect(self._refresh)
        conflicts.changed.connect(self._refresh)
        self._refresh()

    def release(self) -> None:
        """Let go of what is shown."""
        self._comparison.changed.disconnect(self._refresh)
        self._conflicts.changed.disconnect(self._refresh)

    def _refresh(self) -> None:
        for combo, name in ((self.of_left, self._comparison.left), (self.of_right, self._comparison.right)):
            combo.blockSignals(True)
            combo.setCurrentText(name)
            combo.blockSignals(False)
        self.sides.setVisible(self._comparison.wiping)
        self.told.setText(words.conflicts(self._conflicts.regions, self._conflicts.pixels))
        self.told.setVisible(bool(self._conflicts.all))

    def _choose(self, _: str) -> None:
        self._comparison.choose(self.of_left.currentText(), self.of_right.currentText())
