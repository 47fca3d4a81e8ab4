"""What a window says of decisions that another window or program has made or taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_viewer.docks.main import SecoDock
from seco_viewer.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def other(dock: SecoDock) -> Iterator[Session]:
    dock.opened.others.timer.stop()
    with closing(Session(Project.open(dock.session.project.path))) as found:
        yield found


def decide(session: Session, rows: list[int]) -> None:
    """Decide regions of the image on screen as one step, as an import does."""
    decisions = []
    for row in rows:
        box, mask = session.mask(row)
        decisions.append(Decision(Action.RELABEL, session.image_id, 3, box, mask))
    session.take(session.project.overrides.record(decisions), go_on=False)


def test_regions_of_this_image_that_a_program_decides_and_takes_back(dock: SecoDock, other: Session):
    session, look = dock.session, dock.opened.others.look
    rows = [r for r in range(session.rows.start, session.rows.stop) if r != session.row][:3]
    decide(other, rows)
    dock.say("Done again: drawn: car.")
    look()
    told = "Another window or program has just decided 3 regions of this image, or taken that back."
    assert dock.message.text() == told
    assert session.reviewed[rows].all()
    dock.say("Done again: drawn: car.")
    look()
    assert dock.message.text() == "Done again: drawn: car.", "nothing new"
    other.undo()
    look()
    assert dock.message.text() == told
    assert not session.reviewed[rows].any()


def test_the_region_that_is_looked_at_is_named(dock: SecoDock, other: Session):
    row = dock.session.row
    decide(other, [row])
    dock.opened.others.look()
    assert "has just decided this region, or" in dock.message.text()
    decide(other, [r for r in range(other.rows.start, other.rows.stop) if r != row][:1])
    dock.opened.others.look()
    assert "decided 1 region of this image, or" in dock.message.text()
    other.undo()
    other.undo()
    dock.opened.others.look()
    assert "decided 2 regions of this image, this one among them, or" in dock.message.text()


def test_a_part_of_a_region_is_told_and_what_is_decided_in_other_images_is_not(
    dock: SecoDock, other: Session
):
    session = dock.session
    inside = np.argwhere(session.frame.region_ids == session.rows.stop - session.rows.start)[0].tolist()
    row, column = inside
    pixel = np.ones((1, 1), dtype=bool)
    other.project.overrides.record(
        [Decision(Action.DRAW, session.image_id, 3, (column, row, column + 1, row + 1), pixel)]
    )
    dock.opened.others.look()
    assert "decided a part of this image, or" in dock.message.text()
    dock.say("")
    other.catch_up()
    other.go_to_image((session.image_id + 1) % 3)
    other.accept()
    dock.opened.others.look()
    assert session.reviewed.any()
    assert dock.message.text() == ""
