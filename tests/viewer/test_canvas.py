from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtGui import QOpenGLContext

from seco_viewer.docks.canvas import canvases
from seco_viewer.plugin import show_dock

pytestmark = pytest.mark.gui


def test_graphics_of_a_layer_are_deleted_in_the_context_they_were_made_in(make_napari_viewer, qapp):
    viewer = make_napari_viewer(show=True)
    dock = show_dock(viewer)
    qapp.processEvents()
    (canvas,) = canvases(dock)
    layer = Image(np.zeros((9, 9)))
    viewer.add_layer(layer)
    canvas.grab()
    canvas.doneCurrent()
    assert QOpenGLContext.currentContext() is None
    current = []
    viewer.layers.events.removed.connect(
        lambda event: current.append(QOpenGLContext.currentContext()), position="first"
    )
    viewer.layers.remove(layer)
    assert current == [canvas.context()]
