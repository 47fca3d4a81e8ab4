"""The session on napari's canvas: all its layers in order, camera, clicks, what is hidden for a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from seco_viewer.graph_layers import GraphLayers
from seco_viewer.lines import LINE_PIXELS, NO_VECTORS, Outline, Vectors
from seco_viewer.look import NAME
from seco_viewer.map_layers import MapLayers
from seco_viewer.napari_costs import keep_shaders, spare_the_list
from seco_viewer.outline import outline
from seco_viewer.selection import Place
from seco_viewer.session import Session
from seco_viewer.view import Soon, View

_DRAWING_COLOR = "#ffd42a"


def _at_once(work: Callable[[], None]) -> None:
    work()


class ReviewLayers(MapLayers):
    """The layers that show a session.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer; plugin widgets get a proxy of it.
    session : Session
        What is shown.
    soon : callable, optional
        Calls what it is given once before the next painting: the camera moves then. At once if left out.
    later : callable, optional
        Calls what it is given when the window has been painted. Layers that are not seen at first come
        one by one then, or when one is first shown: each takes a tenth of a second. At once if left out.
    at_rest : callable, optional
        Calls what it is given once nobody has asked for that for a moment: hidden maps follow then. At once
        if left out.

    Attributes
    ----------
    view : View
        Where the camera looks.
    clicks_select : bool
        Whether a click goes to the region there; not while a tool is in hand.
    coming : list of Layer
        Those of `all` that are not in the viewer yet: nobody has looked at them.
    others : list of Layer
        Layers that come and go, such as those of a trial; what hides the overlays hides them too.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        soon: Soon | None = None,
        later: Soon | None = None,
        at_rest: Soon | None = None,
    ):
        super().__init__(session, later or _at_once, at_rest or _at_once)
        self._viewer = viewer
        self.view = View(viewer, session.frame.shape, soon or _at_once)
        self._hidden: list[Layer] = []
        self.coming: list[Layer] = []
        self.others: list[Layer] = []
        self.clicks_select = True
        self._build()
        session.image_changed.connect(self._look_at_image)
        session.region_changed.connect(self._show_region)
        session.selection_changed.connect(self._show_selection)
        session.regions_decided.connect(self.graph.show)
        viewer.mouse_drag_callbacks.append(self._clicked)
        self.view.zoomed.connect(self._fit_lines)
        viewer.reset_view()
        self._show_region()
        self._later(self._bring_next)

    @property
    def all(self) -> list[Layer]:
        """Every layer, from the bottom up."""
        return [
            self.image, self.pseudo_label, self.psa, self.curated, self.noise, self.regions,
            *self.graph.all, self.outline.layer, self.drawing,
        ]  # fmt: skip

    @property
    def flat(self) -> bool:
        """Whether a place on the canvas is a pixel of the image: not in 3D."""
        return bool(self._viewer.dims.ndisplay == 2)

    def remove(self) -> None:
        """Take the layers out of the viewer and let go of the session."""
        self.view.stay()
        self.coming.clear()
        self.release()
        self._session.image_changed.disconnect(self._look_at_image)
        self._session.region_changed.disconnect(self._show_region)
        self._session.selection_changed.disconnect(self._show_selection)
        self._session.regions_decided.disconnect(self.graph.show)
        self.view.zoomed.disconnect(self._fit_lines)
        self._viewer.mouse_drag_callbacks.remove(self._clicked)
        for layer in self.all:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def bring(self, layer: Layer, event: Any = None) -> None:
        """Put a layer into the viewer, below those above it, if it is still to come."""
        if layer in self.coming:
            active = self._viewer.layers.selection.active
            self._put(layer)
            self._viewer.layers.selection.active = active

    def toggle_overlays(self, *, outline: bool = False) -> None:
        """Show the image with no more than the region's outline, or what was visible before again.

        Parameters
        ----------
        outline : bool
            Hide the outline too, and what is being drawn, also if the rest is hidden already.
        """
        kept = () if outline else (self.outline.layer, self.drawing)
        seen = [layer for layer in [*self.all[1:], *self.others] if layer.visible and layer not in kept]
        restored = bool(self._hidden) and not (outline and self.outline.layer.visible)
        for layer in self._hidden if restored else seen:
            layer.visible = restored
        self._hidden = [] if restored else self._hidden + seen

    @property
    def hidden(self) -> list[Layer]:
        """What is hidden for the moment, to see the bare image."""
        return self._hidden

    def look_again(self) -> None:
        """Go to the current region once more if the canvas has another size, unless the user has moved."""
        session = self._session
        if session.patch.area:
            self.view.look_again(session.patch.box)
            if self.view.moving:
                self._show_selection()  # as wide as it is to be there

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
        self.bring(self.drawing)
        self.drawing.data = np.stack([points[:-1], np.diff(points, axis=0)], axis=1)
        self.drawing.edge_width = width or LINE_PIXELS / max(self.view.zoom, 1e-6)

    # ------------------------------------------------------------------ build

    def _build(self) -> None:
        keep_shaders()
        self.graph = GraphLayers(self._session, self.view, self.noise)
        self.outline = Outline(NAME + "selection")
        self.drawing = Vectors(
            NO_VECTORS, name=NAME + "drawing", vector_style="line", opacity=0.7, edge_color=_DRAWING_COLOR
        )
        self.coming = self.all
        for layer in self.all:
            layer.editable = False
            layer.events.visible.connect(partial(self.bring, layer))
            if layer.visible and layer is not self.drawing:
                self._put(layer)
        self.outline.layer.events.visible.connect(self._show_selection)
        self._viewer.layers.selection.active = self.image

    def _put(self, layer: Layer) -> None:
        self.coming.remove(layer)
        layers = self._viewer.layers
        below = [other for other in self.all[: self.all.index(layer)] if other in layers]
        layers.insert(layers.index(below[-1]) + 1 if below else len(layers), layer)
        spare_the_list(layer)

    def _bring_next(self) -> None:
        if self.coming:
            self.bring(self.coming[0])
            self._later(self._bring_next)

    # ----------------------------------------------------------------- update

    def _look_at_image(self) -> None:
        self.view.show_image(self._session.frame.shape)

    def _show_region(self) -> None:
        patch = self._session.patch
        if patch.area and not self._session.edited:
            self.view.look_at(patch.box)
        self._show_selection()
        self.graph.show()

    def _show_selection(self) -> None:
        if not self.outline.layer.visible:
            return
        patch = self._session.patch
        segments = outline(patch.mask, (patch.box[1], patch.box[0])) if patch.area else NO_VECTORS
        self.outline.show(segments, self.view.zoom, edited=self._session.edited)

    def _fit_lines(self) -> None:
        """Keep the lines as wide as they are on the screen, whatever the zoom."""
        if self.view.moving:
            return  # drawn for where the camera is going
        if self.outline.layer.visible:
            self.outline.fit(self.view.zoom)
        self.graph.fit()

    def _clicked(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or not (self.clicks_select and self.flat):
            return
        yield
        while event.type == "mouse_move":
            return  # a drag moves the camera
        row, column = (round(float(v)) for v in event.position[-2:])
        self._session.select_at(row, column)
