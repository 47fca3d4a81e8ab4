"""napari's activity dock follows work without keeping keys waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from napari._qt.widgets.qt_progress_bar import QtLabeledProgressBar
from napari.utils import progress
from qtpy.QtCore import QTimer

from seco_core.progress import ProgressEvent
from seco_viewer.activity_bar import ActivityBar

pytestmark = pytest.mark.gui


def test_it_shows_the_latest_one_change_at_a_time(qtbot):
    before = set(progress._all_instances)
    bar = ActivityBar("SeCo pipeline")
    bar.begin()
    qtbot.waitUntil(lambda: len(set(progress._all_instances) - before) == 1)
    (shown,) = set(progress._all_instances) - before
    assert shown.desc.startswith("SeCo pipeline")
    changes: list[str] = []
    shown.events.description.connect(lambda event: changes.append("stage"))
    shown.events.value.connect(lambda event: changes.append("steps"))
    for done in range(1, 8):
        bar.follow(ProgressEvent("psa", done, 7))
    assert not changes, "nothing while the work is told of"
    qtbot.waitUntil(lambda: len(changes) == 2)
    assert changes == ["stage", "steps"]
    assert (shown.desc, shown.n, shown.total) == ("psa: ", 7, 7)
    bar.end()
    assert set(progress._all_instances) == before


def test_a_change_of_it_handles_nothing_else(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    bar = ActivityBar("SeCo pipeline")
    waiting: list[str] = []

    def has_come(change: Callable[[], object]) -> bool:
        waiting.clear()
        QTimer.singleShot(0, partial(waiting.append, "a key"))
        change()
        return bool(waiting)

    assert not has_come(bar._make)
    bar.follow(ProgressEvent("psa", 1, 7))
    assert not has_come(bar._show)
    bar.follow(ProgressEvent("psa", 2, 7))
    assert not has_come(bar._show)
    dialog = viewer.window._qt_viewer.window()._activity_dialog
    (shown,) = dialog.findChildren(QtLabeledProgressBar)
    assert (shown.description_label.text(), shown.qt_progress_bar.value()) == ("psa: ", 2)
    bar.end()
    with progress(total=3) as others:  # which may keep the window waiting
        assert has_come(others.update)


def test_work_that_ends_at_once_has_none(qtbot):
    before = set(progress._all_instances)
    bar = ActivityBar("SeCo masks")
    bar.begin()
    bar.end()
    qtbot.wait(1)
    assert set(progress._all_instances) == before
