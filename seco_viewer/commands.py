"""Every action of the table of shortcuts as a function without arguments, for napari's command palette.

The manifest names them as ``seco_viewer.commands:accept`` and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import napari

from seco_viewer.shortcuts import SHORTCUTS


def perform(action_id: str) -> None:
    """Do an action in the dock of the current viewer; opens the dock if there is none."""
    from seco_viewer.plugin import show_dock

    viewer = napari.current_viewer()
    if viewer is not None:
        show_dock(viewer).perform(action_id)


def change_keys() -> None:
    """Show the dialog for keys of one's own; opens the dock if there is none."""
    from seco_viewer.plugin import show_dock

    viewer = napari.current_viewer()
    if viewer is not None:
        show_dock(viewer).change_keys()


def __getattr__(name: str) -> Callable[[], None]:
    if any(entry.id == name for entry in SHORTCUTS):
        return partial(perform, name)
    raise AttributeError(name)
