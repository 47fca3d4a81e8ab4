"""Keys of one's own, chosen in the window with real key events."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from seco_viewer import shortcuts
from seco_viewer.docks.key_dialog import KeyDialog, menu_keys
from seco_viewer.docks.main import SecoDock
from seco_viewer.shortcuts import BUILT_IN
from seco_viewer.user_keys import FILE_VARIABLE, chosen_keys

pytestmark = pytest.mark.gui
NO, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
KEYS, SAID = 1, 3


@pytest.fixture
def keys_path(tmp_path: Path, monkeypatch) -> Path:
    path = tmp_path / "keys.json"
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


@pytest.fixture
def dock(dock: SecoDock, keys_path: Path, qtbot) -> SecoDock:
    dock.resize(1366, 768)
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow)
    dock.opened.review.setFocus()
    return dock


@pytest.fixture
def dialog(dock: SecoDock, qtbot) -> KeyDialog:
    """Opened without a mouse."""
    dock.perform("help")
    qtbot.waitUntil(dock.key_list.hasFocus)
    press(Qt.Key.Key_Tab)
    assert dock.key_list.change_button.hasFocus()
    press(Qt.Key.Key_Space)
    assert not dock.key_list.isVisible()
    dialog = dock.key_dialog
    qtbot.waitUntil(dialog.table.hasFocus)
    return dialog


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = NO) -> None:
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)


def row_of(action_id: str) -> int:
    return [entry.id for entry in BUILT_IN].index(action_id)


def go_to(dialog: KeyDialog, action_id: str) -> None:
    while dialog.table.currentRow() < row_of(action_id):
        press(Qt.Key.Key_Down)


def text(dialog: KeyDialog, action_id: str, column: int) -> str:
    return dialog.table.item(row_of(action_id), column).text()


def test_a_key_that_was_chosen_works_after_the_next_start(
    dialog: KeyDialog, dock: SecoDock, keys_path: Path, scored_path: Path, qtbot, monkeypatch
):
    go_to(dialog, "ignore")
    press(Qt.Key.Key_F7, SHIFT)
    assert json.loads(keys_path.read_text()) == {"ignore": ["I", "Shift-F7"]}
    assert text(dialog, "ignore", KEYS) == "I or Shift+F7 (yours)"
    press(Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert len(dock.session.project.overrides) == 0  # nothing that was pressed has decided
    dock.close_project()
    found, problems = chosen_keys({entry.id: entry.keys for entry in BUILT_IN}, keys_path)
    assert not problems
    started = tuple(replace(entry, keys=found[entry.id]) for entry in BUILT_IN)
    monkeypatch.setattr(shortcuts, "SHORTCUTS", started)
    again = SecoDock(ViewerModel())
    qtbot.addWidget(again)
    again.open_project(scored_path)
    again.show()
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    again.opened.review.setFocus()
    press(Qt.Key.Key_F7, SHIFT)
    assert len(again.session.project.overrides) == 1
    again.close_project()


def test_a_conflict_is_said_beside_the_row_and_not_stored(dialog: KeyDialog, dock: SecoDock, keys_path: Path):
    go_to(dialog, "ignore")
    press(Qt.Key.Key_A)
    assert "⚠ A is “Accept” already" in text(dialog, "ignore", SAID)
    assert text(dialog, "ignore", KEYS) == "I"
    assert not keys_path.exists()
    assert len(dock.session.project.overrides) == 0


def test_backspace_and_the_button_bring_the_built_in_keys_back(dialog: KeyDialog, keys_path: Path):
    go_to(dialog, "ignore")
    for back in (
        lambda: press(Qt.Key.Key_Backspace),
        lambda: QTest.mouseClick(dialog.default_button, Qt.MouseButton.LeftButton),
    ):
        assert not dialog.default_button.isEnabled()
        press(Qt.Key.Key_Return)
        assert text(dialog, "ignore", KEYS) == "I or Enter (yours)"
        assert dialog.default_button.isEnabled()
        back()
        assert text(dialog, "ignore", KEYS) == "I"
        assert json.loads(keys_path.read_text()) == {}
        dialog.table.setFocus()


def test_a_broken_file_is_said_and_left(dialog: KeyDialog, dock: SecoDock, keys_path: Path):
    keys_path.write_text("{")
    dock.change_keys()
    assert "cannot be read" in dialog.problems.text()
    press(Qt.Key.Key_F7)
    assert "Not stored." in text(dialog, BUILT_IN[0].id, SAID)
    assert keys_path.read_text() == "{"


def test_keys_of_napari_s_menus_are_known(make_napari_viewer):
    window = make_napari_viewer().window._qt_window
    assert {"Ctrl-O", "Ctrl-S"} <= set(menu_keys(window))
