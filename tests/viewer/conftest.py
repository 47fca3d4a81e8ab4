from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seco_core.project import Project
from seco_viewer.session import Session
from tests.viewer.scenes import make_project

os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")


@pytest.fixture
def scored_path(tmp_path: Path) -> Path:
    """A project of three images, two of one size and one of another, with regions, scores and edges."""
    return make_project(tmp_path)


@pytest.fixture
def session(scored_path: Path) -> Iterator[Session]:
    found = Session(Project.open(scored_path))
    yield found
    found.close()
