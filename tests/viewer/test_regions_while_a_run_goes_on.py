"""Images that a run has cut anew are seen and decided while it goes on; the others are reviewed as before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seco_core.pipeline import run_pipeline
from seco_core.progress import ProgressEvent
from seco_core.project import Action, Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.session import Session
from seco_viewer.workers import import_torch
from tests.conftest import QUICK
from tests.viewer.run_here import instead

OTHER = QUICK.replace(**{"psa.profile": "paper"})
"""With it the wrong block of each image is a region of its own."""


@pytest.fixture
def scored(project_path: Path) -> Path:
    import_torch()  # another test may have drawn a window
    run_pipeline(project_path, QUICK)
    return project_path


def run(path: Path, halfway: Callable[[ProgressEvent], None]) -> None:
    """A run with other parameters, and what happens after its steps."""
    run_pipeline(path, OTHER, progress=halfway)


def stored(path: Path, image_id: int) -> tuple[np.ndarray, np.ndarray]:
    with Project.open(path, readonly=True) as project:
        return project.read_psa(image_id), project.read_region_ids(image_id)


def test_an_image_that_is_done_has_its_new_regions_and_decisions_on_them_last(scored: Path):
    session = Session(Project.open(scored))
    decided = []

    def halfway(event: ProgressEvent) -> None:
        if (event.stage, event.done) != ("psa", 1):
            return
        old_rows = np.arange(session.rows.start, session.rows.stop)
        session.go_to_image(0)
        session.go_to_image(1)
        old = session.psa_here()
        session.regions_replaced([0])
        assert np.array_equal(session.psa_here(), old), "an image not done yet stays"
        session.select_at(30, 30)
        assert session.row is not None
        session.go_to_image(0)
        psa, ids = stored(scored, 0)
        assert session.new_regions is not None
        assert session.row is None
        assert not session.wanted(old_rows).any(), "the queue has none of its old regions"
        assert np.array_equal(session.psa_here(), psa)
        assert np.array_equal(session.curated, psa)
        assert session.frame.borders.any()
        session.select_at(2, 2)
        assert np.array_equal(session.patch.on((0, 0, 64, 48)), ids == ids[2, 2])
        decided.append(session.accept())
        assert session.row is session.picked is None, "the next key decides nothing"
        session.select_at(40, 2)
        decided.append(session.relabel(5))
        assert (session.curated[ids == ids[40, 2]] == 5).all()
        assert session.undo()
        assert np.array_equal(session.patch.on((0, 0, 64, 48)), ids == ids[40, 2])
        assert np.array_equal(session.curated, psa)
        assert session.redo()

    run(scored, halfway)
    assert [(o.action, o.class_id) for o in decided] == [
        (Action.ACCEPT, int(decided[0].class_id)),
        (Action.RELABEL, 5),
    ]
    session.select_at(20, 2)
    picked = session.patch.on((0, 0, 64, 48))
    session.reload()
    assert session.new_regions is None
    assert session.row is not None
    assert np.array_equal(session.mask(session.row)[1].sum(), picked.sum()), "the same place is looked at"
    row = session.row_at(40, 2)
    assert session.reviewed[row]
    assert session.decided[row] == 5
    assert session.reviewed[session.row_at(2, 2)]
    session.close()


def test_the_image_in_hand_changes_once_it_is_read_and_has_nothing_selected_then(scored: Path):
    session = Session(Project.open(scored))
    session.go_to_image(2)
    session.select_at(2, 2)
    old = session.frame
    done = []

    def halfway(event: ProgressEvent) -> None:
        if (event.stage, event.done) == ("psa", 3):
            session.regions_replaced([0, 1, 2])
            assert session.frame is old, "not before it was read in the background"
            assert session.row is not None
            assert not session.show_new_regions()
            session.frames._coming[2].result(timeout=120)
            assert session.show_new_regions()
            assert session.row is None
            assert np.array_equal(session.psa_here(), stored(scored, 2)[0])
            assert not session.show_new_regions()
            done.append(True)

    run(scored, halfway)
    assert done
    session.close()


@pytest.mark.gui
def test_the_window_follows_a_run(bare_dock: SecoDock, scored: Path, qtbot, monkeypatch):
    """The run waits after the first image, and again when all are cut."""
    dock = bare_dock
    steps = {1: threading.Event(), 3: threading.Event()}

    def slow(*args, progress, **more):
        def halting(event: ProgressEvent) -> None:
            progress(event)
            if event.stage == "psa" and event.done == 1:
                assert steps[1].wait(60)
            elif event.stage == "scc" and event.done == 1:
                assert steps[3].wait(60)

        return run_pipeline(*args, progress=halting, **more)

    instead(monkeypatch, slow)
    assert dock.open_project(scored)
    session, pipeline, layers = dock.session, dock.opened.pipeline, dock.opened.layers
    layers.psa.visible = True
    session.go_to_image(0)
    pipeline.form.set_parameters(OTHER)
    try:
        with qtbot.waitSignal(pipeline.replaced_in_hand):
            pipeline.run()
        psa, _ = stored(scored, 0)
        np.testing.assert_array_equal(layers.psa.data, psa)
        np.testing.assert_array_equal(layers.curated.data, psa)
        assert "A run has just made its regions anew. They are not scored yet" in dock.message.text()
        assert not dock.opened.review.buttons["accept"].isEnabled()
        session.select_at(2, 2)
        qtbot.waitUntil(lambda: "not scored yet" in dock.opened.review.details.text())
        assert dock.opened.review.buttons["accept"].isEnabled()
        dock.perform("accept")
        assert len(session.project.overrides) == 1
        session.go_to_image(1)
        session.select_at(2, 2)
        dock.perform("accept")  # as it was
        assert len(session.project.overrides) == 2
        before = len(session.regions)
        steps[1].set()
        qtbot.waitUntil(lambda: len(session.regions) > before)
        assert pipeline.running
        assert session.image_id == 1
        assert session.new_regions is None
        assert session.count_unscored() > 0
        session.go_to_image(2)
        session.select_at(2, 2)
        dock.perform("accept")
    finally:
        steps[1].set()
        with qtbot.waitSignal(pipeline.ended):
            steps[3].set()
    assert session.count_unscored() == 0
    assert len(session.project.overrides) == 3
    for image_id in range(3):
        session.go_to_image(image_id)
        assert session.reviewed[session.row_at(2, 2)]
