"""One table of keys, from which bindings, tool tips, the help and the README come.

``python -m seco_viewer.shortcuts`` prints the README's table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app_model.types import KeyBinding, KeyCode

from seco_viewer.user_keys import chosen_keys, keys_file


@dataclass(frozen=True)
class Shortcut:
    """One action that has keys.

    Attributes
    ----------
    id : str
        Name of the action.
    keys : tuple of str
        In napari's notation, such as ``"Ctrl-Z"``; the first is the one that is told.
    text : str
        Short name, for buttons.
    help : str
        What it does.
    momentary : bool
        Held down, it acts again when the key is let go.
    group : str
        What it belongs to, for the help.
    anywhere : bool
        Works in the whole window, also where one types: no letter or number.
    """

    id: str
    keys: tuple[str, ...]
    text: str
    help: str
    momentary: bool = False
    group: str = ""
    anywhere: bool = False


def _group(name: str, *entries: Shortcut) -> tuple[Shortcut, ...]:
    return tuple(replace(entry, group=name) for entry in entries)


BUILT_IN: tuple[Shortcut, ...] = (
    *_group(
        "Decide",
        Shortcut("accept", ("A",), "Accept", "the region's class is right"),
        Shortcut(
            "take_suggestion",
            ("T",),
            "Take suggestion",
            "the suggested class is right: as predicted, or as decided for regions like it",
        ),
        Shortcut("relabel", ("R",), "Relabel", "type a class's first letters or its number, then Enter"),
        Shortcut("ignore", ("I",), "Ignore", "its pixels shall have no label"),
        Shortcut(
            "unknown",
            ("O",),
            "Unknown",
            "none of the classes: unknown, or no label if there is no such class",
        ),
        Shortcut(
            "follow",
            ("Shift-A",),
            "Follow",
            "show the similar regions that would follow from the newest decision; again: accept those ticked",
        ),
    ),
    *_group(
        "Go about",
        Shortcut("skip", ("S",), "Skip", "go on without deciding"),
        Shortcut("back", ("G",), "Go back", "go to the region seen before"),
        Shortcut("undo", ("U", "Ctrl-Z"), "Undo", "take the last edit or decision back and go to it"),
        Shortcut("redo", ("Y", "Ctrl-Shift-Z"), "Redo", "decide again what was undone and go to it"),
        Shortcut("resume", ("C",), "Continue", "go on with the queue after looking elsewhere"),
        Shortcut("next_image", ("N",), "Next image", "go to the next image's worst region"),
        Shortcut("previous_image", ("Shift-N",), "Previous image", "go to the previous image's worst region"),
        Shortcut(
            "learn", ("Shift-L",), "Learn from decisions", "train on what was decided, score the rest anew"
        ),
    ),
    *_group(
        "Choose pixels",
        Shortcut("split", ("Shift-S",), "Split", "draw a line across the region, or round a part of it"),
        Shortcut("parts", ("Shift-P",), "Parts", "click a part of the region, as the masks see it"),
        Shortcut("prompt", ("Shift-B",), "Box", "drag a box round it or click it: the mask source finds it"),
        Shortcut("merge", ("Shift-M",), "Merge", "click regions to add them or take them out again"),
        Shortcut("brush", ("Shift-D",), "Brush", "paint pixels to add; with Shift erase"),
        Shortcut("eraser", ("Shift-E",), "Eraser", "erase pixels of the selection; with Shift paint"),
        Shortcut("polygon", ("Shift-G",), "Polygon", "click corners and double-click, or drag round an area"),
        Shortcut("nothing", ("0",), "Empty", "begin with nothing, to draw a region anew"),
        Shortcut("other", ("J",), "Other part", "take the other part after a split"),
        Shortcut("smaller", ("8", "["), "Smaller", "a smaller mask or brush"),
        Shortcut("larger", ("9", "]"), "Larger", "a larger mask or brush"),
        Shortcut("merge_alike", ("Shift-J",), "Join", "add the neighbour that is most alike"),
        Shortcut(
            "leave",
            ("Escape",),
            "Leave",
            "take back what is half drawn, then the edit, the tool, comparing maps",
        ),
    ),
    *_group(
        "See",
        Shortcut(
            "overlays",
            ("H",),
            "Hide",
            "no overlays but the region's outline, and back; hold it for a glance",
            momentary=True,
        ),
        Shortcut(
            "bare",
            ("Shift-H",),
            "Bare image",
            "hide the outline too, and back; hold it for a glance",
            momentary=True,
        ),
        Shortcut("noise", ("D",), "Noise", "show or hide the heat map of noise scores"),
        Shortcut(
            "compare", ("Shift-C",), "Compare", "flick through pseudo-label, PSA, SCC and curated labels"
        ),
        Shortcut("wipe", ("Shift-W",), "Wipe", "two of these labels on either side of a line to drag"),
        Shortcut(
            "conflicts", ("Shift-X",), "Conflicts", "where decisions cut through regions of another class"
        ),
        Shortcut("graph", ("W",), "Graph", "show or hide the relational graph of the image"),
        Shortcut("keep_zoom", ("K",), "Keep zoom", "keep your zoom, or zoom to each region"),
        Shortcut("next_page", ("F6",), "Next tab", "go to the next tab, and the keys with it", anywhere=True),
        Shortcut("previous_page", ("Shift-F6",), "Previous tab", "go to the tab before", anywhere=True),
        Shortcut("help", ("?", "Q"), "Keys", "show or hide this list"),
    ),
)

_KEYS, KEY_PROBLEMS = chosen_keys({entry.id: entry.keys for entry in BUILT_IN}, keys_file())

SHORTCUTS: tuple[Shortcut, ...] = tuple(replace(entry, keys=_KEYS[entry.id]) for entry in BUILT_IN)
"""The table with the keys that the user chose; see `seco_viewer.user_keys`."""

Perform = Callable[[str], None]
"""Does the action of a given id."""


def shortcut(action_id: str) -> Shortcut:
    """The table's entry of an action."""
    return next(s for s in SHORTCUTS if s.id == action_id)


def with_keys(text: str, *action_ids: str) -> str:
    """A text with the first keys of actions in its braces; empty if one of them has no key.

    Parameters
    ----------
    text : str
        With as many ``{}`` as there are actions.
    *action_ids : str
        Of the table.
    """
    keys = [shortcut(action_id).keys for action_id in action_ids]
    return text.format(*(shown(first) for first, *_ in keys)) if all(keys) else ""


def bind(targets: Iterable[Any], perform: Perform) -> None:
    """Bind every key on napari objects (the viewer, and each layer, whose own keys would win over it)."""
    for target in targets:
        for entry, key in keys_by_reach()[0]:
            target.bind_key(key, _pressed(entry, perform), overwrite=True)


def unbind(targets: Iterable[Any]) -> None:
    """Take the bindings back."""
    for target in targets:
        for _, key in keys_by_reach()[0]:
            target.bind_key(key, None)


def keys_by_reach() -> tuple[list[tuple[Shortcut, str]], list[tuple[Shortcut, str]]]:
    """Actions with their keys: those to bind on napari's objects and on pages, and those of the whole window.

    Of the whole window are also keys that napari cannot tell from each other, such as ``"?"``.
    """
    near: list[tuple[Shortcut, str]] = []
    far: list[tuple[Shortcut, str]] = []
    for entry in SHORTCUTS:
        for key in entry.keys:
            known = KeyBinding.from_str(key).parts[-1].key is not KeyCode.UNKNOWN
            (near if known and not entry.anywhere else far).append((entry, key))
    return near, far


def _pressed(entry: Shortcut, perform: Perform) -> Callable[[Any], Callable[[], None] | None]:
    # napari wants functions with a name
    def press(target: Any) -> Callable[[], None] | None:
        perform(entry.id)
        # napari calls what is returned when the key is let go after it was held
        return partial(perform, entry.id) if entry.momentary else None

    return press


def shown(key: str) -> str:
    """A key as people write it.

    Examples
    --------
    >>> shown("Ctrl-Shift-Z")
    'Ctrl+Shift+Z'
    """
    return key.replace("-", "+")


def spellings(key: str) -> tuple[str, ...]:
    """A key as Qt spells it, once for each that is labelled so: Qt's Enter is that of the number pad only.

    Examples
    --------
    >>> spellings("Shift-Enter"), spellings("Ctrl-Z")
    (('Shift+Enter', 'Shift+Return'), ('Ctrl+Z',))
    """
    text = shown(key)
    return (text, text.removesuffix("Enter") + "Return") if text.endswith("Enter") else (text,)


def markdown_table() -> str:
    """All shortcuts as a table for the README."""
    lines = ["| key | action | what it does |", "|---|---|---|"]
    for entry in BUILT_IN:
        keys = " or ".join(f"`{shown(key)}`" for key in entry.keys)
        lines.append(f"| {keys} | {entry.text} | {entry.help} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
