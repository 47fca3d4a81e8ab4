"""napari's activity dock follows work without keeping keys waiting."""

from __future__ import annotations

import pytest
from napari.utils import progress

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


def test_work_that_ends_at_once_has_none(qtbot):
    before = set(progress._all_instances)
    bar = ActivityBar("SeCo masks")
    bar.begin()
    bar.end()
    qtbot.wait(1)
    assert set(progress._all_instances) == before
