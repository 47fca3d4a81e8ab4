"""Tools that select pixels with the mouse: what a stroke, click or box does to the session's selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from psygnal import Signal

from seco_core.errors import SecoError
from seco_core.texts import counted
from seco_viewer.layers import ReviewLayers
from seco_viewer.mask_tools import MaskTools
from seco_viewer.selection import EMPTY, Kind, Place
from seco_viewer.session import Session
from seco_viewer.strokes import brushed, cut, filled_polygon
from seco_viewer.tool_hints import choices_hint, hint

_CLICK = 3.0
"""A drag that stays within so many pixels of the screen is a click."""
_CLOSE = 9.0
"""A corner within so many pixels of the screen of the first closes the polygon."""
_RADII = (1.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0, 40.0, 60.0)


class Tool(StrEnum):
    """What the mouse does."""

    SPLIT = "split"
    PARTS = "parts"
    PROMPT = "prompt"
    MERGE = "merge"
    BRUSH = "brush"
    ERASER = "eraser"
    POLYGON = "polygon"


_WITH_MASKS = (Tool.PARTS, Tool.PROMPT)
_WITH_BRUSH = (Tool.BRUSH, Tool.ERASER)


class EditTools:
    """The tool in hand, and what the mouse does with it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose mouse callbacks are used.
    session : Session
        Whose selection is edited.
    layers : ReviewLayers
        They show what is being drawn.
    say : callable
        Shows a message.

    Attributes
    ----------
    tool : Tool or None
        The one in hand; without one a click goes to a region.
    radius : float
        Of the brush, in pixels of the image.
    """

    tool_changed = Signal()
    """Another tool is in hand, or none."""

    def __init__(self, viewer: Any, session: Session, layers: ReviewLayers, say: Callable[..., None]):
        self._viewer, self._session, self._layers, self._say = viewer, session, layers, say
        self.tool: Tool | None = None
        self.radius = 6.0
        self.masks = MaskTools(session, say)
        self._corners: list[Place] = []
        self._moved_at: tuple[int, int | None] = (session.image_id, session.number)
        session.region_changed.connect(self._elsewhere)
        session.selection_changed.connect(self._say_selected)
        viewer.mouse_drag_callbacks.append(self._dragged)
        viewer.mouse_move_callbacks.append(self._hovered)
        viewer.mouse_double_click_callbacks.append(self._double_clicked)

    def release(self) -> None:
        """Let go of viewer and session."""
        self.masks.release()
        self._session.region_changed.disconnect(self._elsewhere)
        self._session.selection_changed.disconnect(self._say_selected)
        self._viewer.mouse_drag_callbacks.remove(self._dragged)
        self._viewer.mouse_move_callbacks.remove(self._hovered)
        self._viewer.mouse_double_click_callbacks.remove(self._double_clicked)

    # ------------------------------------------------------------------- keys

    def take(self, tool: Tool) -> None:
        """Take a tool in hand, or put it away if it is."""
        self._put(None if tool is self.tool else tool)
        self._say("" if self.tool is None else hint(self.tool))

    def leave(self) -> bool:
        """Take back, one after the other: what is half drawn, the edit, the tool; whether there was any."""
        if self._session.awaited:
            self._forget_drawing()
            self._say("The mask is not waited for any more.")
        elif self._corners:
            self._forget_drawing()
        elif self._session.clear_edit():
            self._say("The region as it is.")
        elif self.tool is not None:
            self._put(None)
            self._say("")
        else:
            return False
        return True

    def nothing(self) -> None:
        """Select nothing, to draw anew; with the brush unless another drawing tool is in hand."""
        if self.tool not in (Tool.BRUSH, Tool.POLYGON, Tool.PROMPT):
            self._put(Tool.BRUSH)
        self._session.edit([EMPTY])

    def other(self) -> None:
        """Take the other part, or the next of several."""
        if not self._session.choose(1, around=True):
            self._say("There is nothing to choose from: split a region first.")

    def smaller(self) -> None:
        """A smaller brush, or the next smaller mask."""
        self._size(-1)

    def larger(self) -> None:
        """A larger brush, or the next larger mask."""
        self._size(1)

    def merge_alike(self) -> None:
        """Add the neighbour that is most alike to the selection."""
        number = self._session.most_alike_neighbour()
        if number is None:
            self._say("There is no region beside it.")
        else:
            self._session.edit([self._session.patch | self._session.open_part_of(number)])

    def _size(self, by: int) -> None:
        if self.tool in _WITH_BRUSH:
            at = min(max(_RADII.index(self.radius) + by, 0), len(_RADII) - 1)
            self.radius = _RADII[at]
            self._say(f"Brush {2 * self.radius:g} pixels wide.")
        elif not self._session.choose(by):
            self._say("There is no smaller one." if by < 0 else "There is no larger one.")

    # ------------------------------------------------------------------ mouse

    def _dragged(self, viewer: Any, event: Any) -> Iterator[None]:
        if self.tool is None or event.button not in (1, 3) or not self._layers.flat:
            return
        event.handled = True
        start = last = np.array(event.pos, dtype=float)
        path = [_place(event)]
        moves_image = event.button == 3 or "Control" in event.modifiers
        adds = "Shift" in event.modifiers
        yield
        farthest = 0.0
        while event.type == "mouse_move":
            event.handled = True
            here = np.array(event.pos, dtype=float)
            if moves_image:
                self._layers.view.pan((here - last)[::-1])
                last = here
            else:
                farthest = max(farthest, float(np.hypot(*(here - start))))
                path.append(_place(event))
                self._preview(path)
            yield
        if moves_image:
            return
        path.append(_place(event))
        # a quick hand is seen at the start and the end only
        farthest = max(farthest, float(np.hypot(*(np.array(event.pos, dtype=float) - start))))
        self._layers.show_drawing([])
        try:
            if farthest <= _CLICK and self.tool not in _WITH_BRUSH:
                self._clicked(path[0], adds=adds)
            else:
                self._drawn(path, adds=adds)
        except SecoError as error:
            self._say(str(error), wrong=True)

    def _clicked(self, place: Place, *, adds: bool) -> None:
        session, pixel = self._session, _pixel(place)
        if self.tool is Tool.POLYGON:
            self._corner(place, adds=adds)
        elif self.tool is Tool.MERGE:
            clicked = session.patch_at(pixel)
            if clicked.area:
                held = (clicked - session.patch).area == 0
                session.edit([session.patch - clicked if held else session.patch | clicked])
        elif self.tool is Tool.SPLIT:
            if not session.choose_at(pixel):
                session.select_at(*pixel)
        elif self.tool is Tool.PARTS:
            self.masks.part_at(pixel, adds=adds)
        elif self.tool is Tool.PROMPT:
            self.masks.point(place, leaves_out=adds)

    def _drawn(self, path: Sequence[Place], *, adds: bool) -> None:
        session, shape = self._session, self._session.frame.shape
        if self.tool in _WITH_BRUSH:
            stroke = brushed(path, self.radius, shape)
            erases = adds is (self.tool is Tool.BRUSH)
            session.edit([session.patch - stroke if erases else session.patch | stroke])
        elif self.tool is Tool.POLYGON:
            self._close(path, adds=adds)
        elif self.tool is Tool.SPLIT:
            pieces = cut(session.patch, path)
            if len(pieces) < 2:
                self._say("The line cuts nothing off: draw it from border to border of the region.")
            else:
                # the largest piece is the rest, the next one what was cut off
                session.edit(pieces, len(pieces) - 2)
        elif self.tool is Tool.PROMPT:
            self.masks.box(path[0], path[-1])

    def _double_clicked(self, viewer: Any, event: Any) -> None:
        if self.tool is Tool.POLYGON and self._corners and self._layers.flat:
            event.handled = True
            self._close([*self._corners, _place(event)], adds="Shift" in event.modifiers)

    def _hovered(self, viewer: Any, event: Any) -> None:
        if not self._layers.flat:
            return
        if self.tool in _WITH_BRUSH:
            turn = np.linspace(0, 2 * np.pi, 25)
            ring = np.stack([np.sin(turn), np.cos(turn)], axis=1) * self.radius + _place(event)
            self._layers.show_drawing(ring)
        elif self._corners:
            self._layers.show_drawing([*self._corners, _place(event)])

    # ------------------------------------------------------------------ tools

    def _corner(self, place: Place, *, adds: bool) -> None:
        near = _CLOSE / self._layers.view.zoom
        if len(self._corners) > 2 and np.hypot(*np.subtract(place, self._corners[0])) <= near:
            self._close(self._corners, adds=adds)
        else:
            self._corners.append(place)
            self._layers.show_drawing(self._corners)

    def _close(self, corners: Sequence[Place], *, adds: bool) -> None:
        area = filled_polygon(corners, self._session.frame.shape)
        self._forget_drawing()
        if area.area:
            self._session.edit([self._session.patch | area if adds else area])

    # ----------------------------------------------------------------- inside

    def _put(self, tool: Tool | None) -> None:
        self._forget_drawing()
        self.tool = tool
        if tool is not None:
            self._viewer.dims.ndisplay = 2
        self._layers.clicks_select = tool is None
        if tool in _WITH_MASKS:
            self.masks.look()
        self.tool_changed.emit()

    def _elsewhere(self) -> None:
        """What was half drawn belongs to the region before; the tool stays in hand."""
        place = self._session.image_id, self._session.number
        if place == self._moved_at:
            return
        self._moved_at = place
        self._forget_drawing()
        if self.tool in _WITH_MASKS:
            self.masks.look()

    def _forget_drawing(self) -> None:
        self._corners = []
        self.masks.forget()
        self._layers.show_drawing([])

    def _preview(self, path: Sequence[Place]) -> None:
        if self.tool in _WITH_BRUSH:
            self._layers.show_drawing(path, width=2 * self.radius)
        elif self.tool is Tool.PROMPT:
            (y0, x0), (y1, x1) = path[0], path[-1]
            self._layers.show_drawing([(y0, x0), (y0, x1), (y1, x1), (y1, x0), (y0, x0)])
        elif self.tool in (Tool.SPLIT, Tool.POLYGON):
            self._layers.show_drawing(path)

    def _say_selected(self) -> None:
        if not self._session.edited:
            return
        selection, choices = self._session.selection, self._session.choices
        if selection.kind is Kind.EMPTY:
            self._say(str(self._session.no_region))
            return
        pixels = counted(selection.patch.area, "pixel")
        self._say(f"Selected: {selection.kind.value}, {pixels}. Decide it. {choices_hint(choices)}".rstrip())


def _place(event: Any) -> Place:
    row, column = event.position[-2:]
    return float(row), float(column)


def _pixel(place: Place) -> tuple[int, int]:
    return round(place[0]), round(place[1])
