from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from seco_core.project import Project
from seco_core.scc.class_mixture import ClassMixtures
from seco_core.scc.correction import Verdict
from seco_core.scc.mixture import LossMixture
from seco_viewer.docks.main import SecoDock
from seco_viewer.threshold_trial import ThresholdTrial

# --------------------------------------------------------------- no window


def test_threshold_of_the_loss_moves_tau_to_the_posterior_there(session):
    trial = ThresholdTrial(session)
    scc = dataclasses.replace(session.project.runs()[-1].parameters.scc, tau_ns=0.4)
    # two clear populations
    loss = np.where(np.arange(len(session.regions)) % 3 == 0, 3.0, 0.2).astype(np.float32)
    loss += np.linspace(0, 0.4, len(loss), dtype=np.float32)
    session.regions = dataclasses.replace(session.regions, loss=loss)
    trial.take()
    at = trial.position("loss", scc)
    assert 0.6 < at < 3
    assert trial.changes("loss", at)["tau_ns"] == pytest.approx(0.4, abs=0.01)


def test_class_with_a_mixture_of_its_own_is_drawn_and_dragged_by_it(session, monkeypatch):
    trial = ThresholdTrial(session)
    assert trial.class_mixtures is None
    run = session.project.runs()[-1]
    scc = dataclasses.replace(run.parameters.scc, mixture="class", tau_ns=0.4)
    by_class = dataclasses.replace(run, parameters=dataclasses.replace(run.parameters, scc=scc))
    monkeypatch.setattr(type(session.project), "runs", lambda _: [by_class])
    trial.take()
    assert trial.class_mixtures is not None
    easy, hard = (
        LossMixture(np.array([0.2, 1.2]) + more, np.full(2, 0.1), np.full(2, 0.5), False, 0.0, 3.0)
        for more in (0.0, 1.0)
    )
    trial.mixture, trial.class_mixtures = easy, ClassMixtures(easy, {1: hard})
    assert trial.position("loss", scc, 1) == pytest.approx(trial.position("loss", scc) + 1.0, abs=1e-4)
    assert trial.position("loss", scc, 0) == trial.position("loss", scc)
    assert trial.changes("loss", trial.position("loss", scc, 1), 1)["tau_ns"] == pytest.approx(0.4, abs=0.01)
    assert trial.components(1) is hard
    assert trial.components(0) is None


def test_threshold_of_the_uncertainty_is_the_share_of_the_class(session):
    n = len(session.regions)
    doubt = np.linspace(0, 2, n).astype(np.float32)
    session.regions = dataclasses.replace(session.regions, uncertainty=doubt)
    trial = ThresholdTrial(session)
    found = trial.changes("uncertainty", 1.0)
    assert found["method"] == "uncertainty"
    assert found["certain_share"] == pytest.approx(0.5, abs=1 / n)
    only = int(session.regions.class_id[0])
    own = doubt[session.regions.class_id == only]
    assert trial.changes("uncertainty", float(own[0]), only)["certain_share"] == pytest.approx(
        (own <= own[0]).mean(), abs=1e-3
    )


def test_trial_agrees_with_the_stored_map_at_the_thresholds_in_use(session):
    session.accept()
    scc = dataclasses.replace(session.project.runs()[-1].parameters.scc, tau_ns=1.0)
    trial = ThresholdTrial(session)
    assert (trial.verdicts(scc) == Verdict.KEEP).all()
    found = trial.curated(scc, session.image_id, session.frame.region_ids)
    clean = session.psa_map(session.image_id, session.frame.region_ids)
    _, y0, _, y1 = session.project.overrides.active(session.image_id)[0].box
    np.testing.assert_array_equal(found[:y0], clean[:y0])
    np.testing.assert_array_equal(found[y1:], clean[y1:])


# -------------------------------------------------------------- in the dock


@pytest.fixture
def dock(dock: SecoDock, qtbot) -> Iterator[SecoDock]:
    dock.resize(380, 900)
    dock.show()
    dock.tabs.go_to(dock.opened.plots)
    qtbot.waitExposed(dock)
    yield dock
    qtbot.waitUntil(lambda: not dock.busy)


def drag(dock: SecoDock, qtbot, value: float) -> None:
    """Drag the line to a value of the axis, as a hand does."""
    view = dock.opened.plots.histogram
    height = view.height() // 2
    start = QPoint(round(view.x_of(view.threshold)), height)
    end = QPoint(round(view.x_of(value)), height)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(view, (start + end) / 2)
    QTest.mouseMove(view, end)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
    qtbot.waitUntil(lambda: not dock.opened.plots._soon.isActive())


def tried_map(dock: SecoDock) -> np.ndarray:
    """The current image's curated map under the thresholds that are tried."""
    form, frame = dock.opened.plots.thresholds, dock.session.frame
    return form.trial.curated(form.scc, frame.image_id, frame.region_ids)


def number(dock: SecoDock, name: str) -> int:
    part = next(p for p in dock.opened.plots.counts.text().split("</span>") if name in p)
    return int(part.split("&nbsp;")[1].replace(",", ""))


@pytest.mark.gui
def test_dragging_the_line_changes_the_counts_and_stores_nothing(dock: SecoDock, qtbot):
    session, plots = dock.session, dock.opened.plots
    before = session.regions.verdict.copy()
    kept = number(dock, "kept")
    drag(dock, qtbot, 0.9)
    assert plots.thresholds.scc.tau_ns == pytest.approx(0.9, abs=0.01)
    assert plots.thresholds.spins["tau_ns"].value() == plots.thresholds.scc.tau_ns
    expected = int((session.regions.noise_score <= plots.thresholds.scc.tau_ns).sum())
    assert number(dock, "kept") >= expected > kept
    assert number(dock, "kept") == int(
        (plots.thresholds.trial.verdicts(plots.thresholds.scc) == Verdict.KEEP).sum()
    )
    np.testing.assert_array_equal(session.regions.verdict, before)
    assert len(session.project.runs()) == 1
    plots.thresholds.reset_button.click()
    assert plots.thresholds.scc == session.project.runs()[-1].parameters.scc
    assert not plots.thresholds.use_button.isEnabled()


@pytest.mark.gui
def test_use_stores_the_thresholds_and_the_window_follows(dock: SecoDock, qtbot, scored_path: Path):
    session, plots = dock.session, dock.opened.plots
    session.accept()
    drag(dock, qtbot, 0.2)
    expected = plots.thresholds.trial.verdicts(plots.thresholds.scc)
    assert plots.thresholds.use_button.isEnabled()
    plots.thresholds.use_button.click()
    qtbot.waitUntil(lambda: not plots.thresholds.running)
    open_ = ~session.reviewed
    np.testing.assert_array_equal(session.regions.verdict[open_], expected[open_])
    with Project.open(scored_path, readonly=True) as project:
        np.testing.assert_array_equal(project.regions().verdict[open_], expected[open_])
        assert project.runs()[-1].parameters.scc == plots.thresholds.scc
    assert dock.opened.pipeline.form.parameters().scc.tau_ns == plots.thresholds.scc.tau_ns
    assert "in use" in dock.message.text()
    assert session.reviewed.sum() == 1
    np.testing.assert_array_equal(dock.opened.layers.curated.data, session.project.curated(session.image_id))


@pytest.mark.gui
def test_thresholds_that_cannot_be_used_are_said(dock: SecoDock, qtbot):
    plots = dock.opened.plots
    plots.thresholds.method.setCurrentText("uncertainty")  # nothing was measured on the graph
    with qtbot.waitSignal(plots.thresholds.failed):
        plots.thresholds.use_button.click()
    qtbot.waitUntil(lambda: not plots.thresholds.running)
    assert "no scores" in dock.message.text()
    assert plots.thresholds.use_button.isEnabled()
    assert len(dock.session.project.runs()) == 1


@pytest.mark.gui
def test_preview_is_on_the_canvas_until_it_is_switched_off(dock: SecoDock, qtbot):
    session, plots, layer = dock.session, dock.opened.plots, dock.opened.layers.curated
    dock.show()
    dock.tabs.go_to(plots)
    drag(dock, qtbot, 0.99)
    before = layer.data.copy()
    plots.thresholds.preview.setChecked(True)
    ids = session.frame.region_ids
    shown = plots.thresholds.trial.curated(plots.thresholds.scc, session.image_id, ids)
    np.testing.assert_array_equal(layer.data, shown)
    assert not np.array_equal(shown, before)
    session.relabel(13)
    np.testing.assert_array_equal(
        layer.data,
        plots.thresholds.trial.curated(plots.thresholds.scc, session.image_id, session.frame.region_ids),
    )
    session.next_image()
    np.testing.assert_array_equal(
        layer.data,
        plots.thresholds.trial.curated(plots.thresholds.scc, session.image_id, session.frame.region_ids),
    )
    plots.thresholds.preview.setChecked(False)
    np.testing.assert_array_equal(layer.data, session.curated)
    plots.thresholds.preview.setChecked(True)
    assert not np.array_equal(layer.data, session.curated)
    dock.tabs.go_to(dock.opened.review)
    np.testing.assert_array_equal(layer.data, session.curated)
    assert not plots.thresholds.preview.isChecked()


@pytest.mark.gui
@pytest.mark.parametrize("text", ["0.65", ".75", "0.725", "0.9"])
def test_a_typed_threshold_is_what_was_typed(dock: SecoDock, qapp, text: str):
    plots = dock.opened.plots
    spin = plots.thresholds.spins["tau_ns"]
    spin.selectAll()
    for key in text:
        QTest.keyClicks(spin, key)
        qapp.processEvents()
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert plots.thresholds.scc.tau_ns == float(text)
    assert spin.value() == float(text)


@pytest.mark.gui
def test_line_is_moved_with_keys_and_numbers(dock: SecoDock, qtbot):
    plots = dock.opened.plots
    plots.histogram.setFocus()
    at = plots.thresholds.scc.tau_ns
    QTest.keyClick(plots.histogram, Qt.Key.Key_Right)
    assert plots.thresholds.scc.tau_ns == pytest.approx(at + 0.01)
    QTest.keyClick(plots.histogram, Qt.Key.Key_PageDown)
    assert plots.thresholds.scc.tau_ns == pytest.approx(at - 0.09)
    plots.thresholds.spins["tau_ns"].setValue(0.75)
    assert plots.histogram.threshold == pytest.approx(0.75)
    plots.thresholds.spins["certain_share"].setValue(0.5)
    assert (plots.thresholds.scc.method, plots.thresholds.scc.certain_share) == ("uncertainty", 0.5)
    plots.thresholds.spins["class_share"].setValue(0.5)
    assert plots.thresholds.scc.method == "mixture"
    assert len(dock.session.project.overrides) == 0


@pytest.mark.gui
def test_bars_of_a_class_are_its_regions(dock: SecoDock, qtbot):
    plots, r = dock.opened.plots, dock.session.regions
    name = dock.session.scheme.label(int(r.class_id[0]))
    plots.of_class.setCurrentText(name)
    assert plots.histogram._stacks.sum() == (r.class_id == r.class_id[0]).sum()
    assert plots.minimumSizeHint().width() <= 370
    for score in ("loss", "noise score"):
        plots.score.setCurrentText(score)
        plots.of_class.setCurrentIndex(0)
        assert plots.histogram._stacks.sum() == len(r)


@pytest.mark.gui
def test_cell_of_the_confusion_fills_the_queue(dock: SecoDock, qtbot):
    session, view = dock.session, dock.opened.plots.confusion
    r = session.regions
    wanted = (r.class_id == r.class_id[5]) & (r.predicted == r.predicted[5])
    row, column = (view._ids.index(int(c)) for c in (r.class_id[5], r.predicted[5]))
    centre = view.cell_rect(row, column).center().toPoint()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, centre)
    assert len(session.queue) == wanted.sum()
    assert wanted[session.row]
    assert f"{wanted.sum()} region" in dock.message.text()
    dock.opened.plots.all_button.click()
    assert len(session.queue) == session.flagged.sum()
    view.setFocus()
    view._cell = (row - 1, column)
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert len(session.queue) == wanted.sum()
    assert "The queue holds" in dock.message.text()
    dock.opened.review.queue.which.setCurrentIndex(0)
    assert len(session.queue) == (wanted & session.flagged).sum()
    assert "The queue holds" not in dock.message.text(), "it holds others by now"


@pytest.mark.gui
def test_reliability_follows_decisions(dock: SecoDock, qtbot):
    view, session = dock.opened.plots.reliability, dock.session
    assert len(view._found.regions) == 0
    session.relabel(13)
    assert view._found.regions.sum() == 1
    dock.tabs.go_to(dock.opened.review)
    session.relabel(13)
    assert view._found.regions.sum() == 1  # nobody looks
    dock.tabs.go_to(dock.opened.plots)
    assert view._found.regions.sum() == 2


@pytest.mark.gui
def test_project_without_scores_shows_empty_plots(qtbot, project_path: Path):
    dock = SecoDock(ViewerModel())
    qtbot.addWidget(dock)
    assert dock.open_project(project_path)
    dock.show()
    dock.tabs.go_to(dock.opened.plots)
    for score in ("loss", "uncertainty", "noise score"):
        dock.opened.plots.score.setCurrentText(score)
    dock.opened.plots.thresholds.preview.setChecked(True)
    dock.grab()
    assert not dock.opened.plots.thresholds.use_button.isEnabled()
    dock.close_project()
