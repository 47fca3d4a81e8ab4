"""Keys that work in the whole window, wherever the dock is."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QMainWindow, QShortcut, QWidget

from seco_viewer.docks.window_keys import WindowKeys

pytestmark = pytest.mark.gui
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Window(QMainWindow):
    """A window with something in its middle that may have the focus, and an owner of keys in a dock."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.middle = QWidget()
        self.middle.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCentralWidget(self.middle)
        self.owner = QWidget()
        self.dock = QDockWidget()
        self.dock.setWidget(self.owner)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        WindowKeys(self.owner, self.done.append)

    def press(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> list[str]:
        self.done.clear()
        QTest.keyClick(self.middle, key, modifiers)
        return self.done


@pytest.fixture
def make_window(qtbot):
    def make() -> Window:
        window = Window()
        qtbot.addWidget(window)
        window.show()
        activate(qtbot, window)
        return window

    return make


def activate(qtbot, window: Window) -> None:
    window.activateWindow()
    window.middle.setFocus()
    qtbot.waitUntil(window.isActiveWindow)


@pytest.mark.parametrize("floats", [False, True])
def test_keys_work_on_the_canvas_wherever_the_dock_is(qtbot, make_window, floats: bool):
    window = make_window()
    window.dock.setFloating(floats)
    activate(qtbot, window)
    assert window.press(Qt.Key.Key_F6) == ["next_page"]
    assert window.press(Qt.Key.Key_F6, SHIFT) == ["previous_page"]
    assert window.press(Qt.Key.Key_Question, SHIFT) == ["help"]


def test_keys_work_in_the_dock_that_floats(qtbot, make_window):
    window = make_window()
    window.dock.setFloating(True)
    window.dock.activateWindow()
    qtbot.waitUntil(window.dock.isActiveWindow)
    QTest.keyClick(window.owner, Qt.Key.Key_F6)
    assert window.done == ["next_page"]


def test_each_window_has_its_own(qtbot, make_window):
    first, second = make_window(), make_window()
    first.dock.setFloating(True)
    activate(qtbot, second)
    assert second.press(Qt.Key.Key_F6) == ["next_page"]
    assert not first.done
    activate(qtbot, first)
    assert first.press(Qt.Key.Key_F6) == ["next_page"]
    assert second.done == ["next_page"], "what it did before"


def test_keys_of_a_dock_that_is_closed_do_nothing_until_it_is_shown_again(make_window):
    window = make_window()
    window.dock.hide()
    assert window.press(Qt.Key.Key_F6) == []
    window.dock.show()
    assert window.press(Qt.Key.Key_F6) == ["next_page"]


def test_keys_go_with_the_dock(make_window):
    window = make_window()
    window.owner.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not window.findChildren(QShortcut)
    assert window.press(Qt.Key.Key_F6) == []


def test_keys_work_without_a_main_window(qtbot):
    done: list[str] = []
    owner = QWidget()
    qtbot.addWidget(owner)
    WindowKeys(owner, done.append)
    owner.show()
    owner.activateWindow()
    qtbot.waitUntil(owner.isActiveWindow)
    QTest.keyClick(owner, Qt.Key.Key_F6)
    assert done == ["next_page"]
