"""What napari and vispy would do late, or over and over for nothing, kept out of a reviewer's way."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Labels, Layer, Points
from qtpy.QtWidgets import QApplication

from seco_viewer.lines import NO_VECTORS, Vectors

_NOT_IN_THE_LIST = ("data", "edge_width", "highlight", "labels_update", "scale_factor", "set_data")
"""Events that change nothing of what napari's list of layers shows."""
_BARS = ("napari._qt.dialogs.qt_activity_dialog", "napari._qt.widgets.qt_progress_bar")
"""What changes the bars in napari's activity dock."""


@cache
def keep_shaders() -> None:
    """Let vispy draw a mesh with other vertices and colours without building its shaders anew.

    vispy makes a new function "colour to colour" for every change of a mesh, so that it generates, compiles
    and links the shaders again: ten milliseconds of the window's thread whenever the outline moves (issue 6).
    The function never differs but for meshes coloured by values, so here each mesh keeps its own. Where
    vispy has no such method any more, this does nothing.
    """
    from vispy.visuals.mesh import MeshVisual

    build = getattr(MeshVisual, "_build_color_transform", None)
    if build is None:
        return
    kept: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def color_transform(mesh: Any, colors: np.ndarray) -> Any:
        if colors.ndim == 2 and colors.shape[1] == 1:
            kept.pop(mesh, None)
            return build(mesh, colors)
        if mesh not in kept:
            kept[mesh] = build(mesh, colors)
        return kept[mesh]

    MeshVisual._build_color_transform = color_transform


@cache
def prepare() -> None:
    """Let napari load what layers need, most of a second, while a project is being chosen."""
    from vispy.visuals import LineVisual

    pixel = np.zeros((1, 1), dtype=np.uint8)
    for kind, data in ((Image, pixel), (Labels, pixel), (Points, np.zeros((0, 2))), (Vectors, NO_VECTORS)):
        kind(data)
    LineVisual(method="agg")  # its dashes, which every layer of labels has, are worked out once: 0.2 s


class _Later(QApplication):
    @staticmethod
    def processEvents(*_: object) -> None:  # noqa: N802
        """Leave them to the loop."""


@contextmanager
def no_events_within() -> Iterator[None]:
    """Keep napari from handling all waiting events after each change of a bar in its activity dock.

    It does so for work that keeps the window waiting. Ours does not: the window would be painted twice in
    one turn, and keys that came within another's handling would be lost (issue 6). Where napari has no such
    modules any more, this does nothing.
    """
    with ExitStack() as undone:
        for name in _BARS:
            with suppress(ImportError, AttributeError):
                module = importlib.import_module(name)
                undone.callback(setattr, module, "QApplication", module.QApplication)
                module.QApplication = _Later  # type: ignore[attr-defined]
        yield


def spare_the_list(layer: Layer) -> None:
    """Keep a layer that is in the viewer from making napari paint its list of layers for nothing.

    The list hears of every event of every layer, and lays itself out and paints all rows anew for each: that
    takes as long as a third of a frame. One such event is another zoom.
    """
    for name in _NOT_IN_THE_LIST:
        if name in layer.events.emitters:
            layer.events[name].disconnect(layer.events)
