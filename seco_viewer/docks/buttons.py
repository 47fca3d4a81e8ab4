"""Buttons for the actions of the table of shortcuts."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QSizePolicy

from seco_viewer.shortcuts import shortcut, shown

TOGGLE_STYLE = "QPushButton { padding: 2px; } QPushButton:checked { background: #ffd42a; color: black; }"
"""How small buttons look that are on or off."""


class ActionButton(QPushButton):
    """A button that does an action; the keys do it too, so that it takes no focus.

    Parameters
    ----------
    action_id : str
        Of the table of shortcuts.
    perform : callable
        Does the action of an id.
    text : str, optional
        What it says; the action's short name and key if left out.
    """

    def __init__(self, action_id: str, perform: Callable[[str], None], text: str | None = None):
        super().__init__(with_key(action_id) if text is None else text)
        entry = shortcut(action_id)
        keys = " or ".join(shown(key) for key in entry.keys)
        self.setToolTip(f"{entry.help} [{keys}]" if keys else entry.help)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda _=False: perform(action_id))


def with_key(action_id: str) -> str:
    """An action's short name and its first key."""
    return f"{shortcut(action_id).text} {in_brackets(action_id)}".rstrip()


def in_brackets(action_id: str) -> str:
    """The first key of an action in brackets; nothing if it has none."""
    keys = shortcut(action_id).keys
    return f"({shown(keys[0])})" if keys else ""
