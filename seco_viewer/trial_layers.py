"""A trial of PSA on the canvas: masks, prompts, the class map and what it would change."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Vectors
from napari.utils import Colormap, DirectLabelColormap
from numpy.typing import NDArray

from seco_core.pipeline import PsaTrial
from seco_core.psa.prompts import ThingPrompt
from seco_core.scheme import IGNORE, ClassScheme
from seco_viewer.lines import NO_VECTORS
from seco_viewer.look import NAME, class_colormap, class_features
from seco_viewer.view import camera_of

_SAME, _TO_IGNORE = 256, 257
"""Values of the layer of changes beside the class ids."""
_BOX_PIXELS = 2.0
_POINT_SIZE = 4.0
_LIGHTER = 0.35
"""How far the colours of prompts are from their classes' towards white: some classes are as dark as night."""


class TrialLayers:
    """Layers that exist while a trial is looked at.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer.
    scheme : ClassScheme
        Classes and their colours.

    Attributes
    ----------
    all : list of Layer
        From the bottom up; empty while there is no trial.
    """

    def __init__(self, viewer: Any, scheme: ClassScheme):
        self._viewer = viewer
        self._scheme = scheme
        self._camera = camera_of(viewer)
        self._visible: dict[str, bool] = {}
        self.all: list[Layer] = []

    def show(self, trial: PsaTrial, borders: NDArray[np.uint16]) -> bool:
        """Show a trial and the borders of its masks (`border_counts`); whether new layers were made."""
        changes = np.where(trial.changed, trial.class_map, np.uint16(_SAME))
        changes[trial.changed & (trial.class_map == IGNORE)] = _TO_IGNORE
        new = not self.all
        if new:
            self._build(trial.class_map, changes, borders)
        else:
            self.class_map.data, self.changes.data, self.masks.data = trial.class_map, changes, borders
        self.changes.visible = True
        self.masks.contrast_limits = (0.0, max(1.0, float(borders.max(initial=0))))
        colors = self._scheme.palette[[p.class_id for p in trial.prompts]] / 255
        colors = colors + _LIGHTER * (1 - colors)
        self.boxes.data = box_segments(trial.prompts)
        if trial.prompts:
            self.boxes.edge_color = np.repeat(np.column_stack([colors, np.ones(len(colors))]), 4, axis=0)
        points = [p.prompt.points[:, ::-1] for p in trial.prompts]
        self.points.data = np.concatenate(points) if points else np.zeros((0, 2))
        if len(self.points.data):
            # napari makes new points as it would those that a person adds
            self.points.size, self.points.border_width = _POINT_SIZE, 0.15
            self.points.border_color = "white"
            self.points.face_color = np.repeat(colors, [len(p) for p in points], axis=0)
        return new

    def clear(self) -> None:
        """Take the layers out of the viewer."""
        if self.all:
            self._camera.events.zoom.disconnect(self._keep_width)
        for layer in self.all:
            self._visible[layer.name] = layer.visible  # as the next trial's shall be
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.all = []

    def _build(
        self, class_map: NDArray[np.uint8], changes: NDArray[np.uint16], borders: NDArray[np.uint16]
    ) -> None:
        colors, features = class_colormap(self._scheme), class_features(self._scheme)
        self.class_map = Labels(
            class_map, name=NAME + "tried PSA", colormap=colors, features=features, opacity=0.6, visible=False
        )
        to_ignore: dict[int | None, Any] = {_SAME: "transparent", _TO_IGNORE: "white"}
        self.changes = Labels(
            changes,
            name=NAME + "would change",
            colormap=DirectLabelColormap(color_dict={**colors.color_dict, **to_ignore}),
            features={
                "index": [*features["index"], _SAME, _TO_IGNORE],
                "class": [*features["class"], "no change", "no label any more"],
            },
            opacity=1.0,
        )
        self.masks = Image(
            borders,
            name=NAME + "tried masks",
            colormap=Colormap([[0, 1, 1, 0], [0, 1, 1, 1]], name="seco borders", display_name="borders"),
            contrast_limits=(0.0, 1.0),
            gamma=1.5,
            blending="translucent",
            interpolation2d="nearest",
            visible=False,
        )
        self.boxes = Vectors(NO_VECTORS, name=NAME + "prompt boxes", vector_style="line", visible=False)
        self.points = Points(
            np.zeros((0, 2)),
            ndim=2,
            name=NAME + "prompt points",
            canvas_size_limits=(6, 12),
            visible=False,
        )
        self.all = [self.class_map, self.changes, self.masks, self.boxes, self.points]
        active = self._viewer.layers.selection.active
        for layer in self.all:
            layer.editable = False
            layer.visible = self._visible.get(layer.name, layer.visible)
            self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        self._camera.events.zoom.connect(self._keep_width)
        self._keep_width()

    def _keep_width(self) -> None:
        """Keep the boxes' lines as wide as they are on the screen."""
        self.boxes.edge_width = _BOX_PIXELS / max(self._camera.zoom, 1e-6)


def box_segments(prompts: tuple[ThingPrompt, ...]) -> NDArray[np.floating]:
    """The sides of the prompts' boxes, four for each, as start and direction (row, column), (4 N, 2, 2)."""
    if not prompts:
        return NO_VECTORS
    x0, y0, x1, y1 = np.array([p.prompt.box for p in prompts]).T
    corners = np.stack([y0, x0, y0, x1, y1, x1, y1, x0], axis=1).reshape(-1, 4, 2)
    sides = np.stack([corners, np.roll(corners, -1, axis=1) - corners], axis=2)
    return sides.reshape(-1, 2, 2)
