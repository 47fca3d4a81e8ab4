"""The canvas of napari's window, as Qt knows it."""

from __future__ import annotations

import contextlib
from typing import Any

from qtpy.QtWidgets import QMainWindow, QWidget

from seco_viewer.docks.key_list import top_window


def canvases(owner: QWidget) -> list[Any]:
    """What is painted by OpenGL in the middle of the window that a widget is in."""
    window = top_window(owner)
    middle = window.centralWidget() if isinstance(window, QMainWindow) else None
    # the class is in another module with each Qt
    return [] if middle is None else [w for w in middle.findChildren(QWidget) if w.inherits("QOpenGLWidget")]


class CanvasContext:
    """Has the graphics of every layer that is removed deleted in the OpenGL context they were made in.

    napari deletes them in whichever context is current, mostly the one in which Qt puts the window together.
    Mesa's software renderer can crash in the next painting when a program was deleted from there.

    Parameters
    ----------
    owner : QWidget
        Somewhere in napari's main window.
    viewer : napari.Viewer
        The window's viewer; it knows this object weakly.
    """

    def __init__(self, owner: QWidget, viewer: Any):
        self._canvases = canvases(owner)
        viewer.layers.events.removing.connect(self._make_current)

    def _make_current(self, event: Any = None) -> None:
        for canvas in self._canvases:
            with contextlib.suppress(RuntimeError):  # the window is gone already
                canvas.makeCurrent()
