"""Meshes on the canvas keep their shaders while only their numbers change."""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np


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
