from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.errors import OverrideError, StorageFullError
from seco_core.project import Action, Project
from seco_core.project.override_log import OverrideLog
from seco_core.project.overrides import Decision, Origin
from seco_core.project.store import new_store
from seco_core.refine import override_owner, paint_overrides, reviewed_regions

SHAPE = (12, 16)


def decision(x0=2, y0=3, x1=6, y1=7, class_id=1, image_id=0, mask=None) -> Decision:
    if mask is None:
        mask = np.ones((y1 - y0, x1 - x0), dtype=bool)
    return Decision(Action.RELABEL, image_id, class_id, (x0, y0, x1, y1), mask)


def memory_log() -> OverrideLog:
    """A log in a store that needs no disk; foreign keys off, so that images need not exist."""
    from seco_core.project.schema import TABLES

    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript(TABLES)
    return OverrideLog(connection)


def test_recorded_override_is_there_after_reopening(project_path: Path):
    mask = np.zeros((4, 4), dtype=bool)
    mask[1:3, 2] = True
    with Project.open(project_path) as project:
        project.overrides.record([decision(mask=mask)])
    with Project.open(project_path) as project:
        (override,) = project.overrides.active(0)
        assert override.box == (2, 3, 6, 7)
        assert override.class_id == 1
        assert override.action is Action.RELABEL
        np.testing.assert_array_equal(override.mask, mask)


def test_undo_and_redo_survive_reopening(project_path: Path):
    with Project.open(project_path) as project:
        project.overrides.record([decision(class_id=1)])
        project.overrides.record([decision(class_id=2), decision(class_id=3, image_id=1)])
        undone = project.overrides.undo()
        assert [o.class_id for o in undone] == [2, 3]
    with Project.open(project_path) as project:
        log = project.overrides
        assert [o.class_id for o in log.active(0)] == [1]
        assert log.active(1) == ()
        assert log.can_redo
        log.redo()
        assert [o.class_id for o in log.active(0)] == [1, 2]
        assert not log.can_redo
        assert [e.kind for e in log.history()] == ["override"] * 3 + ["undo", "redo"]


def test_new_decision_ends_redo_but_stays_in_history():
    log = memory_log()
    log.record([decision(class_id=1)])
    log.undo()
    log.record([decision(class_id=2)])
    assert not log.can_redo
    assert log.redo() == ()
    assert len(log.history()) == 3


def test_undo_of_nothing_does_nothing():
    log = memory_log()
    assert log.undo() == ()
    assert log.redo() == ()
    assert log.history() == []


@pytest.mark.parametrize(
    "bad", [{"mask": np.zeros((4, 4), bool)}, {"mask": np.ones((2, 2), bool)}, {"x0": -1}]
)
def test_masks_that_make_no_sense_are_refused(bad):
    log = memory_log()
    with pytest.raises(OverrideError):
        log.record([decision(**bad)])
    assert len(log) == 0


def test_log_is_append_only(project_path: Path):
    with Project.open(project_path) as project:
        project.overrides.record([decision()])
        for statement in ("DELETE FROM events", "UPDATE events SET class_id = 9"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                project.connection.execute(statement)


def test_history_says_where_decisions_came_from_and_whether_they_hold(project_path: Path):
    with Project.open(project_path) as project:
        log = project.overrides
        (source,) = log.record([decision(class_id=1)])
        follows = replace(decision(class_id=2), origin=Origin.PROPOSAL, source_seq=source.seq)
        log.record([follows])
        log.record([decision(class_id=3)])
        for turn in (log.undo, log.undo, log.redo):
            turn()
        told = [(e.origin, e.source_seq, e.holds) for e in log.history()]
        assert told[:3] == [("person", None, True), ("proposal", source.seq, True), ("person", None, False)]
        assert told[3:] == [(None, None, None)] * 3


def test_two_windows_see_each_others_decisions(project_path: Path):
    with Project.open(project_path) as one, Project.open(project_path) as two:
        one.overrides.record([decision(class_id=1)])
        two.overrides.record([decision(class_id=2)])
        assert [o.class_id for o in two.overrides.active(0)] == [1, 2]
        assert two.overrides.changed_by_others() == {0}
        two.overrides.forget_changed()
        assert two.overrides.changed_by_others() == set()
        one.overrides.refresh()
        assert [o.class_id for o in one.overrides.active(0)] == [1, 2]
        assert one.overrides.changed_by_others() == {0}
        with pytest.raises(OverrideError, match="another window"):
            one.overrides.undo()
        one.overrides.forget_changed()
        one.overrides.undo()
        assert one.overrides.changed_by_others() == set()
        two.overrides.refresh()
        assert two.overrides.changed_by_others() == {0}


def test_looking_finds_what_others_have_decided_and_reads_nothing_if_nobody_has(project_path: Path):
    with Project.open(project_path) as one, Project.open(project_path) as two:
        asked: list[str] = []
        assert not one.overrides.look()
        one.connection.set_trace_callback(asked.append)
        for _ in range(3):
            one.overrides.record([decision(class_id=1)])
            asked.clear()
            assert not one.overrides.look(), "its own"
            assert not any("events" in statement for statement in asked)
        two.overrides.record([decision(class_id=2)])
        assert one.overrides.look()
        assert [o.class_id for o in one.overrides.active(0)] == [1, 1, 1, 2]
        assert one.overrides.changed_by_others() == {0}
        assert one.overrides.look(), "until it was shown"
        one.overrides.forget_changed()
        assert not one.overrides.look()
        with pytest.raises(OverrideError, match="another window"):
            two.overrides.undo()
        two.overrides.undo()
        assert one.overrides.look()
        assert len(one.overrides.active(0)) == 3
        with pytest.raises(OverrideError, match="another window"):
            one.overrides.undo()


def test_looking_does_not_wait_for_whoever_is_writing(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    # where writing shuts readers out
    monkeypatch.setattr("seco_core.project.store.on_network_share", lambda path: True)
    with Project.open(project_path) as one, Project.open(project_path) as two:
        two.overrides.look()
        one.overrides.record([decision(class_id=1)])
        one.connection.execute("BEGIN EXCLUSIVE")
        begun = time.perf_counter()
        assert not two.overrides.look()
        assert time.perf_counter() - begun < 5  # 30 s if it waited
        one.connection.execute("ROLLBACK")
        assert two.overrides.look()
        assert two.connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000


def test_undo_and_redo_never_turn_what_another_window_did_unseen(project_path: Path):
    with Project.open(project_path) as one, Project.open(project_path) as two:
        one.overrides.record([decision(class_id=1)])
        with pytest.raises(OverrideError, match="another window"):
            two.overrides.undo()
        two.overrides.record([decision(class_id=2)])
        with pytest.raises(OverrideError, match="undo again"):
            one.overrides.undo()
        assert [o.class_id for o in one.overrides.active(0)] == [1, 2]
        assert [o.class_id for o in two.overrides.undo()] == [2], "its own"
        with pytest.raises(OverrideError, match="redo again"):
            one.overrides.redo()
        assert [o.class_id for o in one.overrides.redo()] == [2], "it was told"
        assert [o.class_id for o in one.overrides.undo()] == [2]
        assert [o.class_id for o in one.overrides.undo()] == [1]
    with Project.open(project_path) as later:
        assert [o.class_id for o in later.overrides.redo()] == [1], "opening it is looking at it"


def test_full_disk_loses_nothing(project_path: Path):
    with Project.open(project_path) as project:
        project.overrides.record([decision(class_id=1)])
        pages = project.connection.execute("PRAGMA page_count").fetchone()[0]
        project.connection.execute(f"PRAGMA max_page_count = {pages}")
        noise = np.random.default_rng(0).random((300, 300)) < 0.5
        with pytest.raises(StorageFullError, match="intact"):
            project.overrides.record([decision(0, 0, 300, 300, 2, mask=noise)])
        assert [o.class_id for o in project.overrides.active(0)] == [1]
        project.connection.execute("PRAGMA max_page_count = 1000000")
        project.overrides.record([decision(class_id=3)])
    with Project.open(project_path) as project:
        assert [o.class_id for o in project.overrides.active(0)] == [1, 3]


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"), st.integers(0, 11), st.integers(0, 15), st.integers(1, 5), st.integers(0, 18)
        ),
        st.tuples(st.sampled_from(["undo", "redo", "reopen"])),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_any_sequence_leaves_what_a_plain_stack_leaves(sequence):
    log = memory_log()
    done: list[tuple[slice, slice, int]] = []
    undone: list[tuple[slice, slice, int]] = []
    for step in sequence:
        if step[0] == "record":
            _, y, x, size, class_id = step
            y1, x1 = min(y + size, SHAPE[0]), min(x + size, SHAPE[1])
            log.record([decision(x, y, x1, y1, class_id)])
            done.append((slice(y, y1), slice(x, x1), class_id))
            undone.clear()
        elif step[0] == "undo":
            log.undo()
            if done:
                undone.append(done.pop())
        elif step[0] == "redo":
            log.redo()
            if undone:
                done.append(undone.pop())
        else:
            log = OverrideLog(log._connection)
        expected = np.full(SHAPE, 255, dtype=np.uint8)
        for rows, columns, class_id in done:
            expected[rows, columns] = class_id
        painted = paint_overrides(np.full(SHAPE, 255, dtype=np.uint8), log.active(0))
        np.testing.assert_array_equal(painted, expected)
        assert (log.can_undo, log.can_redo) == (bool(done), bool(undone))


def test_owner_says_which_override_holds():
    owner = override_owner(SHAPE, [decision(0, 0, 4, 4), decision(2, 2, 6, 6)])
    assert owner[0, 0] == 1
    assert owner[3, 3] == 2
    assert owner[10, 10] == 0


def rows_covered(*counts: int, height: int = 40, width: int = 10) -> tuple[np.ndarray, list[Decision]]:
    """Regions of equal size side by side, and an override over the first rows of each."""
    region_ids = np.repeat(np.arange(1, len(counts) + 1, dtype=np.uint16), width)[None].repeat(height, axis=0)
    covering = [
        decision(i * width, 0, (i + 1) * width, rows, class_id=i + 3) for i, rows in enumerate(counts) if rows
    ]
    return region_ids, covering


def test_region_counts_as_reviewed_when_at_most_a_tenth_is_left_out():
    region_ids, covering = rows_covered(36, 35, 20, 0)
    reviewed, decided = reviewed_regions(region_ids, 4, covering)
    assert reviewed.tolist() == [True, False, False, False]
    assert decided.tolist() == [3, 255, 255, 255]


def test_few_pixels_left_out_keep_no_small_region_open_but_half_of_it_does():
    # of 40 pixels 20, 30 and none are left out
    region_ids, covering = rows_covered(2, 1, 4, height=4)
    reviewed, _ = reviewed_regions(region_ids, 3, covering)
    assert reviewed.tolist() == [True, False, True]


def test_class_of_most_overridden_pixels_is_the_decided_one():
    region_ids, (first,) = rows_covered(40)
    _, decided = reviewed_regions(region_ids, 1, [first, decision(0, 0, 10, 15, class_id=7)])
    assert decided.tolist() == [3]
    _, decided = reviewed_regions(region_ids, 1, [first, decision(0, 0, 10, 25, class_id=7)])
    assert decided.tolist() == [7]


def test_store_is_not_made_twice(tmp_path: Path):
    from seco_core.errors import ProjectError

    with new_store(tmp_path / "seco.sqlite"):
        pass
    with pytest.raises(ProjectError, match="already"), new_store(tmp_path / "seco.sqlite"):
        pass
