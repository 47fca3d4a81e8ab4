"""Regions found again after a run that has given all of them other rows."""

from __future__ import annotations

import numpy as np

from seco_core.project import Project, RegionArrays
from seco_viewer.session import Session
from seco_viewer.successors import successors
from tests.viewer.scenes import class_map, cut_anew


def pixels(project: Project, regions: RegionArrays) -> list[tuple[int, bytes]]:
    """Image and mask of every region."""
    maps = [project.read_region_ids(i) for i in range(3)]
    return [
        (image_id, (maps[image_id] == row - regions.rows_of(image_id).start + 1).tobytes())
        for row, image_id in enumerate(regions.image_id.tolist())
    ]


def test_a_region_is_found_again_if_its_pixels_are_the_same(session: Session):
    before, path = session.regions, session.project.path
    then = pixels(session.project, before)
    labels = class_map((60, 80), seed=0)
    labels[:3, 10:13] = 5  # one region more, and the sky is another
    cut_anew(path, 0, labels)
    cut_anew(path, 1, class_map((60, 80), seed=11))
    with Project.open(path, readonly=True) as project:
        regions = project.regions()
        now = pixels(project, regions)
    found = successors(before, regions)
    assert found.tolist() == [now.index(shape) if shape in now else -1 for shape in then]
    assert (found[before.image_id == 0] != np.flatnonzero(before.image_id == 0)).any()
    assert (found[before.image_id == 2] == np.flatnonzero(regions.image_id == 2)).all()


def test_where_there_are_no_regions_any_more_none_is_found_again(session: Session):
    nothing = np.zeros(len(session.regions), dtype=bool)
    none = RegionArrays(**{name: array[nothing] for name, array in vars(session.regions).items()})
    assert (successors(session.regions, none) == -1).all()
    assert len(successors(none, session.regions)) == 0
