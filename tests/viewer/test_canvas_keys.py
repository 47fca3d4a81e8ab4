"""Keys on the canvas: ours are taken, all others are napari's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QDockWidget, QLineEdit

from seco_core.scheme import load_scheme
from seco_viewer import shortcuts
from seco_viewer.docks import canvas_keys
from seco_viewer.docks.canvas_keys import CanvasKeys
from seco_viewer.docks.classes import ClassChooser
from seco_viewer.docks.combos import Choice
from seco_viewer.docks.main import SecoDock
from seco_viewer.plugin import show_dock

pytestmark = pytest.mark.gui


class Keyboard:
    """Sends keys to a napari canvas that is ours or not."""

    def __init__(self, viewer):
        self.ours = True
        self.pressed: list[str] = []
        self.left: list[str] = []
        self._canvas = viewer.window._qt_viewer.canvas.native
        self._keys = CanvasKeys(viewer.window._qt_window, self.pressed.append, lambda: self.ours, self._leave)

    def _leave(self, entry: shortcuts.Shortcut, key: str) -> None:
        self.left.append(key)

    def send(self, key: str, *kinds: QEvent.Type, repeated: bool = False) -> None:
        sequence = QKeySequence(shortcuts.shown(key))[0]
        number = sequence.toCombined() if hasattr(sequence, "toCombined") else int(sequence)
        modifiers = Qt.KeyboardModifier(number & 0xFE000000)
        for kind in kinds or (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, number & 0x01FFFFFF, modifiers, "", repeated)
            QApplication.sendEvent(self._canvas, event)


@pytest.fixture
def keyboard(make_napari_viewer) -> Keyboard:
    keyboard = Keyboard(make_napari_viewer())
    yield keyboard
    keyboard._keys.deleteLater()


def test_every_key_of_the_table_does_its_action_once(keyboard: Keyboard):
    near, far = shortcuts.keys_by_reach()
    assert len(near) > 30
    for entry, key in near:
        keyboard.pressed.clear()
        keyboard.send(key)
        assert keyboard.pressed == [entry.id], key
        keyboard.send(key, QEvent.Type.KeyPress, repeated=True)
        assert keyboard.pressed == [entry.id], "a key that is held acts once"
    keyboard.pressed.clear()
    for _, key in far:
        keyboard.send(key)
    keyboard.send("Ctrl-A")
    assert not keyboard.pressed


def test_keys_that_are_not_ours_go_to_napari(make_napari_viewer):
    viewer = make_napari_viewer()
    keyboard = Keyboard(viewer)
    layer = viewer.add_labels(np.zeros((4, 4), dtype=np.uint8))
    heard: list[str] = []
    layer.bind_key("A", lambda _: heard.append("A"), overwrite=True)
    layer.bind_key("Ctrl-A", lambda _: heard.append("Ctrl-A"), overwrite=True)
    keyboard.send("Ctrl-A")
    keyboard.send("A")
    assert (heard, keyboard.pressed, keyboard.left) == (["Ctrl-A"], ["accept"], [])
    keyboard.ours = False
    keyboard.send("A")
    assert (heard, keyboard.pressed, keyboard.left) == (["Ctrl-A", "A"], ["accept"], ["A"])
    keyboard._keys.deleteLater()


def test_a_glance_ends_when_the_key_is_let_go(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch):
    now = [10.0]
    monkeypatch.setattr(canvas_keys.time, "monotonic", lambda: now[0])
    entry = next(entry for entry in shortcuts.SHORTCUTS if entry.momentary)
    keyboard.send(entry.keys[0])
    assert keyboard.pressed == [entry.id], "a short press stays"
    keyboard.send(entry.keys[0], QEvent.Type.KeyPress)
    now[0] += 2
    keyboard.send(entry.keys[0], QEvent.Type.KeyRelease, repeated=True)
    assert keyboard.pressed == [entry.id] * 2
    keyboard.send(entry.keys[0], QEvent.Type.KeyRelease)
    assert keyboard.pressed == [entry.id] * 3


def test_an_event_in_the_wrong_class_is_no_error(keyboard: Keyboard, qtbot):
    """PyQt may wrap a key as an event of the class of one that lay at its place before."""
    chooser = ClassChooser(load_scheme("cityscapes19"), keyboard.pressed.append, "")
    choice = Choice()
    qtbot.addWidget(chooser)
    qtbot.addWidget(choice)
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride):
        assert not chooser.eventFilter(chooser.search, QEvent(kind))
        assert not keyboard._keys.eventFilter(keyboard._canvas, QEvent(kind))
    choice.event(QEvent(QEvent.Type.ShortcutOverride))
    assert not keyboard.pressed


def test_on_the_review_page_another_layer_in_hand_takes_no_key(dock: SecoDock):
    dock.tabs.go_to(dock.opened.review)
    other = dock._viewer.add_points([[3, 4]])
    dock._viewer.layers.selection.active = other
    assert dock._keys_are_ours()
    dock.tabs.go_to(dock.opened.images)
    assert not dock._keys_are_ours(), "napari's own keys for it"
    dock._viewer.layers.selection.active = dock.opened.layers.image
    assert dock._keys_are_ours()
    dock.close_project()
    assert not dock._keys_are_ours()


def test_a_key_that_another_layer_has_says_so_on_other_pages(dock: SecoDock):
    dock._viewer.layers.selection.active = dock._viewer.add_points([[3, 4]], name="mine")
    dock.say("")
    for key in ("S", "T"):
        dock._tell_whose(shortcuts.shortcut("skip"), key)
        assert ("key for the layer mine" in dock.message.text()) == (key == "S")
        dock.say("")


def test_letters_in_the_layer_controls_say_why_they_decide_nothing(
    make_napari_viewer, qtbot, scored_path: Path
):
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    assert dock.open_project(scored_path)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    controls = next(d for d in window.findChildren(QDockWidget) if d.objectName() == "layer controls")
    canvas = viewer.window._qt_viewer.canvas.native
    tried = set()
    for field in [*controls.findChildren(QComboBox), *controls.findChildren(QLineEdit)]:
        if not field.isVisible():
            continue
        field.setFocus()
        qtbot.waitUntil(field.hasFocus)
        dock.say("")
        QTest.keyClick(field, Qt.Key.Key_A)
        assert len(dock.session.project.overrides) == 0
        assert "layer controls" in dock.message.text()
        if isinstance(field, QLineEdit):
            dock.say("")
            field.selectAll()
            QTest.keyClicks(field, "9e-1")
            assert (field.text(), dock.message.text()) == ("9e-1", "")
        QTest.keyClick(field, Qt.Key.Key_Escape)
        qtbot.waitUntil(canvas.hasFocus)
        tried.add(type(field))
    assert len(tried) >= 2
    QTest.keyClick(canvas, Qt.Key.Key_A)
    assert len(dock.session.project.overrides) == 1
    dock.close_project()
