from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from seco_core.progress import Cancelled, CancelToken
from seco_viewer.docks.main import SecoDock
from seco_viewer.region_map import draw_map, inside, load_plane, to_pixels

SIZE = (120, 90)


def test_dots_are_drawn_in_their_colours_where_they_lie():
    place = np.array([[0, 0], [1, 1], [0.5, 0.5], [np.nan, 0.2]], dtype=np.float32)
    pixels = to_pixels(place, SIZE)
    assert pixels[0].tolist() == [6, 83]
    assert pixels[1].tolist() == [113, 6]
    assert pixels[3].tolist() == [-1, -1]
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], dtype=np.uint8)
    picture = draw_map(pixels, colors, SIZE)
    assert picture.shape == (90, 120, 4)
    for dot in range(3):
        x, y = pixels[dot]
        assert picture[y, x, :3].tolist() == colors[dot].tolist()
        assert picture[y, x, 3] > 100
    assert picture[45, 20, 3] == 0


def test_a_lasso_takes_what_it_encloses():
    rng = np.random.default_rng(0)
    pixels = to_pixels(rng.random((500, 2)).astype(np.float32), SIZE)
    pixels[:5] = -1
    box = np.array([[30, 20], [70, 20], [70, 60], [30, 60]])
    expected = np.flatnonzero(((pixels >= (30, 20)) & (pixels <= (70, 60))).all(axis=1))
    assert inside(pixels, box, SIZE).tolist() == expected.tolist()


def test_regions_without_features_have_no_place(scored_path: Path):
    seen = []
    place = load_plane(scored_path, seen.append, CancelToken())
    assert seen
    assert np.isfinite(place).all()
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        load_plane(scored_path, seen.append, token)


@pytest.mark.gui
def test_lasso_lists_regions_and_a_click_goes_there(qtbot, scored_path: Path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(
        "seco_viewer.region_map.plane", lambda features, links: rng.random((len(features), 2)).astype("f4")
    )
    dock = SecoDock(ViewerModel())
    qtbot.addWidget(dock)
    assert dock.open_project(scored_path)
    dock.resize(390, 900)
    dock.show()
    dock.tabs.go_to(dock.opened.queue)
    dock.opened.queue.show_map.click()
    panel, view = dock.opened.queue.map, dock.opened.queue.map.view
    qtbot.waitUntil(lambda: panel._place is not None and not panel.running)
    for index in range(3):
        panel.color.setCurrentIndex(index)
    corners = [QPoint(2, 2), QPoint(view.width() // 2, 2), QPoint(view.width() // 2, view.height() - 2)]
    corners += [QPoint(2, view.height() - 2)]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, corners[0])
    for corner in corners[1:]:  # QTest.mouseMove moves the cursor itself with Qt 5, whose events come late
        local, everywhere = QPointF(corner), QPointF(view.mapToGlobal(corner))
        left_down = (Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, local, everywhere, *left_down))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, corners[-1])
    left = np.flatnonzero(view._pixels[:, 0] <= view.width() // 2)
    assert sorted(dock.opened.queue.model.rows.tolist()) == left.tolist()
    assert 0 < len(left) < len(dock.session.regions)
    x, y = view._pixels[7].tolist()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y))
    assert view._pixels[dock.session.row].tolist() == [x, y]
    dock.session.reload()
    qtbot.waitUntil(lambda: panel._place is not None and not panel.running)
    dock.close_project()
