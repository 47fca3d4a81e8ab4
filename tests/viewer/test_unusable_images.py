"""Images that are gone, unreadable or others than their regions were made of."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seco_core.errors import OverrideError
from seco_core.project import ImageRecord, Project
from seco_core.review import Order
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from tests.viewer.agreement import assert_agrees_with_the_store


def spoil(record: ImageRecord) -> bytes:
    """Make an image's file unreadable; what it held."""
    kept = record.image.read_bytes()
    record.image.write_bytes(b"no image")
    return kept


def test_images_that_cannot_be_read_are_left_out_until_they_are_back(scored_path: Path):
    with Project.open(scored_path) as project, closing(Session(Project.open(scored_path))) as whole:
        broken = whole.image_id
        of_broken = set(range(*whole.rows.indices(len(whole.regions))))
        kept = spoil(project.images[broken])
        record = project.images[broken]
    with closing(Session(Project.open(scored_path))) as session:
        told: list[int] = []
        session.reviewable_changed.connect(told.append)
        assert session.image_id != broken
        assert list(session.unusable) == [broken]
        assert record.image.name in session.unusable[broken]
        seen = set()
        while (row := session.queue.current()) is not None:
            assert session.row == row
            seen.add(row)
            session.accept()
        assert not seen & of_broken
        assert seen
        session.go_to_image(broken)
        assert (session.image_id, session.row) == (broken, None)
        assert record.image.name in session.frame.problem
        assert not session.frame.image.any()
        session.select_at(5, 5)
        session.edit([Patch.of(np.ones((4, 4), dtype=bool), (1, 1))])
        with pytest.raises(OverrideError, match="cannot be seen"):
            session.ignore()
        assert told == []
        record.image.write_bytes(kept)
        session.go_to_image((broken + 1) % 3)
        session.go_to_image(broken)
        assert told == [broken]
        assert session.unusable == {}
        assert session.row in of_broken
        assert len(session.queue) == len(of_broken & set(np.flatnonzero(session.flagged)))
        assert_agrees_with_the_store(session)


def test_no_image_can_be_read(scored_path: Path):
    with Project.open(scored_path) as project:
        for record in project.images:
            record.image.unlink()
    with closing(Session(Project.open(scored_path))) as session:
        assert session.row is None
        assert sorted(session.unusable) == [0, 1, 2]
        assert len(session.queue) == 0
        session.skip()
        session.set_order(Order.GAIN)
        assert session.row is None
        assert session.counts()[1] == 0, "none of them is to be looked at"
        assert session.count_left_out() == np.count_nonzero(session.flagged) > 0, "they are flagged as before"


def test_decisions_on_an_image_that_is_gone_are_undone_as_any(session: Session):
    broken, row = session.image_id, session.row
    session.accept()
    spoil(session.project.images[broken])
    session.frames.forget()
    while session.image_id == broken:
        session.go_to_image((broken + 1) % 3)
    session.go_to_image(broken)
    assert session.reviewed[row]
    assert session.undo()
    assert not session.reviewed[row]
    assert session.row is None
    session.redo()
    assert session.reviewed[row]
    with closing(Session(Project.open(session.project.path))) as fresh:
        np.testing.assert_array_equal(fresh.reviewed, session.reviewed)


def test_an_image_of_another_size_than_its_regions_is_not_judged(session: Session):
    record = session.project.images[2]
    assert session.image_id != 2
    Image.new("RGB", (30, 20)).save(record.image)
    session.frames.forget()
    session.go_to_image(2)
    assert session.row is None
    assert "30 x 20" in session.unusable[2]
    assert "96 x 48" in session.unusable[2]
    assert session.frame.shape == (20, 30)


def test_another_image_in_the_place_of_one_is_not_judged(session: Session):
    record = session.project.images[2]
    kept, shape = record.image.read_bytes(), record.shape
    Image.new("RGB", (shape[1], shape[0])).save(record.image)
    session.frames.forget()
    session.go_to_image(2)
    assert session.row is None
    assert "is not the file that its regions were made of" in session.unusable[2]
    session.edit([Patch.of(np.ones((4, 4), dtype=bool), (1, 1))])
    with pytest.raises(OverrideError, match="cannot be seen"):
        session.ignore()
    record.image.write_bytes(kept)  # at another time
    session.go_to_image(0)
    session.go_to_image(2)
    assert session.row is not None
    assert session.unusable == {}
