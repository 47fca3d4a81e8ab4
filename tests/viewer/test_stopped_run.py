"""What is seen of images that a stopped run has cut anew and not scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGroupBox

from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.region_list import Column
from seco_viewer.workers import import_torch
from tests.conftest import QUICK

pytestmark = pytest.mark.gui

OTHER = QUICK.replace(**{"psa.min_region_area": 40})


@pytest.fixture
def stopped_path(project_path: Path) -> Path:
    """A project that was scored; a run with other parameters was stopped after two of its three images."""
    import_torch()  # another test may have drawn a window
    run_pipeline(project_path, QUICK)
    cancel = CancelToken()

    def stop(event: ProgressEvent) -> None:
        if event.stage == "psa" and event.done == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(project_path, OTHER, progress=stop, cancel=cancel)
    return project_path


def states(dock: SecoDock) -> list[str]:
    model = dock.opened.images.model
    return [model.index(i, 4).data() for i in range(model.rowCount())]


def test_unscored_images_do_not_look_finished_until_a_run_has_come_to_its_end(
    bare_dock: SecoDock, stopped_path: Path, qapp, qtbot
):
    dock = bare_dock
    assert dock.open_project(stopped_path)
    session, review, pipeline = dock.session, dock.opened.review, dock.opened.pipeline
    unscored = int(np.count_nonzero(np.isnan(session.regions.noise_score)))
    assert 0 < unscored == session.count_unscored() < len(session.regions)
    assert states(dock) == ["not scored", "not scored", "done"]
    assert dock.opened.images.model.index(0, 2).data() is None
    assert f"{unscored} not scored" in dock.opened.images.totals.text()
    assert f"{unscored} not scored" in review.progress.done.text()
    assert review.progress.done.maximum() - review.progress.done.value() >= unscored
    assert f"{unscored} of {len(session.regions)} regions" in review.progress.lack_text.text()
    for _ in range(3):
        dock.perform("skip")
    qapp.processEvents()
    assert review.progress.lack.isVisibleTo(review), "it lasts"
    session.go_to_image(0)
    session.select_at(24, 32)
    session.accept()
    assert session.count_unscored() == unscored - 1
    with qtbot.waitSignal(pipeline.ended):
        review.progress.run_button.click()
        assert pipeline.running
        assert dock.tabs.tabText(dock.tabs.currentIndex()) == "Pipeline"
    qapp.processEvents()
    assert not review.progress.lack.isVisibleTo(review)
    assert states(dock) == ["done"] * 3
    assert session.count_unscored() == 0
    assert "not scored" not in review.progress.done.text()
    with Project.open(stopped_path) as project:
        assert project.runs()[-1].parameters == OTHER, "it goes on with what was stopped"


def test_the_queue_shows_what_is_not_scored_as_that(bare_dock: SecoDock, stopped_path: Path, qapp):
    assert bare_dock.open_project(stopped_path)
    session, queue = bare_dock.session, bare_dock.opened.queue
    bare_dock.tabs.go_to(queue)
    bare_dock.show()
    rows, unscored = queue.model.rows.tolist(), session.tables.unscored
    for place, row in enumerate(rows):
        predicted, state = (queue.model.index(place, c) for c in (Column.PREDICTED, Column.STATE))
        assert (state.data() == "not scored") == unscored[row]
        assert (predicted.data() == "") == unscored[row]
        assert (predicted.data(Qt.ItemDataRole.DecorationRole) is None) == unscored[row]
        assert queue.model.index(place, Column.CLASS).data(Qt.ItemDataRole.DecorationRole) is not None
    queue.filters.state.setCurrentIndex(queue.filters.state.findText("not scored"))
    assert sorted(queue.model.rows.tolist()) == np.flatnonzero(unscored).tolist()
    queue.table.selectAll()
    queue.buttons["take_suggestion"].click()
    assert not session.reviewed.any(), "nothing is predicted for them"
    assert "Nothing is predicted" in bare_dock.message.text()
    queue.filters.state.setCurrentIndex(0)
    queue.table.selectAll()
    queue.buttons["take_suggestion"].click()
    assert np.array_equal(session.reviewed, ~unscored)
    assert f"decided, {unscored.sum()} not: nothing is predicted" in bare_dock.message.text()


def test_why_has_no_empty_boxes(bare_dock: SecoDock, stopped_path: Path, qapp):
    assert bare_dock.open_project(stopped_path)
    session, why = bare_dock.session, bare_dock.opened.why
    bare_dock.tabs.go_to(why)
    bare_dock.show()

    def boxes() -> list[str]:
        why.refresh()
        return [box.title() for box in why.findChildren(QGroupBox) if box.isVisible()]

    scored = int(np.flatnonzero(~session.tables.unscored)[0])
    session.go_to(scored)
    assert len(boxes()) == 6
    session.go_to(int(np.flatnonzero(session.tables.unscored)[0]))
    assert "Scores: 0 is fine, 1 is suspicious" not in boxes()
    assert "Decisions on it" in boxes()
    assert "not scored yet" in why.summary.text()
    session.row = None
    assert boxes() == []
    assert why.summary.text().startswith("No region is selected. Click one")
    assert not why.picture.isVisible()


def test_a_run_that_is_cancelled_in_the_window_says_what_is_not_scored(
    bare_dock: SecoDock, stopped_path: Path, qtbot
):
    assert bare_dock.open_project(stopped_path)
    pipeline = bare_dock.opened.pipeline
    with qtbot.waitSignal(pipeline.ended):
        pipeline.run()
        pipeline.cancel()
    assert "regions are not scored" in bare_dock.message.text()


def test_plots_say_what_is_not_scored_and_judge_nothing_by_what_is_left(
    bare_dock: SecoDock, stopped_path: Path, qtbot
):
    cancel = CancelToken()

    def stop(event: ProgressEvent) -> None:
        if event.stage == "scc-unc":
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(stopped_path, OTHER, progress=stop, cancel=cancel)
    dock = bare_dock
    assert dock.open_project(stopped_path)
    session, plots = dock.session, dock.opened.plots
    total = len(session.regions)
    assert not np.isnan(session.regions.loss).any()
    assert session.count_unscored() == total
    dock.tabs.go_to(plots)
    dock.show()
    assert f"{total} of {total} regions are not scored" in plots.lack.text()
    assert plots.lack.isVisible()
    assert not plots.histogram._stacks.any()
    plots.thresholds.spins["tau_ns"].setValue(0.3)
    assert not plots.thresholds.use_button.isEnabled()
    session.go_to_image(0)
    session.select_at(24, 32)
    session.accept()
    assert f"{total - 1} of {total} regions are not scored" in plots.lack.text()
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.review.progress.run_button.click()
    dock.tabs.go_to(plots)
    assert plots.lack.isHidden()
    assert plots.histogram._stacks.sum() == total


def test_who_cannot_write_is_offered_no_run(bare_dock: SecoDock, stopped_path: Path, monkeypatch):
    opened = Project.open
    monkeypatch.setattr(Project, "open", lambda path, *, readonly=False: opened(path, readonly=True))
    assert bare_dock.open_project(stopped_path)
    assert bare_dock.opened.review.progress.lack.isVisibleTo(bare_dock.opened.review)
    assert not bare_dock.opened.review.progress.run_button.isEnabled()
