"""Real key events in a real window: typing decides nothing, wherever the focus is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from seco_viewer import shortcuts
from seco_viewer.docks.main import SecoDock
from seco_viewer.plugin import show_dock
from seco_viewer.shortcuts import SHORTCUTS, shown

pytestmark = pytest.mark.gui


def open_window(make_napari_viewer, qtbot, path: Path) -> tuple[Any, SecoDock]:
    """A window in front with a project in which something can be decided, undone and gone back to."""
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    assert dock.open_project(path)
    dock.perform("skip")
    dock.perform("accept")
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return viewer, dock


def state(dock: SecoDock) -> tuple:
    session = dock.session
    return len(session.project.overrides), session.row, session.image_id, dock.tabs.currentIndex()


def press_every_key(widget: QWidget) -> None:
    numeric = any(isinstance(part, QAbstractSpinBox) for part in (widget, widget.parentWidget()))
    for entry in SHORTCUTS:
        for key in entry.keys:
            if key.isdigit() and numeric:
                continue  # a number is what it is for; outlines hundreds of pixels wide take minutes
            pressed = QKeySequence(shown(key))[0]
            code = pressed.key() if hasattr(pressed, "key") else Qt.Key(int(pressed) & 0x1FFFFFF)
            modifiers = Qt.KeyboardModifier.NoModifier
            for name, modifier in (
                ("Ctrl", Qt.KeyboardModifier.ControlModifier),
                ("Shift", Qt.KeyboardModifier.ShiftModifier),
            ):
                if name in key:
                    modifiers |= modifier
            QTest.keyClick(widget, code, modifiers)
    for code in (Qt.Key.Key_3, Qt.Key.Key_Space, Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Tab):
        QTest.keyClick(widget, code)


def typed_into(parent: QWidget) -> list[QWidget]:
    """Every visible field that one types into."""
    kinds = (QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit)
    return [
        found
        for kind in kinds
        for found in parent.findChildren(kind)
        if found.isVisible() and found.isEnabled() and found.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]


def focus(widget: QWidget, qtbot) -> bool:
    widget.setFocus(Qt.FocusReason.MouseFocusReason)
    if not widget.isEnabled():  # the field left last has filtered away all that this one is about
        return False
    if widget.focusProxy() is None:
        qtbot.waitUntil(widget.hasFocus)
    return True


def test_typing_into_a_field_of_the_dock_does_nothing_else(make_napari_viewer, qtbot, scored_path: Path):
    _, dock = open_window(make_napari_viewer, qtbot, scored_path)
    for panel in (dock.opened.pipeline, dock.opened.psa):
        panel.form.unfold.setChecked(True)
    for index in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(index)
        before = state(dock)
        fields = typed_into(dock.tabs.widget(index))
        assert fields or dock.tabs.page(index) is dock.opened.why
        for field in fields:
            if not field.isEnabled():  # what was typed before has left it nothing to act on
                continue
            focus(field, qtbot)
            press_every_key(field)
            assert state(dock) == before, (dock.tabs.tabText(index), type(field), field.toolTip())
            if type(field) is QLineEdit and field.validator() is None:
                # what was typed before these, Ctrl+Z has taken back in the field
                assert set("HDWKQ") <= set(field.text().upper())
    dock.close_project()


def test_typing_into_napari_s_layer_controls_does_nothing_else(make_napari_viewer, qtbot, scored_path: Path):
    viewer, dock = open_window(make_napari_viewer, qtbot, scored_path)
    controls = viewer.window._qt_viewer.controls
    qtbot.waitUntil(lambda: not dock.opened.layers.coming)
    tried = 0
    for layer in dock.opened.layers.all:
        viewer.layers.selection.active = layer
        before = state(dock)
        for field in typed_into(controls):
            focus(field, qtbot)
            press_every_key(field)
            assert state(dock) == before, (layer.name, type(field), field.toolTip())
            tried += 1
    assert tried >= 5
    dock.close_project()


def test_renaming_a_layer_decides_nothing(make_napari_viewer, qtbot, scored_path: Path):
    viewer, dock = open_window(make_napari_viewer, qtbot, scored_path)
    layer_list = viewer.window._qt_viewer.layers
    layer_list.setFocus()
    layer_list.edit(layer_list.currentIndex())
    (editor,) = (found for found in layer_list.findChildren(QLineEdit) if found.isVisible())
    before = state(dock)
    qtbot.keyClicks(editor, "atriosguycnhdwkq")
    assert editor.text() == "atriosguycnhdwkq"
    assert state(dock) == before
    dock.close_project()


def test_keys_decide_after_a_click_into_the_list_of_images(make_napari_viewer, qtbot, scored_path: Path):
    _, dock = open_window(make_napari_viewer, qtbot, scored_path)
    dock.tabs.go_to(dock.opened.images)
    table, session = dock.opened.images.table, dock.session
    for image_id in (1, 2):
        place = table.visualRect(
            dock.opened.images.sorted.mapFromSource(dock.opened.images.model.index(image_id, 0))
        ).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
        qtbot.waitUntil(table.hasFocus)
        assert session.image_id == image_id
        row, decisions = session.row, len(session.project.overrides)
        QTest.keyClick(table, Qt.Key.Key_A)
        assert len(session.project.overrides) == decisions + 1
        assert session.reviewed[row]
        QTest.keyClick(table, Qt.Key.Key_U)
        assert len(session.project.overrides) == decisions
        assert session.row == row
    dock.close_project()


def test_letters_on_a_button_beside_fields_decide_nothing(make_napari_viewer, qtbot, scored_path: Path):
    _, dock = open_window(make_napari_viewer, qtbot, scored_path)
    for panel in (dock.opened.pipeline, dock.opened.psa):
        dock.tabs.go_to(panel)
        before = state(dock)
        focus(panel.form.unfold, qtbot)
        for code in (Qt.Key.Key_A, Qt.Key.Key_T, Qt.Key.Key_I, Qt.Key.Key_O, Qt.Key.Key_U):
            QTest.keyClick(panel.form.unfold, code)
        assert state(dock) == before
    dock.close_project()


def test_enter_as_a_key_of_one_s_own_is_the_main_one_and_that_of_the_number_pad(
    make_napari_viewer, qtbot, scored_path: Path, monkeypatch: pytest.MonkeyPatch
):
    chosen = tuple(replace(e, keys=("A", "Enter")) if e.id == "accept" else e for e in SHORTCUTS)
    monkeypatch.setattr(shortcuts, "SHORTCUTS", chosen)
    viewer, dock = open_window(make_napari_viewer, qtbot, scored_path)
    log = dock.session.project.overrides
    for place in (dock.opened.review, viewer.window._qt_viewer.canvas.native):
        focus(place, qtbot)
        for key, modifier in (
            (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier),
            (Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier),
        ):
            before = len(log)
            QTest.keyClick(place, key, modifier)
            assert len(log) == before + 1, (place, key)
    # where one types it still ends what is typed
    row = dock.session.row
    dock.perform("relabel")
    qtbot.keyClicks(dock.opened.review.chooser.search, "sky")
    QTest.keyClick(dock.opened.review.chooser.search, Qt.Key.Key_Return)
    assert dock.session.decided[row] == 10
    for page, field in (
        (dock.opened.review, dock.opened.review.chooser.search),
        (dock.opened.review, dock.opened.review.queue.order),
        (dock.opened.review, dock.opened.learn.after),
        (dock.opened.images, dock.opened.images.search),
    ):
        dock.tabs.go_to(page)
        focus(field, qtbot)
        before = len(log)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert len(log) == before, field
    dock.close_project()
