"""Whatever is hidden or only tried: what is saved of a layer is what holds of the image on screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from seco_core.images import read_image
from seco_viewer.docks.main import SecoDock
from seco_viewer.layers import ReviewLayers
from seco_viewer.map_layers import present_map
from seco_viewer.plugin import write_labels
from seco_viewer.session import Session

pytestmark = pytest.mark.gui


def saved(layer: Labels, folder: Path) -> np.ndarray:
    """What the file holds that napari has our writer make of a layer."""
    data, attributes, kind = layer.as_layer_data_tuple()
    assert kind == "labels"
    (path,) = write_labels(str(folder / "saved.png"), data, attributes)
    return read_image(path)[..., 0]


@pytest.mark.parametrize("key", ["overlays", "bare", "wipe", "compare"])
def test_a_hidden_map_is_saved_as_it_is_of_the_image_on_screen(dock: SecoDock, tmp_path: Path, key: str):
    session, layers = dock.session, dock.opened.layers
    dock.perform(key)
    for step in ("next_image", "accept", "next_image", "previous_image"):
        dock.perform(step)
        stored, image_id = session.project, session.image_id
        for layer, expected in (
            (layers.curated, stored.curated(image_id)),
            (layers.pseudo_label, stored.read_pseudo_label(image_id, session.frame.shape)),
            (layers.psa, stored.read_psa(image_id)),
        ):
            assert np.array_equal(saved(layer, tmp_path), expected), (step, layer)


def test_hidden_layers_are_those_of_the_image_when_keys_rest(dock: SecoDock, qtbot):
    session, layers = dock.session, dock.opened.layers
    layers.toggle_overlays()
    shapes = set()
    for _ in session.project.images:
        dock.perform("accept")
        dock.perform("next_image")
        shapes.add(session.frame.shape)
        expected = {
            layers.pseudo_label: session.frame.pseudo_label,
            layers.psa: session.psa_here(),
            layers.curated: session.curated,
            layers.noise: session.noise_map(session.image_id, session.frame.region_ids),
            layers.regions: session.frame.borders,
        }
        assert not any(layer.visible for layer in expected)
        qtbot.waitUntil(lambda e=expected: all(np.array_equal(layer.data, d) for layer, d in e.items()))
    assert len(shapes) > 1


def test_hidden_layers_wait_for_the_keys_to_rest(qapp, session: Session):
    asked = []
    layers = ReviewLayers(ViewerModel(), session, at_rest=asked.append)
    before = layers.pseudo_label.data.copy()
    session.go_to_image((session.image_id + 1) % 3)
    assert np.array_equal(layers.pseudo_label.data, before), "not while the key is handled"
    filled = 0
    while asked:
        asked[:] = asked[-1:]  # the timer begins anew each time
        asked.pop()()
        filled += 1
    assert filled > 3, "one at a time: a key may come between"
    assert np.array_equal(layers.pseudo_label.data, session.frame.pseudo_label)
    session.go_to_image((session.image_id + 1) % 3)
    layers.remove()
    asked.pop()()  # of a closed project nothing follows
    assert present_map(layers.curated.data) is None


def test_a_preview_is_not_saved_as_what_is_curated(dock: SecoDock, qtbot, tmp_path: Path):
    session, layers = dock.session, dock.opened.layers
    tried = np.where(session.curated == 3, 4, 3).astype(np.uint8)
    layers.preview(tried)
    assert np.array_equal(layers.curated.data, tried)
    assert np.array_equal(saved(layers.curated, tmp_path), session.project.curated(session.image_id))


def test_a_copy_of_a_layer_is_somebodys_own(dock: SecoDock, tmp_path: Path):
    copy = Labels(dock.opened.layers.curated.data.copy())
    before = copy.data.copy()
    dock.perform("next_image")
    assert np.array_equal(saved(copy, tmp_path), before)
