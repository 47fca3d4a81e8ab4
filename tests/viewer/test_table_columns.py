"""Columns have room for their largest number and for their headers, and names get what is left."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QTableView

from seco_viewer.docks.images import ImagesPanel
from seco_viewer.docks.queue import QueuePanel
from seco_viewer.docks.queue_table import short_count
from seco_viewer.region_list import Column
from seco_viewer.session import Session

pytestmark = pytest.mark.gui

DOCK = 370


def headers_fit(table: QTableView, columns: range | list[int]) -> None:
    header, metrics = table.horizontalHeader(), table.horizontalHeader().fontMetrics()
    for column in columns:
        text = table.model().headerData(column, header.orientation())
        assert header.sectionSize(column) >= header.sectionSizeHint(column) > metrics.horizontalAdvance(text)


def cells_fit(table: QTableView, columns: list[int]) -> None:
    for column in columns:
        for row in range(table.model().rowCount()):
            index = table.model().index(row, column)
            text, font = index.data() or "", index.data(Qt.ItemDataRole.FontRole)
            assert font is None or not font.bold()
            assert table.columnWidth(column) > table.fontMetrics().horizontalAdvance(str(text)) + 6, text


@pytest.fixture
def queue(session: Session, qtbot) -> QueuePanel:
    panel = QueuePanel(session, lambda action: None, lambda text, wrong=False: None)
    qtbot.addWidget(panel)
    panel.resize(DOCK, 600)
    panel.show()
    yield panel
    panel.release()


def test_no_number_or_state_is_cut_however_large_regions_are(queue: QueuePanel, session: Session):
    for areas in (8_888, 88_888, 888_888, 88_888_888):
        session.regions.area[: len(session.regions) // 2] = areas  # as another run may find them
        session.reloaded.emit()
        queue.narrow()
        cells_fit(queue.table, [Column.IMAGE, Column.NOISE, Column.AREA, Column.STATE])
        headers_fit(queue.table, [Column.NOISE, Column.AREA, Column.STATE])


def test_large_numbers_are_short_and_in_full_in_the_tip(queue: QueuePanel, session: Session):
    assert [short_count(n) for n in (0, 9_999, 10_000, 999_499, 999_500, 9_949_999, 9_950_000)] == [
        "0", "9,999", "10k", "999k", "1.0M", "9.9M", "10M",
    ]  # fmt: skip
    session.regions.area[0] = 1_234_567
    index = queue.model.index(queue.model.place(0), Column.AREA)
    assert index.data() == "1.2M"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "1,234,567 pixels"


def test_the_beginning_of_a_class_is_read_and_all_of_it_in_the_tip(
    queue: QueuePanel, session: Session, monkeypatch
):
    monkeypatch.setattr(type(session.scheme), "label", lambda scheme, c: f"class of things number {c}")
    table = queue.table
    assert table.textElideMode() == Qt.TextElideMode.ElideRight
    names = table.fontMetrics().horizontalAdvance("pedes…") + table.iconSize().width() + 8
    for column in (Column.CLASS, Column.PREDICTED):
        assert table.columnWidth(column) >= names
        index = queue.model.index(0, column)
        assert index.data(Qt.ItemDataRole.ToolTipRole) == index.data()
    row = int(queue.model.rows[0])
    session.reviewed[row], session.decided[row] = True, 3
    state = queue.model.index(0, Column.STATE)
    if not session.flagged[row]:
        assert state.data(Qt.ItemDataRole.ToolTipRole) == "✓ class of things number 3"


def test_a_click_on_a_header_sorts_and_is_marked(queue: QueuePanel):
    header = queue.table.horizontalHeader()
    title = queue.model.headerData

    def click(column: int) -> None:
        x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
        QTest.mouseClick(
            header.viewport(), Qt.MouseButton.LeftButton,
            pos=header.viewport().rect().topLeft() + type(header.pos())(x, 8),
        )  # fmt: skip

    assert title(Column.NOISE, Qt.Orientation.Horizontal) == "noise▾"
    click(Column.AREA)
    assert title(Column.NOISE, Qt.Orientation.Horizontal) == "noise"
    assert title(Column.AREA, Qt.Orientation.Horizontal) in ("pixels▴", "pixels▾")
    headers_fit(queue.table, [Column.NOISE, Column.AREA, Column.STATE])
    areas = queue._session.regions.area[queue.model.rows]
    down = title(Column.AREA, Qt.Orientation.Horizontal) == "pixels▾"
    assert np.all(np.diff(areas) <= 0) if down else np.all(np.diff(areas) >= 0)
    before = queue.model.rows.tolist()
    click(Column.AREA)
    assert queue.model.rows.tolist() != before
    assert (title(Column.AREA, Qt.Orientation.Horizontal) == "pixels▾") is not down


def test_the_list_of_images_leaves_the_room_to_their_names(session: Session, qtbot):
    panel = ImagesPanel(session)
    qtbot.addWidget(panel)
    panel.resize(DOCK, 600)
    panel.show()
    for column in range(5):
        panel.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        headers_fit(panel.table, range(1, 5))
        cells_fit(panel.table, [1, 2, 3, 4])
        assert panel.table.columnWidth(0) > panel.table.fontMetrics().horizontalAdvance("TP_00006930") + 8
    panel.release()
