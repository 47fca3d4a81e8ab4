"""What one window shows and takes back of what another has decided."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from seco_core.errors import OverrideError, ProjectError
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from tests.viewer.agreement import assert_agrees_with_the_store


@pytest.mark.parametrize("same_image", [True, False])
def test_a_decision_counts_what_another_window_has_decided_and_undone(session: Session, same_image: bool):
    told: list[int] = []
    session.others_decided.connect(lambda rows: told.extend(rows.tolist()))
    with closing(Session(Project.open(session.project.path))) as other:
        if not same_image:
            other.go_to_image((session.image_id + 1) % 3)
        else:
            other.skip()
            other.go_to_image(session.image_id)
            other.row = next(r for r in range(other.rows.start, other.rows.stop) if r != session.row)
            other.region_changed.emit()
        theirs = other.row
        other.relabel(3)
        session.accept()
        assert session.decided[theirs] == 3
        assert session.counts()[2] == 2
        assert (theirs in told) is not same_image
        assert_agrees_with_the_store(session)
        session.go_to(theirs)
        assert session.patch.area == session.regions.area[theirs]
        with pytest.raises(OverrideError, match="another window"):
            other.undo()
        other.undo()
        other.undo()
        session.ignore()
        assert session.counts()[2] == 1
        assert_agrees_with_the_store(session)


def test_what_could_not_be_read_when_another_window_decided_it_is_shown_later(session: Session):
    """A share that is gone for a while takes the region id maps with it."""
    first, second = (session.image_id + 1) % 3, (session.image_id + 2) % 3
    with closing(Session(Project.open(session.project.path))) as other:
        other.go_to_image(first)
        whole = other.row
        other.relabel(3)
        other.go_to_image(second)
        part = other.row
        half = other.patch.mask.copy()
        half[:, half.shape[1] // 3 :] = False
        other.edit([Patch(other.patch.box, half)])
        other.relabel(4)
        other.select_at(*np.argwhere(other.frame.region_ids == part - other.rows.start + 1)[-1].tolist())
        other.relabel(5)
    rasters = session.project.path / "rasters"
    rasters.rename(rasters.with_name("away"))
    for _ in range(2):
        with pytest.raises(ProjectError):
            session.catch_up()
    assert session.counts()[2] == 0, "nothing is half shown"
    rasters.with_name("away").rename(rasters)
    assert session.catch_up()
    assert session.reviewed[[whole, part]].all()
    assert_agrees_with_the_store(session)
    assert not session.catch_up()


@pytest.mark.parametrize("same_image", [True, False])
def test_a_window_that_does_nothing_shows_what_another_decides(session: Session, same_image: bool):
    assert not session.catch_up()
    moved, told = [], []
    session.region_changed.connect(lambda: moved.append(session.row))
    session.regions_decided.connect(lambda rows, box: told.extend(rows.tolist()))
    session.others_decided.connect(lambda rows: told.extend(rows.tolist()))
    place = session.image_id, session.row
    with closing(Session(Project.open(session.project.path))) as other:
        if not same_image:
            other.go_to_image((session.image_id + 1) % 3)
        theirs = other.row
        assert session.queue.position(theirs)
        other.relabel(3)
        assert session.catch_up()
        assert theirs in told
        assert session.decided[theirs] == 3
        assert not session.queue.position(theirs)
        assert session.counts() == other.counts()
        assert_agrees_with_the_store(session)
        assert (session.image_id, session.row) == place
        assert not moved, "one stays where one is"
        assert not session.catch_up()
        other.undo()
        assert session.catch_up()
        assert session.queue.position(theirs)
        assert_agrees_with_the_store(session)


def test_a_selected_part_that_another_window_decides_anew_is_selected_no_more(session: Session):
    row = session.row
    (x0, y0, _, y1), mask = session.mask(row)
    half = Patch.of(mask[: max(1, (y1 - y0) // 2)], (y0, x0))
    session.edit([half])
    session.relabel(3)
    inside = np.argwhere(half.mask)[0]
    session.go_to(row)
    session.select_at(half.box[1] + int(inside[0]), half.box[0] + int(inside[1]))
    assert session.patch.same(half)
    with closing(Session(Project.open(session.project.path))) as other:
        other.go_to(row)
        other.edit([half])
        other.relabel(4)
    assert session.catch_up()
    assert session.part is None
    assert (session.patch - half).area == session.patch.area


def test_a_decision_is_taken_where_another_window_has_made_other_regions_and_drawn_on_them(session: Session):
    image_id = (session.image_id + 1) % 3
    with Project.open(session.project.path) as other:
        shape = other.images[image_id].shape
        grid = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape) // 4 + 1
        assert grid.max() > len(session.regions)
        drawn = np.ones((9, 9), dtype=bool)
        other.overrides.record([Decision(Action.DRAW, image_id, 3, (0, 0, 9, 9), drawn)])
        session.project.read_region_ids = lambda i: grid
    row = session.row
    session.accept()
    assert session.reviewed[row]
    assert session.counts()[2] == 1


def test_undo_shows_what_another_window_has_decided_before_it_takes_that_back(session: Session):
    session.accept()
    other = Session(Project.open(session.project.path))
    try:
        theirs = other.relabel(3)
    finally:
        other.close()
    with pytest.raises(OverrideError, match="another window"):
        session.undo()
    assert session.decided[session.regions.id == theirs.region_id].tolist() == [3]
    assert_agrees_with_the_store(session)
    assert session.undo()
    assert not session.reviewed[session.regions.id == theirs.region_id].any()
    assert_agrees_with_the_store(session)
