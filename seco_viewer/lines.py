"""Lines on the canvas that change with every key, drawn with one cheap change of one layer."""

from __future__ import annotations

from typing import Any

import napari.layers
import numpy as np
from numpy.typing import NDArray

NO_VECTORS = np.zeros((1, 2, 2), dtype=np.float32)
"""What an empty layer of vectors holds: napari wants one at least."""

LINE_PIXELS = 2.5
"""Width of a line on the screen."""
_CASING_PIXELS = 6.0
_AS_IT_IS, _EDITED = (1.0, 1.0, 1.0, 1.0), (1.0, 0.83, 0.16, 1.0)
_CASING = (0.0, 0.0, 0.0, 0.75)
_LEAST_ROOM = 256


class Vectors(napari.layers.Vectors):
    """Vectors that stay on the image and are too small to be told apart in a thumbnail.

    A change of them redraws them and no more: napari would draw the thumbnail line by line in Python, and ask
    all layers for their extent. It is called as napari's, which goes by the name of a layer's class.
    """

    def refresh(self, event: Any = None, **_: Any) -> None:
        """Draw the vectors as they are now."""
        super().refresh(event, thumbnail=False, highlight=False, extent=False)


class Outline:
    """A line on a dark casing, both as wide on the screen whatever the zoom.

    Both are in one layer of vectors of one width, the casing as two lines side by side. There is room for
    more segments than there are, so that most changes are numbers written in place.

    Parameters
    ----------
    name : str
        Name of the layer.

    Attributes
    ----------
    layer : Vectors
        What napari shows.
    """

    def __init__(self, name: str):
        self._count = self._room = 0
        self._edited = False
        self._segments = NO_VECTORS
        self.layer = Vectors(NO_VECTORS, name=name, vector_style="line", opacity=1.0, edge_color="white")

    @property
    def drawn(self) -> NDArray[np.float32]:
        """The segments of the line as the layer has them, (N, 2, 2)."""
        start = 2 * self._room
        return self.layer.data[start : start + self._count]

    def show(self, segments: NDArray[np.float32], zoom: float, *, edited: bool) -> None:
        """Draw other segments.

        Parameters
        ----------
        segments : ndarray of float32, (N, 2, 2)
            Start and direction of each, (row, column); see `seco_viewer.outline.outline`.
        zoom : float
            Pixels of the screen for one of the image.
        edited : bool
            Whether the reviewer made them: another colour tells.
        """
        self._segments, self._count = segments, len(segments)
        room = max(_LEAST_ROOM, 1 << (self._count - 1).bit_length())
        # what is empty is painted too: too much room costs more in every frame than another one does once
        if not room <= self._room <= 2 * room or edited is not self._edited:
            self._edited = edited
            self._make_room(room)
        self.fit(zoom)

    def fit(self, zoom: float) -> None:
        """Make the lines as wide on the screen as they are to be at another zoom."""
        width = 1.0 / max(zoom, 1e-6)
        n, room, data = self._count, self._room, self.layer.data
        if not room:
            return
        data[:] = 0
        data[2 * room : 2 * room + n] = self._segments
        start, along = self._segments[:, 0], self._segments[:, 1]
        unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        # past the ends as far as to the sides: corners are closed
        reach = unit * (width * _CASING_PIXELS / 2)
        beside = (
            unit[:, ::-1] * np.array([-1, 1], dtype=np.float32) * (width * (_CASING_PIXELS - LINE_PIXELS) / 2)
        )
        for at, side in ((0, beside), (room, -beside)):
            data[at : at + n, 0] = start + side - reach
            data[at : at + n, 1] = along + 2 * reach
        self.layer.edge_width = LINE_PIXELS * width  # which draws all that has changed

    def _make_room(self, room: int) -> None:
        self._room = room
        lines = [_CASING, _CASING, _EDITED if self._edited else _AS_IT_IS]
        events = self.layer.events
        # what is drawn follows; `data` makes napari ask all layers for their extent
        with events.data.blocker(), events.set_data.blocker(), events.edge_color.blocker():
            self.layer.data = np.zeros((3 * self._room, 2, 2), dtype=np.float32)
            self.layer.edge_color = np.repeat(np.array(lines, dtype=np.float32), self._room, axis=0)
