"""Changing keys of one's own, one at a time: what a key that is pressed does to the user's file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seco_core.errors import SecoError
from seco_core.files import write_bytes
from seco_viewer.shortcuts import Shortcut, shown
from seco_viewer.user_keys import chosen_keys, is_key, read_entries

_PARTS = re.compile(r"((?:(?:Ctrl|Shift|Alt|Meta)-)*)(.+)")
_UNSPOKEN = ("+", "-")
"""Keys that the notation uses itself."""


@dataclass(frozen=True)
class Outcome:
    """What came of a change.

    Attributes
    ----------
    stored : bool
        Whether the file has it.
    text : str
        A sentence for people.
    """

    stored: bool
    text: str


class KeyChanges:
    """The user's file of keys, read anew for every change: other windows and editors write it too.

    Parameters
    ----------
    table : sequence of Shortcut
        The built-in table.
    path : Path
        The user's file.
    taken : mapping of str to str, optional
        Keys that are not to be had, with what has them.
    """

    def __init__(self, table: Sequence[Shortcut], path: Path, taken: Mapping[str, str] | None = None):
        self._entries = {entry.id: entry for entry in table}
        self._built_in = {entry.id: entry.keys for entry in table}
        self._path = path
        self._taken = {same(key): what for key, what in (taken or {}).items()}

    def keys(self) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        """Every action's keys as the next start finds them, and what is wrong with the file."""
        return chosen_keys(self._built_in, self._path)

    def press(self, action_id: str, key: str) -> Outcome:
        """Give an action a key more, or take the key from it if it has it."""
        now = self.keys()[0]
        kept = tuple(k for k in now[action_id] if same(k) != same(key))
        if len(kept) < len(now[action_id]):
            left = "" if kept else " No key is left."
            return self._store(action_id, kept, f"{shown(key)} taken away.{left}")
        if wrong := self._why_not(action_id, key, now):
            return Outcome(False, wrong)
        others = "".join(f" Press {shown(k)} to take that away." for k in kept[:1])
        return self._store(action_id, (*kept, key), f"{shown(key)} added.{others}")

    def default(self, action_id: str) -> Outcome:
        """Give an action its built-in keys back."""
        now = self.keys()[0]
        if now[action_id] == self._built_in[action_id]:
            return Outcome(True, "Built-in already.")
        for key in self._built_in[action_id]:
            if wrong := self._owner(action_id, key, now):
                return Outcome(False, wrong)
        return self._store(action_id, self._built_in[action_id], "Built-in again.")

    def _why_not(self, action_id: str, key: str, now: Mapping[str, tuple[str, ...]]) -> str:
        modifiers, name = same(key)
        if not is_key(key) or name in _UNSPOKEN:
            return f"{shown(key)} cannot be used."
        function = len(name) > 1 and name[0] == "F"
        if self._entries[action_id].anywhere and not function and modifiers <= {"Shift"}:
            return f"{shown(key)} is for typing: this works there too. Add Ctrl or Alt, or take an F key."
        if (modifiers, name) in self._taken:
            return f"{shown(key)} is napari's: {self._taken[modifiers, name]}."
        return self._owner(action_id, key, now)

    def _owner(self, action_id: str, key: str, now: Mapping[str, tuple[str, ...]]) -> str:
        """What is in the way: another action that has the key."""
        for other, keys in now.items():
            if other != action_id and same(key) in map(same, keys):
                return f"{shown(key)} is “{self._entries[other].text}” already: take it away there first."
        return ""

    def _store(self, action_id: str, keys: tuple[str, ...], text: str) -> Outcome:
        entries, problems = read_entries(self._path)
        if problems:
            return Outcome(False, f"Not stored. {problems[0]} Put it right or delete it.")
        entries = {name: given for name, given in entries.items() if name != action_id}
        if keys != self._built_in[action_id]:
            entries[action_id] = list(keys)
        written = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
        try:
            # the file may be a link to where its owner keeps such files
            write_bytes(self._path.resolve(), written.encode())
        except SecoError as error:
            return Outcome(False, f"Not stored. {error}")
        return Outcome(True, text)


def same(key: str) -> tuple[frozenset[str], str]:
    """A key such that two ways to write it are equal.

    Examples
    --------
    >>> same("Shift-Ctrl-Z") == same("Ctrl-Shift-z")
    True
    """
    found = _PARTS.fullmatch(key)
    if found is None:
        return frozenset(), key
    return frozenset(found[1].split("-")[:-1]), found[2].upper()
