"""Where the camera looks: at a region with enough around it, moved once before the next painting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.project.overrides import Box

_CONTEXT = 120
"""Pixels of the image's shorter side that stay in view around a small region."""
_LEAST_CONTEXT, _TINY_CONTEXT = 48, 6
"""So many times a tiny region's longer side do, but never fewer pixels."""
_REGION_SHARE = 0.3
"""Share of the view that a region takes when the camera goes to it."""
_FIT = 0.95
"""Share of the canvas that napari gives to a whole image."""

Soon = Callable[[Callable[[], None]], None]
"""Calls what it is given once before the next painting."""


def camera_of(viewer: Any) -> Any:
    """The viewer's camera; napari 0.9 moved it and warns about the old place."""
    return viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera


def canvas_size(viewer: Any) -> tuple[int, int] | None:
    """Height and width of the canvas; None where napari, before 0.9, does not tell."""
    return tuple(viewer.canvas.size) if hasattr(viewer, "canvas") else None


class View:
    """The viewer's camera on the images of a session.

    Moving it costs napari more than all else that a key does, so it moves once before the next painting;
    `zoom` and `center` tell at once where it will be.

    Parameters
    ----------
    viewer : napari.Viewer
        The window's viewer.
    shape : (int, int)
        Height and width of the image, to be changed with it.
    soon : callable
        See `Soon`.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image.
    keep_zoom : bool
        Whether going to a region only centres it.
    """

    def __init__(self, viewer: Any, shape: tuple[int, int], soon: Soon):
        self.shape = shape
        self.keep_zoom = False
        self._viewer = viewer
        self._soon = soon
        self._camera = camera_of(viewer)
        self._aim: tuple[tuple[float, ...], float] | None = None
        # size of the canvas, centre and zoom of the whole image on it, which cost much to ask for
        self._whole: tuple[Any, tuple[float, ...], float] | None = None
        # for which size of the canvas the camera last moved, and where it then was
        self._looked: tuple[Any, NDArray[np.float64] | None] = None, None

    @property
    def zoomed(self) -> Any:
        """Signal that the zoom is another one."""
        return self._camera.events.zoom

    @property
    def moving(self) -> bool:
        """Whether the camera is still to move."""
        return self._aim is not None

    @property
    def zoom(self) -> float:
        """Pixels of the screen for one of the image."""
        return float(self._camera.zoom if self._aim is None else self._aim[1])

    @property
    def center(self) -> tuple[float, float]:
        """Row and column in the middle of the view."""
        row, column = (self._camera.center if self._aim is None else self._aim[0])[-2:]
        return float(row), float(column)

    def pan(self, by: NDArray[np.float64]) -> None:
        """Move the image by rows and columns of the screen."""
        self._move()
        self._camera.center = tuple((self.center - by / self.zoom).tolist())

    def look_at(self, box: Box) -> None:
        """Go to a region."""
        x0, y0, x1, y1 = box
        center = ((y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2)
        if self.keep_zoom:
            self._aim = center, self._camera.zoom
        else:
            size = np.array(self.shape)
            closer = _REGION_SHARE * float((size / (y1 - y0, x1 - x0)).min())
            context = min(max(_TINY_CONTEXT * max(y1 - y0, x1 - x0), _LEAST_CONTEXT), _CONTEXT)
            closer = min(closer, min(self.shape) / context)
            middle, zoom = self._whole_image()
            if closer > 1:
                zoom *= closer
                # nearer to the border than half of what is in view there would be nothing to see
                canvas = canvas_size(self._viewer)
                half = size / (2 * _FIT * closer) if canvas is None else np.array(canvas) / (2 * zoom)
                half = np.minimum(half, size / 2)
                middle = tuple(np.clip(center, half, size - half).tolist())
            self._aim = middle, zoom
        self._looked = canvas_size(self._viewer), None
        self._soon(self._move)

    def look_again(self, box: Box) -> None:
        """Go to a region once more if the canvas has another size, unless the user has moved."""
        size, place = self._looked
        moved = place is None or not np.allclose(place[:-1], self._place()[:-1])
        if size != canvas_size(self._viewer) and not moved:
            self.look_at(box)

    def show_image(self, shape: tuple[int, int]) -> None:
        """Another image is shown: see all of it if it has another size."""
        if shape != self.shape:
            self.shape = shape
            self._viewer.reset_view()
            self._whole = None
        elif canvas_size(self._viewer) is None:
            self._whole = None  # whoever has changed the window's size since

    def stay(self) -> None:
        """Do not move any more."""
        self._aim = None

    def _whole_image(self) -> tuple[tuple[float, ...], float]:
        size = canvas_size(self._viewer)
        if self._whole is None or self._whole[0] != size:
            self._viewer.reset_view()
            self._whole = size, tuple(self._camera.center), self._camera.zoom
        return self._whole[1:]

    def _move(self) -> None:
        if self._aim is not None:
            self._camera.center, self._camera.zoom = self._aim
            self._aim = None
            self._looked = self._looked[0], self._place()

    def _place(self) -> NDArray[np.float64]:
        return np.array([*self._camera.center, self._camera.zoom])
