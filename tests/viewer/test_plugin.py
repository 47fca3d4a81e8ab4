from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

import seco_viewer
from seco_viewer.plugin import PLUGIN, WIDGET, example_scene, get_reader

MANIFEST = Path(seco_viewer.__file__).parent / "napari.yaml"


def test_manifest_is_valid_and_everything_it_names_exists():
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == PLUGIN
    contributions = manifest.contributions
    for command in contributions.commands:
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name))
    ids = {command.id for command in contributions.commands}
    named = [
        *contributions.widgets,
        *contributions.readers,
        *contributions.sample_data,
        *(item for items in contributions.menus.values() for item in items),
    ]
    assert {item.command for item in named} <= ids
    assert contributions.widgets[0].display_name == WIDGET


def test_reader_claims_projects_only(scored_path: Path, tmp_path: Path):
    assert get_reader(str(scored_path)) is not None
    assert get_reader([str(scored_path / "seco.sqlite")]) is not None
    assert get_reader(str(tmp_path / "data")) is None
    assert get_reader(str(tmp_path / "image.png")) is None
    assert get_reader([str(scored_path), str(scored_path)]) is None


def test_sample_is_an_image_and_its_pseudo_label():
    (image, _, kind), (labels, shown, label_kind) = example_scene()
    assert (kind, label_kind) == ("image", "labels")
    assert image.shape == (*labels.shape, 3)
    assert image.dtype == labels.dtype == np.uint8
    assert "colormap" in shown


@pytest.mark.gui
def test_opening_a_project_folder_shows_it_in_the_dock(make_napari_viewer, scored_path: Path):
    from seco_viewer.plugin import show_dock

    viewer = make_napari_viewer()
    reader = get_reader(str(scored_path))
    assert reader(str(scored_path)) == [(None,)]
    assert {"SeCo: image", "SeCo: curated"} <= {layer.name for layer in viewer.layers}
    docks = viewer.window.dock_widgets
    dock = next(w for name, w in docks.items() if WIDGET in name)
    assert dock.session.project.path == scored_path
    assert show_dock(viewer) is dock
    dock.close_project()


def test_readme_names_the_menu_and_the_file_type_as_napari_does():
    from napari.plugins import menu_item_template

    manifest = PluginManifest.from_file(MANIFEST)
    readme = (MANIFEST.parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"*Plugins > {menu_item_template.format(manifest.display_name, WIDGET)}*" in readme
    (writer,) = manifest.contributions.writers
    assert f"*{manifest.display_name} {writer.display_name}*" in readme


@pytest.mark.gui
def test_sample_layers_open(make_napari_viewer):
    from napari.layers import Layer

    viewer = make_napari_viewer()
    for data in example_scene():
        viewer.add_layer(Layer.create(*data))
    assert len(viewer.layers) == 2


def test_every_action_is_a_command_of_the_palette():
    from seco_viewer.shortcuts import BUILT_IN

    manifest = PluginManifest.from_file(MANIFEST)
    named = {c.python_name for c in manifest.contributions.commands}
    assert {f"seco_viewer.commands:{entry.id}" for entry in BUILT_IN} <= named


def test_commands_that_need_a_path_are_not_to_be_had_in_the_palette():
    from app_model.expressions import parse_expression

    contributions = PluginManifest.from_file(MANIFEST).contributions
    need_a_path = {item.command for item in (*contributions.readers, *contributions.writers)}
    assert len(need_a_path) == 2
    for command in contributions.commands:
        to_be_had = command.enablement is None or parse_expression(command.enablement).eval({})
        assert to_be_had is (command.id not in need_a_path), command.id


def test_writer_keeps_class_ids_and_refuses_others(tmp_path: Path):
    from PIL import Image

    from seco_core.errors import LabelError
    from seco_viewer.plugin import write_labels

    labels = np.array([[0, 7], [18, 255]])
    path = str(tmp_path / "curated.png")
    assert write_labels(path, labels, {}) == [path]
    assert np.array_equal(np.asarray(Image.open(path)), labels)
    with pytest.raises(LabelError):
        write_labels(path, labels + 1, {})
