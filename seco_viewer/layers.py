"""The session on napari's canvas: layers made once and updated in place, camera, clicks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Vectors
from napari.utils import Colormap, DirectLabelColormap
from numpy.typing import NDArray

from seco_core.graph import EdgeKind
from seco_core.project.overrides import Box
from seco_core.scheme import IGNORE, ClassScheme
from seco_viewer.outline import outline
from seco_viewer.selection import Place
from seco_viewer.session import Session

NAME = "SeCo: "
"""What the names of the layers begin with."""

_AS_IT_IS, _EDITED = "white", "#ffd42a"
"""Colours of the selection's outline."""
_OUTLINE_PIXELS = 2.5
_CASING_PIXELS = 6.0
_LEAST_CONTEXT = 160
"""Pixels of the image's shorter side that stay in view around a small region."""
_REGION_SHARE = 0.3
"""Share of the view that a region takes when the camera goes to it."""
_KIND_COLOR = {EdgeKind.FEATURE: (0.35, 0.85, 1.0), EdgeKind.TOUCHES: (1.0, 1.0, 1.0)}
NO_VECTORS = np.zeros((1, 2, 2), dtype=np.float32)
"""What an empty layer of vectors holds: napari wants one at least."""


def noise_colormap() -> Colormap:
    """Transparent over red to yellow: rising in lightness, for every kind of colour vision."""
    stops = np.array(
        [
            [0.30, 0.02, 0.30, 0.0],
            [0.55, 0.09, 0.42, 0.5],
            [0.85, 0.27, 0.27, 0.6],
            [0.98, 0.60, 0.12, 0.65],
            [0.99, 0.97, 0.55, 0.7],
        ]
    )
    return Colormap(stops, name="seco noise", display_name="noise")


def class_colormap(scheme: ClassScheme) -> DirectLabelColormap:
    """Colours of the classes; ignore, and ids without a class, are transparent."""
    colors: dict[int | None, Any] = {c.id: (*np.array(c.color) / 255, 1.0) for c in scheme.classes}
    colors[None] = "transparent"
    colors[IGNORE] = "transparent"
    if 0 not in colors:
        colors[0] = "transparent"
    return DirectLabelColormap(color_dict=colors)


def class_features(scheme: ClassScheme) -> dict[str, list[Any]]:
    """What napari's status bar says of a class map: the names of the classes."""
    names = {c.id: c.name for c in scheme.classes} | {IGNORE: "ignore"}
    return {"index": list(names), "class": list(names.values())}


def camera_of(viewer: Any) -> Any:
    """The viewer's camera; napari 0.9 moved it and warns about the old place."""
    return viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera


def _no_thumbnail(*_: Any) -> None:
    """Nothing: a region's outline is too small to be told from another in a thumbnail."""


class ReviewLayers:
    """The layers that show a session.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer; plugin widgets get a proxy of it.
    session : Session
        What is shown.

    Attributes
    ----------
    keep_zoom : bool
        Whether going to a region only centres it.
    clicks_select : bool
        Whether a click goes to the region there; not while a tool is in hand.
    others : list of Layer
        Layers that come and go, such as those of a trial; what hides the overlays hides them too.
    """

    def __init__(self, viewer: Any, session: Session):
        self._viewer = viewer
        self._session = session
        self._shape = session.frame.shape
        self._camera = camera_of(viewer)
        self._hidden: list[Layer] = []
        # centre and zoom of the whole image; asking napari for them costs more than all of a decision
        self._whole: tuple[tuple[float, ...], float] | None = None
        self._moving = False
        self.others: list[Layer] = []
        self.keep_zoom = False
        self.clicks_select = True
        self._edited = False
        # before the first run there is only the pseudo-label to see
        self._nothing_else = not len(session.regions)
        self._build()
        session.image_changed.connect(self._show_image)
        session.region_changed.connect(self._show_region)
        session.selection_changed.connect(self._show_selection)
        session.regions_decided.connect(self._show_decisions)
        session.scores_changed.connect(self._show_scores)
        viewer.mouse_drag_callbacks.append(self._clicked)
        self._camera.events.zoom.connect(self._widen_outline)
        viewer.reset_view()
        self._show_region()

    @property
    def all(self) -> list[Layer]:
        """Every layer, from the bottom up."""
        return [
            self.image, self.pseudo_label, self.psa, self.curated, self.noise, self.regions,
            self.edges, self.nodes, self.casing, self.outline, self.drawing,
        ]  # fmt: skip

    def remove(self) -> None:
        """Take the layers out of the viewer and let go of the session."""
        self._session.image_changed.disconnect(self._show_image)
        self._session.region_changed.disconnect(self._show_region)
        self._session.selection_changed.disconnect(self._show_selection)
        self._session.regions_decided.disconnect(self._show_decisions)
        self._session.scores_changed.disconnect(self._show_scores)
        self._camera.events.zoom.disconnect(self._widen_outline)
        self._viewer.mouse_drag_callbacks.remove(self._clicked)
        for layer in self.all:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def toggle_overlays(self) -> None:
        """Show the bare image, or what was visible before again."""
        if self._hidden:
            for layer in self._hidden:
                layer.visible = True
            self._hidden = []
        else:
            self._hidden = [layer for layer in [*self.all[1:], *self.others] if layer.visible]
            for layer in self._hidden:
                layer.visible = False

    @property
    def hidden(self) -> list[Layer]:
        """What is hidden for the moment, to see the bare image."""
        return self._hidden

    def toggle_noise(self) -> None:
        """Show or hide the noise heat map."""
        self.noise.visible = not self.noise.visible

    def toggle_graph(self) -> None:
        """Show or hide nodes and edges of the relational graph."""
        self.nodes.visible = self.edges.visible = not self.nodes.visible

    @property
    def zoom(self) -> float:
        """Pixels of the screen for one of the image."""
        return float(self._camera.zoom)

    def pan(self, by: NDArray[np.float64]) -> None:
        """Move the image by rows and columns of the screen."""
        center = np.array(self._camera.center[-2:]) - by / self.zoom
        self._camera.center = tuple(center.tolist())

    def show_drawing(self, path: Sequence[Place] | NDArray[np.float64], width: float | None = None) -> None:
        """Show a line that is being drawn; none for less than two points.

        Parameters
        ----------
        path : sequence of (float, float)
            Row and column of its points.
        width : float, optional
            In pixels of the image; as wide as the outline if left out.
        """
        points = np.array(path, dtype=np.float32).reshape(-1, 2)
        if len(points) < 2:
            if len(self.drawing.data) > 1 or self.drawing.data.any():
                self.drawing.data = NO_VECTORS
            return
        self.drawing.data = np.stack([points[:-1], np.diff(points, axis=0)], axis=1)
        self.drawing.edge_width = width or _OUTLINE_PIXELS / max(self.zoom, 1e-6)

    # ------------------------------------------------------------------ build

    def _build(self) -> None:
        session, frame = self._session, self._session.frame
        colors, features = class_colormap(session.scheme), class_features(session.scheme)
        self.image = Image(frame.image, rgb=True, name=NAME + "image")
        self.pseudo_label = Labels(
            frame.pseudo_label, name=NAME + "pseudo-label", colormap=colors, features=features,
            opacity=0.6, visible=self._nothing_else,
        )  # fmt: skip
        self.psa = Labels(
            self._psa_map(), name=NAME + "PSA", colormap=colors, features=features, opacity=0.6, visible=False
        )
        self.curated = Labels(
            session.curated, name=NAME + "curated", colormap=colors, features=features, opacity=0.4
        )
        self.noise = Image(
            self._noise_map(), name=NAME + "noise", colormap=noise_colormap(), contrast_limits=(0.5, 1.0),
            blending="translucent", opacity=0.9, visible=False, interpolation2d="nearest",
        )  # fmt: skip
        self.noise.contrast_limits_range = (0.0, 1.0)
        self.regions = Labels(
            frame.region_ids, name=NAME + "regions", opacity=0.25,
            colormap=DirectLabelColormap(color_dict={None: "white", 0: "transparent"}),
        )  # fmt: skip
        self.regions.contour = 1
        self.edges = Vectors(
            NO_VECTORS, name=NAME + "graph edges", vector_style="line", visible=False, edge_width=1.5
        )
        self.nodes = Points(
            np.zeros((0, 2)), ndim=2, name=NAME + "graph nodes", border_width=0.08, border_color="black",
            opacity=0.9, visible=False,
        )  # fmt: skip
        self.casing = Vectors(
            NO_VECTORS, name=NAME + "outline casing", vector_style="line", opacity=0.75, edge_color="black"
        )
        self.outline = Vectors(
            NO_VECTORS, name=NAME + "selection", vector_style="line", opacity=1.0, edge_color=_AS_IT_IS
        )
        self.drawing = Vectors(
            NO_VECTORS, name=NAME + "drawing", vector_style="line", opacity=0.7, edge_color=_EDITED
        )
        for layer in self.all:
            layer.editable = False
            self._viewer.add_layer(layer)
        for lines in (self.edges, self.casing, self.outline):
            # napari draws the picture in its list of layers line by line in Python, at every change
            lines._update_thumbnail = _no_thumbnail
        for lines in (self.edges, self.casing, self.outline, self.drawing):
            # they stay on the image: the extent of all layers, which napari asks all for, does not change
            lines._update_dims = partial(lines.refresh, extent=False)
        for layer in (self.nodes, self.edges):
            layer.events.visible.connect(self._show_graph)
        self._viewer.layers.selection.active = self.image

    # ----------------------------------------------------------------- update

    def _show_image(self) -> None:
        session, frame = self._session, self._session.frame
        self._whole = None
        self.image.data = frame.image
        self.pseudo_label.data = frame.pseudo_label
        self.psa.data = self._psa_map()
        self.curated.data = session.curated
        if self._nothing_else and len(session.regions):
            self._nothing_else = self.pseudo_label.visible = False
        self.noise.data = self._noise_map()
        self.regions.data = frame.region_ids
        if frame.shape != self._shape:
            self._shape = frame.shape
            self._viewer.reset_view()

    def _show_decisions(self, rows: NDArray[np.int64], box: Box) -> None:
        x0, y0, x1, y1 = box
        part = self._session.frame.region_ids[y0:y1, x0:x1]
        self.noise.data[y0:y1, x0:x1] = self._noise_table()[part]
        # the session has written this box of its map, which is the layer's
        self.curated.refresh()
        self.noise.refresh()
        self._show_graph()

    def _show_scores(self, rows: NDArray[np.int64]) -> None:
        here = self._session.rows
        boxes = self._session.regions.box[rows[(rows >= here.start) & (rows < here.stop)]]
        if len(boxes):
            (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
            self.noise.data[y0:y1, x0:x1] = self._noise_table()[self._session.frame.region_ids[y0:y1, x0:x1]]
            self.noise.refresh()

    def _show_region(self) -> None:
        patch = self._session.patch
        if self._session.row is not None and patch.area and not self._session.edited:
            self._look_at(patch.box)
        self._show_selection()
        self._show_graph()

    def _show_selection(self) -> None:
        patch = self._session.patch
        segments = outline(patch.mask, (patch.box[1], patch.box[0])) if patch.area else NO_VECTORS
        for lines in (self.outline, self.casing):
            with lines.events.data.blocker():  # makes napari ask all layers for their extent
                lines.data = segments
        if self._session.edited is not self._edited:
            self._edited = self._session.edited
            self.outline.set_view_slice()  # a hidden layer still has that of the data before
            self.outline.edge_color = _EDITED if self._edited else _AS_IT_IS
        self._widen_outline()

    def _show_graph(self) -> None:
        if not (self.nodes.visible or self.edges.visible):
            return
        self._widen_outline()
        session = self._session
        rows = session.rows
        noise = np.nan_to_num(session.noise(rows))
        size = np.clip(np.sqrt(session.regions.area[rows]) * 0.25, 3, 0.025 * max(self._shape))
        self.nodes.data = session.regions.centroid[rows]
        if len(noise):
            self.nodes.size = size
            color = noise_colormap().map(noise)
            color[:, 3] = 1.0
            self.nodes.face_color = color
        links = [] if session.row is None else session.links(session.row)
        links = [link for link in links if rows.start <= link[0] < rows.stop]
        if not links:
            self.edges.data = NO_VECTORS
            return
        centroid = session.regions.centroid
        start = np.broadcast_to(centroid[session.row], (len(links), 2))
        self.edges.data = np.stack([start, centroid[[n for n, _, _ in links]] - start], axis=1)
        weight = [0.25 + 0.75 * w for _, w, _ in links]
        self.edges.edge_color = np.array(
            [(*_KIND_COLOR[kind], w) for w, (_, _, kind) in zip(weight, links, strict=True)]
        )

    def _widen_outline(self) -> None:
        """Keep the lines as wide as they are on the screen, whatever the zoom."""
        if self._moving:
            return
        zoom = max(self._camera.zoom, 1e-6)
        self.outline.edge_width = _OUTLINE_PIXELS / zoom
        self.casing.edge_width = _CASING_PIXELS / zoom
        if self.edges.visible:
            self.edges.edge_width = _OUTLINE_PIXELS / zoom

    def _look_at(self, box: Box) -> None:
        x0, y0, x1, y1 = box
        center = ((y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2)
        if self.keep_zoom:
            self._camera.center = center
            return
        height, width = self._shape
        closer = _REGION_SHARE * min(height / (y1 - y0), width / (x1 - x0))
        closer = min(closer, min(height, width) / _LEAST_CONTEXT)
        self._moving = True  # the lines get their width once, at the end
        try:
            if self._whole is None:
                self._viewer.reset_view()
                self._whole = tuple(self._camera.center), self._camera.zoom
            middle, zoom = self._whole
            if closer > 1:
                # at least image / closer is in view: nearer to the border there would be nothing to see
                margin = np.array([height, width]) / (2 * closer)
                middle = tuple(np.clip(center, margin, [height, width] - margin).tolist())
                zoom *= closer
            self._camera.center = middle
            self._camera.zoom = zoom
        finally:
            self._moving = False

    def _clicked(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not self.clicks_select:
            return
        yield
        while event.type == "mouse_move":
            return  # a drag moves the camera
        row, column = (round(float(v)) for v in event.position[-2:])
        self._session.select_at(row, column)

    # ------------------------------------------------------------------- maps

    def _psa_map(self) -> NDArray[np.uint8]:
        return self._session.psa_map(self._session.image_id, self._session.frame.region_ids)

    def _noise_table(self) -> NDArray[np.float32]:
        """Noise score of each region id; 0 for none."""
        score = np.nan_to_num(self._session.noise(self._session.rows))
        table = np.zeros(len(self._session.frame.areas) + 1, dtype=np.float32)
        table[1:] = score[: len(table) - 1]
        return table

    def _noise_map(self) -> NDArray[np.float32]:
        return self._noise_table()[self._session.frame.region_ids]
