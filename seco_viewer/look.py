"""What our layers are called and which colours they have."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils import Colormap, DirectLabelColormap

from seco_core.scheme import IGNORE, ClassScheme

NAME = "SeCo: "
"""What the names of the layers begin with."""


def noise_colormap() -> Colormap:
    """Transparent over red to yellow: rising in lightness, for every kind of colour vision."""
    stops = np.array(
        [
            [0.30, 0.02, 0.30, 0.0],
            [0.55, 0.09, 0.42, 0.5],
            [0.85, 0.27, 0.27, 0.6],
            [0.98, 0.60, 0.12, 0.65],
            [0.99, 0.97, 0.55, 0.7],
        ]
    )
    return Colormap(stops, name="seco noise", display_name="noise")


def borders_colormap() -> Colormap:
    """White where there is a border."""
    return Colormap([[1, 1, 1, 0], [1, 1, 1, 1]], name="seco regions", display_name="borders")


def class_colormap(scheme: ClassScheme) -> DirectLabelColormap:
    """Colours of the classes; ignore, and ids without a class, are transparent."""
    colors: dict[int | None, Any] = {c.id: (*np.array(c.color) / 255, 1.0) for c in scheme.classes}
    colors[None] = "transparent"
    colors[IGNORE] = "transparent"
    if 0 not in colors:
        colors[0] = "transparent"
    return DirectLabelColormap(color_dict=colors)


def class_features(scheme: ClassScheme) -> dict[str, list[Any]]:
    """What napari's status bar says of a class map: the names of the classes."""
    names = {c.id: c.name for c in scheme.classes} | {IGNORE: "ignore"}
    return {"index": list(names), "class": list(names.values())}
