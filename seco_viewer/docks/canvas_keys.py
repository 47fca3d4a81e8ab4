"""Keys on the canvas, taken before napari looks them up: that takes as long as half of a decision."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app_model.types import KeyBinding
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QWidget

from seco_viewer import shortcuts
from seco_viewer.docks.canvas import canvases

MODIFIERS = (
    Qt.KeyboardModifier.ShiftModifier
    | Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)
"""Those that make another key of a key."""


class KeyTable:
    """The keys of the table of shortcuts that work on the canvas and on pages, to be looked up."""

    def __init__(self) -> None:
        self._found = {
            _first(spelling): (entry, key)
            for entry, key in shortcuts.keys_by_reach()[0]
            for spelling in shortcuts.spellings(key)
        }

    def of(self, event: QKeyEvent) -> tuple[shortcuts.Shortcut, str] | None:
        """The action that a key is for, and the key as the table has it."""
        return self._found.get(event.key() | number(event.modifiers() & MODIFIERS))


class CanvasKeys(QObject):
    """Does what the keys of the table do, as napari's bindings would.

    For every key napari writes all bindings of the viewer and of the layer out as text, twice: 4 ms. The keys
    are bound there as well: for other layers, and where the canvas is not found.

    Parameters
    ----------
    owner : QWidget
        Somewhere in napari's main window; the keys are taken as long as it lives.
    perform : callable
        Does the action of an id.
    ours : callable
        Whether the keys are ours now; napari looks them up otherwise.
    left : callable
        Told of each key of the table that is left to napari.
    """

    def __init__(
        self,
        owner: QWidget,
        perform: shortcuts.Perform,
        ours: Callable[[], bool],
        left: Callable[[shortcuts.Shortcut, str], None],
    ):
        super().__init__(owner)
        self._perform = perform
        self._ours, self._left = ours, left
        self._table = KeyTable()
        # what acts again when its key is let go, and since when that is held
        self._held: dict[int, tuple[shortcuts.Shortcut, float]] = {}
        for canvas in canvases(owner):
            canvas.installEventFilter(self)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Take the keys that are ours."""
        if not isinstance(event, QKeyEvent):
            return False
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            return self._pressed(event)
        if kind == QEvent.Type.KeyRelease:
            self._released(event)
        return False

    def _pressed(self, event: QKeyEvent) -> bool:
        found = self._table.of(event)
        if found is None:
            return False
        entry, key = found
        if not self._ours():
            self._left(entry, key)
            return False
        if not event.isAutoRepeat():
            if entry.momentary:
                self._held[event.key()] = entry, time.monotonic()
            self._perform(entry.id)
        return True

    def _released(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat() or event.key() not in self._held:
            return
        entry, since = self._held.pop(event.key())
        if time.monotonic() - since > get_settings().application.hold_button_delay:
            self._perform(entry.id)


def napari_has(layer: Any, key: str) -> bool:
    """Whether napari, or another plugin, has bound a key of the table on layers of that kind."""
    keymaps = [layer.keymap, *(vars(cls).get("class_keymap", {}) for cls in type(layer).__mro__)]
    return any(KeyBinding.from_str(key) in keymap for keymap in keymaps)


def _first(keys: str) -> int:
    """Key and modifiers as Qt counts them."""
    first = QKeySequence(keys)[0]
    return int(first.toCombined()) if hasattr(first, "toCombined") else int(first)


def number(modifiers: Any) -> int:
    """Modifiers as Qt counts them."""
    return int(getattr(modifiers, "value", modifiers))
