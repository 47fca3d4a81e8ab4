"""The current image and the maps of it as napari layers: made once, brought up to date in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from seco_core.project.overrides import Box
from seco_viewer.look import NAME, borders_colormap, class_colormap, class_features, noise_colormap
from seco_viewer.session import Session
from seco_viewer.view import Soon

_open: WeakSet[MapLayers] = WeakSet()


def present_map(data: Any) -> NDArray[np.uint8] | None:
    """The class map to be saved of a labels layer of an open project.

    Hidden layers are behind for a moment, and the curated one may show what other thresholds would make.

    Parameters
    ----------
    data : array
        The layer's data: the very array, no copy, which would be somebody's own.

    Returns
    -------
    ndarray of uint8, (H, W), or None
        Of the image on screen, with all that was decided; None if the array is of no such layer.
    """
    for maps in _open:
        for layer, present in maps.class_maps.items():
            if layer.data is data:
                return present()
    return None


class MapLayers:
    """Image, pseudo-label, class maps, noise scores and borders; hidden ones follow at rest or when shown.

    Parameters
    ----------
    session : Session
        What is shown.
    later : callable
        Calls what it is given when the window has been painted.
    at_rest : callable
        Calls what it is given once nobody has asked for that for a moment.

    Attributes
    ----------
    image, noise, regions : Image
    pseudo_label, psa, curated : Labels
    class_maps : dict of Labels to callable
        What there is to be saved of these, whatever they show.
    """

    def __init__(self, session: Session, later: Soon, at_rest: Soon):
        self._session, self._later, self._at_rest = session, later, at_rest
        # layers that are hidden and not of this image or these decisions yet
        self._stale: set[Layer] = set()
        self._old_thumbnails: set[Layer] = set()
        self._class_map: NDArray[np.uint8] | None = None
        # before the first run there is only the pseudo-label to see
        self._nothing_else = not len(session.regions)
        self._make_maps()
        for layer in self._content:
            layer.events.visible.connect(partial(self._shown, layer))
        session.image_changed.connect(self._show_image)
        session.regions_decided.connect(self._show_decisions)
        session.scores_changed.connect(self._show_scores)
        _open.add(self)

    def release(self) -> None:
        """Let go of the session."""
        _open.discard(self)
        self._stale.clear()
        self._session.image_changed.disconnect(self._show_image)
        self._session.regions_decided.disconnect(self._show_decisions)
        self._session.scores_changed.disconnect(self._show_scores)

    def toggle_noise(self) -> None:
        """Show or hide the noise heat map."""
        self.noise.visible = not self.noise.visible

    def preview(self, class_map: NDArray[np.uint8] | None) -> None:
        """Show another class map in place of the curated one, until there is another image; None ends it."""
        self._class_map = class_map
        self._renew(self.curated)

    # ------------------------------------------------------------------ build

    def _make_maps(self) -> None:
        session, frame = self._session, self._session.frame
        colors, features = class_colormap(session.scheme), class_features(session.scheme)
        # what each layer shows; it has arrays of its own, into which that of the next image is copied
        self._content: dict[Layer, Callable[[], NDArray[Any]]] = {}
        self.image = Image(frame.image.copy(), rgb=True, name=NAME + "image")
        self.pseudo_label = Labels(
            frame.pseudo_label.copy(), name=NAME + "pseudo-label", colormap=colors, features=features,
            opacity=0.6, visible=self._nothing_else,
        )  # fmt: skip
        self.psa = Labels(
            session.psa_here(),
            name=NAME + "PSA",
            colormap=colors,
            features=features,
            opacity=0.6,
            visible=False,
        )
        self.curated = Labels(
            session.curated.copy(), name=NAME + "curated", colormap=colors, features=features, opacity=0.4
        )
        self.noise = Image(
            self._noise_map(), name=NAME + "noise", colormap=noise_colormap(), contrast_limits=(0.5, 1.0),
            blending="translucent", opacity=0.9, visible=False, interpolation2d="nearest",
        )  # fmt: skip
        self.noise.contrast_limits_range = (0.0, 1.0)
        # not the contours of napari's labels, which it would draw anew for every image
        self.regions = Image(
            frame.borders.copy(), name=NAME + "regions", colormap=borders_colormap(),
            contrast_limits=(0.0, 1.0), blending="translucent", opacity=0.25, interpolation2d="nearest",
        )  # fmt: skip
        self._content = {
            self.image: lambda: self._session.frame.image,
            self.pseudo_label: lambda: self._session.frame.pseudo_label,
            self.psa: self._session.psa_here,
            self.curated: lambda: self._session.curated if self._class_map is None else self._class_map,
            self.noise: self._noise_map,
            self.regions: lambda: self._session.frame.borders,
        }
        self.class_maps: dict[Labels, Callable[[], NDArray[np.uint8]]] = {
            self.pseudo_label: self._content[self.pseudo_label],
            self.psa: self._content[self.psa],
            self.curated: lambda: self._session.curated,
        }

    # ----------------------------------------------------------------- update

    def _show_image(self) -> None:
        session = self._session
        self._class_map = None
        if self._nothing_else and len(session.regions):
            self._nothing_else = self.pseudo_label.visible = False
        for layer in self._content:
            self._renew(layer)

    def _renew(self, layer: Layer) -> None:
        """Bring a map up to date; a hidden one at rest, or when it is shown."""
        if not layer.visible:
            self._put_off(layer)
            return
        if not self._fill(layer):
            return
        if isinstance(layer, Labels):
            layer.events.labels_update(data=layer.data.copy(), offset=[0, 0])  # as below, without slicing
        else:
            layer.refresh(thumbnail=False, highlight=False, extent=False)
        if not self._old_thumbnails:
            self._later(self._renew_thumbnails)
        self._old_thumbnails.add(layer)

    def _fill(self, layer: Layer) -> bool:
        """Give a layer its present data; whether it could keep its array."""
        self._stale.discard(layer)
        data = self._content[layer]()
        same_shape = data.shape == layer.data.shape
        if same_shape:
            layer.data[...] = data
        else:
            layer.data = data.copy()
        return same_shape

    def _put_off(self, layer: Layer) -> None:
        self._stale.add(layer)
        self._at_rest(self._fill_hidden)

    def _fill_hidden(self) -> None:
        """One of the hidden ones; napari draws it when it is shown. A key waits for no more than that one."""
        if self._stale:
            self._fill(next(layer for layer in self._content if layer in self._stale))
            self._at_rest(self._fill_hidden)

    def _renew_thumbnails(self) -> None:
        """Once the keys rest: napari paints its whole list of layers for each."""
        layers, self._old_thumbnails = self._old_thumbnails, set()
        for layer in layers:
            layer.refresh(data_displayed=False, highlight=False, extent=False)

    def _shown(self, layer: Layer, event: Any = None) -> None:
        if layer.visible and layer in self._stale:
            self._renew(layer)

    def _show_decisions(self, rows: NDArray[np.int64], box: Box) -> None:
        x0, y0, x1, y1 = box
        if not self.curated.visible:
            self._put_off(self.curated)
        elif self._class_map is None:
            # only that part goes to the canvas
            part = self._session.curated[y0:y1, x0:x1]
            self.curated.data[y0:y1, x0:x1] = part
            self.curated.events.labels_update(data=part.copy(), offset=[y0, x0])
        self._show_noise(box)

    def _show_scores(self, rows: NDArray[np.int64]) -> None:
        here = self._session.rows
        boxes = self._session.regions.box[rows[(rows >= here.start) & (rows < here.stop)]]
        if len(boxes):
            (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
            self._show_noise((x0, y0, x1, y1))

    def _show_noise(self, box: Box) -> None:
        if not self.noise.visible:
            self._put_off(self.noise)
            return
        x0, y0, x1, y1 = box
        part = self._session.frame.region_ids[y0:y1, x0:x1]
        self.noise.data[y0:y1, x0:x1] = self._session.noise_map(self._session.image_id, part, box)
        self.noise.refresh(thumbnail=False, highlight=False, extent=False)

    # ------------------------------------------------------------------- maps

    def _noise_map(self) -> NDArray[np.float32]:
        return self._session.noise_map(self._session.image_id, self._session.frame.region_ids)
