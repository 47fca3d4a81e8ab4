"""What is seen of a page that is higher than the window ends with a whole line."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QComboBox, QLabel, QPushButton, QScrollArea, QWidget

from seco_viewer.docks.main import SecoDock

pytestmark = pytest.mark.gui


def cut_by(edge: int, page: QWidget, part: QWidget) -> bool:
    """Whether the page's visible bottom goes through a line of a part of it."""
    inside = edge - part.mapTo(page, QPoint(0, 0)).y()
    if not part.isVisible() or not 0 < inside < part.height():
        return False
    if not isinstance(part, QLabel):
        return True
    picture = part.grab().toImage()

    def inked(y: int) -> bool:
        return len({picture.pixel(x, y) for x in range(picture.width())}) > 1

    return inked(inside - 1) and inked(inside)


def test_no_line_is_cut_through_at_the_bottom_of_the_review_page(dock: SecoDock, qtbot):
    review = dock.opened.review
    dock.resize(370, 700)
    dock.show()
    dock.perform("take_suggestion")  # a forecast is told
    qtbot.waitUntil(lambda: "of the area is right" in review.queue.outlook.text())
    area = dock.tabs.currentWidget()
    assert isinstance(area, QScrollArea)
    parts = [part for kind in (QLabel, QPushButton, QComboBox) for part in review.findChildren(kind)]

    def none_is_cut() -> bool:
        return not any(cut_by(area.viewport().height(), review, part) for part in parts)

    for height in range(480, 720, 11):
        dock.resize(370, height)
        qtbot.waitUntil(none_is_cut)
        assert area.height() - area.viewport().height() < 40


def test_the_end_of_the_page_is_reached_and_so_is_its_top_again(dock: SecoDock, qtbot):
    review = dock.opened.review
    dock.resize(370, 560)
    dock.show()
    area = dock.tabs.currentWidget()
    bar = area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    assert area.viewport().height() == area.height()
    bar.setValue(bar.maximum())
    assert review.mapTo(area, QPoint(0, review.height())).y() == area.viewport().height()
    bar.setValue(0)
    assert review.mapTo(area, QPoint(0, 0)).y() == 0
