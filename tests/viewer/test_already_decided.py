"""Keys of haste: what is decided already is not recorded again, nor is anything when the queue has ended."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from seco_core.errors import OverrideError
from seco_core.project import Action, Project
from seco_core.scheme import IGNORE
from seco_viewer.bulk import carry_out
from seco_viewer.bulk_plans import plan_many
from seco_viewer.docks.main import SecoDock
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from tests.viewer.scenes import make_project, store_regions
from tests.viewer.test_editing import large_row
from tests.viewer.test_session import assert_agrees_with_the_store

HASTE = 4


def to_the_end(session: Session) -> None:
    """Accept all that the queue holds."""
    for _ in range(2 * len(session.regions)):
        if session.queue.current() is None:
            return
        session.accept()
    raise AssertionError("the queue has no end")


def nothing_more(session: Session) -> None:
    """Keys of haste record nothing and decide nothing else."""
    before, curated = len(session.project.overrides), session.curated.copy()
    for decide in (session.accept, session.ignore, session.take_suggestion) * HASTE:
        with pytest.raises(OverrideError):
            decide()
    assert len(session.project.overrides) == before
    assert np.array_equal(session.curated, curated)
    assert_agrees_with_the_store(session)


def limited(session: Session) -> None:
    only = np.zeros(len(session.regions), dtype=bool)
    only[[2, 5, 9]] = True
    session.set_filter(only_flagged=False, only_rows=only)


@pytest.mark.parametrize(
    "narrow",
    [
        lambda session: None,
        limited,
        lambda session: session.set_filter(only_class=int(session.regions.class_id[session.row])),
    ],
    ids=["whole", "limited", "class"],
)
def test_at_the_end_of_the_queue_nothing_more_is_recorded(session: Session, narrow):
    narrow(session)
    assert len(session.queue)
    to_the_end(session)
    last = session.project.overrides.last_seq
    assert session.row is None
    nothing_more(session)
    assert session.skip() is False
    assert session.resume() is False
    assert session.back()  # what was decided last can be looked at
    assert session.project.overrides.last_seq == last
    assert session.undo()
    assert session.row is not None


def test_a_drawn_selection_that_came_back_is_decided_once(session: Session):
    row = large_row(session)
    (x0, y0, _, _), mask = session.mask(row)
    drawn = Patch.of(mask, (y0, x0)) | Patch((x0, y0, x0 + 2, y0 + 2), np.ones((2, 2), dtype=bool))
    session.edit([drawn])
    session.relabel(7)
    session.undo()
    assert session.patch.same(drawn)
    session.relabel(7)
    to_the_end(session)
    nothing_more(session)


def test_deciding_the_same_again_says_so_whatever_the_key(session: Session):
    row = large_row(session)
    place = tuple(np.argwhere(session.region(session.number).mask)[0] + session.patch.box[1::-1])
    session.ignore()
    session.select_at(*place)
    assert session.row == row
    before = len(session.project.overrides)
    for action_id, decide in (("ignore", session.ignore), ("unknown", session.unknown)):
        assert "already decided as ignore" in str(session.refusal(action_id))
        with pytest.raises(OverrideError, match="already decided as ignore"):
            decide()
    assert len(session.project.overrides) == before
    assert session.refusal("accept") is None
    session.relabel(7)  # a correction: one stays there
    assert session.row == row
    with pytest.raises(OverrideError, match="already decided as"):
        session.relabel(7)
    assert session.accept().action is Action.ACCEPT
    with pytest.raises(OverrideError, match="already decided as"):
        session.accept()
    assert len(session.project.overrides) == before + 2


def test_a_second_look_is_settled_by_deciding_the_same_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    row = session.row
    session.relabel(7)
    again = lambda rows=slice(None): (np.arange(len(session.regions)) == row)[rows]  # noqa: E731
    monkeypatch.setattr(session.feedback, "again", again)
    session.go_to(row)
    assert session.refusal("accept") is None
    assert session.accept().class_id == 7
    assert session.confirmed[row]
    monkeypatch.undo()
    session.go_to(row)
    with pytest.raises(OverrideError, match="already decided as"):
        session.relabel(7)


def test_one_decision_on_many_records_no_more_than_what_changes(session: Session):
    rows = np.array([1, 2, 15])
    assert carry_out(session, plan_many(session, rows[:2], Action.IGNORE)) == 2
    assert carry_out(session, plan_many(session, rows, Action.IGNORE)) == 1
    before = len(session.project.overrides)
    with pytest.raises(OverrideError, match="already decided so"):
        carry_out(session, plan_many(session, rows, Action.IGNORE))
    assert len(session.project.overrides) == before
    assert session.decided[rows].tolist() == [IGNORE] * 3


def test_the_only_region_clicked_is_decided_once(tmp_path):
    path = make_project(tmp_path, [(40, 40)], scored=False)
    with Project.open(path) as project:
        store_regions(project, [np.full((40, 40), 2, dtype=np.uint8)])
    session = Session(Project.open(path))
    try:
        session.select_at(20, 20)
        with suppress(OverrideError):
            for _ in range(HASTE):
                session.accept()
        assert len(session.project.overrides) == 1
        session.select_at(20, 20)
        with pytest.raises(OverrideError, match="already decided as building"):
            session.accept()
    finally:
        session.close()


@pytest.mark.gui
def test_what_the_window_says_at_the_end(dock: SecoDock, monkeypatch: pytest.MonkeyPatch):
    session, review = dock.session, dock.opened.review
    while session.queue.current() is not None:
        dock.perform("accept")
    assert "The queue is empty: well done." in dock.message.text()
    before = len(session.project.overrides)
    for _ in range(HASTE):
        dock.perform("accept")
        assert dock.message.text() == "<b>⚠ No region is selected. Click one.</b>"
    dock.perform("skip")
    assert dock.message.text() == "The queue is empty: well done."
    assert len(session.project.overrides) == before
    review.refresh()
    assert review.sentence.text() == "Click one."
    session.select_at(30, 30)
    row = session.row
    dock.perform("ignore")
    session.go_to(row)
    assert not review.buttons["ignore"].isEnabled()
    dock.perform("ignore")
    assert "⚠ Already decided as ignore." in dock.message.text()
    dock.perform("nothing")
    dock.perform("accept")
    assert "⚠ Nothing is selected yet. Paint, or draw a polygon or a box." in dock.message.text()
    dock.perform("leave")
    while session.queue.current() is not None:
        session.resume()
        dock.perform("accept")
    path = session.project.path
    dock.close_project()
    assert dock.open_project(path)
    assert dock.message.text().startswith("The queue is empty: well done.")


@pytest.mark.gui
def test_what_is_wrong_is_said_once(dock: SecoDock, monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []
    monkeypatch.setattr("seco_viewer.docks.message.show_warning", shown.append)
    dock.show()
    dock.say("not now.", wrong=True)
    assert shown == []
    dock.say("street_1.png: gone.", wrong=True)
    assert dock.message.text() == "<b>⚠ street_1.png: gone.</b>"
    dock.hide()  # then there is only the canvas to say it
    dock.say("not now.", wrong=True)
    assert shown == ["Not now."]
