"""Two maps under a line that the mouse drags, maps one after the other, and conflicts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel

from seco_core.refine import conflicts
from seco_viewer.compare import MAPS, Comparison, class_map
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.layers import ReviewLayers
from seco_viewer.session import Session
from seco_viewer.strokes import cut

pytestmark = pytest.mark.gui


@pytest.fixture
def layers(qapp, session: Session):
    found = ReviewLayers(ViewerModel(), session)
    yield found
    found.remove()


@pytest.fixture
def comparison(layers: ReviewLayers, session: Session):
    found = Comparison(layers._viewer, session, layers)
    yield found
    found.release()


def whole(session: Session) -> tuple[int, int, int, int]:
    return (0, 0, *session.frame.shape[::-1])


def drag(comparison: Comparison, start: float, stop: float) -> None:
    event = SimpleNamespace(
        button=1, modifiers=(), type="mouse_press", position=(5.0, start), handled=False, pos=(0, 0)
    )
    going = comparison._dragged(None, event)
    if next(going, "over") == "over":
        return
    event.type, event.position = "mouse_move", (5.0, stop)
    next(going)
    event.type = "mouse_release"
    next(going, None)


def visible_maps(layers: ReviewLayers) -> list[str]:
    return [layer.name for layer in (layers.pseudo_label, layers.psa, layers.curated) if layer.visible]


def assert_wiped(comparison: Comparison, session: Session) -> None:
    column = comparison._column
    left, right = (class_map(session, n, whole(session)) for n in (comparison.left, comparison.right))
    shown = comparison.all[0].data
    assert np.array_equal(shown[:, :column], left[:, :column])
    assert np.array_equal(shown[:, column:], right[:, column:])


def test_maps_are_what_they_say(layers: ReviewLayers, session: Session):
    row = session.row
    session.ignore()
    session.go_to(row)
    maps = {name: class_map(session, name, whole(session)) for name in MAPS}
    for layer in (layers.pseudo_label, layers.psa, layers.curated):
        layer.visible = True
    assert np.array_equal(maps["pseudo-label"], layers.pseudo_label.data)
    assert np.array_equal(maps["PSA"], layers.psa.data)
    assert np.array_equal(maps["curated"], layers.curated.data)
    differs = maps["SCC"] != maps["curated"]  # only where a person decided
    assert not differs[session.frame.region_ids != row - session.rows.start + 1].any()


def test_the_line_is_dragged_and_both_sides_follow_everything(
    comparison: Comparison, layers: ReviewLayers, session: Session
):
    before = [layer.visible for layer in layers.all]
    comparison.wipe()
    assert visible_maps(layers) == []
    assert_wiped(comparison, session)
    start = comparison._column
    for to in (3, 70, 31):
        drag(comparison, comparison._column - 0.5, to)
        assert comparison._column == round(to + 0.5)
        assert_wiped(comparison, session)
    assert start != comparison._column
    comparison.choose("PSA", "SCC")
    assert_wiped(comparison, session)
    comparison.choose("SCC", "curated")
    for action in (session.ignore, session.undo, session.next_image, session.next_image, session.skip):
        action()
        assert_wiped(comparison, session)
    comparison.wipe()
    assert not comparison.all
    assert [layer.visible for layer in layers.all] == before


def test_drags_elsewhere_and_with_a_tool_leave_the_line_alone(comparison: Comparison, layers: ReviewLayers):
    drag(comparison, comparison._column, 3)  # there is no line yet
    comparison.wipe()
    column, far = comparison._column, 30 / layers.view.zoom
    drag(comparison, column + far, 3)
    assert comparison._column == column
    layers.clicks_select = False
    drag(comparison, column - 0.5, 3)
    assert comparison._column == column


def test_flicking_goes_round_all_maps(comparison: Comparison, layers: ReviewLayers, session: Session):
    comparison.flick()
    names = [comparison.flick() for _ in range(8)]
    assert sorted(names[:4]) == sorted(MAPS)
    assert names[:4] == names[4:]
    while comparison.flick() != "SCC":
        pass
    assert visible_maps(layers) == []
    assert np.array_equal(comparison.all[0].data, class_map(session, "SCC", whole(session)))
    assert comparison.flick() == "curated"
    assert not comparison.all
    assert layers.curated.visible


def test_comparing_is_over_at_the_ordinary_view_and_when_left(comparison: Comparison, layers: ReviewLayers):
    assert not comparison.leave()
    layers.psa.visible = True
    before = visible_maps(layers)
    while comparison.flick() != "curated":
        assert comparison.flicked
    assert not comparison.flicked
    layers.psa.visible = True
    for start in (comparison.flick, comparison.wipe, lambda: (comparison.flick(), comparison.wipe())):
        start()
        assert visible_maps(layers) != before
        assert comparison.leave()
        assert not any((comparison.flicked, comparison.wiping, comparison.all))
        assert visible_maps(layers) == before


def test_conflicts_are_shown_counted_and_follow(layers: ReviewLayers, session: Session):
    layer = ConflictLayer(layers._viewer, session, layers)
    layer.toggle()
    assert (layer.regions, layer.pixels) == (0, 0)
    image_id = session.image_id
    x0, y0, x1, y1 = session.patch.box
    pieces = cut(session.patch, [(y0 - 1, (x0 + x1) / 2), (y1 + 1, (x0 + x1) / 2)])
    session.edit(pieces, len(pieces) - 1)
    other = next(c.id for c in session.scheme.classes if c.id != session.machine_label[session.row])
    session.relabel(other)
    if session.image_id != image_id:
        session.go_to_image(image_id)
    expected = conflicts(
        session.frame.region_ids,
        session.machine_label[session.rows],
        session.project.overrides.active(image_id),
    )
    assert expected.any()
    assert np.array_equal(layer.all[0].data > 0, expected)
    assert (layer.regions, layer.pixels) == (1, int(expected.sum()))
    session.undo()
    assert not layer.all[0].data.any()
    layer.toggle()
    assert not layer.all
    layer.release()
