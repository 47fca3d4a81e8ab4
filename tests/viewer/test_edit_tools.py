"""Tools that select pixels, with real mouse and key events in a real window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from seco_core.project import Action, Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.edit_tools import Tool
from seco_viewer.outline import outline
from seco_viewer.plugin import show_dock
from seco_viewer.selection import Kind, Patch
from seco_viewer.view import camera_of
from tests.viewer.scenes import make_project, neighbour
from tests.viewer.test_session import assert_agrees_with_the_store

pytestmark = pytest.mark.gui

LEFT, NONE, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
Place = tuple[float, float]


class Hand:
    """A hand on mouse and keys, that knows where pixels of the image are on the canvas."""

    def __init__(self, viewer: Any, dock: SecoDock):
        self.camera, self.dock = camera_of(viewer), dock
        self.canvas = viewer.window._qt_viewer.canvas.native

    def at(self, place: Place) -> QPoint:
        size = np.array([self.canvas.height(), self.canvas.width()])
        y, x = (np.array(place) - self.camera.center[-2:]) * self.camera.zoom + size / 2
        return QPoint(round(x), round(y))

    def drag(self, *path: Place, modifiers=NONE) -> None:
        QTest.mousePress(self.canvas, LEFT, modifiers, self.at(path[0]))
        for place in path[1:]:
            # QTest only puts the pointer there, and the event comes when it comes
            where = QPointF(self.at(place))
            there = QPointF(self.canvas.mapToGlobal(self.at(place)))
            kind = QEvent.Type.MouseMove
            moved = QMouseEvent(kind, where, there, Qt.MouseButton.NoButton, LEFT, modifiers)
            QApplication.sendEvent(self.canvas, moved)
        QTest.mouseRelease(self.canvas, LEFT, modifiers, self.at(path[-1]))

    def click(self, place: Place, modifiers=NONE) -> None:
        QTest.mouseClick(self.canvas, LEFT, modifiers, self.at(place))

    def key(self, key: Qt.Key, modifiers=NONE) -> None:
        QTest.keyClick(self.canvas, key, modifiers)


@pytest.fixture
def hand(make_napari_viewer, qtbot, scored_path: Path):
    yield from _open(make_napari_viewer, qtbot, scored_path)


def _open(make_napari_viewer, qtbot, path: Path):
    viewer = make_napari_viewer(show=True)
    own = [*viewer.mouse_drag_callbacks, *viewer.mouse_move_callbacks, *viewer.mouse_double_click_callbacks]
    dock = show_dock(viewer)
    assert dock.open_project(path)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield Hand(viewer, dock)
    dock.close_project()
    left = [*viewer.mouse_drag_callbacks, *viewer.mouse_move_callbacks, *viewer.mouse_double_click_callbacks]
    assert left == own


def large_row(hand: Hand) -> int:
    session = hand.dock.session
    row = int(np.argmax(np.where(session.flagged, session.regions.area, 0)))
    session.go_to(row)
    return row


def across(hand: Hand) -> tuple[Place, Place]:
    """A line through the middle of the selection, from above it to below."""
    x0, y0, x1, y1 = hand.dock.session.patch.box
    return (y0 - 2, (x0 + x1) / 2), (y1 + 2, (x0 + x1) / 2)


def inside(hand: Hand, row: int) -> Place:
    """The pixel of a region that is farthest from the others."""
    import cv2

    (x0, y0, _, _), mask = hand.dock.session.mask(row)
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return (float(y - 1 + y0), float(x - 1 + x0))


def assert_outlined(hand: Hand) -> None:
    patch, shown = hand.dock.session.patch, hand.dock.opened.layers.outline.drawn
    assert np.array_equal(shown, outline(patch.mask, (patch.box[1], patch.box[0])))


def test_region_is_split_by_a_stroke_and_its_parts_are_decided(hand: Hand):
    dock, session = hand.dock, hand.dock.session
    row = large_row(hand)
    before, center = session.curated.copy(), hand.camera.center
    hand.key(Qt.Key.Key_S, SHIFT)
    assert dock.opened.tools.tool is Tool.SPLIT
    assert dock.opened.review.edit_bar.buttons["split"].isChecked()
    assert "line across" in dock.message.text()
    hand.drag(*across(hand))
    assert hand.camera.center == center  # the drag was the tool's
    assert session.selection.kind is Kind.PART
    assert_outlined(hand)
    first = session.patch
    hand.key(Qt.Key.Key_J)
    assert (session.patch & first).area == 0
    assert_outlined(hand)
    hand.key(Qt.Key.Key_I)
    (override,) = session.project.overrides.active(session.image_id)
    assert override.action is Action.SPLIT
    assert session.row == row
    assert_outlined(hand)
    hand.key(Qt.Key.Key_A)
    assert session.reviewed[row]
    assert_agrees_with_the_store(session)
    hand.key(Qt.Key.Key_U)
    hand.key(Qt.Key.Key_U)
    assert session.row == row
    assert np.array_equal(session.curated, before)
    assert session.patch.same(Patch(override.box, override.mask))


def test_line_that_misses_the_region_is_said(hand: Hand):
    large_row(hand)
    hand.dock.perform("split")
    hand.drag((0, 0), (1, 2))
    assert not hand.dock.session.edited
    assert "cuts nothing off" in hand.dock.message.text()


def test_clicked_neighbours_are_merged_and_taken_out_again(hand: Hand):
    session = hand.dock.session
    row = large_row(hand)
    other = neighbour(session)
    hand.key(Qt.Key.Key_M, SHIFT)
    hand.click(inside(hand, other))
    assert session.selection.kind is Kind.WHOLE
    assert session.row == row
    hand.click(inside(hand, other))
    assert session.selection.kind is Kind.REGION
    hand.key(Qt.Key.Key_J, SHIFT)
    assert set(session.selection.rows) == {row, other}
    hand.key(Qt.Key.Key_A)
    assert session.reviewed[[row, other]].all()
    assert "merged" in hand.dock.message.text()
    assert_agrees_with_the_store(session)


def test_brush_adds_shift_erases_and_each_stroke_is_one_step(hand: Hand):
    session = hand.dock.session
    row = large_row(hand)
    whole = session.patch
    hand.key(Qt.Key.Key_D, SHIFT)
    radius = hand.dock.opened.tools.radius
    hand.key(Qt.Key.Key_8)
    assert hand.dock.opened.tools.radius < radius
    y, x = inside(hand, row)
    hand.drag((y, x), (y, x + 2), (y, x + 4), modifiers=SHIFT)
    assert session.patch.area < whole.area
    assert not session.patch.holds((round(y), round(x + 2)))
    assert session.selection.kind is Kind.PART
    hand.key(Qt.Key.Key_0)
    assert session.selection.kind is Kind.EMPTY
    hand.drag((2, 2), (2, 30))
    assert session.patch.holds((2, 15))
    assert session.selection.kind is Kind.DRAWN
    assert_outlined(hand)
    for _ in range(3):
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.patch.same(whole)
    hand.key(Qt.Key.Key_Y)
    hand.key(Qt.Key.Key_Y)
    hand.key(Qt.Key.Key_Y)
    hand.key(Qt.Key.Key_A)
    assert session.project.overrides.active(session.image_id)[-1].action is Action.DRAW
    assert_agrees_with_the_store(session)


def test_polygon_by_clicks_and_escape_takes_back_step_by_step(hand: Hand):
    session, tools = hand.dock.session, hand.dock.opened.tools
    hand.key(Qt.Key.Key_G, SHIFT)
    hand.click((5, 5))
    hand.click((5, 40))
    hand.key(Qt.Key.Key_Escape)
    assert not session.edited
    for corner in ((5, 5), (5, 40), (30, 40)):
        hand.click(corner)
    QTest.mouseDClick(hand.canvas, LEFT, NONE, hand.at((30, 5)))
    assert session.patch.area == pytest.approx(25 * 35, rel=0.1)
    assert session.patch.holds((17, 20))
    hand.key(Qt.Key.Key_Escape)
    assert not session.edited
    assert tools.tool is Tool.POLYGON
    hand.key(Qt.Key.Key_Escape)
    assert tools.tool is None
    assert not any(button.isChecked() for button in hand.dock.opened.review.edit_bar.buttons.values())


def test_box_and_click_ask_the_mask_source_in_the_background(hand: Hand, qtbot):
    session, tools = hand.dock.session, hand.dock.opened.tools
    hand.key(Qt.Key.Key_B, SHIFT)
    hand.drag((8, 10), (20, 25), (32, 50))
    qtbot.waitUntil(lambda: session.edited)
    assert tools.masks.ahead.seen.image_id == session.image_id
    answer = session.patch
    hand.click((2, 2), SHIFT)  # what does not belong to it
    assert not session.patch.holds((2, 2))
    height, width = session.frame.shape
    added = tuple(np.argwhere(~session.patch.on((0, 0, width, height)))[-1].tolist())
    hand.click(added)  # what belongs to it
    assert session.patch.holds(added)
    both = session.patch
    hand.click(added)
    assert session.patch is both  # no step that changes nothing
    assert "no other mask" in hand.dock.message.text()
    session.undo()
    assert not session.patch.holds(added)
    hand.key(Qt.Key.Key_Escape)
    hand.click((20, 25))  # without a box: masks from small to large
    assert session.choices > 1
    session.choose(-session.choices)
    smaller = session.patch.area
    hand.key(Qt.Key.Key_9)
    assert session.patch.area > smaller
    assert answer.area > 0
    other = (session.image_id + 1) % 3
    session.go_to_image(other)
    assert not session.edited
    qtbot.waitUntil(lambda: tools.masks.ahead.seen.image_id == other)


def test_part_of_a_region_as_the_masks_see_it(hand: Hand, qtbot):
    session = hand.dock.session
    row = large_row(hand)
    hand.key(Qt.Key.Key_P, SHIFT)
    hand.click(inside(hand, row))
    qtbot.waitUntil(lambda: session.edited)
    assert session.selection.kind is Kind.PART
    assert session.selection.rows == (row,)
    part = session.patch
    hand.key(Qt.Key.Key_I)
    assert session.row == row
    assert (session.patch & part).area == 0


def test_click_goes_to_a_region_only_without_a_tool(hand: Hand):
    session = hand.dock.session
    row = large_row(hand)
    other = next(r for r in range(session.rows.start, session.rows.stop) if r != row)
    hand.key(Qt.Key.Key_D, SHIFT)
    hand.click(inside(hand, other))
    assert session.row == row
    hand.key(Qt.Key.Key_D, SHIFT)
    assert hand.dock.opened.tools.tool is None
    hand.dock.opened.layers.view.keep_zoom = True
    hand.click(inside(hand, other))
    assert session.row == other


def test_edits_of_several_images_are_undone_redone_and_kept(hand: Hand):
    dock, session = hand.dock, hand.dock.session
    for image_id in (0, 1):
        session.go_to_image(image_id)
        dock.perform("split")
        if dock.opened.tools.tool is not Tool.SPLIT:
            dock.perform("split")
        rows = np.arange(session.rows.start, session.rows.stop)
        session.go_to(int(rows[session.regions.area[rows].argmax()]))
        hand.drag(*across(hand))
        assert session.edited
        hand.key(Qt.Key.Key_I)
    split = [session.project.curated(i) for i in range(3)]
    hand.key(Qt.Key.Key_U)
    hand.key(Qt.Key.Key_U)
    assert session.image_id == 0
    assert len(session.project.overrides) == 0
    hand.key(Qt.Key.Key_Y)
    hand.key(Qt.Key.Key_Y)
    assert session.image_id == 1
    path, patch, row = session.project.path, session.patch, session.row
    dock.close_project()
    assert dock.open_project(path)
    again = dock.session
    for image_id, curated in enumerate(split):
        assert np.array_equal(again.project.curated(image_id), curated)
    again.go_to(row)
    assert again.patch.same(patch)


def test_slip_of_the_finger_on_a_class_costs_no_drawing(hand: Hand):
    dock, session = hand.dock, hand.dock.session
    dock.perform("brush")
    y, x = session.regions.centroid[session.row]
    hand.drag((y, x), (y, x + 30))
    drawn = session.patch
    assert session.selection.kind is Kind.DRAWN
    hand.key(Qt.Key.Key_I)
    hand.key(Qt.Key.Key_U)
    assert session.patch.same(drawn)
    assert dock.message.text().startswith("Taken back: drawn: ignore")
    assert dock.message.text().endswith("selected again.")
    assert not dock.opened.review.buttons["undo"].isEnabled()
    lines = outline(drawn.mask, (drawn.box[1], drawn.box[0]))
    assert np.array_equal(dock.opened.layers.outline.drawn, lines)
    hand.key(Qt.Key.Key_N)
    assert not session.edited
    assert "dropped" in dock.message.text()
    hand.key(Qt.Key.Key_N)
    assert dock.message.text() == ""


def test_image_without_regions_is_drawn_on(make_napari_viewer, qtbot, tmp_path: Path):
    path = make_project(tmp_path, scored=False)
    for hand in _open(make_napari_viewer, qtbot, path):
        dock, session = hand.dock, hand.dock.session
        dock.tabs.go_to(dock.opened.review)
        hand.key(Qt.Key.Key_D, SHIFT)
        hand.drag((20, 20), (20, 40))
        assert dock.opened.review.buttons["relabel"].isEnabled()
        assert not dock.opened.review.buttons["accept"].isEnabled()
        hand.key(Qt.Key.Key_A)
        assert "Choose a class" in dock.message.text()
        dock.opened.review.chooser.buttons[13].click()
        assert session.curated[20, 30] == 13
        assert "drawn: car" in dock.message.text()
        with Project.open(path, readonly=True) as stored:
            assert stored.overrides.active(0)[0].action is Action.DRAW
