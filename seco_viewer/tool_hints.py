"""What each tool expects of the mouse, and the keys that go with it."""

from __future__ import annotations

from seco_viewer.shortcuts import with_keys

_EXPECTS = {
    "split": "Draw a line across the region, or round a part of it.",
    "parts": "Click a part of the region, Shift-click to add one.",
    "prompt": "Drag a box round it or click it; then click what belongs to it, Shift-click what does not.",
    "merge": "Click regions to add them or take them out again.",
    "brush": "Paint to add, with Shift to erase.",
    "eraser": "Erase from the selection, with Shift paint.",
    "polygon": "Click corners and double-click, or drag round an area. Shift adds it to the selection.",
}
_SIZE = ("{} and {}: brush size.", "smaller", "larger")
_KEYS: dict[str, list[tuple[str, ...]]] = {
    "split": [("{} takes the other part.", "other")],
    "parts": [("{} and {}: smaller, larger.", "smaller", "larger")],
    "merge": [("{} adds the one most alike.", "merge_alike")],
    "brush": [_SIZE, ("{} begins with nothing.", "nothing")],
    "eraser": [_SIZE],
}
"""Sentences with the actions whose keys they name."""


def hint(tool: str) -> str:
    """What is said when a tool is taken in hand.

    Parameters
    ----------
    tool : str
        Id of its action in the table of shortcuts.
    """
    keys = [with_keys(*told) for told in _KEYS.get(tool, [])]
    leaves = f"Ctrl-drag moves the image{with_keys(', {} leaves', 'leave')}."
    return " ".join(text for text in (_EXPECTS[tool], *keys, leaves) if text)


def choices_hint(count: int) -> str:
    """How to go on to another of several selections in question; empty if there is but one.

    Parameters
    ----------
    count : int
        How many there are.
    """
    if count < 2:
        return ""
    sizes = ("{} and {} take a smaller or larger one.", "smaller", "larger")
    keys = [with_keys(*told) for told in (("{} takes another.", "other"), sizes)]
    return " ".join(text for text in (f"There are {count} to choose from.", *keys) if text)
