"""Regions of an image that a run has cut anew and nobody has scored yet: seen, merged, decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seco_core.errors import OverrideError
from seco_core.project import Action
from seco_viewer.docks.main import SecoDock
from seco_viewer.edit_tools import Tool
from seco_viewer.region_list import RegionState, RowFilter, limited_to, listed_rows, region_states
from seco_viewer.selection import Kind, touching
from seco_viewer.session import Session
from tests.viewer.scenes import ANEW, class_map, cut_anew, go_to_new_regions, largest, pixel


def test_regions_of_the_same_areas_with_other_classes_are_new_ones(session: Session, scored_path: Path):
    session.go_to_image(1)
    before, row = class_map((60, 80), seed=1), session.row
    swapped = before.copy()
    swapped[before == 3] = 4
    cut_anew(scored_path, 1, swapped)
    area, _ = session.project.region_areas(1)
    assert np.array_equal(area, session.regions.area[session.rows])
    assert row is not None
    session.regions_replaced([1])
    session.frames.get(1)
    assert session.show_new_regions(), "else it is asked for again and again"
    assert not session.show_new_regions()
    assert np.array_equal(session.psa_here(), swapped)
    assert session.row is None
    session.go_to_image(0)
    session.go_to_image(1)
    assert np.array_equal(session.psa_here(), swapped)
    cut_anew(scored_path, 0, class_map((60, 80), seed=0))
    session.regions_replaced([0])
    session.go_to_image(0)
    assert session.new_regions is None, "it is as it was"


def test_two_new_regions_are_merged_and_decided_as_one(anew: Session):
    first = largest(anew)
    anew.select_at(*pixel(anew, first))
    other = anew.most_alike_neighbour()
    assert other not in (None, first)
    clicked = anew.patch_at(pixel(anew, other))
    assert np.array_equal(clicked.on((0, 0, 80, 60)), anew.region_ids_here == other)
    anew.edit([anew.patch | clicked])
    assert anew.selection.kind is Kind.WHOLE
    assert anew.selection.ids == tuple(sorted((first, other)))
    assert anew.selection.rows == ()
    assert anew.meant is None
    class_id = int(anew.new_regions.class_id[first - 1])
    override = anew.accept()
    assert (override.action, override.class_id) == (Action.MERGE, class_id)
    assert override.region_id % 65536 == first
    assert (anew.curated[np.isin(anew.region_ids_here, (first, other))] == class_id).all()
    assert anew.picked is None, "the next key decides nothing"
    anew.reload()
    anew.go_to_image(1)
    assert anew.reviewed[[anew.rows.start + i - 1 for i in (first, other)]].all()


def test_a_part_of_a_new_region_is_split_off_and_the_rest_is_next(anew: Session):
    first = largest(anew)
    anew.select_at(*pixel(anew, first))
    whole = anew.patch
    half = type(whole)(whole.box, whole.mask & (np.arange(whole.mask.shape[1]) < whole.mask.shape[1] // 2))
    anew.edit([half])
    assert anew.selection.kind is Kind.PART
    assert anew.relabel(5).action is Action.SPLIT
    assert anew.picked == first
    assert anew.patch.same(whole - half)
    anew.edit([anew.patch | anew.open_part_of(anew.most_alike_neighbour())])
    assert anew.selection.kind is Kind.WHOLE, "what is left of one, with another one"
    anew.clear_edit()
    assert anew.accept().action is Action.ACCEPT
    assert anew.picked is None


def test_a_new_region_is_most_like_the_one_of_the_same_votes(anew: Session):
    anew.select_at(*pixel(anew, largest(anew)))
    beside, _ = touching(anew.patch, anew.region_ids_here)
    assert len(beside) > 1
    for best in beside.tolist():
        votes = np.tile(np.eye(19, dtype=np.float32)[1], (len(anew.classes_here), 1))
        votes[[anew.picked - 1, best - 1]] = np.eye(19)[2]
        anew.new_regions = replace(anew.new_regions, votes=votes)
        assert anew.most_alike_neighbour() == best


def test_what_needs_a_score_or_a_region_says_so(anew: Session):
    with pytest.raises(OverrideError, match="no region is selected"):
        anew.most_alike_neighbour()
    anew.select_at(*pixel(anew, 1))
    with pytest.raises(OverrideError, match="not scored yet"):
        anew.take_suggestion()


def test_as_many_are_flagged_as_are_in_the_queue(session: Session, scored_path: Path):
    told: list[tuple] = []
    session.images_cut_anew.connect(told.append)
    session.queue_changed.connect(lambda: told.append(("queue", len(session.queue))))
    for image_id in (0, 1):
        assert session.counts()[1] == len(session.queue) > 0
        before, of_image = len(session.queue), session.counts(image_id)[1]
        cut_anew(scored_path, image_id, class_map((60, 80), seed=ANEW))
        session.regions_replaced([image_id])
        assert session.counts(image_id)[1] == 0
        assert session.counts()[1] == len(session.queue) == before - of_image
        assert told == [(image_id,), ("queue", before - of_image)]
        told.clear()
        session.regions_replaced([image_id])
        assert not told, "nothing new"
    record = session.project.images[2]
    record.image.unlink()
    session.frames.forget()
    session.go_to_image(2)
    assert session.counts()[1] == len(session.queue) == 0


def test_an_image_that_turns_out_to_be_cut_anew_is_one_of_them(session: Session, scored_path: Path):
    """By a run in another program, say."""
    session.go_to_image(0)
    cut_anew(scored_path, 1, class_map((60, 80), seed=ANEW))
    session.go_to_image(1)
    assert session.new_regions is not None
    assert session.cut_anew == {1}
    assert (region_states(session)[session.rows] == RegionState.LEFT_OUT).all()
    assert session.counts()[1] == len(session.queue)
    session.project.images[2].image.unlink()
    session.go_to_image(2)
    assert session.cut_anew == {1}, "one that is gone is not"


def test_regions_of_an_image_cut_anew_are_neither_flagged_nor_kept(session: Session, scored_path: Path):
    rows = session.regions.rows_of(1)
    session.go_to(rows.start)
    session.accept()
    flagged = session.flagged.copy()
    only_flagged = RowFilter(state=RegionState.FLAGGED)
    limit = limited_to(session, only_flagged)
    cut_anew(scored_path, 1, class_map((60, 80), seed=ANEW))
    session.regions_replaced([1])
    states = region_states(session)
    assert states[rows.start] == RegionState.REVIEWED, "decisions stay"
    assert (states[rows.start + 1 : rows.stop] == RegionState.LEFT_OUT).all()
    assert (states == RegionState.LEFT_OUT).sum() == rows.stop - rows.start - 1
    flagged[rows] = False
    assert np.array_equal(listed_rows(session, only_flagged), np.flatnonzero(flagged))
    assert np.array_equal(limited_to(session, only_flagged), limit), "they may come again"


@pytest.mark.gui
def test_merge_and_join_work_with_mouse_and_key_on_new_regions(dock: SecoDock, scored_path: Path, qapp):
    session, tools = dock.session, dock.opened.tools
    go_to_new_regions(session, scored_path)
    dock.perform("merge_alike")
    assert "No region is selected" in dock.message.text()
    first = largest(session)
    session.select_at(*pixel(session, first))
    dock.perform("merge_alike")
    assert "several regions as they are" in dock.message.text()
    assert dock.perform("leave") is None
    dock.perform("merge")
    assert tools.tool is Tool.MERGE
    other = session.most_alike_neighbour()
    tools._clicked(pixel(session, other), adds=False)
    assert set(session.selection.ids) == {first, other}
    qapp.processEvents()
    assert dock.opened.review.buttons["accept"].isEnabled()
    dock.perform("accept")
    assert [o.action for o in session.project.overrides.active(1)] == [Action.MERGE]


@pytest.mark.gui
def test_images_cut_anew_are_marked_on_all_pages(dock: SecoDock, scored_path: Path, qapp):
    session, opened = dock.session, dock.opened
    session.project.images[2].image.unlink()
    session.go_to_image(2)
    session.go_to_image(0)
    rows, counts = session.regions.rows_of(1), opened.images.model
    opened.queue.narrow()
    qapp.processEvents()
    before = len(session.queue)
    cut_anew(scored_path, 1, class_map((60, 80), seed=ANEW))
    session.regions_replaced([1])
    qapp.processEvents()
    left = len(session.queue)
    assert left < before
    assert f"of {left} in the queue" in opened.review.progress.place.text()
    assert f"{left} flagged" in opened.review.progress.done.format()
    assert f"{left} flagged" in opened.images.totals.text()
    left_out = np.count_nonzero(session.flagged & (session.regions.image_id > 0))
    assert f"{left_out} left out" in opened.review.progress.done.format()
    assert f"{left_out} left out" in opened.images.totals.text()

    def text(model, row: int, header: str) -> str | None:
        return model.data(model.index(row, model.headers.index(header)))

    assert [text(counts, i, "state") for i in range(3)] == ["done", "cut anew", "unusable"]
    assert [text(counts, i, "flagged") is None for i in range(3)] == [False, True, True]
    table = opened.queue.model
    assert text(table, table.place(rows.start), "state") == "cut anew"
    assert text(table, table.place(session.regions.rows_of(2).start), "state") == "unusable"
    opened.queue.table.selectAll()
    opened.queue.decide(Action.ACCEPT)
    assert session.reviewed.sum() == session.regions.rows_of(0).stop
    assert "well done" not in dock.message.text()
    assert "Nothing was decided in 1 image (scene_1): the regions of image" in dock.message.text()
    assert "Nothing was decided in 1 image (scene_2)" in dock.message.text()


@pytest.mark.gui
def test_an_empty_queue_is_no_end_while_a_run_scores_what_it_has_cut(dock: SecoDock, scored_path: Path):
    session = dock.session
    for image_id, seed in ((1, ANEW), (2, ANEW + 1)):
        cut_anew(scored_path, image_id, class_map(session.project.images[image_id].shape, seed=seed))
    session.regions_replaced([1, 2])
    session.go_to_image(0)
    while session.queue.current() is not None:
        assert "well done" not in dock.message.text()
        dock.perform("accept")
    assert "empty until the run has scored" in dock.message.text()
