"""The row of buttons for the tools that select pixels."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from seco_viewer.edit_tools import Tool
from seco_viewer.shortcuts import shortcut, shown

_COLUMNS = 4
_STYLE = "QPushButton { padding: 2px; } QPushButton:checked { background: #ffd42a; color: black; }"


class EditBar(QWidget):
    """One button for each tool, and one that begins with nothing.

    Parameters
    ----------
    perform : callable
        Does the action of an id of the table of shortcuts.

    Attributes
    ----------
    buttons : dict of str to QPushButton
        By id of the action.
    """

    def __init__(self, perform: Callable[[str], None]):
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for i, action_id in enumerate((*(tool.value for tool in Tool), "nothing")):
            entry = shortcut(action_id)
            button = QPushButton(entry.text)
            button.setStyleSheet(_STYLE)
            button.setCheckable(action_id != "nothing")
            button.setToolTip(f"{entry.help} [{' or '.join(shown(key) for key in entry.keys)}]")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, action_id=action_id: perform(action_id))
            self.buttons[action_id] = button
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)

    def show_tool(self, tool: Tool | None) -> None:
        """Show which tool is in hand."""
        for action_id, button in self.buttons.items():
            button.setChecked(tool is not None and action_id == tool.value)
