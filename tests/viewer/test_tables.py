from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seco_core.project import Project
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from tests.viewer.scenes import take_suggestion_if_any

ARRAYS = ("reviewed", "decided", "confirmed")


def decide_in_every_way(session: Session) -> None:
    """Whole regions, one of them twice on the same class, another region's part, and one that is undone."""
    first = session.accept()
    take_suggestion_if_any(session)
    session.go_to(int(np.flatnonzero(session.regions.id == first.region_id)[0]))
    session.relabel((first.class_id + 1) % 19)
    session.go_to(int(np.flatnonzero(session.regions.id == first.region_id)[0]))
    session.accept()
    session.next_image()
    x0, y0, x1, _ = session.patch.box
    session.edit([Patch.of(session.patch.mask[:, : (x1 - x0 + 1) // 2], (y0, x0))])
    session.ignore()
    session.unknown()
    session.undo()


@pytest.mark.parametrize("read_after", [0, 2, 6])
def test_tables_read_a_while_ago_catch_up(session: Session, scored_path: Path, read_after: int):
    steps = [
        session.accept,
        lambda: session.relabel(7),
        session.undo,
        lambda: decide_in_every_way(session),
        session.undo,
        session.undo,
        session.redo,
    ]
    for number, step in enumerate(steps):
        if number == read_after:
            with Project.open(scored_path, readonly=True) as project:
                tables = Tables.read(project)
        step()
    before = {name: getattr(session, name).copy() for name in ARRAYS}
    fresh = Tables.read(session.project)
    session.reload(tables)
    for name in ARRAYS:
        assert np.array_equal(getattr(session, name), before[name]), name
        assert np.array_equal(getattr(session, name), getattr(fresh, name)), name
    for name in ("noise", "wrong", "doubt", "belief"):
        assert getattr(session.feedback, name).tobytes() == getattr(fresh.feedback, name).tobytes(), name
    assert session.reviewed.any()
