"""Columns have room for their largest number, and their headers for the arrow of sorting."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QTableView

from seco_viewer.docks.images import ImagesPanel
from seco_viewer.docks.queue import QueuePanel
from seco_viewer.region_list import Column
from seco_viewer.session import Session

pytestmark = pytest.mark.gui


def headers_fit(table: QTableView, columns: range | list[int]) -> None:
    header, metrics = table.horizontalHeader(), table.horizontalHeader().fontMetrics()
    for column in columns:
        text = table.model().headerData(column, header.orientation())
        assert header.sectionSize(column) >= header.sectionSizeHint(column) > metrics.horizontalAdvance(text)


def test_the_largest_number_of_pixels_is_read_whole(session: Session, qtbot):
    session.regions.area[0] = 1_234_567
    panel = QueuePanel(session, lambda action: None, lambda text, wrong=False: None)
    qtbot.addWidget(panel)
    table = panel.table
    assert table.columnWidth(Column.AREA) > table.fontMetrics().horizontalAdvance("1,234,567") + 8
    headers_fit(table, [Column.NOISE])
    header = table.horizontalHeader()
    for column in (Column.AREA, Column.STATE):
        text = table.model().headerData(column, header.orientation())
        assert table.columnWidth(column) > header.fontMetrics().horizontalAdvance(text)
    panel.release()


def test_headers_of_the_list_of_images_are_read_whole(session: Session, qtbot):
    panel = ImagesPanel(session)
    qtbot.addWidget(panel)
    headers_fit(panel.table, range(1, 5))
    panel.release()
