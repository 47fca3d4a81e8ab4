"""Names of classes that begin alike are told apart where there is no room for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from qtpy.QtCore import QRect
from qtpy.QtGui import QFontMetrics, QImage
from qtpy.QtWidgets import QWidget

from seco_viewer.docks.bars import ShareBars
from seco_viewer.docks.cut_names import cut_name
from seco_viewer.docks.pictures import ConfusionView
from seco_viewer.docks.queue import QueuePanel
from seco_viewer.region_list import Column
from seco_viewer.session import Session

pytestmark = pytest.mark.gui

LIGHT, SIGN = 6, 7
BESIDE = 24
"""Pixels of a cell that are for the colour of the class."""


def test_one_word_is_cut_at_its_end_and_of_several_the_last_stays(qapp):
    metrics = QFontMetrics(qapp.font())

    def cut(name: str, like: str) -> str:
        return cut_name(name, metrics, metrics.horizontalAdvance(like))

    assert cut("traffic light", "traffic light") == "traffic light"
    assert cut("traffic light", "tra… light") == "tra… light"
    assert cut("motorcycle", "motor…") == "motor…"
    assert cut("big traffic light", "big… light") == "big… light"
    assert cut("a construction", "a…tion") not in ("", "…"), "the last word alone is too long"


def drawn(widget: QWidget, where: QRect | None = None) -> QImage:
    return widget.grab(widget.rect() if where is None else where).toImage()


@pytest.mark.parametrize("column", [Column.CLASS, Column.PREDICTED, Column.STATE], ids=lambda c: c.name)
def test_in_a_narrow_queue(session: Session, qtbot, column: Column):
    r, rows = session.regions, np.flatnonzero(np.arange(len(session.regions)) != session.row)[:2]
    for array in (r.class_id, r.predicted, session.decided):
        array[rows] = LIGHT, SIGN
    session.reviewed[rows] = True
    panel = QueuePanel(session, lambda action: None, lambda text, wrong=False: None)
    qtbot.addWidget(panel)
    panel.resize(320, 600)
    panel.show()
    panel.show_only(rows)
    table, model = panel.table, panel.model
    table.setAlternatingRowColors(False)
    cells = [table.visualRect(model.index(model.place(row), column)) for row in rows]
    text = model.index(model.place(int(rows[0])), column).data()
    assert table.fontMetrics().horizontalAdvance(text) > cells[0].width() - BESIDE, "it is cut"
    light, sign = (drawn(table.viewport(), cell.adjusted(BESIDE, 0, 0, 0)) for cell in cells)
    panel.release()
    assert light != sign


def bars(name: str) -> QWidget:
    found = ShareBars()
    found.show_shares([(name, (0, 0, 0), 0.5)])
    return found


def confusion(name: str) -> QWidget:
    found = ConfusionView()
    found.show_counts(np.ones((2, 2), dtype=np.int64), [name, "road"])
    return found


@pytest.mark.parametrize("make", [bars, confusion])
def test_in_narrow_pictures(make: Callable[[str], QWidget], qtbot):
    pictures = []
    for name in ("traffic light", "traffic sign"):
        widget = make(name)
        qtbot.addWidget(widget)
        widget.resize(110, 60)
        pictures.append(drawn(widget))
    assert pictures[0] != pictures[1]
