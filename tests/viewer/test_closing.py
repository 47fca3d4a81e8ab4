"""What stays of a project that was closed: nothing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from seco_viewer.docks.later import _MILLISECONDS
from seco_viewer.plugin import show_dock

pytestmark = pytest.mark.gui


@pytest.fixture
def no_chance_collection() -> Iterator[None]:
    """Python collects cycles now and then; nothing may depend on when."""
    gc.disable()
    yield
    gc.enable()


def test_a_closed_project_leaves_memory(make_napari_viewer, qtbot, scored_path: Path, no_chance_collection):
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    assert dock.open_project(scored_path)
    dock.perform("accept")
    QApplication.processEvents()
    names = ("session", "layers", "tools", "review", "queue", "plots", "pipeline", "psa", "export")
    parts = {name: weakref.ref(getattr(dock.opened, name)) for name in names}
    dock.close_project()
    qtbot.waitUntil(lambda: not [name for name, part in parts.items() if part() is not None])


def test_collections_leave_alone_what_a_window_is_made_of(make_napari_viewer, qtbot, scored_path: Path):
    dock = show_dock(make_napari_viewer(show=True))
    assert dock.open_project(scored_path)
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())
    assert dock.open_project(scored_path)  # once more, while the first one is not yet tidied up
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 10 * len(gc.get_objects()))
    dock.close_project()
    qtbot.waitUntil(lambda: not gc.get_freeze_count())


def test_a_window_closed_before_all_layers_have_come(make_napari_viewer, qtbot, scored_path: Path):
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    assert dock.open_project(scored_path)
    layers = dock.opened.layers
    assert layers.coming
    due = QTimer()
    due.setSingleShot(True)
    viewer.close()
    with qtbot.waitSignal(due.timeout):
        due.start(10 * _MILLISECONDS)
    assert layers.coming
