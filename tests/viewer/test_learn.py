"""Learning from decisions in a real thread, while a person goes on deciding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seco_core.parameters import Parameters
from seco_core.pipeline import TeachResult, run_pipeline
from seco_core.progress import ProgressEvent
from seco_core.project import Project
from seco_core.scheme import load_scheme
from seco_viewer.docks.learn import told
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.workers import import_torch
from tests.conftest import write_dataset

pytestmark = pytest.mark.gui

QUICK = Parameters().replace(
    **{"masks.parts": 100, "scc.epochs": 3, "scc.folds": 2, "scc.uncertainty_epochs": 2, "device": "cpu"}
)


@pytest.fixture
def dock(bare_dock: SecoDock, tmp_path: Path) -> SecoDock:
    Project.create(
        tmp_path / "project", load_scheme("cityscapes19"), write_dataset(tmp_path / "data")
    ).close()
    import_torch()  # another test may have drawn a window
    run_pipeline(tmp_path / "project", QUICK)
    assert bare_dock.open_project(tmp_path / "project")
    bare_dock.session.set_filter(only_flagged=False)
    return bare_dock


def test_learns_after_so_many_decisions_while_one_goes_on(dock: SecoDock, qtbot):
    session, learn = dock.session, dock.opened.learn
    learn.after.setValue(3)
    before = session.regions
    dock.perform("accept")
    dock.perform("unknown")
    assert not learn.running
    dock.perform("ignore")
    assert learn.running
    assert not dock.opened.pipeline.run_button.isEnabled()
    dock.perform("accept")  # the thread is at work now
    row, image_id, reviewed = session.row, session.image_id, session.reviewed.copy()
    assert reviewed.sum() == 4
    with qtbot.waitSignal(learn.ended):
        pass
    # the fourth decision may have come before the thread read the log
    assert any(f"Learnt from {n} decided regions" in dock.message.text() for n in (3, 4))
    assert (session.row, session.image_id) == (row, image_id), "the place is kept"
    np.testing.assert_array_equal(session.reviewed, reviewed)
    assert not np.array_equal(session.regions.loss, before.loss)
    assert len(session.project.overrides) == 4
    assert session.noise(slice(None))[reviewed].max() == 0
    assert dock.opened.pipeline.run_button.isEnabled()
    assert not learn.running
    dock.perform("undo")
    assert session.reviewed.sum() == 3


def test_key_and_button_start_and_stop(dock: SecoDock, qtbot):
    learn = dock.opened.learn
    learn.after.setValue(0)
    for _ in range(4):
        dock.perform("accept")
    assert not learn.running
    before = dock.session.regions
    with qtbot.waitSignal(learn.ended):
        dock.perform("learn")
        assert learn.button.text() == "Stop learning"
        dock.perform("learn")  # the key does not stop it
        assert "going on already" in dock.message.text()
        assert not learn._job._token.cancelled
        learn.button.click()
    assert "Nothing has changed" in dock.message.text()
    assert dock.session.regions is before
    with qtbot.waitSignal(learn.ended):
        learn.button.click()
    assert "Learnt from 4" in dock.message.text()
    with qtbot.waitSignal(learn.ended):
        learn.button.click()
    assert "Nothing new to learn" in dock.message.text()


def test_what_is_taken_back_while_it_is_learnt_does_not_begin_an_idle_second_time(dock: SecoDock, qtbot):
    learn = dock.opened.learn
    learn.after.setValue(0)
    for _ in range(3):
        dock.perform("accept")
    with qtbot.waitSignal(learn.ended):
        dock.perform("learn")
        dock.perform("undo")
        dock.perform("undo")
        learn.after.setValue(2)
    qtbot.waitUntil(lambda: not learn.running)
    assert "Learnt from 1 decided region:" in dock.message.text()


def test_closing_the_project_drops_what_is_being_learnt(dock: SecoDock, qtbot):
    dock.perform("accept")
    dock.perform("learn")
    assert dock.opened.learn.running
    path = dock.session.project.path
    worker = dock.opened.learn._job._worker
    dock.close_project()
    qtbot.waitUntil(lambda: not worker.is_running)
    with Project.open(path) as project:
        assert len(project.overrides) == 1
    assert dock.open_project(path)


def test_what_changed_is_said_in_words():
    assert told(TeachResult(1, 1, 1, 0, 0.1)) == (
        "Learnt from 1 decided region: 1 score changed; 1 region newly flagged, 0 no longer."
    )
    assert told(TeachResult(0, 5, 2, 0, 0.1)).startswith("Everything decided was taken back")
    part = TeachResult(0, 5, 2, 0, 0.1, frozenset({3}))  # what was drawn decides no region
    assert told(part).startswith("Learnt from 0 decided regions")


def test_no_bar_moves_by_itself(qtbot):
    bar = WorkBar()
    qtbot.addWidget(bar)
    assert bar.isHidden()
    bar.begin()
    assert (bar.minimum(), bar.value(), bar.isHidden()) == (0, 0, False)
    assert bar.maximum() > 0, "Qt would move it, and compose the window anew each time"
    for total, done in ((0, 0), (8, 3)):
        bar.follow(ProgressEvent("scc", done, total))
        assert bar.maximum() > 0
        assert bar.value() == done
