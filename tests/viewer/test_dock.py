from __future__ import annotations

import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtTest import QTest

from seco_core.errors import ProjectError
from seco_core.parameters import Parameters, parameter_fields
from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.parameters import ParameterForm
from seco_viewer.session import Session
from seco_viewer.shortcuts import SHORTCUTS

pytestmark = pytest.mark.gui


def test_decisions_of_another_window_appear_while_nothing_is_done(dock: SecoDock, qtbot):
    session, opened = dock.session, dock.opened
    row, learnt = session.row, []
    opened.learn.after.setValue(1)
    opened.learn.started.connect(lambda: learnt.append(True))
    other = Session(Project.open(session.project.path))
    try:
        other.relabel(3)
        opened.others.timer.timeout.emit()
        assert session.decided[row] == 3
        assert np.array_equal(opened.layers.curated.data, session.project.curated(session.image_id))
        assert session.row == row
        assert "Another window" in dock.message.text()
        qtbot.waitUntil(lambda: "1 reviewed" in opened.review.progress.done.text())
        dock.say("")
        opened.others.timer.timeout.emit()
        assert not dock.message.text()
        other.relabel(4)
        opened.others.timer.timeout.emit()
        assert "decided 1 region of this image, or" in dock.message.text(), "not the one looked at"
    finally:
        other.close()
    assert not learnt, "whoever decides learns"


def test_actions_without_a_project_say_that_one_has_to_be_opened(bare_dock: SecoDock, scored_path: Path):
    bare_dock.show()
    for entry in SHORTCUTS:
        bare_dock.say("")
        bare_dock.perform(entry.id)
        said = bare_dock.message.text()
        if entry.id == "help":
            assert bare_dock.key_list.put_away()
            assert not said
        else:
            assert f"{entry.text}: open a project first" in said
    assert bare_dock.open_project(scored_path)
    assert "open a project" not in bare_dock.message.text()


def test_other_windows_are_watched_again_after_an_error(dock: SecoDock, monkeypatch):
    watch, message, row = dock.opened.others, dock.message, dock.session.row
    usual = watch.timer.interval()
    look = dock.session.project.overrides.look

    def fails() -> bool:
        raise ProjectError("the disk does not answer.")

    def later(working: bool) -> str:
        """What is said when it looks the next time."""
        monkeypatch.setattr(dock.session.project.overrides, "look", look if working else fails)
        dock.say("")
        watch.timer.timeout.emit()
        return message.text()

    assert "The disk does not answer" in later(False)
    assert usual < watch.timer.interval()
    assert not later(False), "said once"
    waits = [watch.timer.interval() for _ in range(20) if not later(False)]
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2] < 60_000
    assert watch.timer.isActive()
    assert not later(True)
    assert watch.timer.interval() == usual
    assert not later(False), "what comes and goes is not said each time"
    with closing(Session(Project.open(dock.session.project.path))) as other:
        other.relabel(3)
    assert "just decided this region" in later(True)
    assert dock.session.decided[row] == 3
    assert "shown again" in later(True)
    assert not later(True)
    assert "The disk does not answer" in later(False), "it is news again"


def test_napari_s_public_proxy_of_the_viewer_is_enough(make_napari_viewer_proxy, scored_path: Path):
    viewer = make_napari_viewer_proxy()
    dock = SecoDock(viewer)
    viewer.window.add_dock_widget(dock)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Private attribute access")
        assert dock.open_project(scored_path)
        for action_id in ("accept", "undo", "noise", "graph", "overlays", "next_image", "skip"):
            dock.perform(action_id)
        dock.close_project()
    assert len(viewer.layers) == 0


def test_facts_and_counts_follow_a_decision(dock: SecoDock, qapp):
    session = dock.session
    flagged = session.counts()[1]
    assert f"{flagged} flagged to go" in dock.opened.review.progress.done.text()
    assert "called" in dock.opened.review.sentence.text()
    dock.opened.review.buttons["accept"].click()
    qapp.processEvents()
    assert "1 reviewed" in dock.opened.review.progress.done.text()
    assert "is right" in dock.message.text()
    assert dock.opened.review.buttons["undo"].isEnabled()
    dock.opened.review.buttons["undo"].click()
    qapp.processEvents()
    assert "0 reviewed" in dock.opened.review.progress.done.text()
    assert not session.reviewed.any()


def test_class_search_relabels_by_letters_and_by_number(dock: SecoDock, qtbot):
    session, search = dock.session, dock.opened.review.chooser.search
    for typed, class_id in (("veg", 8), ("13", 13)):
        row = session.row
        dock.perform("relabel")
        qtbot.keyClicks(search, typed)
        assert dock.opened.review.chooser.buttons[class_id].isEnabled()
        assert not dock.opened.review.chooser.buttons[0].isEnabled()
        QTest.keyClick(search, Qt.Key.Key_Return)
        assert session.decided[row] == class_id
        assert search.text() == ""
    row = session.row
    dock.perform("relabel")
    qtbot.keyClicks(search, "sky")
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert session.row == row
    assert len(session.project.overrides) == 2


def test_what_enter_takes_is_said_below_the_search(dock: SecoDock, qtbot):
    chooser = dock.opened.review.chooser
    dock.perform("relabel")
    assert chooser.found.isHidden()
    qtbot.keyClicks(chooser.search, "tr")
    assert not chooser.found.isHidden()
    assert (
        "Enter: <b>6 traffic light</b>; or 7 traffic sign, 14 truck, 16 train"
        in chooser.found.text().replace("\xa0", " ")
    )
    qtbot.keyClicks(chooser.search, "u")
    assert chooser.found.text() == "Enter: <b>14\xa0truck</b>"
    qtbot.keyClicks(chooser.search, "x")
    assert chooser.found.text() == "no such class"
    QTest.keyClick(chooser.search, Qt.Key.Key_Escape)
    assert chooser.found.isHidden()


def test_typing_letters_into_the_search_decides_nothing(dock: SecoDock, qtbot):
    dock.show()
    dock.perform("relabel")
    qtbot.keyClicks(dock.opened.review.chooser.search, "a t i o")
    assert dock.opened.review.chooser.search.text() == "a t i o"
    assert len(dock.session.project.overrides) == 0


def test_image_list_counts_sorts_and_jumps(dock: SecoDock):
    session, model = dock.session, dock.opened.images.model
    target = (session.image_id + 1) % 3
    regions, flagged, _ = session.counts(target)
    row = [model.index(target, c).data() for c in range(model.columnCount())]
    assert row == [f"scene_{target}", regions, flagged, 0, "done"]
    dock.opened.images._clicked(dock.opened.images.sorted.mapFromSource(model.index(target, 0)))
    assert session.image_id == target
    dock.perform("accept")
    assert model.index(target, 3).data() == 1
    dock.opened.images.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    shown = [dock.opened.images.sorted.index(i, 2).data() for i in range(3)]
    assert shown == sorted(shown, reverse=True)
    dock.opened.images.search.setText("scene_2")
    assert dock.opened.images.sorted.rowCount() == 1


def test_queue_filters_of_the_panel(dock: SecoDock):
    dock.opened.review.queue.which.setCurrentIndex(1)
    assert len(dock.session.queue) == len(dock.session.regions)
    dock.opened.review.queue.this_image.setChecked(True)
    assert len(dock.session.queue) == dock.session.counts(dock.session.image_id)[0]


def test_nothing_left_is_said(dock: SecoDock, qapp):
    while dock.session.queue.current() is not None:
        dock.perform("accept")
    qapp.processEvents()
    assert "no flagged region is left" in dock.opened.review.progress.place.text()
    assert "queue is empty" in dock.message.text()
    dock.perform("redo")
    assert "Nothing to redo" in dock.message.text()


def test_what_was_said_goes_with_what_it_was_about(dock: SecoDock):
    for action_id in ("skip", "back", "next_image", "previous_image", "resume"):
        dock.perform("redo")
        assert "Nothing to redo" in dock.message.text()
        dock.perform(action_id)
        assert not dock.message.text(), action_id
    for action_id in ("wipe", "conflicts", "split", "brush"):
        dock.perform(action_id)
        assert dock.message.text()
        dock.perform(action_id)
        assert not dock.message.text(), action_id


def test_undo_and_redo_say_of_what(dock: SecoDock):
    session = dock.session
    label = session.scheme.label
    was, image = int(session.regions.class_id[session.row]), session.image_id
    now = next(c.id for c in session.scheme.classes if c.id != was)
    session.relabel(now)
    for action_id, done in (("undo", "Taken back"), ("redo", "Done again")):
        dock.perform(action_id)
        told = f"{done}: {label(was)} → {label(now)} ({session.project.images[image].name})."
        assert dock.message.text() == told
    dock.perform("nothing")
    dock.perform("undo")
    assert dock.message.text() == "Taken back: a step of the selection."
    dock.perform("redo")
    assert dock.message.text() == "Done again: a step of the selection."


def test_project_dropped_on_the_dock_is_opened(dock: SecoDock, scored_path: Path):
    dock.close_project()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scored_path.parent)), QUrl.fromLocalFile(str(scored_path))])
    drop = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dock.dropEvent(drop)
    assert drop.isAccepted()
    assert dock.session.project.path == scored_path


def test_every_key_and_button_has_an_action(dock: SecoDock):
    from seco_viewer.shortcuts import SHORTCUTS

    for entry in SHORTCUTS:
        dock.perform(entry.id)
    assert {*dock.opened.actions.table, "help"} == {entry.id for entry in SHORTCUTS}


def test_what_cannot_be_opened_is_said_and_the_open_project_stays(dock: SecoDock, tmp_path: Path):
    session = dock.session
    assert not dock.open_project(tmp_path / "nothing")
    assert "no project here" in dock.message.text()
    assert "seco run" not in dock.message.text()  # there is no command line here
    assert dock.session is session
    dock.perform("accept")
    assert session.reviewed.sum() == 1


def test_the_folder_around_a_project_is_enough(dock: SecoDock, scored_path: Path):
    assert scored_path.name == "project"
    dock.close_project()
    assert dock.open_project(scored_path.parent)
    assert dock.session.project.path == scored_path


def test_a_project_that_is_there_is_offered_instead_of_made(dock: SecoDock, scored_path: Path):
    dock.close_project()
    dock.start.dataset.set_text(str(scored_path.parent))
    dock.start.new_folder.set_text(str(scored_path))
    dock.start.new_button.click()
    assert "already" in dock.message.text()
    assert dock.start.new_button.isEnabled()
    dock.start.open_button.click()
    assert dock.session.project.path == scored_path


def test_without_one_of_its_layers_nothing_is_decided_unseen(dock: SecoDock, scored_path: Path):
    dock.perform("wipe")
    dock.perform("wipe")  # layers that come and go are none of these
    dock.perform("accept")
    dock._viewer.layers.remove(dock.opened.layers.curated)
    assert "curated is gone" in dock.message.text()
    assert not dock.opened.queue.isEnabled()
    assert not dock.opened.proposals.isEnabled()
    dock.perform("accept")
    dock.opened.relabel(3)
    dock.perform("undo")
    assert len(dock.session.project.overrides) == 1
    assert "open it again" in dock.message.text()
    dock.close_project()
    assert dock.open_project(scored_path)
    dock.perform("undo")
    assert len(dock.session.project.overrides) == 0


def test_closing_gives_back_viewer_keys_and_start_page(dock: SecoDock):
    viewer = dock._viewer
    dock.close_project()
    assert dock.session is None
    assert len(viewer.layers) == 0
    assert not dock.tabs.isVisibleTo(dock)
    dock.perform("accept")


def test_project_of_a_dataset_is_made_in_a_thread(dock: SecoDock, tmp_path: Path, qtbot):
    dock.close_project()
    listing = tmp_path / "list.txt"
    data = tmp_path / "data"
    listing.write_text("".join(f"{data}/image_{i}.png\t{data}/label_{i}.png\n" for i in range(3)))
    dock.start.dataset.set_text(str(listing))
    dock.start.new_folder.set_text(str(tmp_path / "made"))
    dock.start.made.disconnect()  # the run that follows is tested end to end
    with qtbot.waitSignal(dock.start.made):
        dock.start.new_button.click()
    assert len(dock.session.project.images) == 3
    qtbot.waitUntil(lambda: dock.start.new_button.isEnabled())
    assert dock.tabs.page(dock.tabs.currentIndex()) is dock.opened.pipeline


def test_dataset_that_is_none_is_an_error_to_read(dock: SecoDock, tmp_path: Path, qtbot):
    dock.close_project()
    dock.start.dataset.set_text(str(tmp_path / "nowhere"))
    dock.start.new_folder.set_text(str(tmp_path / "made"))
    dock.start.new_button.click()
    qtbot.waitUntil(lambda: "nowhere" in dock.message.text())
    assert dock.session is None
    qtbot.waitUntil(lambda: dock.start.new_button.isEnabled())


def test_read_only_project_opens_and_says_so(dock: SecoDock, scored_path: Path, monkeypatch):
    from seco_core.errors import ProjectReadOnlyError

    dock.close_project()
    really = Project.open

    def refuse(path: Path, *, readonly: bool = False) -> Project:
        if not readonly:
            raise ProjectReadOnlyError("the project cannot be written.", path=path)
        return really(path, readonly=True)

    monkeypatch.setattr(Project, "open", refuse)
    assert dock.open_project(scored_path / "seco.sqlite")
    assert "cannot be written" in dock.message.text()
    assert not dock.opened.pipeline.run_button.isEnabled()
    row = dock.session.row
    dock.perform("accept")
    assert "cannot be written" in dock.message.text()
    assert dock.session.row == row
    assert not dock.session.reviewed.any()


def test_form_gives_back_the_parameters_it_was_given(qtbot):
    changed = Parameters().replace(
        **{"scc.tau_ns": 0.5, "masks.parts": 300, "device": "cpu", "masks.folder": "/some/where", "seed": 3}
    )
    form = ParameterForm(changed)
    qtbot.addWidget(form)
    assert form.parameters() == changed
    for name, field in parameter_fields():
        assert field.metadata["doc"] in form._fields[name].toolTip()


def test_noise_threshold_is_live_on_the_layer(dock: SecoDock):
    dock.perform("noise")
    assert dock.opened.layers.noise.visible
    dock.opened.layers.noise.contrast_limits = (0.8, 1.0)
    dock.perform("accept")
    assert tuple(dock.opened.layers.noise.contrast_limits) == (0.8, 1.0)
    assert np.all(dock.opened.layers.noise.data <= 1)
