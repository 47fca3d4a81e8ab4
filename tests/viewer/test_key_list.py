"""The list of keys over the window, with real key events in a real window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from seco_viewer import shortcuts
from seco_viewer.docks import key_list, main
from seco_viewer.docks.main import SecoDock
from seco_viewer.plugin import show_dock
from seco_viewer.shortcuts import SHORTCUTS, shown
from seco_viewer.view import camera_of, canvas_size

pytestmark = pytest.mark.gui
NO = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def dock(dock: SecoDock, qtbot) -> SecoDock:
    """The dock as a window of its own that has the keys."""
    dock.resize(1366, 768)
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow)
    dock.opened.review.setFocus()
    qtbot.waitUntil(dock.opened.review.hasFocus)
    return dock


def text_of(panel: key_list.KeyList) -> str:
    return " ".join(label.text() for label in panel.findChildren(QLabel))


def test_question_mark_shows_every_key_and_puts_them_away(dock):
    assert not dock.key_list.isVisible()
    QTest.keyClick(dock.opened.review, Qt.Key.Key_Question, SHIFT)
    assert dock.key_list.isVisible()
    for entry in SHORTCUTS:
        assert entry.help.replace("'", "&#x27;") in text_of(dock.key_list)
        for key in entry.keys:
            assert shown(key) in text_of(dock.key_list)
    QTest.keyClick(dock.key_list, Qt.Key.Key_Question, SHIFT)
    assert not dock.key_list.isVisible()


def test_it_opens_over_the_canvas_of_a_window_of_any_size(make_napari_viewer, qtbot, scored_path: Path):
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    dock.open_project(scored_path)
    window = viewer.window._qt_window
    window.resize(1366, 768)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    canvas = viewer.window._qt_viewer.canvas.native
    # with another size the whole region is still in view
    camera, (x0, y0, x1, y1) = camera_of(viewer), dock.session.patch.box
    for size in ((1366, 768), (900, 900)):
        window.resize(*size)

        def in_view() -> bool:
            half = np.array(viewer.window._qt_viewer.canvas.size) / camera.zoom / 2
            low, high = camera.center[-2:] - half, camera.center[-2:] + half
            return bool((low <= [y0 - 0.5, x0 - 0.5]).all() and (high >= [y1 - 0.5, x1 - 0.5]).all())

        qtbot.waitUntil(lambda: in_view() and dock.opened.layers.view._looked[0] == canvas_size(viewer))
    window.resize(1366, 768)
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus)
    QTest.keyClick(canvas, Qt.Key.Key_Question, SHIFT)
    assert dock.key_list.isVisible()
    assert dock.key_list.window() is window
    assert window.rect().contains(dock.key_list.geometry())
    QTest.keyClick(dock.key_list, Qt.Key.Key_Escape)
    assert not dock.key_list.isVisible()
    dock.close_project()


def test_escape_and_a_click_put_it_away_and_nothing_else(dock, qtbot):
    dock.perform("split")
    tool = dock.opened.tools.tool
    dock.perform("help")
    qtbot.waitUntil(dock.key_list.hasFocus)
    QTest.keyClick(dock.key_list, Qt.Key.Key_Escape)
    assert not dock.key_list.isVisible()
    assert dock.opened.tools.tool is tool
    assert dock.opened.review.hasFocus()
    dock.perform("help")
    QTest.mouseClick(dock.key_list, Qt.MouseButton.LeftButton, NO, QPoint(5, 5))
    assert not dock.key_list.isVisible()


def test_other_keys_put_it_away_and_act(dock, qtbot):
    dock.perform("help")
    qtbot.waitUntil(dock.key_list.hasFocus)
    QTest.keyClick(dock.key_list, Qt.Key.Key_A)
    assert not dock.key_list.isVisible()
    assert len(dock.session.project.overrides) == 1


def test_question_mark_is_typed_where_one_types(dock, qtbot):
    search = dock.opened.review.chooser.search
    search.setFocus()
    qtbot.waitUntil(search.hasFocus)
    QTest.keyClick(search, Qt.Key.Key_Question, SHIFT)
    assert search.text() == "?"
    assert not dock.key_list.isVisible()


def test_it_is_there_before_a_project_is_open(dock, qtbot):
    dock.close_project()
    dock.perform("help")
    assert dock.key_list.isVisible()
    qtbot.waitUntil(dock.key_list.hasFocus)
    QTest.keyClick(dock.key_list, Qt.Key.Key_Escape)
    assert not dock.key_list.isVisible()


def test_the_user_s_keys_are_marked(monkeypatch):
    chosen = tuple(replace(e, keys=("F7",)) if e.id == "accept" else e for e in shortcuts.SHORTCUTS)
    monkeypatch.setattr(key_list, "SHORTCUTS", chosen)
    (text,) = (t for t in key_list.group_texts() if "Accept" in t)
    assert "F7" in text
    assert "built in: A)" in text
    assert text.count("yours") == 1


def test_what_is_wrong_with_keys_of_one_s_own_is_said_at_the_start_and_in_the_list(monkeypatch, qtbot):
    problems = ["There is no action called foo.", "skip: <B> is no key."]
    monkeypatch.setattr(key_list, "KEY_PROBLEMS", problems)
    monkeypatch.setattr(main, "KEY_PROBLEMS", problems)
    dock = SecoDock(ViewerModel())
    qtbot.addWidget(dock)
    assert "There is no action called foo." in dock.message.text()
    shown_there = text_of(dock.key_list)
    assert "There is no action called foo." in shown_there
    assert "skip: &lt;B&gt; is no key." in shown_there


def test_actions_without_keys_have_buttons_and_help(monkeypatch):
    bare = tuple(replace(e, keys=()) for e in shortcuts.SHORTCUTS)
    monkeypatch.setattr(key_list, "SHORTCUTS", bare)
    monkeypatch.setattr(shortcuts, "SHORTCUTS", bare)
    from seco_viewer.docks.buttons import with_key

    assert with_key("accept") == "Accept"
    assert "Accept" in key_list.group_texts()[0]
