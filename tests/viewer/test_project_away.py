"""What is said of a project that was moved or deleted while open, that lacks images, or that is closed."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from seco_core.errors import SecoError
from seco_core.pipeline.inputs import find_inputs
from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.edit_tools import Tool
from seco_viewer.project_words import in_window
from tests.conftest import QUICK, write_dataset

pytestmark = pytest.mark.gui


def look(dock: SecoDock) -> str:
    """What the window does every now and then; what it says then."""
    dock.say("")
    dock.opened.others.timer.timeout.emit()
    return dock.message.text()


@pytest.mark.parametrize("how", ["moved", "replaced", "deleted"])
def test_a_project_that_is_gone_is_told_of_once_and_again_only_after_it_was_back(dock: SecoDock, how: str):
    path = dock.session.project.path
    aside = path.with_name("aside")
    assert look(dock) == ""
    if how == "deleted":
        shutil.rmtree(path)
    else:
        path.rename(aside)
    if how == "replaced":
        shutil.copytree(aside, path)
    told = look(dock)
    assert str(path) in told
    assert "close the project (×) and open it where it is now" in told
    assert look(dock) == ""
    review = dock.opened.review
    assert review.progress.lack.isVisibleTo(review)
    assert "the project is here no more" in review.progress.lack_text.text()
    assert not review.progress.run_button.isVisibleTo(review)
    if how == "deleted":
        return
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)
    assert look(dock) == ""
    assert not review.progress.lack.isVisibleTo(review)
    dock.perform("accept")
    assert "✓" in dock.message.text()
    path.rename(aside)
    assert str(path) in look(dock)
    aside.rename(path)


def test_where_a_project_went_is_asked_in_words_of_the_window(dock: SecoDock, qtbot):
    path = dock.session.project.path
    aside = path.with_name("aside")
    path.rename(aside)
    for start in (dock.opened.pipeline.run, dock.opened.export.export):
        start()
        qtbot.waitUntil(lambda: not dock.busy)
    for text in (
        dock.opened.pipeline.result.text(),
        dock.message.text(),
        dock.opened.export.result.text(),
    ):
        assert "there is no project here" in text
        assert "close the project (×) and open it where it is now" in text
        assert "seco run" not in text
    aside.rename(path)


def test_where_a_dataset_went_is_said_in_a_terminal(project_path: Path):
    with Project.open(project_path) as project:
        for record in project.images:
            record.image.unlink()
        with pytest.raises(SecoError) as caught:
            find_inputs(project)
    assert "name it in a terminal: `seco run DATASET --project " in in_window(str(caught.value))


def test_which_images_of_a_dataset_were_left_out_stays_said(bare_dock: SecoDock, tmp_path: Path, qtbot):
    dock = bare_dock
    write_dataset(tmp_path / "data")
    (tmp_path / "data" / "pseudo_label" / "frame_1.png").unlink()
    dock.start.dataset.set_text(str(tmp_path / "data"))
    dock.start.new_folder.set_text(str(tmp_path / "made"))
    with qtbot.waitSignal(dock.start.left_out):
        dock.start.make_new()
    opened = dock.opened
    told = dock.message.text()
    assert "Left out when the project was made" in told
    assert "frame_1" in told
    with qtbot.waitSignal(opened.pipeline.ended):
        opened.pipeline.cancel()
    opened.pipeline.form.set_parameters(QUICK)
    with qtbot.waitSignal(opened.pipeline.ended):
        opened.pipeline.run()
    assert "flagged" in dock.message.text()
    assert "frame_1" in dock.message.text()
    dock.perform("skip")
    assert "frame_1" not in dock.message.text()
    assert "frame_1" in opened.images.left_out.text()
    assert "frame_1" in opened.images.left_out.toolTip()
    assert opened.images.left_out.isVisibleTo(opened.images)


def test_nothing_said_of_a_project_stays_when_it_is_closed(dock: SecoDock):
    dock.perform("accept")
    assert dock.message.text()
    dock.close_project()
    assert dock.message.text() == ""


def test_in_3d_the_mouse_does_nothing_and_tools_go_back_to_2d(dock: SecoDock):
    viewer, opened, session = dock._viewer, dock.opened, dock.session
    dock.perform("split")
    dock.perform("wipe")
    viewer.dims.ndisplay = 3
    assert "The review is in 2D" in dock.message.text()
    event = SimpleNamespace(
        button=1, modifiers=(), type="mouse_press", position=(0.0, 1.0, 2.0), pos=(1.0, 2.0), handled=False
    )
    before = session.image_id, session.number
    opened.tools.leave()
    event.type = "mouse_release"
    for callback in (opened.tools._dragged, opened.comparison._dragged, opened.layers._clicked):
        assert list(callback(viewer, event)) == []
    opened.tools.tool = Tool.SPLIT
    assert list(opened.tools._dragged(viewer, event)) == []
    assert not event.handled
    assert (session.image_id, session.number) == before
    dock.perform("brush")
    assert viewer.dims.ndisplay == 2
    viewer.dims.ndisplay = 3
    dock.perform("wipe")
    assert viewer.dims.ndisplay == 3, "it was put away"
    dock.perform("wipe")
    assert viewer.dims.ndisplay == 2
    dock.close_project()
    viewer.dims.ndisplay = 3
    assert dock.message.text() == ""
