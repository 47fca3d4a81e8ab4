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


def test_states_are_three_and_every_region_has_one(session: Session):
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
