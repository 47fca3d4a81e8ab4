from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtGui import QColor, QIcon

from seco_core.errors import ImageFileError
from seco_core.project import Project
from seco_viewer.docks.classes import swatch
from seco_viewer.docks.main import SecoDock

pytestmark = pytest.mark.gui


def test_the_ends_of_the_list_of_images_are_said(dock: SecoDock):
    dock.session.go_to_image(0)
    dock.perform("previous_image")
    assert dock.message.text() == "This is the first image."
    dock.perform("next_image")
    assert dock.message.text() == ""
    dock.perform("next_image")
    dock.perform("next_image")
    assert dock.session.image_id == 2
    assert dock.message.text() == "This is the last image."


def test_rows_of_images_stay_where_they_are_when_one_cannot_be_read(dock: SecoDock, qtbot, qapp):
    images = dock.opened.images
    dock.resize(340, 600)
    dock.show()
    dock.tabs.go_to(images)
    qapp.processEvents()
    before = images.table.geometry()
    broken = dock.session.project.images[2]
    broken.image.write_bytes(b"no image")
    dock.session.go_to_image(2)
    qtbot.waitUntil(lambda: "cannot be judged" in images.totals.text())
    qapp.processEvents()
    assert images.table.geometry() == before


def test_states_of_images_can_be_read(dock: SecoDock, qapp):
    images = dock.opened.images
    dock.resize(340, 600)
    dock.show()
    dock.tabs.go_to(images)
    qapp.processEvents()
    width = images.table.fontMetrics().horizontalAdvance("unusable")
    assert images.table.columnWidth(4) > width + 2 * images.style().pixelMetric(
        images.style().PixelMetric.PM_FocusFrameHMargin
    )


def test_a_refused_export_names_the_button_and_its_remedy_once(dock: SecoDock, qtbot, scored_path: Path):
    export = dock.opened.export
    for record in dock.session.project.images:
        record.image.write_bytes(b"no image")
    problem = ImageFileError(
        "is not the file that people decided on.",
        path=dock.session.project.images[0].image,
        remedy="Put it back, or run `seco run --accept-replaced` if the new one shows the same.",
    )
    with Project.open(scored_path) as project:
        for record in project.images:
            project.connection.execute(
                "UPDATE images SET status = 'skipped', problem = ? WHERE id = ?", (str(problem), record.id)
            )
        project.connection.commit()
    export.export()
    qtbot.waitUntil(lambda: not export.running)
    told = export.result.text()
    assert "no image can be exported" in told
    assert "press “Accept the new files and run” on the Pipeline tab" in told
    assert "seco run" not in told
    assert told.lower().count("run the pipeline") == 1
    assert told.count(str(problem.path)) == 1
    dock.opened.pipeline.ended.emit()
    assert export.result.text() == ""


def test_what_was_exported_stays_on_the_page_after_a_run(dock: SecoDock, qtbot):
    export = dock.opened.export
    export.export()
    qtbot.waitUntil(lambda: not export.running)
    told = export.result.text()
    assert "exported" in told
    dock.opened.pipeline.ended.emit()
    assert export.result.text() == told


def test_the_colour_of_a_class_is_the_same_in_selected_rows(qapp):
    image = swatch((200, 30, 60)).pixmap(12, 12, QIcon.Mode.Selected).toImage()
    assert image.pixelColor(6, 6) == QColor(200, 30, 60)


def test_use_says_that_thresholds_are_being_put_to_use(dock: SecoDock, qtbot):
    plots = dock.opened.plots
    plots.thresholds.spins["tau_ns"].setValue(0.2)
    dock.say("what was said before")
    plots.thresholds.use_button.click()
    assert dock.message.text() == "Deciding about all regions anew with these thresholds."
    qtbot.waitUntil(lambda: not plots.thresholds.running)
    assert "in use" in dock.message.text()
