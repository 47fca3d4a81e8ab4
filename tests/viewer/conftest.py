from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from napari.components import ViewerModel
from PIL import Image
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QThreadPool

from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.session import Session
from tests.viewer.scenes import go_to_new_regions, make_project

os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")
# whoever runs the tests may have keys of their own
os.environ["SECO_VIEWER_KEYS"] = str(Path(__file__).with_name("no_keys.json"))

Image.init()  # threads that read frames import no reader of their own

_LONGEST_WAIT_MS = 180_000


def _threads_end() -> None:
    """Wait for work in napari's threads.

    Pytest lists all loggers before each phase of a test, and fails when a thread that imports adds one then.
    """
    assert QThreadPool.globalInstance().waitForDone(_LONGEST_WAIT_MS), "a job neither ended nor stopped"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    _threads_end()
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    _threads_end()
    yield
    _threads_end()


@pytest.fixture
def qtbot(qtbot: QtBot) -> QtBot:
    """The one of pytest-qt with more patience than its few seconds, for machines that are busy otherwise."""
    for wait in ("waitSignal", "waitUntil", "waitExposed"):
        setattr(qtbot, wait, partial(getattr(qtbot, wait), timeout=_LONGEST_WAIT_MS))
    return qtbot


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the test's own in place of what the user's window remembers."""
    path = tmp_path / "memory.json"
    monkeypatch.setenv("SECO_VIEWER_MEMORY", str(path))
    return path


@pytest.fixture
def scored_path(tmp_path: Path) -> Path:
    """A project of three images, two of one size and one of another, with regions, scores and edges."""
    return make_project(tmp_path)


@pytest.fixture
def session(scored_path: Path) -> Iterator[Session]:
    found = Session(Project.open(scored_path))
    yield found
    found.close()


@pytest.fixture
def anew(session: Session, scored_path: Path) -> Session:
    """The session at an image that a run has just cut into other regions."""
    go_to_new_regions(session, scored_path)
    return session


@pytest.fixture
def bare_dock(qtbot) -> Iterator[SecoDock]:
    """The dock on a viewer without a window, which is much faster; its start page."""
    found = SecoDock(ViewerModel())
    qtbot.addWidget(found)
    yield found
    found.close_project()


@pytest.fixture
def dock(bare_dock: SecoDock, scored_path: Path, qtbot) -> SecoDock:
    """The dock with `scored_path` open and all layers there."""
    assert bare_dock.open_project(scored_path)
    qtbot.waitUntil(lambda: not bare_dock.opened.layers.coming)
    return bare_dock
