"""Two of an image's class maps side by side under a line that the mouse drags, and one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.project.overrides import Box
from seco_core.refine import paint_regions, region_labels
from seco_viewer.layers import ReviewLayers
from seco_viewer.lines import NO_VECTORS, Vectors
from seco_viewer.look import NAME, class_colormap, class_features
from seco_viewer.session import Session
from seco_viewer.view import camera_of

MAPS = ("pseudo-label", "PSA", "SCC", "curated")
"""The ways of a label from what came in to what goes out; SCC is the machine's verdict without decisions."""

_SCC = "SCC"
_LINE_COLOR = "#ffd42a"
_NEAR_PIXELS = 10.0
"""So near on the screen the mouse takes hold of the line."""
_LINE_PIXELS = 2.0
_OPACITY = 0.6


class Comparison:
    """A layer for what is compared. It exists only while it is looked at.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer.
    session : Session
        Whose maps.
    layers : ReviewLayers
        The layers of the maps, which make way.

    Attributes
    ----------
    left, right : str
        Which of `MAPS` lie on either side of the line.
    wiping : bool
        Whether two maps are side by side.
    flicked : bool
        Whether another map than the curated one took the place of what was visible before.
    gave_way : list of Layer
        Maps that are hidden meanwhile.
    all : list of Layer
        The layers there are at present, from the bottom up.
    """

    changed = Signal()
    """Two maps are side by side, or no longer, or others; layers may have come or gone."""

    def __init__(self, viewer: Any, session: Session, layers: ReviewLayers):
        self._viewer, self._session, self._layers = viewer, session, layers
        self._camera = camera_of(viewer)
        self.left, self.right = MAPS[0], MAPS[-1]
        self.wiping = self.flicked = False
        self._before_flicking: list[Layer] = []
        self.all: list[Layer] = []
        self._column = 0
        self.gave_way: list[Layer] = []
        self._place: tuple[int, int | None] | None = None
        session.image_changed.connect(self._show_image)
        session.region_changed.connect(self._follow)
        session.regions_decided.connect(self._show_decisions)
        viewer.mouse_drag_callbacks.append(self._dragged)
        viewer.mouse_move_callbacks.append(self._hovered)
        self._camera.events.zoom.connect(self._keep_width)

    def release(self) -> None:
        """Take the layers away and let go of viewer and session."""
        self._camera.events.zoom.disconnect(self._keep_width)
        self._viewer.mouse_move_callbacks.remove(self._hovered)
        self._viewer.mouse_drag_callbacks.remove(self._dragged)
        self._session.regions_decided.disconnect(self._show_decisions)
        self._session.region_changed.disconnect(self._follow)
        self._session.image_changed.disconnect(self._show_image)
        self._end()

    # ------------------------------------------------------------------- keys

    def wipe(self) -> None:
        """Put two maps side by side, or show again what was visible before."""
        wiping = self.wiping
        self.leave()
        if not wiping:
            self._viewer.dims.ndisplay = 2
            self._begin()
            self.wiping = True
            middle = round(self._layers.view.center[1] + 0.5)
            self._column = min(max(middle, 0), self._session.frame.shape[1])
            self._build(f"{self.left} | {self.right}")
            self.changed.emit()

    def leave(self) -> bool:
        """Show again what was visible before maps were compared; whether any were."""
        if not (self.wiping or self.flicked):
            return False
        flicked, self.flicked = self.flicked, False
        self._end()
        if flicked:
            for layer in self._map_layers().values():
                layer.visible = layer in self._before_flicking
        self.changed.emit()
        return True

    def choose(self, left: str, right: str) -> None:
        """Choose which of `MAPS` lie on either side."""
        self.left, self.right = left, right
        if self.wiping:
            self.all[0].name = f"{NAME}{left} | {right}"
            self._write((0, 0, *self._session.frame.shape[::-1]))
        self.changed.emit()

    def recall_sides(self, sides: list[str]) -> None:
        """Begin with the maps that were on either side before, if they are two of `MAPS`."""
        if len(sides) == 2 and set(sides) <= set(MAPS):
            self.choose(*sides)

    def flick(self) -> str:
        """Show the next one of `MAPS` in place of the others; its name."""
        if self.wiping:
            self._end()
        maps = self._map_layers()
        shown = [name for name, layer in maps.items() if layer.visible]
        if self.all:
            shown = [_SCC]
        if not self.flicked:
            self._before_flicking = [layer for layer in maps.values() if layer.visible]
        following = MAPS[(MAPS.index(shown[-1]) + 1) % len(MAPS)] if shown else MAPS[0]
        self.flicked = following != MAPS[-1]
        self._end()
        for name, layer in maps.items():
            layer.visible = name == following
        if following == _SCC:
            self._build(_SCC)
        self.changed.emit()
        return following

    # ------------------------------------------------------------------ mouse

    def _near(self, event: Any) -> bool:
        if not (self.wiping and self._layers.clicks_select and self._layers.flat):
            return False
        return abs(event.position[-1] - self._column + 0.5) * self._layers.view.zoom <= _NEAR_PIXELS

    def _hovered(self, viewer: Any, event: Any) -> None:
        if self.wiping:
            self._viewer.cursor.style = "pointing" if self._near(event) else "standard"

    def _dragged(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not self._near(event):
            return
        event.handled = True  # or the image would move
        yield
        while event.type == "mouse_move":
            event.handled = True
            self._move(round(float(event.position[-1]) + 0.5))
            yield

    # ----------------------------------------------------------------- layers

    def _map_layers(self) -> dict[str, Layer]:
        layers = self._layers
        return {"pseudo-label": layers.pseudo_label, "PSA": layers.psa, "curated": layers.curated}

    def _begin(self) -> None:
        self._end()
        self.gave_way = [layer for layer in self._map_layers().values() if layer.visible]
        for layer in self.gave_way:
            layer.visible = False

    def _end(self) -> None:
        if self.wiping:
            self._viewer.cursor.style = "standard"
        self.wiping = False
        for layer in self.all:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.all = []
        for layer in self.gave_way:
            layer.visible = True
        self.gave_way = []

    def _build(self, name: str) -> None:
        session, scheme = self._session, self._session.scheme
        self._map = Labels(
            np.zeros(session.frame.shape, dtype=np.uint8), name=NAME + name, opacity=_OPACITY,
            colormap=class_colormap(scheme), features=class_features(scheme),
        )  # fmt: skip
        self.all = [self._map]
        if self.wiping:
            self._line = Vectors(
                NO_VECTORS, name=NAME + "wipe", vector_style="line", edge_color=_LINE_COLOR, opacity=1.0
            )
            self.all.append(self._line)
        self._layers.bring(self._layers.noise)
        active = self._viewer.layers.selection.active
        for layer in self.all:
            layer.editable = False
            self._viewer.add_layer(layer)
        self._viewer.layers.move(
            self._viewer.layers.index(self._map), self._viewer.layers.index(self._layers.noise)
        )
        self._viewer.layers.selection.active = active
        self._show_image()

    def _show_image(self) -> None:
        if not self.all:
            return
        height, width = self._session.frame.shape
        self._column = min(self._column, width)
        self._map.data = np.zeros((height, width), dtype=np.uint8)
        self._write((0, 0, width, height))
        if self.wiping:
            self._draw_line()

    def _follow(self) -> None:
        """The line goes through another region, wherever it was dragged in the last one."""
        place = self._session.image_id, self._session.row
        if self.wiping and place != self._place and self._session.patch.area:
            x0, _, x1, _ = self._session.patch.box
            self._move((x0 + x1) // 2)
        self._place = place

    def _show_decisions(self, rows: NDArray[np.int64], box: Box) -> None:
        if self.all:
            self._write(box)

    def _move(self, column: int) -> None:
        """Put the line in front of a column of pixels."""
        height, width = self._session.frame.shape
        column = min(max(column, 0), width)
        between = min(column, self._column), max(column, self._column)
        self._column = column
        self._write((between[0], 0, between[1], height))
        self._draw_line()

    def _draw_line(self) -> None:
        height = self._session.frame.shape[0]
        x = self._column - 0.5
        self._line.data = np.array([[[-0.5, x], [height, 0]]], dtype=np.float32)
        self._keep_width()

    def _keep_width(self) -> None:
        if self.wiping and self.all:
            self._line.edge_width = _LINE_PIXELS / max(self._layers.view.zoom, 1e-6)

    def _write(self, box: Box) -> None:
        """Fill a box of the layer anew."""
        x0, y0, x1, y1 = box
        x = min(max(self._column, x0), x1) if self.wiping else x1
        left, right = (self.left, self.right) if self.wiping else (_SCC, _SCC)
        for name, part in ((left, (x0, y0, x, y1)), (right, (x, y0, x1, y1))):
            if part[0] < part[2]:
                self._map.data[y0:y1, part[0] : part[2]] = class_map(self._session, name, part)
        self._map.refresh()


def class_map(session: Session, name: str, box: Box) -> NDArray[np.uint8]:
    """A part of one of the `MAPS` of the current image."""
    x0, y0, x1, y1 = box
    if name == "pseudo-label":
        return session.frame.pseudo_label[y0:y1, x0:x1]
    if name == "curated":
        return session.curated[y0:y1, x0:x1]
    if name == "PSA" or session.new_regions is not None:
        return session.psa_here(box)
    region_ids = session.frame.region_ids[y0:y1, x0:x1]
    r, rows = session.regions, session.rows
    return paint_regions(region_ids, region_labels(r.class_id[rows], r.verdict[rows], r.predicted[rows]))
