from __future__ import annotations

import re

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from seco_viewer.docks.main import SecoDock
from tests.viewer.scenes import go_to_a_reason

pytestmark = pytest.mark.gui

_DARK, _LIGHT = "QWidget { color: #f0f1f2; }", "QWidget { color: #3b3a39; }"


def _colours(text: str) -> set[str]:
    return set(re.findall(r"<a href='\d+' style='color: (#\w{6})'", text))


@pytest.mark.parametrize("page", ["review", "why"])
@pytest.mark.parametrize("seen", [True, False])
def test_links_follow_the_theme(dock: SecoDock, qtbot, page: str, seen: bool):
    window = QWidget()
    qtbot.addWidget(window)
    dock.setParent(window)
    window.setStyleSheet(_DARK)
    window.show()
    dock.show()
    go_to_a_reason(dock.session)
    panel = getattr(dock.opened, page)
    label = panel.details if page == "review" else panel.reasons
    dock.tabs.go_to(panel)
    qtbot.waitUntil(lambda: _colours(label.text()) == {"#f0f1f2"})
    if not seen:
        dock.tabs.go_to(dock.opened.images)
    window.setStyleSheet(_LIGHT)
    dock.tabs.go_to(panel)
    qtbot.waitUntil(lambda: _colours(label.text()) == {"#3b3a39"})
    dock.setParent(None)


def test_states_that_are_wrong_can_be_read_in_both_themes(dock: SecoDock, qtbot, monkeypatch):
    window = QWidget()
    qtbot.addWidget(window)
    dock.setParent(window)
    window.show()
    dock.show()
    monkeypatch.setattr(dock.session, "count_unscored", lambda image_id=None: 1)
    panel = dock.opened.images
    dock.tabs.go_to(panel)
    for theme, is_bright in ((_DARK, True), (_LIGHT, False)):
        window.setStyleSheet(theme)
        state = panel.model.index(0, panel.model.columnCount() - 1)
        color = panel.model.data(state, Qt.ItemDataRole.ForegroundRole)
        assert (color.lightness() > 128) is is_bright
    dock.setParent(None)
