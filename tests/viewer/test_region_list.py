from __future__ import annotations

import numpy as np
import pytest

from seco_viewer.region_list import Column, RegionState, RowFilter, listed_rows, region_states, sorted_rows
from seco_viewer.session import Session


def test_each_filter_lets_through_what_it_says(session: Session):
    r = session.regions
    session.accept()
    for wanted, holds in (
        (RowFilter(), np.ones(len(r), dtype=bool)),
        (RowFilter(image_name="SCENE_1"), r.image_id == 1),
        (RowFilter(class_id=2), r.class_id == 2),
        (RowFilter(predicted=int(r.predicted[0])), r.predicted == r.predicted[0]),
        (RowFilter(state=RegionState.REVIEWED), session.reviewed),
        (RowFilter(state=RegionState.FLAGGED), session.flagged),
        (RowFilter(noise=(0.5, 0.8)), (session.noise(slice(None)) >= 0.5) & (r.noise_score <= 0.8)),
        (RowFilter(area=(50, 500)), (r.area >= 50) & (r.area <= 500)),
        (RowFilter(rows=r.area > 90, class_id=10), (r.area > 90) & (r.class_id == 10)),
    ):
        assert listed_rows(session, wanted).tolist() == np.flatnonzero(holds).tolist(), wanted


def test_every_scored_region_is_flagged_kept_or_reviewed(session: Session):
    session.ignore()
    states = region_states(session)
    assert np.array_equal(states == RegionState.FLAGGED, session.flagged)
    assert np.array_equal(states == RegionState.REVIEWED, session.reviewed)
    assert (states == RegionState.KEPT).sum() == len(states) - session.flagged.sum() - 1


@pytest.mark.parametrize("column", list(Column))
@pytest.mark.parametrize("descending", [False, True])
def test_every_column_sorts_and_loses_nothing(session: Session, column: Column, descending: bool):
    session.accept()
    rows = np.arange(len(session.regions))
    ordered = sorted_rows(session, rows, column, descending=descending)
    assert sorted(ordered.tolist()) == rows.tolist()
    r, name = session.regions, session.scheme.label
    shown = {
        Column.IMAGE: lambda i: session.project.images[r.image_id[i]].name,
        Column.CLASS: lambda i: name(int(r.class_id[i])),
        Column.PREDICTED: lambda i: name(int(r.predicted[i])),
        Column.NOISE: lambda i: session.noise(slice(None))[i],
        Column.AREA: lambda i: r.area[i],
        Column.STATE: lambda i: region_states(session)[i],
    }[column]
    values = [shown(i) for i in ordered]
    assert values == sorted(values, reverse=descending)


def test_equal_values_come_worst_first(session: Session):
    rows = sorted_rows(session, np.arange(len(session.regions)), Column.IMAGE, descending=False)
    score = session.regions.noise_score[rows]
    image = session.regions.image_id[rows]
    assert np.all(np.diff(score)[np.diff(image) == 0] <= 0)


def unscore(session: Session, rows: slice) -> None:
    """What the tables say of regions that no run has scored."""
    r = session.regions
    session.tables.unscored[rows] = True
    r.noise_score[rows] = session.feedback.noise[rows] = np.nan
    r.verdict[rows], r.predicted[rows] = 0, r.class_id[rows]


def test_what_is_not_scored_is_not_kept_and_nothing_is_predicted_for_it(session: Session):
    unscored = session.regions.rows_of(1)
    unscore(session, unscored)
    session.go_to_image(1)
    session.select_at(24, 40)
    session.ignore()
    states = region_states(session)
    done = int(np.flatnonzero(session.reviewed)[0])
    expected = [row for row in range(unscored.start, unscored.stop) if row != done]
    assert states[done] == RegionState.REVIEWED
    assert np.flatnonzero(states == RegionState.NOT_SCORED).tolist() == expected
    assert len(expected) == session.count_unscored()
    assert listed_rows(session, RowFilter(state=RegionState.NOT_SCORED)).tolist() == expected
    kept = listed_rows(session, RowFilter(state=RegionState.KEPT))
    assert len(kept)
    assert not np.isin(kept, expected).any()
    class_id = int(session.regions.class_id[expected[0]])
    assert not np.isin(listed_rows(session, RowFilter(predicted=class_id)), expected).any()
    every = np.arange(len(states))
    for descending in (True, False):
        by_prediction = sorted_rows(session, every, Column.PREDICTED, descending=descending)
        assert sorted(by_prediction[-len(expected) - 1 :].tolist()) == sorted([*expected, done])
        by_state = states[sorted_rows(session, every, Column.STATE, descending=descending)]
        assert np.count_nonzero(np.diff(by_state)) == len(np.unique(states)) - 1
