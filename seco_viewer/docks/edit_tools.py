"""The row of buttons for the tools that select pixels."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from seco_viewer.docks.buttons import TOGGLE_STYLE, ActionButton
from seco_viewer.edit_tools import Tool
from seco_viewer.shortcuts import shortcut

_COLUMNS = 4


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
            button = ActionButton(action_id, perform, shortcut(action_id).text)
            button.setStyleSheet(TOGGLE_STYLE)
            button.setCheckable(action_id != "nothing")
            self.buttons[action_id] = button
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)

    def show_tool(self, tool: Tool | None) -> None:
        """Show which tool is in hand."""
        for action_id, button in self.buttons.items():
            button.setChecked(tool is not None and action_id == tool.value)
