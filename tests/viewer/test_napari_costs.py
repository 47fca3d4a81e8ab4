from __future__ import annotations

import numpy as np
import pytest
from napari import Viewer
from vispy.visuals.shaders.program import ModularProgram

from seco_viewer.lines import Outline
from seco_viewer.napari_costs import keep_shaders

pytestmark = pytest.mark.gui


def segments(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(0, 50, (count, 2, 2)).astype(np.float32)


def painted(viewer: Viewer) -> np.ndarray:
    return viewer.screenshot(canvas_only=True, flash=False)


def test_an_outline_that_moves_keeps_its_shaders(make_napari_viewer, monkeypatch: pytest.MonkeyPatch):
    keep_shaders()
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.zeros((50, 50)))
    line = Outline("line")
    viewer.add_layer(line.layer)
    line.show(segments(9), 1.0, edited=False)
    before = painted(viewer)
    built: list[ModularProgram] = []
    build = ModularProgram._build
    monkeypatch.setattr(ModularProgram, "_build", lambda self: (built.append(self), build(self))[1])
    for count, edited in ((20, False), (30, True), (900, True)):
        line.show(segments(count), 1.0, edited=edited)
        now = painted(viewer)
        assert not np.array_equal(now, before)
        before = now
    assert not built
