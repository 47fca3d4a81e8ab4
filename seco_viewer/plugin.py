"""What napari's manifest names, and `open_viewer` for the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np

from seco_core.errors import LabelError
from seco_core.example import make_scene
from seco_core.label_files import write_label
from seco_core.resources import resource_path
from seco_core.scheme import IGNORE, load_scheme
from seco_viewer.docks.main import SecoDock
from seco_viewer.map_layers import present_map
from seco_viewer.projects import get_project

PLUGIN = "seco-viewer"
WIDGET = "Review pseudo-labels"

LayerData = tuple[Any, ...]


def open_viewer(project: Path | str | None = None, *, block: bool = False) -> tuple[napari.Viewer, SecoDock]:
    """Open a napari window with the dock, and a project in it.

    Parameters
    ----------
    project : path-like, optional
        A project folder; without one the dock shows its start page.
    block : bool
        Whether to return only when the window is closed.
    """
    from qtpy.QtGui import QIcon
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(title="SeCo Viewer")
    QApplication.setWindowIcon(QIcon(str(resource_path("icons", "seco.svg"))))
    dock = show_dock(viewer)
    if project is not None:
        dock.open_project(project)
    if block:
        napari.run()
    return viewer, dock


def show_dock(viewer: Any) -> SecoDock:
    """The viewer's SeCo dock, made if it is not there yet."""
    try:
        _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    except (KeyError, ValueError):
        # a checkout that is not installed has no manifest that napari could find
        dock = SecoDock(viewer)
        viewer.window.add_dock_widget(dock, name=WIDGET, area="right")
    return dock


def open_project() -> None:
    """Ask for a project folder and open it in the dock."""
    from qtpy.QtWidgets import QFileDialog

    viewer = napari.current_viewer()
    if viewer is None:
        return
    chosen = QFileDialog.getExistingDirectory(None, "Open a SeCo project", str(Path.home()))
    if chosen:
        show_dock(viewer).open_project(chosen)


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """A reader for a project folder or its store; None for anything else."""
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return _read_project if get_project(path) is not None else None


def _read_project(path: str | Sequence[str]) -> list[LayerData]:
    """Open the project in the dock. It brings its own layers, so none are returned."""
    viewer = napari.current_viewer()
    if viewer is not None:
        show_dock(viewer).open_project(path if isinstance(path, str) else path[0])
    return [(None,)]


def write_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a labels layer as a PNG of class ids; of an open project's maps what they are now."""
    present = present_map(data)
    labels = np.asarray(data if present is None else present)
    if labels.ndim != 2 or labels.size == 0 or labels.min() < 0 or labels.max() > IGNORE:
        raise LabelError("a PNG of class ids holds one image with ids from 0 to 255.", path=path)
    write_label(path, labels.astype(np.uint8))
    return [path]


def example_scene() -> list[LayerData]:
    """A generated street scene: the image and its pseudo-label (napari's File > Open Sample)."""
    from seco_viewer.look import class_colormap

    scene = make_scene(0)
    colors = class_colormap(load_scheme("cityscapes19"))
    return [
        (scene.image, {"name": "street", "rgb": True}, "image"),
        (scene.pseudo_label, {"name": "street, pseudo-label", "colormap": colors, "opacity": 0.5}, "labels"),
    ]
