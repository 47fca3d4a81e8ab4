"""What is seen of an image: buttons for the layers, the noise map's colours, maps side by side, conflicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_viewer import words
from seco_viewer.compare import MAPS, Comparison
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.docks.bars import ColorBar
from seco_viewer.docks.buttons import TOGGLE_STYLE, ActionButton
from seco_viewer.docks.combos import Choice
from seco_viewer.docks.later import Soon
from seco_viewer.layers import ReviewLayers
from seco_viewer.shortcuts import shortcut

_ACTIONS = ("overlays", "bare", "noise", "graph", "keep_zoom", "compare", "wipe", "conflicts")
_COLUMNS = 4


class ViewBar(QWidget):
    """Buttons that are down while what they show is on, and below them what belongs to it.

    Parameters
    ----------
    perform : callable
        Does the action of an id of the table of shortcuts.
    layers, comparison, conflicts
        What is shown.

    Attributes
    ----------
    buttons : dict of str to QPushButton
        By id of the action.
    legend : ColorBar
        What the colours of the noise map and the graph mean; there while one of them is.
    graph_legend : QLabel
        What else the graph says; there while it is.
    left : Signal()
        Choosing is over; the keys should work again.
    """

    left = Signal()

    def __init__(
        self,
        perform: Callable[[str], None],
        layers: ReviewLayers,
        comparison: Comparison,
        conflicts: ConflictLayer,
    ):
        super().__init__()
        self._layers, self._comparison, self._conflicts = layers, comparison, conflicts
        self._soon = Soon(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        grid = QGridLayout()
        grid.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for i, action_id in enumerate(_ACTIONS):
            button = ActionButton(action_id, perform, shortcut(action_id).text)
            button.setStyleSheet(TOGGLE_STYLE)
            button.setCheckable(True)
            button.clicked.connect(self.look)  # Qt has turned it over, whatever came of it
            self.buttons[action_id] = button
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)
        layout.addLayout(grid)
        self.legend = ColorBar("certainly right", "certainly wrong")
        self.legend.setToolTip(
            "The noise score of each region. Where the squares are seen, below the contrast limits of the "
            "layer, the map leaves the picture clear."
        )
        layout.addWidget(self.legend)
        self.graph_legend = QLabel(
            "Graph: colour = noise, size = area; lines: white touches, blue looks alike"
        )
        self.graph_legend.setWordWrap(True)
        self.graph_legend.setToolTip(
            "Nodes stand for regions, rings for those not scored; lines lead from the current one."
        )
        layout.addWidget(self.graph_legend)
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
        for layer in layers.all:
            layer.events.visible.connect(self.look)
        layers.noise.events.contrast_limits.connect(self.look)
        self._refresh()

    def release(self) -> None:
        """Let go of what is shown."""
        self._soon.drop()
        for layer in self._layers.all:
            layer.events.visible.disconnect(self.look)
        self._layers.noise.events.contrast_limits.disconnect(self.look)
        self._comparison.changed.disconnect(self._refresh)
        self._conflicts.changed.disconnect(self._refresh)

    def look(self, *_: object) -> None:
        """Show soon what is on: layers change one after the other."""
        self._soon.ask(self._show_state)

    def _show_state(self) -> None:
        layers = self._layers
        bare = bool(layers.hidden) and not layers.outline.layer.visible
        on = {
            "overlays": bool(layers.hidden) and not bare,
            "bare": bare,
            "noise": layers.noise.visible,
            "graph": layers.graph.nodes.visible,
            "keep_zoom": layers.view.keep_zoom,
            "compare": self._comparison.flicked,
            "wipe": self._comparison.wiping,
            "conflicts": bool(self._conflicts.all),
        }
        for action_id, button in self.buttons.items():
            button.setChecked(on[action_id])
        self.legend.setVisible(layers.noise.visible or layers.graph.nodes.visible)
        self.graph_legend.setVisible(layers.graph.nodes.visible)
        colors, limits = layers.noise.colormap.map(np.linspace(0, 1, 64)), layers.noise.contrast_limits
        if not layers.noise.visible:
            colors[:, 3] = 1.0  # as the nodes are
        self.legend.show_colors(colors, limits[0], limits[1])

    def _refresh(self) -> None:
        self._show_state()
        for combo, name in ((self.of_left, self._comparison.left), (self.of_right, self._comparison.right)):
            combo.blockSignals(True)
            combo.setCurrentText(name)
            combo.blockSignals(False)
        self.sides.setVisible(self._comparison.wiping)
        self.told.setText(words.conflicts(self._conflicts.regions, self._conflicts.pixels))
        self.told.setVisible(bool(self._conflicts.all))

    def _choose(self, _: str) -> None:
        self._comparison.choose(self.of_left.currentText(), self.of_right.currentText())
