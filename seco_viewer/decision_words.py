"""Decisions in words: what is selected for the next one, what one said, what was decided before."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from seco_core.project import Action
from seco_core.project.overrides import Event
from seco_core.texts import counted
from seco_viewer.words import Name


def selected(pixels: int, within: int, area: int, *, decided: bool) -> str:
    """What the next decision is about, of a region that is not selected as a whole.

    Parameters
    ----------
    pixels : int
        How many are selected.
    within : int
        How many of them are of the region.
    area : int
        How many the region has.
    decided : bool
        Whether they were decided at once; else nobody has decided them.

    Examples
    --------
    >>> selected(300, 300, 1200, decided=True)
    'Selected: the decided part, 300 of 1,200 pixels. A decision changes it alone.'
    """
    if not decided:
        return f"Selected: what is still open, {pixels:,} of {counted(area, 'pixel')}."
    if within < pixels:
        what = f"what was decided at once, {counted(pixels, 'pixel')}, {within:,} of them in this region"
    else:
        what = f"the decided part, {pixels:,} of {counted(area, 'pixel')}"
    return f"Selected: {what}. A decision changes it alone."


def decided(action: Action, was: int | None, now: int, name: Name) -> str:
    """What a decision said; `was` is what the machine calls the region it was about, if there was one.

    Examples
    --------
    >>> decided(Action.SPLIT, 0, 1, ["wall", "building"].__getitem__)
    'a part of wall → building'
    """
    if action is Action.DRAW or was is None:
        return f"drawn: {name(now)}"
    if action is Action.MERGE:
        return f"merged: {name(now)}"
    part = "a part of " if action is Action.SPLIT else ""
    return f"{part}{name(was)} is right" if was == now else f"{part}{name(was)} → {name(now)}"


def past(events: Sequence[Event], name: Name) -> list[str]:
    """Decisions of the log, oldest first, each in a line, with those that were taken back marked."""
    undone = set[int]()
    for event in events:
        if event.target_batch is not None:
            (undone.add if event.kind == "undo" else undone.discard)(event.target_batch)
    lines = []
    for event in events:
        if event.kind == "override" and event.class_id is not None:
            # the log's times are UTC
            time = datetime.datetime.fromisoformat(event.time).astimezone().strftime("%d %b %H:%M")
            back = " (taken back)" if event.batch in undone else ""
            lines.append(f"{time} {event.by}: {event.action} → {name(event.class_id)}{back}")
    return lines
