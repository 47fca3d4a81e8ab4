"""Which images are gone or others is told without going to them, also after the project was opened again."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from seco_core.errors import ImageFileError
from seco_core.pipeline import inputs
from seco_core.pipeline.inputs import lost_images
from seco_core.progress import Cancelled, CancelToken
from seco_core.project import Project
from seco_viewer.docks.main import SecoDock
from seco_viewer.session import Session


def test_what_is_gone_or_of_another_size_is_found_and_nothing_is_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    def read(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(inputs, "_sha256", read)
    project = session.project
    assert lost_images(project, CancelToken()) == {}
    first, second, third = (record.image for record in project.images)
    first.unlink()
    second.write_bytes(b"another image")
    os.utime(third, ns=(0, 0))
    lost = lost_images(project, CancelToken())
    assert list(lost) == [0, 1]
    assert all(isinstance(error, ImageFileError) for error in lost.values())
    assert "No such file" in str(lost[0])
    assert "is not the file that its regions were made of" in str(lost[1])
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        lost_images(project, stopped)


def test_what_was_looked_at_is_known_better(session: Session):
    other = (session.image_id + 1) % 3
    queued = len(session.queue)
    session.images_lost({session.image_id: "gone"})
    assert (session.unusable, len(session.queue)) == ({}, queued)
    session.images_lost({other: "gone"})
    assert session.unusable == {other: "gone"}
    assert not session.queue.position(int(np.flatnonzero(session.regions.image_id == other)[0]))
    session.go_to_image(other)
    assert session.unusable == {}, "it is there after all"
    assert len(session.queue) == queued


def told(session: Session) -> bool:
    return list(session.unusable) == [2]


@pytest.mark.gui
def test_the_images_tab_says_why_whenever_the_project_is_opened_and_read_anew(
    bare_dock: SecoDock, scored_path: Path, qtbot
):
    with Project.open(scored_path) as project:
        gone = project.images[2].image
    bare_dock.show()
    for _ in range(2):
        assert bare_dock.open_project(scored_path)
        session, images = bare_dock.session, bare_dock.opened.images
        assert session.image_id != 2
        gone.unlink(missing_ok=True)
        assert session.unusable == {}
        bare_dock.tabs.go_to(images)
        qtbot.waitUntil(partial(told, session))
        assert gone.name in images.model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert images.model.index(2, 4).data() == "unusable"
        assert "1 cannot be judged" in images.totals.text()
        session.reload()
        assert session.unusable == {}
        qtbot.waitUntil(partial(told, session))
        bare_dock.close_project()
