"""The whole way in a real window: example, pipeline in a thread, review by keys, export, reopen.

With SECO_SCREENSHOTS naming a folder (``docs/images`` for the README's pictures) the window is kept as it was
at each step.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from seco_core.project import Action
from seco_viewer.plugin import show_dock

pytestmark = [pytest.mark.gui, pytest.mark.slow]


def picture(viewer, step: str) -> None:
    """Look at the window: it must show something. Keep it where pictures are wanted."""
    for _ in range(3):  # a changed text is laid out in the next round of events
        QApplication.processEvents()
    shown = np.asarray(viewer.screenshot(canvas_only=False, flash=False))[..., :3]
    assert shown.std() > 20
    if folder := os.environ.get("SECO_SCREENSHOTS"):
        Image.fromarray(shown).save(Path(folder) / f"test_{step}.png", optimize=True)


def test_from_the_example_to_a_reviewed_and_exported_label_set(make_napari_viewer, qtbot, tmp_path: Path):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    dock = show_dock(viewer)
    dock.start.example_count, dock.start.example_size = 4, (128, 256)
    dock.start.example_folder.set_text(str(tmp_path / "example"))
    with qtbot.waitSignal(dock.start.made):
        dock.start.example_button.click()
    pipeline = dock.opened.pipeline
    seen: list[str] = []
    assert pipeline.running  # a new project is run at once
    pipeline._job.progressed.connect(lambda event: seen.append(event.stage))
    with qtbot.waitSignal(pipeline.ended):
        pass
    assert {"psa", "scc"} <= set(seen)
    assert "4 images worked on" in pipeline.result.text()
    picture(viewer, "1_pipeline_has_run")
    session = dock.session
    assert session.row is not None

    with qtbot.waitSignal(pipeline.ended):
        pipeline.run_button.click()
    assert "4 were up to date" in pipeline.result.text()

    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    canvas = viewer.window._qt_viewer.canvas.native
    dock.tabs.go_to(dock.opened.review)
    walked = []

    def press(key: Qt.Key, widget=canvas) -> None:
        walked.append(session.row)
        QTest.keyClick(widget, key)

    press(Qt.Key.Key_A)
    press(Qt.Key.Key_T)
    press(Qt.Key.Key_I)
    press(Qt.Key.Key_R)  # opens the search: nothing is decided yet
    qtbot.waitUntil(lambda: dock.opened.review.chooser.search.hasFocus())
    assert len(session.project.overrides) == 3
    qtbot.keyClicks(dock.opened.review.chooser.search, "side")
    QTest.keyClick(dock.opened.review.chooser.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dock.opened.review.hasFocus())
    press(Qt.Key.Key_O, dock.opened.review)  # the same keys with the focus in the dock
    assert len(session.project.overrides) == 5
    assert len(set(walked)) == 5
    assert session.decided[walked[3]] == 1
    last = walked[4]
    assert session.reviewed[last]
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(session.project.overrides) == 4
    assert session.row == last
    assert not session.reviewed[last]
    qtbot.waitUntil(lambda: "4 reviewed" in dock.opened.review.progress.done.text())
    picture(viewer, "2_five_reviewed_one_undone")

    dock.opened.export.folder.set_text(str(tmp_path / "out"))
    dock.opened.export.state.setCurrentIndex(dock.opened.export.state.findData("reviewed"))
    with qtbot.waitSignal(dock.opened.export.ended):
        dock.opened.export.export_button.click()
    assert str(tmp_path / "out") in dock.opened.export.result.text()
    assert dock.opened.export.open_button.isVisibleTo(dock.opened.export)
    exported = {p.name for p in (tmp_path / "out").rglob("*.png")}
    assert exported
    sidewalk = [
        np.count_nonzero(np.array(Image.open(p)) == 1)
        for p in (tmp_path / "out").rglob("*.png")
        if Image.open(p).mode == "L"
    ]
    relabelled = [o for i in session.project.overrides.images() for o in session.project.overrides.active(i)]
    assert sum(sidewalk) == sum(o.mask.sum() for o in relabelled if o.class_id == 1)
    assert sum(o.action == Action.RELABEL for o in relabelled) >= 1

    dock.tabs.go_to(dock.opened.export)
    picture(viewer, "3_exported")
    path, curated = session.project.path, session.curated.copy()
    image_id, reviewed, decided = session.image_id, session.reviewed.copy(), session.decided.copy()
    dock.close_project()
    assert dock.open_project(path)
    again = dock.session
    assert np.array_equal(again.reviewed, reviewed)
    assert np.array_equal(again.decided, decided)
    again.go_to_image(image_id)
    assert np.array_equal(again.curated, curated)
    assert np.array_equal(dock.opened.layers.curated.data, curated)
    assert dock.opened.review.buttons["undo"].isEnabled()
    assert dock.opened.review.buttons["redo"].isEnabled()
    dock.tabs.go_to(dock.opened.review)
    picture(viewer, "4_reopened")
    dock.close_project()


def test_cancelled_run_leaves_a_window_that_works(make_napari_viewer, qtbot, tmp_path: Path):
    viewer = make_napari_viewer()
    dock = show_dock(viewer)
    dock.start.example_count, dock.start.example_size = 4, (96, 192)
    dock.start.example_folder.set_text(str(tmp_path / "example"))
    with qtbot.waitSignal(dock.start.made):
        dock.start.example_button.click()
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.cancel_button.click()
        assert not dock.open_project(tmp_path)
        assert "still going on" in dock.message.text()
    assert "Cancelled" in dock.opened.pipeline.result.text()
    assert dock.opened.pipeline.run_button.isEnabled()
    with qtbot.waitSignal(dock.opened.pipeline.ended):
        dock.opened.pipeline.run_button.click()
    assert dock.session.row is not None
    dock.close_project()
