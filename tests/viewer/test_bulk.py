from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from seco_core.errors import ImageFileError, OverrideError
from seco_core.project import Action, Project
from seco_core.project.arrays import IDS_PER_IMAGE
from seco_core.scheme import IGNORE
from seco_viewer.bulk import carry_out, decisions, record
from seco_viewer.bulk_plans import plan_many
from seco_viewer.session import Session
from tests.viewer.scenes import class_map, cut_anew, store_regions


def decide_many(session: Session, rows: np.ndarray, action: Action, class_id: int | None = None) -> int:
    return carry_out(session, plan_many(session, rows, action, class_id))


def tables(session: Session) -> tuple:
    return (
        session.reviewed.copy(), session.decided.copy(), len(session.queue), session.counts(),
        [session.project.curated(i) for i in range(3)],
    )  # fmt: skip


def same(a: tuple, b: tuple) -> bool:
    return all(
        all(map(np.array_equal, x, y)) if isinstance(x, list) else np.array_equal(x, y)
        for x, y in zip(a, b, strict=True)
    )


def test_many_images_are_one_step(session: Session):
    told: list[np.ndarray] = []
    session.others_decided.connect(told.append)
    rows = np.arange(0, len(session.regions), 2)
    before = tables(session)
    assert decide_many(session, rows, Action.RELABEL) == len(rows)
    assert session.reviewed[rows].all()
    assert np.array_equal(session.decided[rows], session.regions.predicted[rows])
    assert session.reviewed.sum() == len(rows)
    assert set(session.regions.image_id[told[0]]) == {0, 1, 2} - {0}
    assert np.array_equal(session.curated, session.project.curated(session.image_id))
    after = tables(session)
    assert session.undo()
    assert same(tables(session), before)
    assert np.array_equal(session.curated, session.project.curated(session.image_id))
    assert session.redo()
    assert same(tables(session), after)


def test_nothing_is_decided_of_images_that_are_gone_or_others_and_all_of_the_rest(session: Session):
    record_of_last = session.project.images[2]
    height, width = record_of_last.shape
    Image.new("RGB", (width, height)).save(record_of_last.image)
    session.project.images[1].image.unlink()
    plan = plan_many(session, np.arange(len(session.regions)), Action.ACCEPT)
    found = decisions(plan, session.project)
    whole = session.regions.rows_of(0)
    assert record(session, plan, found) == whole.stop
    assert session.reviewed.nonzero()[0].tolist() == list(range(whole.stop))
    assert list(found.left_out) == [1, 2]
    assert "is not the file that its regions were made of" in str(found.left_out[2])
    with pytest.raises(ImageFileError, match="cannot be read"):
        decide_many(session, np.arange(whole.stop, len(session.regions)), Action.ACCEPT)
    assert len(session.project.overrides) == whole.stop


@pytest.mark.parametrize("told", [False, True])
def test_images_cut_anew_are_left_out_and_named_and_all_of_the_rest_decided(session: Session, told: bool):
    """Whether the window has heard of it or the run has stored them a moment ago."""
    swapped = class_map((60, 80), seed=1)
    swapped[swapped == 3] = 4
    cut_anew(session.project.path, 0, class_map((60, 80), seed=7))
    cut_anew(session.project.path, 1, swapped)
    if told:
        session.regions_replaced([0, 1])
    plan = plan_many(session, np.arange(len(session.regions)), Action.ACCEPT)
    found = decisions(plan, session.project)
    rest = session.regions.image_id == 2
    assert record(session, plan, found) == rest.sum()
    assert np.array_equal(session.reviewed, rest)
    assert list(found.left_out) == [0, 1]
    assert "made anew" in str(found.left_out[1])
    with pytest.raises(OverrideError, match="image scene_1 were just made anew"):
        decide_many(session, session.regions.rows_of(1).start + np.arange(2), Action.ACCEPT)
    assert len(session.project.overrides) == rest.sum()


def test_the_tables_are_as_when_it_is_opened_again(session: Session):
    session.relabel(3)
    decide_many(session, np.arange(5, 20), Action.IGNORE)
    decide_many(session, np.arange(10, 22), Action.ACCEPT)
    session.undo()
    again = Session(Project.open(session.project.path))
    assert np.array_equal(again.reviewed, session.reviewed)
    assert np.array_equal(again.decided, session.decided)
    assert len(again.queue) == len(session.queue)
    again.close()


def test_each_action_gives_its_class(session: Session):
    rows = np.array([1, 2, 15])
    for action, class_id, expected in (
        (Action.ACCEPT, None, session.regions.class_id[rows]),
        (Action.IGNORE, None, [IGNORE] * 3),
        (Action.RELABEL, 4, [4, 4, 4]),
        (Action.UNKNOWN, None, [IGNORE] * 3),
    ):
        decide_many(session, rows, action, class_id)
        assert session.decided[rows].tolist() == list(expected)


def test_what_was_decided_before_in_part_stays(session: Session):
    row = int(np.argmax(session.regions.area))
    x0, y0, x1, y1 = session.regions.box[row].tolist()
    session._show(row)
    _, mask = session.mask(row)
    part = mask.copy()
    part[(y1 - y0) // 4 :] = False
    from seco_core.project.overrides import Decision

    image_id = session.image_id
    session.take(
        session.project.overrides.record([Decision(Action.DRAW, image_id, 7, (x0, y0, x1, y1), part)])
    )
    assert not session.reviewed[row]
    decide_many(session, np.array([row]), Action.ACCEPT)
    curated = session.project.curated(image_id)[y0:y1, x0:x1]
    assert set(curated[part].tolist()) == {7}
    assert set(curated[mask & ~part].tolist()) == {int(session.regions.class_id[row])}


def test_refusals_record_nothing(session: Session):
    for rows, class_id in ((np.zeros(0, np.int64), None), (np.array([1]), 200), (np.arange(30_000), None)):
        with pytest.raises(OverrideError):
            decide_many(session, rows, Action.RELABEL, class_id)
    assert len(session.project.overrides) == 0


def test_what_was_decided_while_it_was_worked_out_stays(session: Session):
    here = np.arange(len(session.regions))[session.rows]
    others = np.setdiff1d(np.arange(len(session.regions)), here)[:3]
    rows = np.concatenate([here[:6], others])
    plan = plan_many(session, rows, Action.RELABEL, 4)
    found = decisions(plan, session.project)
    session.go_to(int(here[0]))
    session.relabel(7)
    session.go_to(int(here[-1]))
    before, looked_at = len(session.project.overrides), session.row
    assert record(session, plan, found) == len(rows) - 1
    assert session.decided[here[0]] == 7
    assert (session.decided[np.setdiff1d(rows, here[:1])] == 4).all()
    assert session.row == looked_at, "the reviewer stays where no region of the batch is"
    assert session.undo()
    assert len(session.project.overrides) == before


@pytest.mark.parametrize("read", ["before", "after"])
def test_a_plan_is_carried_on_when_all_tables_were_read_anew(session: Session, read: str):
    others = np.flatnonzero(session.regions.image_id != session.image_id)
    rows = np.append(others[:3], session.row)
    plan = plan_many(session, rows, Action.RELABEL, 4)
    found = decisions(plan, session.project) if read == "before" else None
    current = session.row
    session.reload()
    assert record(session, plan, found or decisions(plan, session.project)) == len(rows)
    assert (session.decided[rows] == 4).all()
    assert session.reviewed.sum() == len(rows)
    assert session.row != current, "the current one was among them"
    assert session.undo()
    assert not session.reviewed.any()


def test_decisions_hold_at_their_pixels_where_a_run_has_cut_regions_anew_since_they_were_read(
    session: Session,
):
    r = session.regions
    rows = np.array([session.rows.start, session.rows.stop + 1])
    plan = plan_many(session, rows, Action.RELABEL, 4)
    found = decisions(plan, session.project)
    meant = [session.project.read_region_ids(int(r.image_id[i])) == r.id[i] % IDS_PER_IMAGE for i in rows]
    store_regions(session.project, [class_map(record.shape, seed=20 + i) for i, record in
                                    enumerate(session.project.images)], seed=1)  # fmt: skip
    session.reload()
    assert session.renumbered
    current = session.row
    assert record(session, plan, found) == len(rows)
    for row, mask in zip(rows, meant, strict=True):
        assert (session.project.curated(int(r.image_id[row]))[mask] == 4).all()
    assert np.array_equal(session.curated, session.project.curated(session.image_id))
    assert session.row == current, "what has the number of one of them is another region"


def test_regions_that_are_looked_at_again_are_accepted_as_they_were_decided(session: Session):
    rows = np.array([1, 2])
    decide_many(session, rows, Action.RELABEL, 4)
    session.feedback.doubt[1] = 0.9
    decide_many(session, rows, Action.ACCEPT)
    assert session.decided[rows].tolist() == [4, int(session.regions.class_id[2])]
