"""Decisions on what was decided before: what is selected then, and where one goes on."""

from __future__ import annotations

import numpy as np
import pytest

from seco_core.errors import OverrideError
from seco_core.texts import capitalized
from seco_viewer.docks.main import SecoDock
from seco_viewer.offers import Offer
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from seco_viewer.strokes import brushed, cut
from tests.viewer.test_editing import large_row

CAR, BUS, TRAIN = 13, 15, 16


def in_halves(session: Session) -> tuple[int, Patch, Patch]:
    """Decide half of a region as car and half as bus."""
    row = large_row(session)
    x0, y0, x1, y1 = session.patch.box
    middle = (x0 + x1) / 2
    whole, first = session.patch, cut(session.patch, [(y0 - 5, middle), (y1 + 5, middle)])[0]
    session.edit([first])
    session.relabel(CAR)
    assert session.row == row
    session.relabel(BUS)
    return row, first, whole - first


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "from another image"])
def test_undo_and_redo_select_the_decided_part_again(session: Session, elsewhere: bool):
    row, first, second = in_halves(session)
    here = session.image_id
    parts = []
    for part in (first, second):
        session.select_at(*part.first)
        parts.append(session.part.override.seq)
        session.relabel(TRAIN)
    away = (lambda: session.go_to_image((here + 1) % 3)) if elsewhere else session.resume
    for part, seq in ((second, parts[1]), (first, parts[0])):
        away()
        assert session.undo()
        assert (session.row, session.part.override.seq) == (row, seq)
        assert session.patch.same(part)
        assert not session.edited, "it is what was clicked, not drawn"
        assert session.offer.decided in (CAR, BUS)
    for part in (first, second):
        away()
        assert session.redo()
        assert session.patch.same(part)
        assert session.offer.decided == TRAIN


def test_a_part_decided_while_the_rest_is_open_is_selected_again(session: Session):
    row = large_row(session)
    whole = session.patch
    dot = brushed([whole.first], 3, session.frame.shape) & whole
    session.edit([dot])
    session.relabel(CAR)
    session.select_at(*dot.first)
    session.relabel(BUS)
    assert session.patch.same(whole - dot), "the rest is next"
    session.next_image()
    session.undo()
    assert session.row == row
    assert session.patch.same(dot)
    assert session.offer.decided == CAR
    session.redo()
    session.undo()
    session.undo()
    assert session.patch.same(dot), "what the tool had selected"
    assert session.offer.decided is None


@pytest.mark.parametrize("turned", [(), ("undo",), ("undo", "redo")], ids=lambda turned: "+".join(turned))
def test_who_corrects_a_whole_region_stays_there_after_undo_and_redo_too(session: Session, turned: tuple):
    row = large_row(session)
    session.relabel(CAR)
    session.go_to(row)
    session.select_at(*session.patch.first)
    session.relabel(BUS)
    for turn in turned:
        assert getattr(session, turn)()
    assert session.row == row
    session.relabel(TRAIN)
    assert session.row == row
    while session.can_undo:
        session.undo()
    session.relabel(CAR)
    assert session.row != row, "what was open is done, the queue goes on"


def test_who_corrects_what_was_clicked_stays_there(session: Session):
    row, first, _ = in_halves(session)
    session.select_at(*first.first)
    for class_id in (BUS, TRAIN):
        session.relabel(class_id)
        assert session.row == row
        assert session.patch.same(first), "and may think better of it"
        assert session.offer.decided == class_id
    other = next(r for r in range(session.rows.start, session.rows.stop) if not session.reviewed[r])
    session.select_at(*session.open_part(other).first)
    assert session.row == other
    session.relabel(7)
    assert session.row != other, "what was open is done, the queue goes on"
    session.select_at(*session.open_part(other).first)
    session.relabel(8)
    assert session.row == other
    assert session.decided[other] == 8
    session.resume()
    session.go_to(other)
    session.relabel(7)
    assert session.row != other, "nobody clicked it"


def test_a_region_in_doubt_is_left_for_the_next_also_if_it_was_clicked(session: Session, monkeypatch):
    row = session.row
    session.relabel(7)
    monkeypatch.setattr(session.feedback, "again", lambda rows=slice(None): np.asarray(rows == row))
    session.go_to(row)
    session.select_at(*session.patch.first)
    session.accept()
    assert session.row != row


def test_a_suggestion_is_one_if_it_is_another_class_than_the_present(session: Session):
    row, first, second = in_halves(session)
    called = int(session.regions.class_id[row])
    for suggested, open_to in ((called, True), (CAR, False), (TRAIN, True)):
        session.feedback.suggested[row] = suggested
        session.select_at(*first.first)
        assert session.offer == Offer(called, CAR, called, suggested)
        assert (session.refusal("take_suggestion") is None) == open_to
        if not open_to:
            decisions = len(session.project.overrides)
            with pytest.raises(OverrideError, match="only car is suggested"):
                session.take_suggestion()
            assert len(session.project.overrides) == decisions
    session.select_at(*second.first)
    assert session.take_suggestion().class_id == TRAIN


def test_nothing_is_decided_where_nothing_is_selected(session: Session):
    session.row = None
    session.region_changed.emit()
    for action_id in ("accept", "take_suggestion", "relabel", "ignore", "unknown"):
        assert "no region is selected" in str(session.refusal(action_id))
    session.edit([Patch.of(np.ones((2, 2), dtype=bool))])
    assert "only something drawn" in str(session.refusal("accept"))
    assert session.refusal("relabel") is None


@pytest.mark.gui
def test_keys_and_buttons_agree_on_what_can_be_decided(dock: SecoDock, qapp):
    session, review = dock.session, dock.opened.review
    row, first, _ = in_halves(session)
    keys = ("accept", "take_suggestion", "ignore", "unknown")

    def agree(*possible: str) -> None:
        qapp.processEvents()
        assert {key for key in keys if review.buttons[key].isEnabled()} == set(possible)
        for key in set(keys) - set(possible):
            before = len(session.project.overrides)
            dock.perform(key)
            assert len(session.project.overrides) == before
            assert capitalized(str(session.refusal(key))) in dock.message.text()

    session.feedback.suggested[row] = CAR
    session.select_at(*first.first)
    agree("accept", "ignore", "unknown")
    assert "nothing else" in review.buttons["take_suggestion"].text()
    session.feedback.suggested[row] = session.regions.class_id[row]
    session.region_changed.emit()
    agree(*keys)
    label = session.scheme.label(int(session.regions.class_id[row]))
    assert label in review.buttons["take_suggestion"].text()
    session.row = None
    session.region_changed.emit()
    agree()
    dock.perform("relabel")
    assert "No region is selected" in dock.message.text()
    assert not review.chooser.search.hasFocus()
