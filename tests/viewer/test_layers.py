from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from seco_core.project import Project
from seco_core.refine import override_owner
from seco_core.scheme import IGNORE
from seco_viewer import shortcuts
from seco_viewer.layers import ReviewLayers
from seco_viewer.outline import outline, region_borders
from seco_viewer.session import Session
from seco_viewer.strokes import cut
from seco_viewer.view import View, camera_of, canvas_size
from tests.viewer.scenes import class_map, make_project, store_regions, take_suggestion_if_any

pytestmark = pytest.mark.gui


@pytest.fixture
def layers(qapp, session: Session):
    found = ReviewLayers(ViewerModel(), session)
    yield found
    found.remove()


def assert_layers_show(layers: ReviewLayers, session: Session) -> None:
    frame, project = session.frame, session.project
    noise = np.concatenate([[0], session.noise(session.rows)])[frame.region_ids]
    partly = np.concatenate([[False], ~session.reviewed[session.rows]])[frame.region_ids]
    noise[partly & (override_owner(frame.shape, project.overrides.active(session.image_id)) > 0)] = 0
    psa = np.concatenate([[IGNORE], session.regions.class_id[session.rows]])[frame.region_ids]
    for layer, expected in (
        (layers.image, project.read_image(session.image_id)),
        (layers.pseudo_label, project.read_pseudo_label(session.image_id, frame.shape)),
        (layers.psa, psa),
        (layers.curated, project.curated(session.image_id)),
        (layers.regions, region_borders(frame.region_ids)),
        (layers.noise, noise.astype(np.float32)),
    ):
        assert np.array_equal(layer.data, expected), layer
    if session.row is not None and layers.outline.layer.visible:
        x0, y0, _, _ = session.patch.box  # what of the region is still open
        assert np.array_equal(layers.outline.drawn, outline(session.patch.mask, (y0, x0)))


@pytest.mark.parametrize("seed", range(2))
def test_layers_agree_with_the_session_after_random_actions(
    layers: ReviewLayers, session: Session, seed: int
):
    rng = np.random.default_rng(seed)
    actions = [
        partial(take_suggestion_if_any, session),
        session.accept, session.ignore, session.skip, session.back, session.undo,
        session.redo, session.next_image, session.previous_image, layers.graph.toggle,
        layers.toggle_overlays, layers.toggle_noise,
    ]  # fmt: skip
    for choice in rng.integers(0, len(actions), 25):
        if session.row is None:
            session.resume()
        actions[choice]()
        assert_layers_show(layers, session)


def test_layers_that_are_not_seen_come_later_or_when_they_are_shown(qapp, session: Session):
    viewer, waiting = ViewerModel(), []
    layers = ReviewLayers(viewer, session, later=waiting.append)
    first = [layers.image, layers.curated, layers.regions, layers.outline.layer]
    assert list(viewer.layers) == first
    layers.toggle_noise()
    layers.show_drawing([(0, 0), (5, 5)])
    first[2:2] = [layers.noise]
    assert list(viewer.layers) == [*first, layers.drawing]
    while waiting:
        waiting.pop(0)()
    assert list(viewer.layers) == layers.all
    assert not layers.coming
    assert viewer.layers.selection.active is layers.image
    layers.remove()


def test_layers_that_never_came_are_no_hindrance_to_closing(qapp, session: Session):
    viewer, waiting = ViewerModel(), []
    layers = ReviewLayers(viewer, session, later=waiting.append)
    layers.remove()
    while waiting:
        waiting.pop(0)()
    assert not viewer.layers


def test_layers_follow_a_run(layers: ReviewLayers, session: Session):
    session.accept()
    with Project.open(session.project.path) as run:
        store_regions(run, [class_map(r.shape, seed=r.id + 7) for r in run.images], seed=3)
    session.reload()
    assert_layers_show(layers, session)


def test_node_colours_follow_decisions(layers: ReviewLayers, session: Session):
    layers.graph.toggle()
    assert len(layers.graph.nodes.data) == session.rows.stop - session.rows.start
    place = session.row - session.rows.start
    image_id = session.image_id
    before = layers.graph.nodes.face_color[place].copy()
    session.accept()
    session.go_to_image(image_id)
    assert not np.array_equal(layers.graph.nodes.face_color[place], before)


def test_nodes_have_the_colours_of_the_noise_map(layers: ReviewLayers, session: Session):
    layers.toggle_noise()
    layers.graph.toggle()
    scores = session.noise(session.rows)
    assert np.ptp(scores) > 0.4
    for limits in ((0.5, 1.0), (0.2, 0.6)):
        layers.noise.contrast_limits = limits
        low, high = limits
        shown = layers.noise.colormap.map(np.clip((scores - low) / (high - low), 0, 1))
        assert layers.graph.nodes.face_color[:, :3] == pytest.approx(shown[:, :3], abs=1e-6)
        assert (layers.graph.nodes.face_color[:, 3] == 1).all()
    session.feedback.noise[session.rows.start] = np.nan
    layers.graph.show()
    assert (layers.graph.nodes.face_color[:, 3] == 0).tolist() == [True] + [False] * (len(scores) - 1)


def test_overlays_come_back_as_they_were(layers: ReviewLayers):
    before = [layer.visible for layer in layers.all]
    layers.toggle_overlays()
    seen = [layer for layer in layers.all if layer.visible]
    assert seen == [layers.image, layers.outline.layer, layers.drawing], "the region is still marked"
    layers.toggle_overlays()
    assert [layer.visible for layer in layers.all] == before


@pytest.mark.parametrize("first", [False, True])
def test_the_outline_goes_too_if_it_is_asked_for(layers: ReviewLayers, first: bool):
    layers.toggle_noise()
    before = [layer.visible for layer in layers.all]
    if first:
        layers.toggle_overlays()
    layers.toggle_overlays(outline=True)
    assert [layer for layer in layers.all if layer.visible] == [layers.image]
    layers.toggle_overlays(outline=True)
    assert [layer.visible for layer in layers.all] == before


def test_the_outline_is_made_for_where_the_camera_goes_in_a_window_of_another_size(
    qapp, session: Session, monkeypatch
):
    size, waiting = [(300, 400)], list[Any]()
    monkeypatch.setattr("seco_viewer.view.canvas_size", lambda viewer: size[0])
    layers = ReviewLayers(ViewerModel(), session, waiting.append)
    while waiting:
        waiting.pop(0)()
    zooms: list[float] = []
    monkeypatch.setattr(layers.outline, "show", lambda segments, zoom, **_: zooms.append(zoom))
    size[0] = (600, 800)
    layers.look_again()
    assert zooms == [layers.view.zoom]
    assert layers.view.moving


def test_an_outline_that_the_user_has_hidden_stays_hidden(layers: ReviewLayers):
    layers.outline.layer.visible = False
    before = [layer.visible for layer in layers.all]
    for _ in range(2):
        layers.toggle_overlays(outline=True)
    assert [layer.visible for layer in layers.all] == before


def test_the_list_of_layers_hears_only_of_what_it_shows(qapp, session: Session):
    viewer, waiting = ViewerModel(), []
    layers = ReviewLayers(viewer, session, later=waiting.append)
    while waiting:
        waiting.pop()()
    heard: list[str] = []
    viewer.layers.events.connect(lambda event: heard.append(event.type))
    session.accept()
    for layer in layers.all:
        layer.scale_factor = 7.0  # as napari does when it draws at another zoom
    assert not heard
    layers.toggle_noise()
    layers.curated.name = "other"
    assert {"visible", "name"} <= set(heard)
    heard.clear()
    before = layers.curated.thumbnail.copy()
    session.next_image()
    assert "thumbnail" not in heard  # the list is painted anew when the keys rest
    (renew,) = waiting
    renew()
    assert "thumbnail" in heard
    layers.show_drawing([(0, 0), (4, 4)])
    heard.clear()
    layers.show_drawing([(0, 0), (4, 4), (4, 9)], width=3.0)
    assert not heard
    assert not np.array_equal(layers.curated.thumbnail, before)
    layers.remove()


def test_keys_reach_the_actions_whichever_layer_is_active(make_napari_viewer, session: Session):
    viewer = make_napari_viewer()
    layers = ReviewLayers(viewer, session)
    pressed: list[str] = []
    shortcuts.bind([viewer, *layers.all], pressed.append)
    handler = viewer.window._qt_viewer.canvas._key_map_handler
    for active in (*layers.all, None):
        viewer.layers.selection.active = active
        for entry, key in shortcuts.keys_by_reach()[0]:
            pressed.clear()
            assert handler.press_key(key)
            handler.release_key(key)
            assert pressed[:1] == [entry.id], (active, key)
    shortcuts.unbind([viewer, *layers.all])
    pressed.clear()
    viewer.layers.selection.active = None
    handler.press_key("A")
    assert not pressed
    layers.remove()
    assert len(viewer.layers) == 0


def test_camera_goes_to_small_regions_unless_the_zoom_is_kept(qapp, tmp_path: Path):
    session = Session(Project.open(make_project(tmp_path, [(480, 600), (480, 600)])))
    layers = ReviewLayers(ViewerModel(), session)
    camera = camera_of(layers._viewer)
    small = int(np.argmin(session.regions.area[session.rows])) + session.rows.start
    x0, y0, x1, y1 = session.regions.box[small].tolist()
    session.select_at(*(int(v) for v in np.argwhere(session.mask(small)[1])[0] + (y0, x0)))
    close = camera.zoom
    layers._viewer.reset_view()
    side = max(y1 - y0, x1 - x0)
    assert 8 < side < 20
    assert close == pytest.approx(480 / (6 * side) * camera.zoom)  # six times the region is in view
    half = np.array(canvas_size(layers._viewer)) / (2 * close)
    session.resume()
    session.select_at(*(int(v) for v in np.argwhere(session.mask(small)[1])[0] + (y0, x0)))
    center = np.array(camera.center[-2:])
    assert np.all(center - half <= (y0, x0))
    assert np.all(center + half >= (y1 - 1, x1 - 1))
    assert np.all(center >= half)
    layers.view.keep_zoom = True
    session.go_to_image(1 - session.image_id)
    assert camera.zoom == close
    row = session.row
    box = session.regions.box[row]
    assert camera.center[-2:] == pytest.approx(((box[1] + box[3] - 1) / 2, (box[0] + box[2] - 1) / 2))
    layers.remove()
    session.close()


@pytest.mark.parametrize(("side", "context"), [(3, 48), (8, 48), (15, 90), (20, 120), (30, 120), (60, 200)])
def test_the_smaller_a_region_the_closer_the_camera_but_its_surroundings_stay(qapp, side: int, context: int):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((480, 600)))
    viewer.reset_view()
    whole = camera_of(viewer).zoom
    View(viewer, (480, 600), lambda move: move()).look_at((300, 200, 302, 200 + side))
    assert camera_of(viewer).zoom / whole == pytest.approx(480 / context)


def test_all_of_the_image_stays_in_the_middle_where_all_of_it_fits(qapp):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((480, 600)))
    viewer.reset_view()
    camera = camera_of(viewer)
    middle, whole = camera.center[-2:], camera.zoom
    view = View(viewer, (480, 600), lambda move: move())
    side = round(0.3 * 480 / 1.04)  # hardly closer than the whole image, which napari leaves 5 % around
    view.look_at((600 - side, 480 - side, 600, 480))
    assert 1.02 < camera.zoom / whole < 1.05
    assert camera.center[-2:] == pytest.approx(middle, abs=0.6)


def test_click_selects_and_drag_does_not(layers: ReviewLayers, session: Session):
    class Event:
        button, modifiers, type = 1, (), "mouse_press"

        def __init__(self, place: tuple[float, float]):
            self.position = place

    rows = session.rows
    other = next(r for r in range(rows.start, rows.stop) if r != session.row)
    (x0, y0, _, _), mask = session.mask(other)
    event = Event(tuple(np.argwhere(mask)[0] + (y0, x0)))
    before = session.row
    drag = layers._clicked(None, event)
    next(drag)
    event.type = "mouse_move"
    assert next(drag, None) is None
    assert session.row == before
    event.type = "mouse_press"
    click = layers._clicked(None, event)
    next(click)
    event.type = "mouse_release"
    assert next(click, None) is None
    assert session.row == other


def test_a_part_that_was_decided_is_no_longer_noisy(layers: ReviewLayers, session: Session):
    layers.toggle_noise()
    row = session.row
    box, mask = session.mask(row)
    x0, y0, x1, y1 = box
    half = (x0 + x1) // 2
    pieces = cut(session.patch, [(y0 - 1, half), (y1 + 1, half)])
    session.edit(pieces, len(pieces) - 1)
    decided = session.patch
    score = session.noise(slice(row, row + 1))[0]
    session.relabel(int(session.regions.class_id[row] == 0))
    assert not session.reviewed[row]
    shown = layers.noise.data[y0:y1, x0:x1]
    part = np.zeros(session.frame.shape, dtype=bool)
    left, top, right, bottom = decided.box
    part[top:bottom, left:right] = decided.mask
    part = part[y0:y1, x0:x1]
    assert score > 0
    assert (shown[part & mask] == 0).all()
    assert (shown[mask & ~part] == session.noise(slice(row, row + 1))[0]).all()
    assert (mask & ~part).any()
    session.undo()
    assert (layers.noise.data[y0:y1, x0:x1][mask] == score).all()
