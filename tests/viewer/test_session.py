from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from seco_core.errors import OverrideError, ProjectReadOnlyError
from seco_core.project import Action, Project
from seco_core.scheme import IGNORE
from seco_viewer.session import Session
from tests.viewer.agreement import assert_agrees_with_the_store
from tests.viewer.scenes import class_map, make_project, store_regions, take_suggestion_if_any


def worst_flagged(session: Session) -> list[int]:
    """The queue, thought out again: flagged and not reviewed, by noise score, then area, then row."""
    area, noise = session.regions.area, session.noise(slice(None))
    return sorted(np.flatnonzero(session.flagged).tolist(), key=lambda i: (-noise[i], -area[i], i))


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


@contextmanager
def repeats_allowed() -> Iterator[None]:
    """A decision may be refused because it is made already, and for nothing else."""
    try:
        yield
    except OverrideError as error:
        if not error.message.startswith("already decided"):
            raise


@pytest.mark.parametrize("seed", range(3))
def test_random_actions_leave_what_the_store_says(session: Session, seed: int):
    rng = np.random.default_rng(seed)
    actions = [
        partial(take_suggestion_if_any, session),
        session.accept, session.ignore, session.unknown, session.skip, session.back,
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
            with repeats_allowed():
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
