"""Runs that another window or program begins while this one is open on the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from seco_core.pipeline import run_pipeline, teach
from seco_core.pipeline.ledger import Ledger
from seco_core.progress import Cancelled, ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_viewer.docks.main import SecoDock
from seco_viewer.session import Session
from seco_viewer.workers import import_torch
from tests.conftest import QUICK

pytestmark = pytest.mark.gui

OTHER = QUICK.replace(**{"psa.profile": "paper"})
"""With it the wrong block of each image is a region of its own."""


@pytest.fixture
def watching(bare_dock: SecoDock, project_path: Path, qtbot) -> SecoDock:
    """A window that does nothing, with everything scored and the last image on screen."""
    import_torch()
    run_pipeline(project_path, QUICK)
    assert bare_dock.open_project(project_path)
    bare_dock.session.go_to_image(2)
    qtbot.waitUntil(lambda: not bare_dock.opened.layers.coming)
    return bare_dock


def look(dock: SecoDock) -> None:
    """What the window does every now and then."""
    dock.opened.others.timer.timeout.emit()


def test_a_run_elsewhere_is_followed_and_its_scores_are_there_at_its_end(watching: SecoDock, qtbot):
    session: Session = watching.session
    path, before = session.project.path, len(session.regions)
    seen = []

    def halfway(event: ProgressEvent) -> None:
        if event.stage == "psa" and event.done in (1, 3):
            look(watching)
            seen.append(sorted(session.cut_anew))
        if (event.stage, event.done) == ("psa", 3):
            session.frames.get(2)
            look(watching)
            assert session.new_regions is not None
            assert "A run has just made its regions anew" in watching.message.text()

    run_pipeline(path, OTHER, progress=halfway)
    assert seen == [[0], [0, 1, 2]]
    assert len(session.queue) == 0
    look(watching)
    qtbot.waitUntil(lambda: len(session.regions) > before)
    assert session.image_id == 2, "one stays where one is"
    assert session.new_regions is None
    assert not session.cut_anew
    assert session.count_unscored() == 0
    assert "Another window or program has worked on the regions" in watching.message.text()
    watching.say("")
    for _ in range(2):
        look(watching)
        assert watching.opened.others.runs._job is None
    assert not watching.message.text()


def test_what_a_run_elsewhere_has_made_is_read_after_work_that_began_meanwhile(watching: SecoDock, qtbot):
    session, runs = watching.session, watching.opened.others.runs
    before, busy = len(session.regions), runs._busy
    run_pipeline(session.project.path, OTHER)
    look(watching)
    assert runs._job is not None
    runs._busy = lambda: True  # an export, say
    qtbot.waitUntil(lambda: runs._job is None)
    look(watching)
    assert len(session.regions) == before
    runs._busy = busy
    look(watching)
    qtbot.waitUntil(lambda: len(session.regions) > before)


def test_a_run_elsewhere_that_was_stopped_leaves_regions_that_are_told_as_not_scored(
    watching: SecoDock, qtbot
):
    session = watching.session

    def stop(event: ProgressEvent) -> None:
        if event.stage == "psa" and event.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pipeline(session.project.path, OTHER, progress=stop)
    look(watching)
    qtbot.waitUntil(lambda: session.count_unscored() > 0)
    assert "not scored" in watching.message.text()
    qtbot.waitUntil(lambda: "not scored" in watching.opened.review.progress.lack_text.text())


def test_a_run_elsewhere_that_was_killed_is_not_waited_for(watching: SecoDock, qtbot, monkeypatch):
    session = watching.session
    look(watching)

    def kill(event: ProgressEvent) -> None:
        if event.stage == "psa" and event.done == 2:
            look(watching)
            look(watching)
            assert watching.opened.others.runs._job is None, "it goes on"
            raise Cancelled

    # a process that is killed books no end
    monkeypatch.setattr(Ledger, "end_run", lambda *_: None)
    with pytest.raises(Cancelled):
        run_pipeline(session.project.path, OTHER, progress=kill)
    assert session.cut_anew == {0, 1}
    look(watching)
    qtbot.waitUntil(lambda: session.count_unscored() > 0)
    assert not session.cut_anew
    qtbot.waitUntil(lambda: watching.opened.others.runs._job is None)
    look(watching)
    assert watching.opened.others.runs._job is None, "once is enough"


def test_what_another_window_has_learnt_is_shown(watching: SecoDock, qtbot):
    session, path = watching.session, watching.session.project.path
    reloads: list[bool] = []
    session.reloaded.connect(lambda: reloads.append(True))
    with Project.open(path) as other:
        box = session.regions.box[0].tolist()
        mask = other.read_region_ids(0)[box[1] : box[3], box[0] : box[2]] == 1
        other.overrides.record([Decision(Action.RELABEL, 0, 5, tuple(box), mask, int(session.regions.id[0]))])
    look(watching)
    assert session.decided[0] == 5
    assert not reloads
    teach(path, QUICK)
    look(watching)
    qtbot.waitUntil(lambda: bool(reloads))
    assert session.decided[0] == 5
    assert "Another window or program" in watching.message.text()


def test_what_this_window_does_itself_is_not_told_as_another_s(watching: SecoDock, qtbot):
    session, opened = watching.session, watching.opened
    session.go_to_image(0)
    session.select_at(2, 2)
    watching.perform("accept")
    reloads: list[bool] = []
    session.reloaded.connect(lambda: reloads.append(True))
    with qtbot.waitSignal(opened.learn.ended):
        opened.learn.learn()
        look(watching)
    before = len(reloads)
    look(watching)
    opened.pipeline.form.set_parameters(OTHER)
    with qtbot.waitSignal(opened.pipeline.ended):
        opened.pipeline.run()
        look(watching)
    assert len(reloads) > before
    before = len(reloads)
    for _ in range(2):
        look(watching)
        assert opened.others.runs._job is None
    assert len(reloads) == before
    assert "Another" not in watching.message.text()
