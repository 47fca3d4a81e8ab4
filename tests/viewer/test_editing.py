from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seco_core.errors import OverrideError
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.scheme import IGNORE
from seco_viewer.selection import EMPTY, Kind, Patch, touching
from seco_viewer.session import Session
from seco_viewer.strokes import brushed, cut, filled_polygon
from tests.viewer.scenes import class_map, make_project, neighbour, store_regions
from tests.viewer.test_session import assert_agrees_with_the_store


def large_row(session: Session) -> int:
    """The largest flagged region, made the current one."""
    row = int(np.argmax(np.where(session.flagged, session.regions.area, 0)))
    session.go_to_image(int(session.regions.image_id[row]))
    (x0, y0, _, _), mask = session.mask(row)
    y, x = np.argwhere(mask)[0].tolist()
    session.select_at(y0 + y, x0 + x)
    assert session.row == row
    return row


def split(session: Session) -> list[Patch]:
    """Cut the selection in the middle."""
    x0, y0, x1, y1 = session.patch.box
    middle = (x0 + x1) / 2
    pieces = cut(session.patch, [(y0 - 5, middle), (y1 + 5, middle)])
    session.edit(pieces)
    return pieces


def newest(session: Session):
    return session.project.overrides.active(session.image_id)[-1]


def test_selection_is_the_current_region_until_it_is_edited(session: Session):
    box, mask = session.mask(session.row)
    assert session.selection.kind is Kind.REGION
    assert session.selection.rows == (session.row,)
    assert session.patch.same(Patch.of(mask, (box[1], box[0])))
    session.skip()
    assert session.selection.rows == (session.row,)


def test_part_of_a_region_is_decided_and_the_rest_is_next(session: Session):
    row = large_row(session)
    pieces = split(session)
    assert len(pieces) >= 2
    assert session.selection.kind is Kind.PART
    override = session.relabel(7)
    assert override.action is Action.SPLIT
    assert override.class_id == 7
    assert Patch(override.box, override.mask).same(pieces[0])
    assert not session.reviewed[row]
    assert session.row == row
    assert session.selection.kind is Kind.REGION
    assert session.patch.area == session.regions.area[row] - pieces[0].area
    assert_agrees_with_the_store(session)
    rest = session.accept()
    assert rest.action is Action.ACCEPT
    assert session.reviewed[row]
    assert session.row != row
    assert_agrees_with_the_store(session)


def test_undo_steps_back_through_the_edit_and_then_through_decisions(session: Session):
    row = large_row(session)
    before = session.curated.copy()
    whole = session.patch
    split(session)
    first = session.patch
    session.edit([EMPTY])
    assert session.undo()
    assert session.patch is first
    assert session.undo()
    assert session.patch.same(whole)
    assert session.redo()
    assert session.patch is first
    session.ignore()
    assert not session.edited
    assert session.undo()
    assert session.row == row
    assert session.patch.same(first)
    assert np.array_equal(session.curated, before)
    assert not session.can_undo
    assert session.undo() is False
    assert session.patch.same(first)
    assert session.redo()
    assert not session.edited
    assert session.patch.same(whole - first)


def drawn(session: Session) -> Patch:
    """Select the current region, as far as it is open, and some pixels beyond it."""
    y, x = session.regions.centroid[session.row]
    session.edit([session.patch | brushed([(y, x), (y, x + 40)], 4, session.frame.shape)])
    assert session.selection.kind is Kind.DRAWN
    return session.patch


def test_undo_of_a_decision_on_what_was_drawn_selects_it_again_and_then_goes_on(session: Session):
    row = large_row(session)
    earlier = session.ignore()
    session.go_to(row)
    first = drawn(session)
    session.ignore()
    assert session.undo()
    assert session.edited
    assert session.patch.same(first)
    assert session.steps == 0
    override = session.relabel(7)  # the class that was meant
    assert Patch(override.box, override.mask).same(first)
    assert session.undo()
    session.edit([session.patch - brushed([session.regions.centroid[row]], 2, session.frame.shape)])
    assert session.steps == 1
    assert session.undo()  # this step
    assert session.patch.same(first)
    assert session.undo()  # the decision before
    assert session.turned == (earlier,)
    assert not session.edited
    assert not session.project.overrides.can_undo
    assert session.redo()
    assert session.turned == (earlier,)
    assert session.redo()
    assert session.turned == (override,)
    assert not session.edited
    assert_agrees_with_the_store(session)


def test_what_was_drawn_is_selected_again_after_reopening_and_reloading(session: Session):
    large_row(session)
    first = drawn(session)
    session.ignore()
    session.next_image()
    again = Session(Project.open(session.project.path))
    try:
        assert again.undo()
        assert again.patch.same(first)
        again.reload()
        assert again.patch.same(first)
        assert again.steps == 0
        assert again.undo() is False
        assert again.clear_edit()
        assert again.selection.kind is Kind.REGION
    finally:
        again.close()


def test_several_decisions_made_at_once_select_nothing_when_undone(session: Session):
    large_row(session)
    halves = split(session)[:2]
    decisions = [Decision(Action.SPLIT, session.image_id, 7, half.box, half.mask) for half in halves]
    session.take(session.project.overrides.record(decisions), go_on=False)
    assert session.undo()
    assert len(session.turned) == 2
    assert not session.edited


def test_moving_on_tells_that_an_edit_was_dropped_and_deciding_does_not(session: Session):
    told: list[int | None] = []
    session.edit_dropped.connect(lambda: told.append(session.row))
    large_row(session)
    drawn(session)
    session.ignore()
    drawn(session)
    session.reload()
    session.undo()  # what was drawn last
    session.undo()
    assert told == []
    assert session.edited
    session.skip()
    assert told == [session.row]
    session.edit([EMPTY])
    session.next_image()
    assert len(told) == 1
    drawn(session)
    session.go_to_image(0 if session.image_id else 1)
    assert len(told) == 2


def test_other_side_and_smaller_and_larger(session: Session):
    large_row(session)
    pieces = split(session)
    told = []
    session.selection_changed.connect(lambda: told.append(session.patch))
    assert not session.choose(-1)
    assert session.choose(1)
    assert session.patch is pieces[1]
    for _ in range(len(pieces) - 1):
        session.choose(1, around=True)
    assert told[-1] is session.patch
    assert session.undo()  # one step, however often another was chosen
    assert not session.edited


def test_whole_regions_are_merged_and_decided_as_one(session: Session):
    row = large_row(session)
    other = neighbour(session)
    assert other != row
    session.edit([session.patch | session.open_part(other)])
    assert session.selection.kind is Kind.WHOLE
    override = session.relabel(5)
    assert override.action is Action.MERGE
    assert session.reviewed[[row, other]].all()
    assert session.decided[[row, other]].tolist() == [5, 5]
    assert override.mask.sum() == session.regions.area[[row, other]].sum()
    assert_agrees_with_the_store(session)


def test_undo_of_a_merge_goes_to_the_region_that_it_was_started_from(session: Session):
    area, there = session.regions.area, []
    for row in range(session.rows.start, session.rows.stop):
        session.row = row
        session.region_changed.emit()
        other = neighbour(session)
        if other is not None and area[other] > area[row]:
            session.edit([session.patch | session.open_part(other)])
            merged = session.patch
            session.relabel(5)
            assert session.undo()
            assert session.row == row
            assert session.patch.same(merged)
            assert session.redo()
            assert session.row == row
            assert session.undo()
            there.append(row)
    assert len(there) > 1


def test_open_parts_of_regions_can_be_merged(session: Session):
    row = large_row(session)
    split(session)
    session.relabel(7)
    other = neighbour(session)
    session.edit([session.patch | session.open_part(other)])
    assert session.selection.kind is Kind.WHOLE
    session.relabel(5)
    assert session.reviewed[[row, other]].all()
    assert np.count_nonzero(session.curated == 7) > 0  # the first part keeps its class
    assert_agrees_with_the_store(session)


def test_most_alike_neighbour_has_the_most_similar_probabilities(session: Session):
    row = large_row(session)
    ids, contact = touching(session.patch, session.frame.region_ids)
    beside = session.rows.start + ids - 1
    assert len(beside) > 1
    for best in beside:
        probabilities = np.zeros_like(session.regions.probabilities)
        probabilities[:, 1] = 1
        probabilities[[row, best]] = np.eye(len(probabilities[0]))[2]
        session.regions = replace(session.regions, probabilities=probabilities)
        assert neighbour(session) == best
    session.regions = replace(
        session.regions, probabilities=np.zeros_like(probabilities), votes=probabilities * 0
    )
    assert neighbour(session) in beside[contact == contact.max()]


def test_drawn_pixels_take_what_they_cover_and_leave_the_rest(session: Session):
    row = large_row(session)
    y, x = session.regions.centroid[row]
    drawn = brushed([(y, x - 12), (y, x + 12)], 3, session.frame.shape)
    session.edit([session.patch | drawn | filled_polygon([(0, 0), (0, 20), (9, 9)], session.frame.shape)])
    assert session.selection.kind is Kind.DRAWN
    override = session.accept()
    assert override.action is Action.DRAW
    assert override.class_id == session.regions.class_id[row]
    assert session.reviewed[row]
    assert (session.curated[0, :10] == override.class_id).all()
    assert_agrees_with_the_store(session)


def test_nothing_selected_is_refused(session: Session):
    session.edit([EMPTY])
    with pytest.raises(OverrideError, match="nothing is selected yet"):
        session.ignore()
    assert session.edited
    assert session.clear_edit()
    assert session.selection.kind is Kind.REGION
    assert not session.clear_edit()


def test_image_without_regions_can_be_drawn_on(tmp_path: Path):
    session = Session(Project.open(make_project(tmp_path, scored=False)))
    try:
        session.next_image()
        drawn = brushed([(20, 20)], 6, session.frame.shape)
        session.edit([drawn])
        with pytest.raises(OverrideError, match="only something drawn"):
            session.accept()
        override = session.relabel(13)
        assert (override.action, override.region_id) == (Action.DRAW, None)
        assert session.image_id == 1
        assert not session.edited
        assert np.count_nonzero(session.curated == 13) == drawn.area
        session.next_image()
        assert session.undo()
        assert session.image_id == 1
        assert (session.curated == IGNORE).all()
    finally:
        session.close()


def test_regions_are_cut_along_an_edit_when_psa_runs_again(session: Session):
    row = large_row(session)
    image_id = session.image_id
    pieces = split(session)
    session.relabel(7)
    maps = [class_map(r.shape, seed=r.id) for r in session.project.images]
    maps[0][:2, 20:60] = 4
    with Project.open(session.project.path) as run:
        store_regions(run, maps, seed=5)
    session.edit([session.patch - brushed([session.regions.centroid[row]], 2, session.frame.shape)])
    kept = session.patch
    session.reload()
    assert session.image_id == image_id
    assert session.patch is kept  # a run that ends takes no edit away
    assert np.count_nonzero(session.curated == 7) >= pieces[0].area
    assert_agrees_with_the_store(session)


@pytest.mark.parametrize("seed", range(4))
def test_random_edits_stay_on_the_image_and_undo_gives_everything_back(session: Session, seed: int):
    rng = np.random.default_rng(seed)

    def path(n: int) -> list[tuple[float, float]]:
        height, width = session.frame.shape
        return [(float(rng.uniform(-5, height + 5)), float(rng.uniform(-5, width + 5))) for _ in range(n)]

    def add_region() -> None:
        rows = session.rows
        session.edit([session.patch | session.open_part(int(rng.integers(rows.start, rows.stop)))])

    def brush() -> None:
        session.edit([session.patch | brushed(path(2), 4, session.frame.shape)])

    def erase() -> None:
        session.edit([session.patch - brushed(path(3), 6, session.frame.shape)])

    def decide() -> None:
        if session.selection.kind is not Kind.EMPTY:
            session.relabel(int(rng.integers(0, 19)))

    actions = [
        lambda: session.edit(cut(session.patch, path(3))), lambda: session.choose(1, around=True),
        add_region, brush, erase, lambda: session.edit([filled_polygon(path(4), session.frame.shape)]),
        decide, decide, decide, session.undo, session.redo, session.skip, session.next_image,
        session.previous_image, session.clear_edit,
    ]  # fmt: skip
    first = {i: session.project.curated(i) for i in range(3)}
    recorded = 0
    for choice in rng.integers(0, len(actions), 60):
        actions[choice]()
        x0, y0, x1, y1 = session.patch.box
        height, width = session.frame.shape
        assert 0 <= x0 <= x1 <= width
        assert 0 <= y0 <= y1 <= height
        assert np.array_equal(session.curated, session.project.curated(session.image_id))
        recorded = max(recorded, len(session.project.overrides))
    assert recorded > 3
    assert_agrees_with_the_store(session)
    session.clear_edit()
    while session.undo():
        pass
    assert not session.reviewed.any()
    for image_id, curated in first.items():
        assert np.array_equal(session.project.curated(image_id), curated)


@pytest.mark.parametrize("came_back", [False, True])
def test_what_a_stroke_leaves_of_a_small_region_is_next(tmp_path: Path, came_back: bool):
    """It counts as decided already, and yet whoever has cut it is asked about both pieces."""
    labels = np.full((40, 40), 2, dtype=np.uint8)
    labels[10:18, 10:18] = 13
    path = make_project(tmp_path, [(40, 40), (40, 40)], scored=False)
    with Project.open(path) as project:
        store_regions(project, [labels, class_map((40, 40), seed=1)])
    session = Session(Project.open(path))
    try:
        session.go_to_image(0)
        session.select_at(12, 12)
        row, whole = session.row, session.patch
        pieces = cut(whole, [(9.5, 10.6), (18.5, 10.6)])
        assert [p.area for p in pieces] == [8, 56]
        session.edit(pieces, 1)
        session.ignore()
        if came_back:
            session.undo()
            session.ignore()
        assert session.reviewed[row]
        assert session.row == row
        assert session.patch.same(pieces[0])
        assert session.steps == 0
        session.relabel(7)
        assert session.row != row
        assert (session.project.curated(0)[10:18, 10] == 7).all()
        assert (session.project.curated(0)[10:18, 11:18] == IGNORE).all()
        session.undo()
        assert session.patch.same(pieces[0])
        session.undo()
        assert session.patch.same(pieces[1])
    finally:
        session.close()


def test_slivers_that_a_brush_leaves_are_not_asked_about(session: Session):
    row = large_row(session)
    whole = session.patch
    y, x = whole.first
    corner = Patch((x, y, x + 2, y + 2), np.ones((2, 2), dtype=bool))
    session.edit([whole - corner])
    session.accept()
    assert session.reviewed[row]
    assert not session.edited
    assert session.row != row
