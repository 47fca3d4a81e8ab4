"""What the window says and shows while a run goes on, and after it has ended in one way or another."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from seco_core.errors import ProjectError
from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, ProgressEvent
from seco_core.project import Project
from seco_viewer import frames, project_words
from seco_viewer.docks.actions import queue_ended
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.pipeline import CANCELLED
from seco_viewer.frames import load_frame
from seco_viewer.session import Session
from tests.conftest import QUICK
from tests.viewer.run_here import instead
from tests.viewer.scenes import class_map, make_project, store_regions

_SHAPES = [(60, 80), (60, 80), (48, 96)]


def somewhere(session: Session) -> tuple[int, int | None]:
    """Go to the last region of the queue; where that is."""
    session.go_to(int(session.queue.first(len(session.queue))[-1]))
    return session.image_id, session.row


def run_to_its_end(dock: SecoDock, qtbot) -> None:
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.run()


@pytest.mark.parametrize("image_id", range(3))
def test_a_project_run_for_the_first_time_begins_with_the_worst_region(tmp_path: Path, image_id: int):
    path = make_project(tmp_path, _SHAPES, scored=False)
    session = Session(Project.open(path))
    session.go_to_image(image_id)
    with Project.open(path) as run:
        store_regions(run, [class_map(shape, seed=i) for i, shape in enumerate(_SHAPES)])
    session.reload()
    assert session.row is not None
    assert session.queue.position(session.row) == 1
    session.close()


def test_a_run_that_was_stopped_leaves_the_image_on_screen(session: Session):
    image_id, row = somewhere(session)
    for record in session.project.images:
        record.image.unlink()
    session.reload(running=True)
    assert (session.image_id, session.row) == (image_id, row)
    assert session.frame.reviewable


@pytest.mark.gui
def test_while_the_first_run_goes_on_scores_are_said_to_come(
    bare_dock: SecoDock, project_path: Path, qtbot, monkeypatch
):
    goes_on = threading.Event()

    def slow(*args: Any, progress, **more: Any) -> Any:
        def halting(event: ProgressEvent) -> None:
            progress(event)
            if event.stage == "scc" and event.done == 1:
                assert goes_on.wait(60)

        return run_pipeline(*args, progress=halting, **more)

    instead(monkeypatch, slow)
    dock = bare_dock
    assert dock.open_project(project_path)
    session, opened = dock.session, dock.opened
    box = opened.review.progress
    opened.pipeline.form.set_parameters(QUICK)
    try:
        opened.pipeline.run()
        assert opened.review.sentence.text() == "There are no regions yet: the pipeline makes them."
        qtbot.waitUntil(lambda: session.count_unscored() > 0)
        dock.tabs.go_to(opened.review)
        qtbot.waitUntil(lambda: box.lack.isVisibleTo(opened.review))
        assert box.lack_text.text() == project_words.RUNNING
        assert "queue fills when the run ends" in box.place.text()
        assert "until the run that is going on" in queue_ended(session)
        session.select_at(2, 2)
        qtbot.waitUntil(lambda: "scores come when the run ends" in opened.review.details.text())
        assert "Run" not in box.run_button.text()
        box.run_button.click()
        assert dock.tabs.page(dock.tabs.currentIndex()) is opened.pipeline
    finally:
        with qtbot.waitSignal(opened.pipeline.ended):
            goes_on.set()
    assert not box.lack.isVisibleTo(opened.review)
    assert "flagged" in dock.message.text()
    assert session.count_unscored() == 0


@pytest.mark.gui
@pytest.mark.parametrize("busy", [False, True])
def test_the_window_need_not_read_the_image_on_screen_because_of_a_run(
    dock: SecoDock, qtbot, monkeypatch, busy: bool
):
    by_the_window: list[int] = []
    cut, goes_on = threading.Event(), threading.Event()

    def load(project: Project, image_id: int) -> frames.Frame:
        if threading.current_thread() is threading.main_thread():
            by_the_window.append(image_id)
        return load_frame(project, image_id)

    def halting(*args: Any, progress, **more: Any) -> Any:
        def report(event: ProgressEvent) -> None:
            progress(event)
            if event.stage == "scc" and event.done == 1:
                cut.set()
                assert goes_on.wait(60)

        return run_pipeline(*args, progress=report, **more)

    somewhere(dock.session)
    before = dock.session.frame
    monkeypatch.setattr(frames, "load_frame", load)
    instead(monkeypatch, halting)
    dock.opened.pipeline.form.set_parameters(QUICK)
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.run()
        if busy:  # until every image is cut: it hears of all at once then
            assert cut.wait(60)
        with qtbot.waitSignal(dock.session.reloaded):
            pass
        goes_on.set()
    assert dock.session.frame is not before
    assert dock.session.image_id not in by_the_window


@pytest.mark.gui
@pytest.mark.parametrize("gone", ["project", "images"])
def test_a_run_that_failed_says_so_and_leaves_one_where_one_is(dock: SecoDock, qtbot, gone: str):
    session, path = dock.session, dock.session.project.path
    place = somewhere(session)
    aside = path.with_name("aside")
    if gone == "project":
        path.rename(aside)
    else:
        for record in session.project.images:
            record.image.unlink()
    run_to_its_end(dock, qtbot)
    if gone == "project":
        aside.rename(path)
    assert (session.image_id, session.row) == place
    assert session.frame.image.any()
    assert np.count_nonzero(session.frame.region_ids)
    assert "there is no project here" in dock.message.text() or "none of the project" in dock.message.text()
    assert "flagged" not in dock.message.text()
    assert dock.opened.pipeline.run_button.isEnabled()


@pytest.mark.gui
@pytest.mark.parametrize(
    ("error", "told"), [(Cancelled(), CANCELLED), (ProjectError("is at odds."), "Is at odds.")]
)
def test_a_run_that_was_stopped_before_it_did_anything_reads_nothing_again(
    dock: SecoDock, qtbot, monkeypatch, error: BaseException, told: str
):
    def stop(*args: Any, **more: Any) -> Any:
        raise error

    instead(monkeypatch, stop)
    place, reloads = somewhere(dock.session), []
    dock.session.reloaded.connect(lambda: reloads.append(True))
    run_to_its_end(dock, qtbot)
    assert told in dock.message.text()
    assert (dock.session.image_id, dock.session.row) == place
    assert not reloads
    run_to_its_end(dock, qtbot)
    assert told in dock.message.text()


@pytest.mark.gui
def test_what_stood_in_the_way_of_a_run_is_said_no_more_after_the_next(dock: SecoDock, qtbot, monkeypatch):
    with monkeypatch.context() as broken:
        failing = Mock(side_effect=ProjectError("broken."))
        instead(broken, failing)
        run_to_its_end(dock, qtbot)
    assert "broken" in dock.message.text()
    dock.opened.pipeline.form.set_parameters(QUICK)
    run_to_its_end(dock, qtbot)
    assert "broken" not in dock.message.text()
    assert "flagged" in dock.message.text()
