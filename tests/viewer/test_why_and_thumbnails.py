from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from seco_core.graph import EdgeKind
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.thumbnails import ThumbnailStrip, alike_elsewhere
from seco_viewer.docks.why import events_on, score_parts

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(dock: SecoDock) -> SecoDock:
    dock.resize(390, 900)
    dock.show()
    return dock


def linked_row(dock: SecoDock) -> int:
    session = dock.session
    return next(row for row in range(len(session.regions)) if alike_elsewhere(session, row))


def test_neighbours_in_other_images_are_shown_and_gone_to(dock: SecoDock, qtbot):
    session, strip = dock.session, dock.opened.review.neighbours.strip
    row = linked_row(dock)
    session.go_to(row)
    expected = [
        other
        for other, _, kind in session.links(row)
        if kind == EdgeKind.FEATURE and session.regions.image_id[other] != session.image_id
    ]
    qtbot.waitUntil(lambda: list(strip._items) == expected)
    blank = strip._blank.cacheKey()
    qtbot.waitUntil(lambda: all(i.icon().cacheKey() != blank for i in strip._items.values()))
    item = strip.item(0)
    assert session.scheme.label(int(session.label(np.array(expected[:1]))[0])) in item.text()
    QTest.mouseClick(
        strip.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        strip.visualItemRect(item).center(),
    )
    assert session.row == expected[0]
    assert dock.perform("back") is None
    assert session.row == row


def test_ticks_choose_regions(dock: SecoDock, qtbot):
    strip = ThumbnailStrip(dock.session, ticked=True)
    qtbot.addWidget(strip)
    row = linked_row(dock)
    shown = alike_elsewhere(dock.session, row)
    strip.show_regions(shown)
    assert strip.ticked_rows().tolist() == [t.row for t in shown]
    strip.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert strip.ticked_rows().tolist() == [t.row for t in shown[1:]]
    strip.release()


def test_why_follows_the_region_and_tells_its_history(dock: SecoDock, qtbot):
    session, why = dock.session, dock.opened.why
    dock.tabs.go_to(why)
    row = session.row
    qtbot.waitUntil(lambda: "called" in why.summary.text())
    assert f"{session.regions.noise_score[row]:.2f}" in why.parts.toolTip()
    assert "higher than" in why.standing.text()
    assert why.past.text() == "none yet"
    dock.perform("ignore")
    session.go_to(row)
    qtbot.waitUntil(lambda: "ignore" in why.past.text())
    dock.perform("undo")
    why.refresh()
    assert "taken back" in why.past.text()
    assert session.row == row
    assert [e.kind for e in events_on(session, session.number)] == ["override", "undo"]
    other = session.number % (session.rows.stop - session.rows.start) + 1
    assert events_on(session, other) == []


def test_score_parts_are_shares(dock: SecoDock):
    for row in range(len(dock.session.regions)):
        for name, value in score_parts(dock.session, row):
            assert np.isnan(value) or 0 <= value <= 1, name


def test_reasons_are_links_to_what_was_decided(dock: SecoDock, qtbot):
    session, why = dock.session, dock.opened.why
    dock.tabs.go_to(why)
    assert "no region like it" in why.reasons.text() or not why.reasons.text()
    row = linked_row(dock)
    session.go_to(row)
    session.relabel(int(session.regions.class_id[row] == 0))
    other = int(alike_elsewhere(session, row)[0].row)
    session.go_to(other)
    qtbot.waitUntil(lambda: f"href='{row}'" in why.reasons.text())
    image = session.project.images[int(session.regions.image_id[row])].name
    assert (
        f"{session.scheme.label(int(session.regions.class_id[row]))} in image {image} →" in why.reasons.text()
    )
    label = why.reasons
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    QTest.mouseClick(
        label, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(12, label.height() - 8)
    )
    assert session.row == row
    qtbot.waitUntil(lambda: "href" not in label.text() or "it is decided itself" in label.text())
    session.go_to(other)
    qtbot.waitUntil(lambda: f"href='{row}'" in label.text())
    dock.activateWindow()
    label.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(label.hasFocus)
    QTest.keyClick(label, Qt.Key.Key_Tab)  # to its first link
    QTest.keyClick(label, Qt.Key.Key_Return)
    assert session.row == row


def test_what_a_region_touches_is_said_by_class_and_side(dock: SecoDock, monkeypatch):
    session, why = dock.session, dock.opened.why
    row = session.row
    r = session.regions
    rows = [i for i in range(session.rows.start, session.rows.stop) if i != row]
    below = max(rows, key=lambda i: r.centroid[i][0])
    r.centroid[below] = r.centroid[row] + (20.0, 1.0)
    monkeypatch.setattr(session, "links", lambda row: [(below, 1.0, EdgeKind.TOUCHES)])
    why.refresh()
    name = session.scheme.label(int(session.label(np.array([below]))[0]))
    assert f"touches <a href='{below}'" in why.neighbours.text()
    assert f">{name} below</a>" in why.neighbours.text()
    why.neighbours.linkActivated.emit(str(below))
    assert session.row == below != row
