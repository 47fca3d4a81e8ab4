"""A layer of the pixels where decisions cut through regions that the machine calls something else."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray
from psygnal import Signal

from seco_core.refine import conflicts
from seco_viewer.layers import ReviewLayers
from seco_viewer.look import NAME
from seco_viewer.session import Session

_STRIPE = 3
"""Pixels: stripes of light and dark are seen on every class and every image."""


class ConflictLayer:
    """Conflicts of the current image. The layer exists only while it is looked at.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer.
    session : Session
        Whose decisions.
    layers : ReviewLayers
        What it lies in front of.

    Attributes
    ----------
    all : list of Layer
        The layer if it is shown.
    regions, pixels : int
        How many regions are cut, and how many of their pixels differ; 0 while it is not shown.
    """

    changed = Signal()
    """It is shown or no longer, or there are other conflicts."""

    def __init__(self, viewer: Any, session: Session, layers: ReviewLayers):
        self._viewer, self._session, self._layers = viewer, session, layers
        self.all: list[Layer] = []
        self.regions = self.pixels = 0
        session.image_changed.connect(self._show)
        session.regions_decided.connect(self._show)

    def release(self) -> None:
        """Take the layer away and let go of the session."""
        self._session.image_changed.disconnect(self._show)
        self._session.regions_decided.disconnect(self._show)
        self._remove()

    def toggle(self) -> None:
        """Show or hide it."""
        if self.all:
            self._remove()
            self.changed.emit()
            return
        self._layer = Labels(
            np.zeros(self._session.frame.shape, dtype=np.uint8),
            name=NAME + "conflicts",
            colormap=DirectLabelColormap(color_dict={None: "transparent", 1: "white", 2: "black"}),
            opacity=0.9,
        )
        self._layer.editable = False
        self.all = [self._layer]
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self._layer)
        self._viewer.layers.move(
            self._viewer.layers.index(self._layer), self._viewer.layers.index(self._layers.regions)
        )
        self._viewer.layers.selection.active = active
        self._show()

    def _remove(self) -> None:
        for layer in self.all:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.all = []
        self.regions = self.pixels = 0

    def _show(self, *_: Any) -> None:
        if not self.all:
            return
        session = self._session
        ids = session.frame.region_ids
        found = conflicts(
            ids, session.machine_label[session.rows], session.project.overrides.active(session.image_id)
        )
        self._layer.data = striped(found)
        self.regions, self.pixels = len(np.unique(ids[found])), int(np.count_nonzero(found))
        self.changed.emit()


def striped(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 and 2 in diagonal stripes where the mask is set."""
    row, column = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return np.where(mask, (row + column) // _STRIPE % 2 + 1, 0).astype(np.uint8)
