"""An error in the background is said with a remedy, and its detail can be copied by keyboard."""

from __future__ import annotations

import sys

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from seco_core.errors import ProjectError
from seco_viewer.docks.main import SecoDock
from seco_viewer.plugin import show_dock
from seco_viewer.workers import failures
from tests.viewer.run_here import instead

pytestmark = pytest.mark.gui


def ended(dock: SecoDock, qtbot) -> None:
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.run()


def test_what_nobody_foresaw_can_be_copied_with_where_it_arose(dock: SecoDock, qtbot, monkeypatch, caplog):
    assert not dock.message.copy_button.isVisibleTo(dock)

    def broken(*args: object, **more: object) -> None:
        raise ZeroDivisionError("by nothing")

    instead(monkeypatch, broken)
    ended(dock, qtbot)
    qtbot.waitUntil(lambda: "Unexpected ZeroDivisionError: by nothing" in dock.message.text())
    assert "report" in dock.message.text()
    assert dock.message.copy_button.isVisibleTo(dock)
    assert dock.message.copy_button.focusPolicy() & Qt.FocusPolicy.TabFocus
    QTest.keyClick(dock.message.copy_button, Qt.Key.Key_Space)
    copied = QApplication.clipboard().text()
    assert "in broken" in copied
    assert "ZeroDivisionError: by nothing" in copied
    for name in ("seco", "napari", "Qt", "torch", f"Python {sys.version_info.major}"):
        assert name in copied
    dock.perform("skip")
    dock.perform("accept")
    assert len(dock.session.project.overrides) == 1, "the window goes on"
    dock.say("well")
    assert not dock.message.copy_button.isVisibleTo(dock)


def test_a_window_that_is_gone_is_not_told(make_napari_viewer, qtbot):
    gone, there = (show_dock(make_napari_viewer(show=True)) for _ in range(2))
    with qtbot.waitSignal(gone.destroyed):
        gone.deleteLater()
    failures.unexpected.emit("Unexpected end.", "where")
    assert "Unexpected end." in there.message.text()


def test_of_an_error_that_names_its_remedy_the_message_is_all(dock: SecoDock):
    dock.say(str(ProjectError("is gone.", remedy="Bring it back.")), wrong=True)
    assert "Bring it back." in dock.message.text()
    assert dock.message.label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    assert not dock.message.copy_button.isVisibleTo(dock)
