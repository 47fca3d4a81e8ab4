"""The dialog where keys of one's own are chosen: the row that is current takes the key that is pressed."""

from __future__ import annotations

import html

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from seco_viewer.docks.canvas_keys import MODIFIERS, number
from seco_viewer.docks.key_list import top_window
from seco_viewer.key_changes import KeyChanges, Outcome
from seco_viewer.shortcuts import BUILT_IN, shown
from seco_viewer.user_keys import keys_file

_SIZE = 860, 600
_ACTION, _KEYS, _BUILT_IN, _SAID = range(4)
_HELP = (
    "Go to a row with <b>Up</b> and <b>Down</b> and press a key: it is added, or taken away if the action "
    "has it. <b>Backspace</b> brings the built-in keys back. Every change is stored at once and holds "
    "<b>from the next start</b> of napari."
)
_MOVES = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
)
_ALONE = (
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
    Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock,
    Qt.Key.Key_unknown,
)
"""No keys without another one."""
_NAMES = {"Return": "Enter", "Esc": "Escape"}
"""What napari calls differently from Qt."""


class KeyDialog(QDialog):
    """A window of its own beside napari's, which stays usable.

    Parameters
    ----------
    owner : QWidget
        Whose window has the menus that have keys too.

    Attributes
    ----------
    table : KeyTable
        One row for each action.
    default_button : QPushButton
        Brings the current row's built-in keys back.
    """

    def __init__(self, owner: QWidget):
        super().__init__(owner)
        self._owner = owner
        self.setWindowTitle("SeCo: change keys")
        self.resize(*_SIZE)
        layout = QVBoxLayout(self)
        intro = QLabel(_HELP)
        intro.setWordWrap(True)
        layout.addWidget(intro)
        self.table = KeyTable()
        self.table.pressed_key.connect(self._press)
        self.table.default_asked.connect(self._default)
        self.table.currentCellChanged.connect(self._offer_default)
        layout.addWidget(self.table)
        self.problems = QLabel()
        self.problems.setWordWrap(True)
        self.problems.setTextFormat(Qt.TextFormat.RichText)
        layout.addWidget(self.problems)
        self.default_button = QPushButton("Built-in keys of this row")
        self.default_button.clicked.connect(self._default)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.default_button, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def open_up(self) -> None:
        """Show it with what the file holds now, ready for a key."""
        self._changes = KeyChanges(BUILT_IN, keys_file(), menu_keys(top_window(self._owner)))
        for row in range(self.table.rowCount()):
            self.table.say(row, "")
        self._show_keys()
        self.show()
        self.raise_()
        self.activateWindow()
        self.table.setFocus(Qt.FocusReason.PopupFocusReason)

    def _press(self, key: str) -> None:
        self._done(self._changes.press(self._current, key))

    def _default(self) -> None:
        self._done(self._changes.default(self._current))

    @property
    def _current(self) -> str:
        return BUILT_IN[self.table.currentRow()].id

    def _done(self, outcome: Outcome) -> None:
        self.table.say(self.table.currentRow(), outcome.text if outcome.stored else f"⚠ {outcome.text}")
        self._show_keys()

    def _show_keys(self) -> None:
        keys, problems = self._changes.keys()
        for row, entry in enumerate(BUILT_IN):
            self.table.show_keys(row, keys[entry.id], chosen=keys[entry.id] != entry.keys)
        place = html.escape(str(keys_file()))
        wrong = "".join(f"<br><b>⚠ {html.escape(problem)}</b>" for problem in problems)
        self.problems.setText(f"Stored in {place}{wrong}")
        self._offer_default()

    def _offer_default(self) -> None:
        self.default_button.setEnabled(self.table.is_chosen(self.table.currentRow()))


class KeyTable(QTableWidget):
    """Actions with their keys; keys that do not move in it are told.

    Attributes
    ----------
    pressed_key : Signal(str)
        A key was pressed, in napari's notation.
    default_asked : Signal
        The current row shall have its built-in keys again.
    """

    pressed_key = Signal(str)
    default_asked = Signal()

    def __init__(self) -> None:
        super().__init__(len(BUILT_IN), 4)
        self.setHorizontalHeaderLabels(["action", "keys", "built in", ""])
        self.setAccessibleName("keys of the actions")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_SAID, QHeaderView.ResizeMode.Stretch)
        for row, entry in enumerate(BUILT_IN):
            for column, text in ((_ACTION, entry.text), (_BUILT_IN, _written(entry.keys))):
                self.setItem(row, column, QTableWidgetItem(text))
            self.item(row, _ACTION).setToolTip(entry.help)
            for column in (_KEYS, _SAID):
                self.setItem(row, column, QTableWidgetItem())
        self.setCurrentCell(0, _KEYS)

    def show_keys(self, row: int, keys: tuple[str, ...], *, chosen: bool) -> None:
        """Show the keys of a row, marked if the user chose them."""
        item = self.item(row, _KEYS)
        item.setText(_written(keys) + (" (yours)" if chosen else ""))
        item.setData(Qt.ItemDataRole.UserRole, chosen)

    def is_chosen(self, row: int) -> bool:
        """Whether a row's keys are not the built-in ones."""
        return bool(self.item(row, _KEYS).data(Qt.ItemDataRole.UserRole))

    def say(self, row: int, text: str) -> None:
        """Say something beside a row, the whole of it in its tool tip."""
        self.item(row, _SAID).setText(text)
        self.item(row, _SAID).setToolTip(text)
        self.resizeRowToContents(row)

    def event(self, event: QEvent) -> bool:
        """Take all keys here: none shall be a menu's or an action's meanwhile."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Tell the key, unless it moves in the table or puts the dialog away."""
        bare = not number(event.modifiers() & MODIFIERS)
        if event.key() in _ALONE or (event.isAutoRepeat() and event.key() not in _MOVES):
            event.accept()
        elif bare and event.key() == Qt.Key.Key_Backspace:
            self.default_asked.emit()
        elif bare and event.key() == Qt.Key.Key_Escape:
            event.ignore()  # the dialog's
        elif bare and event.key() in _MOVES:
            super().keyPressEvent(event)
        else:
            self.pressed_key.emit(key_of(event))


def key_of(event: QKeyEvent) -> str:
    """A key that was pressed, in napari's notation; what needs Shift to be typed is told without it."""
    modifiers = event.modifiers() & MODIFIERS
    character = QKeySequence(event.key()).toString()
    if len(character) == 1 and not character.isalnum():
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    held = QKeySequence(number(modifiers)).toString() if number(modifiers) else ""
    return held.replace("+", "-") + _NAMES.get(character, character)


def menu_keys(window: QWidget) -> dict[str, str]:
    """Keys that the menus of a window have, in napari's notation, with what they do."""
    found = {}
    for menu in window.findChildren(QMenu):
        for action in menu.actions():
            for sequence in action.shortcuts():
                *held, name = sequence.toString().split("+")
                found["-".join([*held, _NAMES.get(name, name)])] = action.text().replace("&", "").rstrip(".")
    return found


def _written(keys: tuple[str, ...]) -> str:
    return " or ".join(map(shown, keys)) or "–"
