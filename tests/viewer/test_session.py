from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seco_core.errors import OverrideError, ProjectReadOnlyError
from seco_core.project import Action, ImageRecord, Project
from seco_core.project.overrides import Decision
from seco_core.review import Order
from seco_core.scheme import IGNORE
from seco_viewer.selection import Patch
from seco_viewer.session import Session
from tests.viewer.scenes import class_map, make_project, store_regions


def worst_flagged(session: Session) -> list[int]:
    """The queue, thought out again: flagged and not reviewed, by noise score, then area, then row."""
    area, noise = session.regions.area, session.noise(slice(None))
    return sorted(np.flatnonzero(session.flagged).tolist(), key=lambda i: (-noise[i], -area[i], i))


def assert_agrees_with_the_store(session: Session) -> None:
    """What the session kept up to date bit by bit is what a new one reads."""
    assert np.array_equal(session.curated, session.project.curated(session.image_id))
    fresh = Session(Project.open(session.project.path, readonly=True))
    try:
        assert np.array_equal(fresh.reviewed, session.reviewed)
        assert np.array_equal(fresh.decided, session.decided)
        assert len(fresh.queue) == int(session.flagged.sum())
    finally:
        fresh.close()


def test_begins_at_the_worst_flagged_region(session: Session):
    expected = worst_flagged(session)
    assert session.row == expected[0]
    assert session.image_id == session.regions.image_id[expected[0]]
    assert len(session.queue) == len(expected)
    assert session.queue.position(expected[2]) == 3


def test_accepting_all_walks_the_queue_in_order_and_empties_it(session: Session):
    first, walked = worst_flagged(session), []
    while session.queue.current() is not None:
        assert session.row == worst_flagged(session)[0]
        walked.append(session.row)
        session.accept()
    assert set(walked) >= set(first)
    assert len(set(walked)) == len(walked)
    assert len(session.queue) == 0
    assert session.queue.current() is None
    assert session.counts()[1] == 0
    assert_agrees_with_the_store(session)


def test_decision_is_stored_with_the_regions_mask_before_it_returns(session: Session):
    row = session.row
    box, mask = session.mask(row)
    session.accept()
    with Project.open(session.project.path, readonly=True) as other:
        (stored,) = other.overrides.active(int(session.regions.image_id[row]))
    assert stored.action == Action.ACCEPT
    assert stored.class_id == session.regions.class_id[row]
    assert stored.box == box
    assert np.array_equal(stored.mask, mask)
    assert mask.sum() == session.regions.area[row]


def test_each_decision_gives_its_class(session: Session):
    decisions = {
        Action.RELABEL: lambda: session.relabel(7),
        Action.IGNORE: session.ignore,
        Action.UNKNOWN: session.unknown,
    }
    for action, decide in decisions.items():
        row = session.row
        assert session.regions.class_id[row] != 7
        decide()
        assert session.reviewed[row]
        assert session.decided[row] == (7 if action == Action.RELABEL else IGNORE)
        assert session.noise(slice(row, row + 1)) == 0
        assert session.project.overrides.active(int(session.regions.image_id[row]))[-1].action == action
    assert_agrees_with_the_store(session)


def test_prediction_is_taken(session: Session):
    differs = np.flatnonzero(session.flagged & (session.regions.predicted != session.regions.class_id))
    while session.row not in differs:
        session.skip()
    row = session.row
    session.take_suggestion()
    assert session.decided[row] == session.regions.predicted[row]


def test_class_outside_the_scheme_is_refused_and_nothing_stored(session: Session):
    row = session.row
    with pytest.raises(OverrideError, match="no class 99"):
        session.relabel(99)
    assert session.row == row
    assert len(session.project.overrides) == 0


def test_undo_and_redo_go_to_the_region_across_images(session: Session):
    first = session.row
    while session.regions.image_id[session.row] == session.regions.image_id[first]:
        session.accept()
    other_image = session.image_id
    assert session.undo()
    undone = session.row
    assert not session.reviewed[undone]
    assert session.image_id != other_image
    assert session.redo()
    assert session.row == undone
    assert session.reviewed[undone]
    while session.undo():
        pass
    assert session.row == first
    assert not session.reviewed.any()
    assert session.undo() is False
    assert_agrees_with_the_store(session)


@pytest.mark.parametrize("seed", range(3))
def test_random_actions_leave_what_the_store_says(session: Session, seed: int):
    rng = np.random.default_rng(seed)
    actions = [
        session.accept, session.take_suggestion, session.ignore, session.unknown, session.skip, session.back,
        session.next_image, session.previous_image, session.undo, session.undo, session.redo, session.resume,
        lambda: session.relabel(int(rng.integers(0, 19))),
        lambda: session.select_at(int(rng.integers(0, 60)), int(rng.integers(0, 80))),
    ]  # fmt: skip
    decided = []
    session.regions_decided.connect(lambda rows, box: decided.append(rows))
    for choice in rng.integers(0, len(actions), 40):
        if session.row is None:
            session.resume()
        if session.row is not None:
            actions[choice]()
        assert np.array_equal(session.curated, session.project.curated(session.image_id))
    assert decided
    assert_agrees_with_the_store(session)
    session.reload()
    assert_agrees_with_the_store(session)


def test_skipping_goes_around_and_back_returns(session: Session):
    expected = worst_flagged(session)
    for row in expected[1:]:
        session.skip()
        assert session.row == row
    session.skip()
    assert session.row == expected[0]
    assert session.back()
    assert session.row == expected[-1]
    assert len(session.project.overrides) == 0


def test_image_gone_to_by_hand_is_finished_before_the_queue_goes_on(session: Session):
    target = next(
        i for i in range(3) if i != session.image_id and session.flagged[session.regions.rows_of(i)].any()
    )
    session.go_to_image(target)
    while there := [r for r in worst_flagged(session) if session.regions.image_id[r] == target]:
        assert session.row == there[0]
        session.accept()
    assert session.row == worst_flagged(session)[0]


def test_click_selects_and_the_queue_goes_on_where_it_was(session: Session):
    start, rows = session.row, session.rows
    other = next(r for r in range(rows.start, rows.stop) if r != start and r not in worst_flagged(session))
    (x0, y0, _, _), mask = session.mask(other)
    y, x = np.argwhere(mask)[0]
    session.select_at(y0 + int(y), x0 + int(x))
    assert session.row == other
    session.select_at(0, 0)  # no region there
    session.select_at(-1, 10_000)
    assert session.row == other
    session.relabel(9)
    assert session.decided[other] == 9
    assert session.row == worst_flagged(session)[0]


def test_filters_narrow_the_queue(session: Session):
    every = len(session.regions)
    session.set_filter(only_flagged=False)
    assert len(session.queue) == every
    class_id = int(session.regions.class_id[0])
    session.set_filter(only_flagged=False, only_class=class_id)
    assert len(session.queue) == int((session.regions.class_id == class_id).sum())
    session.set_filter(only_flagged=False, only_image=1)
    assert session.image_id == 1
    rows = session.regions.rows_of(1)
    assert len(session.queue) == rows.stop - rows.start
    session.next_image()
    assert session.only_image == 2
    assert session.queue.current() in range(*session.rows.indices(every))


def test_run_that_changes_ids_keeps_place_and_decisions(session: Session):
    session.go_to_image(1)
    row = session.row
    (x0, y0, _, _), mask = session.mask(row)
    y, x = (np.argwhere(mask)[0] + (y0, x0)).tolist()
    session.relabel(9)
    session.select_at(y, x)
    maps = [class_map(r.shape, seed=r.id) for r in session.project.images]
    maps[1][:2, 20:60] = 4  # a region before all others: every id of the image moves
    with Project.open(session.project.path) as run:
        store_regions(run, maps, seed=5)
    before = session.regions.id[row]
    session.reload()
    assert session.image_id == 1
    assert session.frame.region_ids[y, x] == session.row - session.rows.start + 1
    assert session.regions.id[session.row] != before
    assert session.decided[session.row] == 9
    assert_agrees_with_the_store(session)


def test_regions_replaced_by_a_run_that_goes_on_are_left_alone(session: Session):
    start = session.image_id
    target = (start + 1) % 3
    maps = [class_map(r.shape, seed=r.id + (20 if r.id == target else 0)) for r in session.project.images]
    with Project.open(session.project.path) as run:
        store_regions(run, maps, seed=5)
    session.frames.forget()
    session.go_to_image(target)
    assert session.row is None
    assert "anew" in session.frame.problem
    session.skip()
    assert session.row is not None
    assert session.image_id != target
    session.reload()
    session.go_to_image(target)
    assert session.frame.problem is None
    assert_agrees_with_the_store(session)


def test_project_without_regions_can_be_looked_at(tmp_path: Path):
    session = Session(Project.open(make_project(tmp_path, scored=False)))
    try:
        assert session.row is None
        session.next_image()
        assert session.image_id == 1
        session.select_at(10, 10)
        session.skip()
        with pytest.raises(OverrideError, match="no region is selected"):
            session.accept()
        store_regions(session.project, [class_map(s, seed=0) for s in [(60, 80), (60, 80), (48, 96)]])
        session.reload()
        assert session.row is not None
    finally:
        session.close()


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
        assert session.counts()[1] > 0, "they are flagged as before"


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


def test_read_only_project_refuses_and_stays_as_it_is(scored_path: Path):
    session = Session(Project.open(scored_path, readonly=True))
    try:
        row = session.row
        with pytest.raises(ProjectReadOnlyError):
            session.accept()
        assert session.row == row
        assert not session.reviewed.any()
    finally:
        session.close()


def test_facts_of_a_region(session: Session):
    row = session.row
    facts = session.facts(row)
    assert facts.class_id == session.regions.class_id[row]
    assert facts.probability == pytest.approx(session.regions.probabilities[row].max())
    assert len(facts.neighbours) == len(session.project.neighbours(int(session.regions.id[row])))
    assert facts.decided is None
    session.accept()
    assert session.facts(row).decided == facts.class_id


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
