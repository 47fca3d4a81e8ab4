"""Hints name the keys that work: those that the user chose, and none for an action that has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seco_viewer import shortcuts
from seco_viewer.docks import key_list
from seco_viewer.edit_tools import Tool
from seco_viewer.session import Session
from seco_viewer.tool_hints import choices_hint, hint


def choose(monkeypatch: pytest.MonkeyPatch, **keys: tuple[str, ...]) -> None:
    chosen = tuple(replace(e, keys=keys.get(e.id, e.keys)) for e in shortcuts.SHORTCUTS)
    monkeypatch.setattr(shortcuts, "SHORTCUTS", chosen)


def test_every_tool_says_what_it_expects_and_how_to_leave_it():
    for tool in Tool:
        assert hint(tool).endswith("Escape leaves.")
    assert "J takes the other part." in hint(Tool.SPLIT)
    assert "8 and 9: brush size. 0 begins" in hint(Tool.BRUSH)


def test_keys_that_were_changed_are_named(monkeypatch: pytest.MonkeyPatch):
    choose(monkeypatch, other=("F2",), smaller=("F3", "8"), larger=("F4",), merge_alike=("Ctrl-J",))
    choose(monkeypatch, nothing=("F5",), leave=("X",))
    assert "F2 takes the other part." in hint(Tool.SPLIT)
    for tool in (Tool.PARTS, Tool.BRUSH, Tool.ERASER):
        assert "F3 and F4: " in hint(tool)
    assert "Ctrl+J adds" in hint(Tool.MERGE)
    assert "F5 begins with nothing." in hint(Tool.BRUSH)
    for tool in Tool:
        assert hint(tool).endswith(", X leaves.")
    assert (
        choices_hint(3)
        == "There are 3 to choose from. F2 takes another. F3 and F4 take a smaller or larger one."
    )
    assert choices_hint(1) == ""
    assert "X or a click puts this away." in key_list.footer()


def test_nothing_is_said_of_actions_without_keys(monkeypatch: pytest.MonkeyPatch):
    choose(monkeypatch, other=(), larger=(), merge_alike=(), nothing=(), leave=())
    assert hint(Tool.BRUSH) == "Paint to add, with Shift to erase. Ctrl-drag moves the image."
    assert hint(Tool.SPLIT).endswith("round a part of it. Ctrl-drag moves the image.")
    assert choices_hint(2) == "There are 2 to choose from."
    assert "<p>A click puts this away." in key_list.footer()


def test_what_is_waited_for_is_left_with_the_key_of_the_table(session: Session, monkeypatch):
    session.await_pixels(True)
    choose(monkeypatch, leave=("X",))
    assert "Wait for the mask, or press X to leave it." in str(session.hindrance)
    choose(monkeypatch, leave=())
    assert "Wait for the mask." in str(session.hindrance)
