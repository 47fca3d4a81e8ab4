from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.parameters import Parameters
from seco_core.pipeline import PsaTrial
from seco_core.project import Project
from seco_core.psa.prompts import ThingPrompt
from seco_core.scheme import IGNORE, load_scheme
from seco_viewer import project_words, shortcuts
from seco_viewer.docks.main import SecoDock
from seco_viewer.outline import border_counts
from seco_viewer.trial_layers import box_segments

SCHEME = load_scheme("cityscapes19")
ROAD, WALL, CAR = 0, 3, 13


@pytest.fixture
def dock(dock: SecoDock, qtbot) -> Iterator[SecoDock]:
    set_parameter(dock, "masks.parts", 60)
    yield dock
    qtbot.waitUntil(lambda: not dock.busy)


def set_parameter(dock: SecoDock, name: str, value: int) -> None:
    dock.opened.psa.form.set_parameters(Parameters().replace(**{name: value}), [name])


def run_trial(dock: SecoDock, qtbot) -> None:
    with qtbot.waitSignal(dock.opened.psa.tried):
        dock.opened.psa.try_button.click()
    qtbot.waitUntil(lambda: not dock.opened.psa.running)


def layer(dock: SecoDock, name: str):
    return dock._viewer.layers[f"SeCo: {name}"]


# ------------------------------------------------------------------ in words


def a_trial(
    before: np.ndarray, class_map: np.ndarray, *, stored: bool = True, decided: np.ndarray | None = None
) -> PsaTrial:
    no_masks = MaskSet(before.shape, np.zeros((0, 4), dtype=np.int32), ())
    prompt = ThingPrompt(
        CAR, 4, Prompt((1.0, 2.0, 5.0, 4.0), np.array([[2.0, 3.0]]), np.ones(1, dtype=np.int64))
    )
    decided = np.zeros(before.shape, dtype=bool) if decided is None else decided
    return PsaTrial(0, Parameters(), class_map, before, stored, 3, 2, no_masks, (prompt,), decided)


def test_changes_are_counted_and_the_commonest_named():
    before = np.zeros((10, 20), dtype=np.uint8)
    after = before.copy()
    after[:2], after[2, :5], after[3, 0] = WALL, IGNORE, CAR
    first, most, found = project_words.trial(a_trial(before, after), SCHEME.label)
    assert first == "46 pixels (23.0 %) would change."
    assert most == "Most: road → wall 40, road → ignore 5, road → car 1"
    assert found == "3 regions (2 before) from 0 masks and 1 prompt for things"
    decided = np.zeros(before.shape, dtype=bool)
    decided[1:3] = True
    first, most, _ = project_words.trial(a_trial(before, after, decided=decided), SCHEME.label)
    assert first == "21 pixels (10.5 %) would change."
    assert most == "Most: road → wall 20, road → car 1"


def test_no_change_and_no_stored_map_are_said():
    same = np.zeros((100, 100), dtype=np.uint8)
    assert project_words.trial(a_trial(same, same), SCHEME.label)[0] == "No pixel would change."
    after = same.copy()
    after[0, 0] = WALL
    told = project_words.trial(a_trial(same, after, stored=False), SCHEME.label)[0]
    assert told.startswith("There is no PSA map of this image yet; 1 pixel (less than 0.1 %) would differ")


# ------------------------------------------------------------------- borders


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_borders_are_the_pixels_with_a_neighbour_outside(height: int, width: int, seed: int):
    rng = np.random.default_rng(seed)
    masks = [rng.random((height, width)) < share for share in (0.3, 0.8, 1.0, 0.0)]
    expected = np.zeros((height, width), dtype=int)
    for mask in masks:
        for y, x in np.argwhere(mask):
            around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            expected[y, x] += any(0 <= v < height and 0 <= u < width and not mask[v, u] for v, u in around)
    np.testing.assert_array_equal(border_counts(crop_masks(masks, (height, width))), expected)


def test_sides_of_a_box_go_once_around_it():
    same = np.zeros((8, 8), dtype=np.uint8)
    segments = box_segments(a_trial(same, same).prompts)
    assert segments.shape == (4, 2, 2)
    np.testing.assert_array_equal(segments[:, 0], [[2, 1], [2, 5], [4, 5], [4, 1]])
    np.testing.assert_array_equal(segments[:, 0] + segments[:, 1], np.roll(segments[:, 0], -1, axis=0))


# ---------------------------------------------------------------- in the dock


@pytest.mark.gui
def test_trial_shows_the_difference_in_layers_and_words_and_stores_nothing(dock: SecoDock, qtbot):
    session, viewer = dock.session, dock._viewer
    before = len(viewer.layers)
    n_events = len(session.project.overrides)
    assert not dock.opened.psa.use_button.isEnabled()
    run_trial(dock, qtbot)
    stored = session.project.read_psa(session.image_id)
    tried = layer(dock, "tried PSA").data
    changed = tried != stored
    shown = layer(dock, "would change").data
    np.testing.assert_array_equal(shown[~changed], 256)
    np.testing.assert_array_equal(shown[changed], np.where(tried == IGNORE, 257, tried)[changed])
    assert f"{np.count_nonzero(changed):,} pixels" in dock.opened.psa.result.text()
    visible = {found.name: found.visible for found in dock.opened.trial_layers.all}
    assert visible == {
        "SeCo: tried PSA": False, "SeCo: would change": True, "SeCo: tried masks": False,
        "SeCo: prompt boxes": False, "SeCo: prompt points": False,
    }  # fmt: skip
    assert len(viewer.layers) == before + 5
    assert viewer.layers.selection.active is dock.opened.layers.image
    assert np.array_equal(session.project.read_psa(session.image_id), stored)
    assert len(session.project.runs()) == 1
    assert len(session.project.overrides) == n_events
    assert session.project.read_psa(session.image_id) is not None


@pytest.mark.gui
def test_stored_map_is_a_layer_of_its_own(dock: SecoDock):
    for image_id in range(3):
        dock.session.go_to_image(image_id)
        psa = layer(dock, "PSA")
        assert not psa.visible
        psa.visible = True  # a hidden layer follows when it is shown
        np.testing.assert_array_equal(psa.data, dock.session.project.read_psa(image_id))
        psa.visible = False


@pytest.mark.gui
def test_prompts_are_drawn_in_the_colours_of_their_classes(dock: SecoDock, qtbot):
    run_trial(dock, qtbot)
    trial = dock.opened.psa._trial
    assert trial.prompts
    assert len(layer(dock, "prompt boxes").data) == 4 * len(trial.prompts)
    points = layer(dock, "prompt points")
    assert len(points.data) == sum(len(p.prompt.points) for p in trial.prompts)
    x, y = trial.prompts[0].prompt.points[0]
    assert points.data[0].tolist() == [y, x]
    colour = SCHEME.palette[trial.prompts[0].class_id] / 255
    np.testing.assert_allclose(points.face_color[0, :3], colour + 0.35 * (1 - colour), atol=1e-6)
    assert layer(dock, "tried masks").data.max() >= 1


@pytest.mark.gui
def test_second_trial_keeps_the_layers_and_what_is_visible(dock: SecoDock, qtbot):
    run_trial(dock, qtbot)
    kept = list(dock.opened.trial_layers.all)
    layer(dock, "prompt boxes").visible = True
    layer(dock, "would change").visible = False
    first = layer(dock, "tried masks").data.copy()
    set_parameter(dock, "masks.parts", 30)
    run_trial(dock, qtbot)
    assert dock.opened.trial_layers.all == kept
    assert layer(dock, "prompt boxes").visible
    assert layer(dock, "would change").visible
    assert not np.array_equal(layer(dock, "tried masks").data, first)
    dock.session.next_image()
    run_trial(dock, qtbot)
    assert layer(dock, "prompt boxes").visible
    assert not layer(dock, "prompt points").visible


@pytest.mark.gui
def test_keys_and_hiding_work_on_the_layers_of_a_trial(dock: SecoDock, qtbot):
    run_trial(dock, qtbot)
    for found in dock.opened.trial_layers.all:
        assert shortcuts.SHORTCUTS[0].keys[0] in {str(key) for key in found.keymap}
    dock.perform("overlays")
    assert not layer(dock, "would change").visible
    dock.perform("overlays")
    assert layer(dock, "would change").visible
    assert not layer(dock, "prompt boxes").visible


@pytest.mark.gui
@pytest.mark.parametrize("leave", ["image", "run", "clear", "close"])
def test_what_was_tried_goes_with_the_image(dock: SecoDock, qtbot, leave: str):
    before = [found.name for found in dock._viewer.layers]
    run_trial(dock, qtbot)
    shown = dock.opened.trial_layers
    {
        "image": dock.session.next_image,
        "run": dock.session.reload,
        "clear": dock.opened.psa.clear_button.click,
        "close": dock.close_project,
    }[leave]()
    assert shown.all == []
    assert [found.name for found in dock._viewer.layers] == ([] if leave == "close" else before)
    if leave != "close":
        assert not dock.opened.psa.use_button.isEnabled()
        assert dock.opened.psa.result.text() == ""
        dock.perform("overlays")
        dock.perform("overlays")


@pytest.mark.gui
def test_going_to_another_image_abandons_a_trial_that_is_going_on(dock: SecoDock, qtbot):
    start = dock.session.image_id
    dock.opened.psa.start()
    dock.session.next_image()
    qtbot.waitUntil(lambda: not dock.opened.psa.running)
    assert dock.opened.trial_layers.all == []
    assert dock.opened.psa.result.text() == ""
    dock.session.go_to_image(start)
    assert dock.opened.trial_layers.all == []
    run_trial(dock, qtbot)
    assert dock.opened.trial_layers.all


@pytest.mark.gui
def test_cancelled_trial_says_so_and_can_be_tried_again(dock: SecoDock, qtbot):
    dock.opened.psa.start()
    assert not dock.opened.psa.form.isEnabled()
    assert not dock.open_project(dock.session.project.path)
    assert "still going on" in dock.message.text()
    dock.opened.psa.cancel_button.click()
    qtbot.waitUntil(lambda: not dock.opened.psa.running)
    assert dock.opened.psa.result.text() == "Cancelled."
    assert dock.opened.psa.try_button.isEnabled()
    run_trial(dock, qtbot)


@pytest.mark.gui
def test_tried_parameters_go_to_the_pipeline_tab_and_nothing_runs(dock: SecoDock, qtbot):
    pipeline = dock.opened.pipeline.form
    pipeline.set_parameters(Parameters().replace(**{"scc.tau_ns": 0.5, "psa.min_region_area": 99}))
    set_parameter(dock, "psa.min_region_area", 7)
    run_trial(dock, qtbot)
    set_parameter(dock, "psa.min_region_area", 8)  # not tried
    dock.opened.psa.use_button.click()
    taken = pipeline.parameters()
    assert (taken.psa.min_region_area, taken.masks.parts, taken.scc.tau_ns) == (7, 60, 0.5)
    assert dock.tabs.page(dock.tabs.currentIndex()) is dock.opened.pipeline
    assert not dock.opened.pipeline.running


@pytest.mark.gui
def test_errors_of_a_trial_are_told(dock: SecoDock, qtbot, tmp_path: Path):
    dock.opened.psa.form.set_parameters(
        Parameters().replace(**{"masks.source": "sam", "masks.checkpoint": str(tmp_path / "sam.pth")})
    )
    dock.opened.psa.try_button.click()
    qtbot.waitUntil(lambda: not dock.opened.psa.running)
    assert "⚠" in dock.opened.psa.result.text()
    assert "sam.pth" in dock.opened.psa.result.text()
    assert dock.opened.trial_layers.all == []
    assert not dock.opened.psa.use_button.isEnabled()


@pytest.mark.gui
def test_project_that_cannot_be_written_can_be_tried_on(dock: SecoDock, qtbot, monkeypatch):
    path = dock.session.project.path
    dock.close_project()
    really = Project.open
    monkeypatch.setattr(Project, "open", lambda path, readonly=False: really(path, readonly=True))
    assert dock.open_project(path)
    set_parameter(dock, "masks.parts", 60)
    run_trial(dock, qtbot)
    assert "pixel" in dock.opened.psa.result.text()


@pytest.mark.gui
def test_the_form_follows_the_latest_run_unless_something_was_chosen(dock: SecoDock, monkeypatch):
    session, panel = dock.session, dock.opened.psa
    panel._of_project = panel.form.parameters()  # as if opened with these
    later = Parameters().replace(**{"masks.parts": 70})
    monkeypatch.setattr(type(session.project), "parameters", lambda project: later)
    session.reload()
    assert panel.form.parameters().masks.parts == 70
    set_parameter(dock, "masks.parts", 80)
    session.reload()
    assert panel.form.parameters().masks.parts == 80


@pytest.mark.gui
def test_a_trial_that_new_regions_have_overtaken_says_so(dock: SecoDock, qtbot):
    panel = dock.opened.psa
    panel.try_button.click()
    dock.session.reload()
    qtbot.waitUntil(lambda: not panel.running)
    assert "made anew meanwhile: try again" in panel.result.text()
    panel.try_button.click()
    dock.session.next_image()
    qtbot.waitUntil(lambda: not panel.running)
    assert not panel.result.text()
