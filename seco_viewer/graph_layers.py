"""The relational graph over the image: a node for every region, edges from the current one."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer, Points

from seco_core.graph import EdgeKind
from seco_viewer.lines import LINE_PIXELS, NO_VECTORS, Vectors
from seco_viewer.look import NAME
from seco_viewer.session import Session
from seco_viewer.view import View

_KIND_COLOR = {EdgeKind.FEATURE: (0.35, 0.85, 1.0), EdgeKind.TOUCHES: (1.0, 1.0, 1.0)}


class GraphLayers:
    """Nodes at the regions' centres, sized by area and coloured by noise, and the current region's edges.

    Parameters
    ----------
    session : Session
        What is shown.
    view : View
        Where the camera looks: edges are as wide on the screen whatever the zoom.
    noise : Image
        The noise map, whose colours and contrast limits the nodes share.

    Attributes
    ----------
    nodes : Points
    edges : Vectors
        White to regions that touch, blue to those alike; the stronger the edge, the more opaque.
    """

    def __init__(self, session: Session, view: View, noise: Image):
        self._session, self._view, self._noise = session, view, noise
        self.edges = Vectors(
            NO_VECTORS, name=NAME + "graph edges", vector_style="line", visible=False, edge_width=1.5
        )
        self.nodes = Points(
            np.zeros((0, 2)), ndim=2, name=NAME + "graph nodes", border_width=0.08, border_color="black",
            opacity=0.9, visible=False,
        )  # fmt: skip
        for layer in self.all:
            layer.events.visible.connect(self.show)
        noise.events.contrast_limits.connect(self.show)
        noise.events.colormap.connect(self.show)

    @property
    def all(self) -> list[Layer]:
        """Both layers, from the bottom up."""
        return [self.edges, self.nodes]

    def toggle(self) -> None:
        """Show or hide both."""
        self.nodes.visible = self.edges.visible = not self.nodes.visible

    def show(self, event: Any = None) -> None:
        """Bring what is visible up to date."""
        # a hidden layer is not sliced: with other data it would be coloured by the slice of those before
        if self.nodes.visible:
            self._show_nodes()
        if self.edges.visible:
            self.fit()
            self._show_edges()

    def _show_nodes(self) -> None:
        session, rows = self._session, self._session.rows
        self.nodes.data = session.regions.centroid[rows]
        if not len(self.nodes.data):
            return
        area = session.regions.area[rows]
        self.nodes.size = np.clip(np.sqrt(area) * 0.25, 3, 0.025 * max(self._view.shape))
        low, high = self._noise.contrast_limits
        scores = session.noise(rows)
        color = self._noise.colormap.map(np.clip((np.nan_to_num(scores) - low) / (high - low), 0, 1))
        color[:, 3] = ~np.isnan(scores)  # a ring without a score: nobody knows yet
        self.nodes.face_color = color

    def _show_edges(self) -> None:
        session, rows = self._session, self._session.rows
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

    def fit(self) -> None:
        """Make the edges as wide on the screen as they are to be at another zoom."""
        if self.edges.visible:
            self.edges.edge_width = LINE_PIXELS / max(self._view.zoom, 1e-6)
