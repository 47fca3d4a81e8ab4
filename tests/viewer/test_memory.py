"""What is remembered from one window to the next."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from seco_core.project import Project
from seco_core.review import Order
from seco_viewer.docks.main import SecoDock
from seco_viewer.memory import Memory, go_back_to, memory_file, place_of, recall, remember
from seco_viewer.plugin import show_dock
from seco_viewer.session import Session
from tests.viewer.scenes import class_map, store_regions


def test_the_file_of_a_test_is_its_own(nothing_remembered: Path, tmp_path: Path):
    assert memory_file() == nothing_remembered
    assert tmp_path in memory_file().parents


def test_what_was_remembered_is_recalled(nothing_remembered: Path):
    memory = Memory(project="/a", tab="Queue", width=400, learn_after=0, layers={"noise": {"visible": True}})
    memory.places["/a"] = {"region": 4}
    remember(memory, nothing_remembered)
    assert recall(nothing_remembered) == memory


def test_another_window_s_projects_are_kept(nothing_remembered: Path):
    remember(Memory(places={"/a": {"region": 1}, "/b": {"region": 2}}), nothing_remembered)
    remember(Memory(places={"/a": {"region": 3}}), nothing_remembered)
    assert recall(nothing_remembered).places == {"/b": {"region": 2}, "/a": {"region": 3}}


@pytest.mark.parametrize("text", ["no json", "[]", '{"width": "wide", "learn_after": true, "layers": 3}'])
def test_nonsense_is_as_if_there_was_nothing(nothing_remembered: Path, text: str):
    nothing_remembered.write_text(text)
    assert recall(nothing_remembered) == Memory()


def test_a_file_that_cannot_be_written_is_only_told(tmp_path: Path, caplog):
    (tmp_path / "file").write_text("")
    remember(Memory(), tmp_path / "file" / "memory.json")
    assert caplog.records


def test_the_place_in_the_queue_is_found_again(session: Session):
    session.set_order(Order.GAIN)
    session.set_filter(only_flagged=False, only_class=2)
    session.skip()
    place = json.loads(json.dumps(place_of(session)))
    left = session.queue.first(100).tolist()
    again = Session(Project.open(session.project.path))
    try:
        go_back_to(again, place)
        assert again.row == session.row
        assert (again.order, again.only_flagged, again.only_class) == (Order.GAIN, False, 2)
        assert again.queue.first(100).tolist() == left
        assert again.queue.current() == session.queue.current()
    finally:
        again.close()


def test_a_place_that_is_gone_is_the_worst_region(session: Session):
    place = place_of(session)
    with Project.open(session.project.path) as run:
        store_regions(run, [class_map(r.shape, seed=r.id + 7) for r in run.images], seed=3)
    session.reload()
    for strange in (place, {}, {"region": "x", "order": 3, "only_class": 400, "only_flagged": None}):
        session.next_image()
        go_back_to(session, strange)
        assert session.row == session.queue.current()


@pytest.mark.gui
def test_a_window_comes_back_as_it_was_left(qtbot, scored_path: Path, nothing_remembered: Path):
    first = SecoDock(ViewerModel())
    qtbot.addWidget(first)
    assert first.start.again.isHidden()
    assert first.open_project(scored_path)
    first.perform("skip")
    first.perform("skip")
    first.perform("noise")
    first.perform("keep_zoom")
    first.opened.layers.curated.opacity = 0.8
    first.opened.learn.after.setValue(7)
    first.opened.comparison.choose("PSA", "SCC")
    first.perform("wipe")  # what it hides for the moment is not remembered as hidden
    first.tabs.go_to(first.opened.queue)
    row = first.session.row
    first.close_project()
    assert not first.start.again.isHidden()

    second = SecoDock(ViewerModel())
    qtbot.addWidget(second)
    second.show()
    second.activateWindow()
    qtbot.waitUntil(second.isActiveWindow)
    QTest.keyClick(second, Qt.Key.Key_C)
    assert second.session.project.path == scored_path
    assert second.session.row == row
    assert second.opened.layers.noise.visible
    assert second.opened.layers.curated.visible
    assert second.opened.layers.curated.opacity == pytest.approx(0.8)
    assert second.opened.layers.view.keep_zoom
    assert second.opened.learn.after.value() == 7
    assert (second.opened.comparison.left, second.opened.comparison.right) == ("PSA", "SCC")
    assert second.tabs.page(second.tabs.currentIndex()) is second.opened.queue
    noise = np.concatenate([[0], second.session.noise(second.session.rows)])
    assert np.array_equal(
        second.opened.layers.noise.data, noise[second.session.frame.region_ids].astype(np.float32)
    )
    second.close_project()


@pytest.mark.gui
@pytest.mark.parametrize("flicks", [1, 2, 3])
def test_what_was_compared_is_not_what_one_comes_back_to(bare_dock: SecoDock, scored_path: Path, flicks: int):
    bare_dock.open_project(scored_path)
    for _ in range(flicks):
        bare_dock.perform("compare")
    assert not bare_dock.opened.layers.curated.visible
    bare_dock.close_project()
    bare_dock.open_project(scored_path)
    layers = bare_dock.opened.layers
    assert layers.curated.visible
    assert not layers.pseudo_label.visible
    assert not layers.psa.visible


@pytest.mark.gui
def test_a_project_that_was_removed_is_not_offered(qtbot, nothing_remembered: Path, tmp_path: Path):
    remember(Memory(project=str(tmp_path / "gone")), nothing_remembered)
    dock = SecoDock(ViewerModel())
    qtbot.addWidget(dock)
    assert dock.start.again.isHidden()


@pytest.mark.gui
def test_width_and_side_of_the_dock_are_remembered(make_napari_viewer, qtbot, nothing_remembered: Path):
    remember(Memory(width=470, side="left"), nothing_remembered)
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1400, 800)
    dock = show_dock(viewer)
    qtbot.waitUntil(lambda: dock.isVisible() and abs(dock.remembering._frame()[0].width() - 470) <= 2)
    frame, _ = dock.remembering._frame()
    assert window.dockWidgetArea(frame) == Qt.DockWidgetArea.LeftDockWidgetArea
    window.resizeDocks([frame], [400], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: frame.width() < 420)
    dock.remembering.note()
    assert recall(nothing_remembered).width == frame.width()
    assert recall(nothing_remembered).side == "left"
