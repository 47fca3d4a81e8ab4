"""The queue's table with real events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtTest import QTest

from seco_core.project import Action, Project
from seco_viewer.docks.bulk import FEW_IMAGES
from seco_viewer.docks.main import SecoDock
from seco_viewer.region_list import Column
from seco_viewer.strokes import filled_polygon
from tests.viewer.scenes import class_map, make_project, store_regions

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(dock: SecoDock, qtbot) -> SecoDock:
    dock.tabs.go_to(dock.opened.queue)
    dock.resize(390, 800)
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow)
    return dock


def click(dock: SecoDock, place: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    table = dock.opened.queue.table
    center = table.visualRect(table.model().index(place, int(Column.CLASS))).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, center)


def test_click_goes_there_and_the_current_row_follows_the_keys(dock: SecoDock):
    session, queue = dock.session, dock.opened.queue
    click(dock, 4)
    assert session.row == queue.model.rows[4]
    QTest.keyClick(queue.table, Qt.Key.Key_A)
    assert session.reviewed[queue.model.rows[4]]
    assert queue.table.currentIndex().row() == queue.model.place(session.row)
    assert queue.model.index(4, Column.STATE).data().startswith("✓")
    queue.table.setCurrentIndex(queue.model.index(7, 0))
    QTest.keyClick(queue.table, Qt.Key.Key_Return)
    assert session.row == queue.model.rows[7]
    dock.perform("undo")
    assert not session.reviewed.any()
    assert not queue.model.index(4, Column.STATE).data().startswith("✓")


def test_several_selected_rows_are_decided_by_one_key_and_undone_by_one(dock: SecoDock):
    session, queue = dock.session, dock.opened.queue
    click(dock, 1)
    click(dock, 5, Qt.KeyboardModifier.ShiftModifier)
    chosen = queue.selected()
    assert len(chosen) == 5
    assert chosen.tolist() == queue.model.rows[1:6].tolist()
    assert "5 selected" in queue.counts.text()
    QTest.keyClick(queue.table, Qt.Key.Key_T)
    assert session.reviewed[chosen].all()
    assert session.reviewed.sum() == 5
    assert np.array_equal(session.decided[chosen], session.regions.predicted[chosen])
    assert "5 regions decided" in dock.message.text()
    QTest.keyClick(queue.table, Qt.Key.Key_U)
    assert not session.reviewed.any()
    assert len({e.batch for e in session.project.overrides.history() if e.kind == "override"}) == 1


def test_relabel_of_a_selection(dock: SecoDock):
    queue = dock.opened.queue
    click(dock, 0)
    click(dock, 2, Qt.KeyboardModifier.ControlModifier)
    chosen = queue.selected()
    queue.relabel_to.activated.emit(queue.relabel_to.findData(13))
    assert dock.session.decided[chosen].tolist() == [13, 13]
    assert queue.relabel_to.currentIndex() == 0


def test_filters_sorting_and_what_is_left_after_review(dock: SecoDock):
    session, queue = dock.session, dock.opened.queue
    queue.table.sortByColumn(int(Column.AREA), Qt.SortOrder.AscendingOrder)
    shown = [
        int(queue.model.index(i, Column.AREA).data().replace(",", "")) for i in range(len(queue.model.rows))
    ]
    assert shown == sorted(shown)
    queue.filters.state.setCurrentIndex(queue.filters.state.findText("flagged"))
    assert len(queue.model.rows) == session.flagged.sum()
    queue.filters.least_noise.setValue(0.7)
    queue.filters.name.setText("scene_2")
    for row in queue.model.rows:
        assert session.regions.image_id[row] == 2
        assert session.regions.noise_score[row] >= 0.7
    before = len(queue.model.rows)
    click(dock, 0)
    decided = int(queue.model.rows[0])
    QTest.keyClick(queue.table, Qt.Key.Key_A)
    assert len(queue.model.rows) == before  # checked off, not gone
    dock.tabs.go_to(dock.opened.review)
    dock.tabs.go_to(queue)
    assert decided not in queue.model.rows


def test_only_what_is_listed_is_reviewed(dock: SecoDock):
    session, queue = dock.session, dock.opened.queue
    queue.filters.name.setText("scene_1")
    queue.in_queue.setChecked(True)
    flagged = int((session.flagged & (session.regions.image_id == 1)).sum())
    assert len(session.queue) == flagged
    assert session.image_id == 1
    dock.opened.review.queue.which.setCurrentIndex(1)
    assert len(session.queue) == session.counts(1)[0]
    queue.in_queue.setChecked(False)
    assert len(session.queue) == session.counts()[0]


def test_chosen_rows_are_listed_until_clicked_away(dock: SecoDock):
    queue = dock.opened.queue
    queue.show_only(np.array([3, 5, 9]))
    assert sorted(queue.model.rows.tolist()) == [3, 5, 9]
    queue.chosen.click()
    assert len(queue.model.rows) == len(dock.session.regions)


def cut_anew(dock: SecoDock, *images: int) -> None:
    """What a run that makes other regions of some images leaves, taken in by the window."""
    with Project.open(dock.session.project.path) as project:
        seeds = [9 + i if i in images else i for i in range(len(project.images))]
        shapes = [record.shape for record in project.images]
        store_regions(
            project, [class_map(shape, seed=s) for shape, s in zip(shapes, seeds, strict=True)], seed=1
        )
    dock.session.reload()


def some_of_each_image(dock: SecoDock) -> np.ndarray:
    """Some regions of all images, and no longer the same once those are cut anew."""
    r = dock.session.regions
    small = np.flatnonzero(r.area < 150)
    return np.concatenate([small[r.image_id[small] == i][:3] for i in range(3)])


@pytest.mark.parametrize("page", ["queue", "review"])
def test_of_those_chosen_the_ones_that_a_run_leaves_as_they_are_stay(dock: SecoDock, page: str):
    session, queue = dock.session, dock.opened.queue
    dock.opened.review.queue.which.setCurrentIndex(1)
    rows = some_of_each_image(dock)
    kept = session.regions.id[rows[session.regions.image_id[rows] != 0]]
    queue.show_only(rows)
    queue.in_queue.setChecked(True)
    dock.tabs.go_to(getattr(dock.opened, page))
    cut_anew(dock, 0)
    assert session.renumbered
    assert queue.in_queue.isChecked()
    assert np.array_equal(session.regions.id[np.flatnonzero(session.only_rows)], kept)
    assert len(session.queue) == len(kept)
    assert queue.chosen.text() == f"{len(kept)} chosen ✕"
    dock.tabs.go_to(queue)
    assert np.array_equal(np.sort(session.regions.id[queue.model.rows]), kept)
    assert session.resume()
    assert session.queue.position(session.row)
    assert session.resume()
    assert session.queue.position(session.row)


@pytest.mark.parametrize("when", ["before its end", "at its end"])
def test_that_a_run_has_cut_chosen_regions_anew_is_said_once(dock: SecoDock, when: str, qtbot):
    queue = dock.opened.queue
    queue.show_only(some_of_each_image(dock))
    queue.in_queue.setChecked(True)
    cut_anew(dock, 0)
    told = "A run has cut 3 of the chosen regions anew: the queue is limited to the others."
    if when == "before its end":
        qtbot.waitUntil(lambda: dock.message.text() == told)
    dock.opened.pipeline.ended.emit()
    assert "flagged" in dock.message.text()
    assert (told in dock.message.text()) == (when == "at its end")
    dock.opened.pipeline.ended.emit()
    assert told not in dock.message.text()


@pytest.mark.parametrize("page", ["queue", "review"])
def test_a_limit_by_filters_holds_for_the_regions_that_a_run_has_made(dock: SecoDock, page: str):
    session, queue = dock.session, dock.opened.queue
    queue.filters.name.setText("scene_1")
    queue.in_queue.setChecked(True)
    dock.tabs.go_to(getattr(dock.opened, page))
    cut_anew(dock, 0, 1)
    assert session.renumbered
    assert queue.in_queue.isChecked()
    assert np.array_equal(session.only_rows, session.regions.image_id == 1)
    assert session.row is not None
    assert "chosen" not in dock.message.text()


def test_what_was_chosen_outlives_new_scores_but_not_other_regions(dock: SecoDock, qtbot):
    session, queue, review = dock.session, dock.opened.queue, dock.opened.review
    dock.opened.review.queue.which.setCurrentIndex(1)
    rows = some_of_each_image(dock)[:4]
    queue.show_only(rows)
    queue.in_queue.setChecked(True)
    dock.perform("skip")
    seen = session.row
    session.reload()
    assert len(session.queue) == 4
    assert queue.in_queue.isChecked()
    assert queue.chosen.isVisibleTo(queue)
    assert sorted(queue.model.rows.tolist()) == rows.tolist()
    assert review.queue.chosen.isVisibleTo(review.queue)
    review.refresh()
    assert "of 4 chosen in the queue" in review.progress.place.text()
    assert session.back()
    assert session.row != seen
    dock.perform("skip")
    cut_anew(dock, 0, 1, 2)
    assert session.renumbered
    assert len(session.queue) == len(session.regions) > 4
    qtbot.waitUntil(lambda: "cut all chosen regions anew" in dock.message.text())
    assert not queue.in_queue.isChecked()
    assert not queue.chosen.isVisibleTo(queue)
    assert len(queue.model.rows) == len(session.regions)
    assert not review.queue.chosen.isVisibleTo(review.queue)
    assert not session.back()


def test_looking_at_the_list_leaves_region_and_edit_alone(dock: SecoDock):
    session, queue = dock.session, dock.opened.queue
    queue.filters.state.setCurrentIndex(queue.filters.state.findText("flagged"))
    queue.in_queue.setChecked(True)
    dock.perform("accept")
    dock.tabs.go_to(dock.opened.review)
    dock.perform("skip")
    row = session.row
    other = int(np.flatnonzero(session.flagged & (session.regions.image_id != session.image_id))[0])
    session.go_to(other)
    session.edit([filled_polygon([(2, 2), (2, 20), (20, 20), (20, 2)], session.frame.shape)])
    edit = session.patch
    dock.tabs.go_to(queue)
    assert (session.row, session.patch) == (other, edit)
    queue.filters.name.setText(session.project.images[session.regions.image_id[row]].name)
    assert other not in queue.model.rows
    assert (session.row, session.patch) == (other, edit)
    assert session.queue.position(other) == 0
    session.row = None  # drawn where no region is
    session.region_changed.emit()
    session.edit([edit])
    queue.filters.name.setText("scene")
    queue.filters.name.setText(session.project.images[session.regions.image_id[row]].name)
    assert (session.row, session.patch) == (None, edit)
    dock.perform("resume")
    assert session.queue.position(session.row), "the queue holds what is listed"
    assert session.regions.image_id[session.row] == session.regions.image_id[row]


@pytest.mark.parametrize("how", ["state", "noise"])
def test_an_undone_region_is_in_the_limited_queue_again(dock: SecoDock, how: str):
    session, queue = dock.session, dock.opened.queue
    if how == "state":
        queue.filters.state.setCurrentIndex(queue.filters.state.findText("flagged"))
    else:
        queue.filters.least_noise.setValue(0.4)
    queue.in_queue.setChecked(True)
    row, before = session.row, len(session.queue)
    dock.perform("take_suggestion")
    dock.tabs.go_to(dock.opened.review)
    dock.tabs.go_to(queue)
    assert row not in queue.model.rows
    queue.filters.name.setText("scene")  # lets all through, and lists anew
    dock.tabs.go_to(dock.opened.review)
    dock.perform("undo")
    assert session.row == row
    assert session.queue.position(row) == 1
    assert len(session.queue) == before


def test_every_page_shows_what_the_queue_holds(dock: SecoDock, qapp):
    session, queue, box, plots = (
        dock.session, dock.opened.queue, dock.opened.review.queue, dock.opened.plots,
    )  # fmt: skip
    car = session.regions.class_id[np.flatnonzero(session.flagged)[0]]
    box.of_class.setCurrentIndex(box.of_class.findData(car))
    box.this_image.setChecked(True)
    queue.in_queue.setChecked(True)
    plots.all_button.click()
    assert (box.of_class.currentIndex(), box.which.currentIndex()) == (0, 0)
    assert not box.this_image.isChecked()
    assert not queue.in_queue.isChecked()
    assert len(session.queue) == session.flagged.sum()
    r, row = session.regions, 5
    plots.confusion.chosen.emit(int(r.class_id[row]), int(r.predicted[row]))
    assert box.which.currentText() == "not reviewed"
    assert box.chosen.isVisibleTo(box)
    box.this_image.setChecked(True)
    assert not session.only_flagged, "a click on one filter leaves the others as they were"
    box.chosen.click()
    assert session.only_rows is None
    assert not box.chosen.isVisibleTo(box)
    assert session.only_image == session.image_id


def test_a_cell_with_nothing_left_keeps_the_queue(dock: SecoDock):
    session, r = dock.session, dock.session.regions
    pairs = set(zip(r.class_id.tolist(), r.predicted.tolist(), strict=True))
    c, p = next((c, p) for c in r.class_id.tolist() for p in r.predicted.tolist() if (c, p) not in pairs)
    before, row = len(session.queue), session.row
    dock.opened.plots.confusion.chosen.emit(c, p)
    assert (len(session.queue), session.row, session.only_flagged) == (before, row, True)
    assert "No regions labelled" in dock.message.text()


def test_everything_selected_is_one_call_whatever_the_length(dock: SecoDock):
    queue = dock.opened.queue
    queue.table.selectAll()
    assert len(queue.selected()) == len(dock.session.regions)
    queue.table.selectionModel().select(
        queue.model.index(0, 0),
        QItemSelectionModel.SelectionFlag.Deselect | QItemSelectionModel.SelectionFlag.Rows,
    )
    assert len(queue.selected()) == len(dock.session.regions) - 1


@pytest.fixture
def many_images(qtbot, tmp_path: Path):
    found = SecoDock(ViewerModel())
    qtbot.addWidget(found)
    assert found.open_project(make_project(tmp_path, [(48, 64)] * (FEW_IMAGES + 3)))
    found.show()
    found.tabs.go_to(found.opened.queue)
    yield found
    found.close_project()


def test_many_images_are_decided_in_the_background_as_one_step(many_images: SecoDock, qtbot):
    session, queue = many_images.session, many_images.opened.queue
    queue.table.selectAll()
    chosen = queue.selected()
    with qtbot.waitSignal(queue.bulk.ended):
        queue.decide(Action.ACCEPT)
        assert queue.bulk.running
        assert queue.bulk.isVisible()
        assert not session.reviewed.any(), "the window does not wait"
        many_images.perform("ignore")
    assert session.reviewed[chosen].all()
    assert np.count_nonzero(session.decided == 255) == 1, "what was decided meanwhile stays"
    assert not queue.bulk.isVisible()
    assert f"{len(chosen) - 1} regions decided" in many_images.message.text()
    assert len(queue.selected()) <= 1
    many_images.perform("undo")
    assert session.reviewed.sum() == 1


def test_a_decision_on_many_is_carried_on_when_all_tables_are_read_anew_meanwhile(
    many_images: SecoDock, qtbot
):
    session, queue = many_images.session, many_images.opened.queue
    queue.table.selectAll()
    chosen = queue.selected()
    with qtbot.waitSignal(queue.bulk.ended):
        queue.decide(Action.ACCEPT)
        session.reload()
        assert queue.bulk.running
    assert session.reviewed[chosen].all()
    assert f"{len(chosen)} regions decided" in many_images.message.text()


def test_an_image_that_is_gone_is_named_and_the_others_are_decided(many_images: SecoDock, qtbot):
    session, queue = many_images.session, many_images.opened.queue
    gone = session.project.images[3]
    gone.image.unlink()
    queue.table.selectAll()
    with qtbot.waitSignal(queue.bulk.ended):
        queue.decide(Action.ACCEPT)
    assert np.array_equal(session.reviewed, session.regions.image_id != 3)
    assert f"{session.reviewed.sum()} regions decided" in many_images.message.text()
    assert f"Nothing was decided in 1 image ({gone.name})" in many_images.message.text()


def test_bulk_decision_can_be_cancelled(many_images: SecoDock, qtbot):
    queue = many_images.opened.queue
    queue.table.selectAll()
    with qtbot.waitSignal(queue.bulk.ended):
        queue.decide(Action.ACCEPT)
        queue.decide(Action.IGNORE)
        assert "just being decided" in many_images.message.text()
        queue.bulk.cancel_button.click()
    assert not many_images.session.reviewed.any()
    assert "nothing was decided" in many_images.message.text()


def test_no_selection_makes_the_page_wider_than_the_dock(dock: SecoDock, qapp):
    queue = dock.opened.queue
    dock.resize(340, 700)
    dock.tabs.go_to(queue)
    dock.show()
    queue.narrow()
    qapp.processEvents()
    page = queue.minimumSizeHint().width()
    queue.table.selectAll()
    queue.show_only(queue.model.rows)
    queue.table.selectAll()
    qapp.processEvents()
    assert "selected" in queue.counts.text()
    assert queue.minimumSizeHint().width() <= max(page, dock.minimumWidth())


def test_how_many_of_those_listed_are_to_be_reviewed_is_said(dock: SecoDock):
    session, queue, box = dock.session, dock.opened.queue, dock.opened.review.queue
    listed, flagged = len(queue.model.rows), int(session.flagged.sum())
    assert 0 < flagged < listed
    queue.in_queue.setChecked(True)
    assert dock.message.text().startswith(f"{flagged} of the {listed} listed are flagged and in the queue.")
    queue.in_queue.setChecked(False)
    box.which.setCurrentIndex(1)
    queue.in_queue.setChecked(True)
    assert dock.message.text() == f"The queue holds the {listed} listed."
    queue.in_queue.setChecked(False)
    dock.perform("accept")
    queue.in_queue.setChecked(True)
    assert f"{listed - 1} of the {listed} listed are in the queue. The others are decided" in (
        dock.message.text()
    )
    queue.in_queue.setChecked(False)
    box.this_image.setChecked(True)
    queue.in_queue.setChecked(True)
    assert "The filters on the Review tab leave out the others." in dock.message.text()
