from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seco_core.errors import OverrideError
from seco_core.project import Action, Override
from seco_core.refine import override_owner
from seco_core.scheme import IGNORE
from seco_viewer import decision_words
from seco_viewer.decided_pixels import decided_part, in_box, still_held
from seco_viewer.docks.main import SecoDock
from seco_viewer.selection import EMPTY, Kind, Patch
from seco_viewer.session import Session
from seco_viewer.strokes import brushed
from tests.viewer.scenes import neighbour
from tests.viewer.test_corrections import in_halves
from tests.viewer.test_editing import large_row
from tests.viewer.test_session import assert_agrees_with_the_store

SHAPE = (9, 11)
CAR, BUS = 13, 15


@st.composite
def logs(draw: st.DrawFn) -> list[Override]:
    """Overrides of an image, some with holes, that overlap at will."""
    found = []
    for seq in range(1, draw(st.integers(0, 5)) + 1):
        y0, x0 = draw(st.integers(0, SHAPE[0] - 1)), draw(st.integers(0, SHAPE[1] - 1))
        y1, x1 = draw(st.integers(y0 + 1, SHAPE[0])), draw(st.integers(x0 + 1, SHAPE[1]))
        holes = np.random.default_rng(draw(st.integers(0, 99))).random((y1 - y0, x1 - x0)) < 0.2
        holes.flat[0] = False
        found.append(Override(Action.DRAW, 0, seq, (x0, y0, x1, y1), ~holes, seq=3 * seq))
    return found


@given(logs())
def test_every_decided_pixel_is_held_by_the_decision_that_is_painted_last(log: list[Override]):
    owner = override_owner(SHAPE, log)
    whole = (0, 0, SHAPE[1], SHAPE[0])
    for number, override in enumerate(log, start=1):
        held = still_held(log, override.seq)
        on_image = np.zeros(SHAPE, dtype=bool) if held is None else held.patch.on(whole)
        assert np.array_equal(on_image, owner == number)
        assert (held is None) == (not on_image.any())
    for place in np.ndindex(SHAPE):
        found = decided_part(log, EMPTY, place, reviewed=False)
        assert (found is None) == (owner[place] == 0)
        assert found is None or found.override is log[owner[place] - 1]
    assert still_held(log, 1000) is None


@given(logs(), st.integers(0, 8), st.integers(0, 10))
def test_what_lies_in_a_box_holds_there_as_on_the_image(log: list[Override], y: int, x: int):
    box = (x, y, min(x + 4, SHAPE[1]), min(y + 3, SHAPE[0]))
    part = override_owner((box[3] - box[1], box[2] - box[0]), in_box(log, box))
    classes = np.array([0] + [o.class_id for o in in_box(log, box)])
    everywhere = np.array([0] + [o.class_id for o in log])[override_owner(SHAPE, log)]
    assert np.array_equal(classes[part], everywhere[box[1] : box[3], box[0] : box[2]])


def test_a_region_that_one_decision_covers_has_no_parts():
    region = Patch.of(np.ones(SHAPE, dtype=bool))
    whole = Override(Action.RELABEL, 0, CAR, (0, 0, 11, 9), np.ones(SHAPE, dtype=bool), seq=1)
    small = Override(Action.SPLIT, 0, BUS, (2, 2, 4, 4), np.ones((2, 2), dtype=bool), seq=2)
    assert decided_part([whole], region, (3, 3), reviewed=True) is None
    assert decided_part([small], region, (3, 3), reviewed=False).override is small
    assert decided_part([small], region, (0, 0), reviewed=False) is None
    both = [whole, small]
    assert decided_part(both, region, (3, 3), reviewed=True).override is small
    rest = decided_part(both, region, (0, 0), reviewed=True)
    assert rest.override is whole
    assert rest.patch.area == region.area - 4


# ------------------------------------------------------------------ in a session


def pixel_of(patch: Patch) -> tuple[int, int]:
    y, x = np.argwhere(patch.mask)[0].tolist()
    return patch.box[1] + y, patch.box[0] + x


@pytest.fixture
def halves(session: Session) -> tuple[int, Patch, Patch]:
    """A region whose halves were decided as car and as bus."""
    row, first, second = in_halves(session)
    assert session.reviewed[row]
    session.go_to(row)
    assert (session.patch - first).same(second)
    return row, first, second


def test_a_click_selects_the_decided_part_and_a_key_decides_it_alone(session: Session, halves):
    row, first, second = halves
    before = session.curated.copy()
    for part, class_id in ((first, CAR), (second, BUS)):
        session.select_at(*pixel_of(part))
        assert session.row == row
        assert session.patch.same(part)
        assert session.part.override.class_id == class_id
        assert session.selection.kind is Kind.PART
        assert not session.edited
    decisions = len(session.project.overrides)
    override = session.relabel(7)
    assert Patch(override.box, override.mask).same(second)
    assert len(session.project.overrides) == decisions + 1
    after = before.copy()
    after[second.box[1] : second.box[3], second.box[0] : second.box[2]][second.mask] = 7
    assert np.array_equal(session.project.curated(override.image_id), after)
    assert_agrees_with_the_store(session)
    assert session.undo()
    assert np.array_equal(session.curated, before)
    assert session.row == row
    assert session.patch.same(second)
    assert_agrees_with_the_store(session)


def test_any_other_way_than_a_click_leads_to_the_whole_region(session: Session, halves):
    row, first, second = halves
    session.select_at(*pixel_of(first))
    for go in (lambda: session.go_to(row), session.undo):
        go()
        assert session.part is None
    session.redo()
    session.select_at(*pixel_of(first))
    other = next(r for r in range(session.rows.start, session.rows.stop) if r != row)
    session.go_to(other)
    assert session.part is None
    session.back()
    assert session.row == row
    assert session.patch.same(first | second)


def test_the_open_rest_is_not_selected_by_a_click_on_what_was_decided(session: Session):
    row = large_row(session)
    whole = session.patch
    dot = brushed([pixel_of(whole)], 3, session.frame.shape) & whole
    session.edit([dot])
    session.relabel(CAR)
    assert session.patch.same(whole - dot)
    session.select_at(*pixel_of(dot))
    assert session.patch.same(dot)
    session.relabel(BUS)
    assert session.row == row, "the rest is next"
    assert session.part is None
    assert session.patch.same(whole - dot)
    session.select_at(*pixel_of(dot))
    session.select_at(*pixel_of(whole - dot))
    assert session.part is None
    assert session.patch.same(whole - dot)


def test_a_drawn_piece_is_selected_with_all_that_it_still_covers(session: Session):
    row = large_row(session)
    y, x = (round(float(v)) for v in session.regions.centroid[row])
    piece = brushed([(y, x), (0, x)], 4, session.frame.shape)
    session.edit([piece])
    assert len(session.selection.rows) > 1
    override = session.ignore()
    assert override.class_id == IGNORE
    session.go_to(row)
    session.select_at(1, x)
    assert session.part.override.seq == override.seq
    assert session.patch.same(piece)
    eraser = brushed([(0, x)], 5, session.frame.shape)
    session.edit([piece & eraser])
    session.relabel(CAR)
    session.go_to(row)
    session.select_at(y, x)
    assert session.patch.same(piece - eraser)
    assert_agrees_with_the_store(session)


def test_accepting_a_part_of_a_region_in_doubt_keeps_what_was_decided_of_it(
    session: Session, halves, monkeypatch: pytest.MonkeyPatch
):
    row, first, second = halves
    monkeypatch.setattr(session.feedback, "again", lambda rows=slice(None): np.asarray(rows == row))
    for half, class_id in ((first, CAR), (second, BUS)):
        session.go_to(row)
        session.select_at(*pixel_of(half))
        assert session.offer is not None
        assert session.offer.kept == class_id
        with suppress(OverrideError):  # less than half of the region settles nothing
            assert session.accept().class_id == class_id
        assert session.curated[pixel_of(half)] == class_id


def test_an_edit_of_a_part_goes_with_it_and_a_part_outlasts_a_run(session: Session, halves):
    _, first, second = halves
    dropped: list[bool] = []
    session.edit_dropped.connect(lambda: dropped.append(True))
    session.select_at(*pixel_of(first))
    session.edit([Patch.of(first.mask[:2], first.box[1::-1])])
    assert session.clear_edit()
    assert session.patch.same(first)
    session.edit([EMPTY])
    session.edit([Patch.of(first.mask[:2], first.box[1::-1])])
    session.select_at(*pixel_of(first))
    assert session.edited
    session.select_at(*pixel_of(second))
    assert not session.edited
    assert dropped == [True]
    session.reload()
    assert session.patch.same(second)


def test_a_click_to_merge_takes_the_decided_part_and_gives_it_back(session: Session, halves):
    _, first, second = halves
    other = neighbour(session)
    session.go_to(other)
    begun = session.patch
    clicked = session.patch_at(pixel_of(first))
    assert clicked.same(first)
    session.edit([session.patch | clicked])
    override = session.relabel(7)
    assert Patch(override.box, override.mask).same(begun | first)
    held = session.project.curated(override.image_id)
    assert (held[second.box[1] : second.box[3], second.box[0] : second.box[2]][second.mask] == BUS).all()
    assert session.patch_at((-1, 5)) is EMPTY


def test_what_is_selected_is_said():
    assert decision_words.selected(7, 5, 90, decided=True) == (
        "Selected: what was decided at once, 7 pixels, 5 of them in this region. A decision changes it alone."
    )
    assert decision_words.selected(7, 7, 90, decided=False) == "Selected: what is still open, 7 of 90 pixels."


@pytest.mark.gui
def test_the_page_says_that_a_part_is_selected(dock: SecoDock):
    session, review = dock.session, dock.opened.review
    row = large_row(session)
    review.refresh()
    assert "Selected" not in review.sentence.text()
    whole = session.patch
    dot = brushed([pixel_of(whole)], 3, session.frame.shape) & whole
    session.edit([dot])
    session.relabel(CAR)
    review.refresh()
    assert f"still open, {whole.area - dot.area:,} of {whole.area:,} pixels" in review.sentence.text()
    session.select_at(*pixel_of(dot))
    review.refresh()
    assert review.headline.text().index("part of") < review.headline.text().index("→")
    assert session.scheme.label(CAR) in review.headline.text()
    assert f"the decided part, {dot.area:,} of {whole.area:,} pixels" in review.sentence.text()
    session.go_to(row)
    review.refresh()
    assert "part of" not in review.headline.text()
