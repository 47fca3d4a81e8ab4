"""Projects without any region: not run yet, or no image could be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.frames import load_frame
from seco_viewer.shortcuts import SHORTCUTS
from seco_viewer.workers import Job
from tests.viewer.scenes import class_map, make_project, store_regions

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(bare_dock: SecoDock) -> SecoDock:
    return bare_dock


def tab(dock: SecoDock) -> str:
    return dock.tabs.tabText(dock.tabs.currentIndex())


def press_everything(dock: SecoDock) -> None:
    for entry in SHORTCUTS:
        dock.perform(entry.id)
    for image_id in range(len(dock.session.project.images)):
        dock.session.go_to_image(image_id)
        for index in range(dock.tabs.count()):
            dock.tabs.setCurrentIndex(index)
    dock.session.set_filter(only_flagged=False)
    dock.session.select_at(5, 5)
    dock.opened.layers.graph.toggle()
    assert len(dock.session.project.overrides) == 0


def test_new_project_shows_image_and_label_and_says_what_is_next(dock: SecoDock, tmp_path: Path):
    path = make_project(tmp_path, scored=False)
    assert dock.open_project(path)
    session, layers = dock.session, dock.opened.layers
    assert tab(dock) == "Pipeline"
    assert "run the pipeline" in dock.message.text()
    assert "run the pipeline" in dock.opened.review.sentence.text()
    assert not dock.opened.review.buttons["accept"].isEnabled()
    assert layers.image.visible
    assert layers.pseudo_label.visible
    for image_id in range(3):
        session.go_to_image(image_id)
        np.testing.assert_array_equal(layers.image.data, session.project.read_image(image_id))
        np.testing.assert_array_equal(layers.pseudo_label.data, class_map(session.frame.shape, image_id))
    press_everything(dock)
    # the first run makes it a project like others
    with Project.open(path) as run:
        store_regions(run, [class_map(s, seed=i) for i, s in enumerate([(60, 80), (60, 80), (48, 96)])])
    layers.pseudo_label.visible = True
    session.reload()
    assert session.row is not None
    assert not layers.pseudo_label.visible
    layers.pseudo_label.visible = True
    session.next_image()
    assert layers.pseudo_label.visible  # from here on it is the reviewer's choice


def test_what_is_next_is_not_said_of_what_is_going_on(dock: SecoDock, tmp_path: Path, monkeypatch):
    assert dock.open_project(make_project(tmp_path, scored=False))
    assert "Next: run the pipeline" in dock.message.text()
    monkeypatch.setattr(Job, "start", lambda job: None)
    dock.start.made.emit("")
    assert dock.opened.pipeline.running
    assert "is running" in dock.message.text()
    dock.opened.pipeline._ended()
    assert "Next: run the pipeline" in dock.message.text()


@pytest.mark.parametrize("broken", ["image", "pseudo_label"])
def test_project_whose_every_image_failed_says_why(dock: SecoDock, tmp_path: Path, broken: str):
    path = make_project(tmp_path, scored=False)
    with Project.open(path) as project:
        for record in project.images:
            getattr(record, broken).write_bytes(b"broken")
    assert run_pipeline(path, Parameters()).exit_code == 2
    assert dock.open_project(path)
    assert tab(dock) == "Images"
    assert "No image could be used" in dock.message.text()
    name = {"image": "image_0.png", "pseudo_label": "label_0.png"}[broken]
    assert name in dock.message.text()
    assert name in dock.opened.review.problem.text()
    assert dock.opened.images.model.index(0, 4).data() == "skipped"
    press_everything(dock)
    assert dock.opened.review.problem.isVisibleTo(dock.opened.review)


def test_what_can_be_read_is_shown_at_its_own_size(tmp_path: Path):
    path = make_project(tmp_path, [(60, 80), (48, 96)], scored=False)
    with Project.open(path) as project:
        project.images[0].image.write_bytes(b"broken")
        project.images[1].pseudo_label.unlink()
        frame = load_frame(project, 0)
        assert frame.image.shape == (60, 80, 3)
        np.testing.assert_array_equal(frame.pseudo_label, class_map((60, 80), 0))
        assert "image_0.png" in frame.problem
        frame = load_frame(project, 1)
        assert frame.image.any()
        assert (frame.pseudo_label == 255).all()
        assert "label_1.png" in frame.problem
        project.images[0].pseudo_label.unlink()
        assert load_frame(project, 0).shape == (1, 1)


def test_run_in_which_every_image_fails_ends_with_a_word_on_it(dock: SecoDock, qtbot, tmp_path: Path):
    path = make_project(tmp_path, scored=False)
    with Project.open(path) as project:
        for record in project.images:
            record.image.write_bytes(b"broken")
    assert dock.open_project(path)
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.run_button.click()
    assert "3 skipped" in dock.opened.pipeline.result.text()
    assert "No image could be used" in dock.message.text()


def test_project_without_its_graph_opens_and_says_what_to_do(dock: SecoDock, scored_path: Path):
    for file in (scored_path / "graph").iterdir():
        file.unlink()
    assert dock.open_project(scored_path)
    review = dock.opened.review
    assert review.progress.lack.isVisibleTo(review)
    assert "graph is gone" in review.progress.lack_text.text()
    assert "Run the pipeline again" in review.progress.lack_text.text()
    for action in ("skip", "accept", "undo", "graph"):
        dock.perform(action)
    assert not dock.session.links(dock.session.queue.first(1)[0])


def test_project_whose_last_run_was_stopped_says_so(dock: SecoDock, scored_path: Path):
    with Project.open(scored_path) as project:
        project.connection.execute("DELETE FROM project_ledger WHERE stage = 'refine'")
    assert dock.open_project(scored_path)
    assert "the last run has not come to its end" in dock.opened.review.progress.lack_text.text()
    dock.close_project()
    with Project.open(scored_path) as project:
        project.connection.execute("INSERT INTO project_ledger VALUES ('refine', 'x', 1)")
    assert dock.open_project(scored_path)
    assert dock.message.text() == ""
    assert not dock.opened.review.progress.lack.isVisibleTo(dock.opened.review)
