"""Keys that a user chose: a small JSON file of action ids with their keys, laid over the built-in table."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

import platformdirs

logger = logging.getLogger(__name__)

FILE_VARIABLE = "SECO_VIEWER_KEYS"
"""Environment variable that names another file."""

_KEY = re.compile(
    r"((Ctrl|Shift|Alt|Meta)-)*(\S|F\d{1,2}|Escape|Space|Enter|Tab|Up|Down|Left|Right|Home|End)"
)


def keys_file() -> Path:
    """Where the user's keys are looked for; it need not exist."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("seco-viewer") / "keys.json"


def chosen_keys(
    built_in: Mapping[str, tuple[str, ...]], path: Path
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The keys of every action, those of the file in place of the built-in ones, and what is wrong with it.

    A key that the file gives to one action is taken from the others. What cannot be used (unreadable, no such
    action, no such key, one key for two actions) is left out, and said.

    Parameters
    ----------
    built_in : mapping of str to tuple of str
        Action ids and their keys, in napari's notation.
    path : Path
        JSON such as ``{"accept": ["A", "Enter"], "skip": ["N"]}``.

    Returns
    -------
    dict of str to tuple of str
        Keys by action id.
    list of str
        Sentences for people: what was left out, and which action has no key any more.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    found, problems = read_entries(path)
    for action_id, given in found.items():
        if wrong := _wrong_with(action_id, given, built_in, owner):
            problems.append(wrong)
            continue
        assert isinstance(given, list)
        chosen[action_id] = tuple(given)
        owner |= dict.fromkeys(given, action_id)
    keys = {
        action_id: chosen.get(action_id, tuple(key for key in keys if key not in owner))
        for action_id, keys in built_in.items()
    }
    problems += [
        f"{action_id} has no key any more: {built_in[action_id][0]} is now {owner[built_in[action_id][0]]}."
        for action_id, left in keys.items()
        if not left and action_id not in chosen and built_in[action_id]
    ]
    for problem in problems:
        logger.warning("%s: %s", path, problem)
    return keys, problems


def _wrong_with(
    action_id: str, given: object, built_in: Mapping[str, tuple[str, ...]], owner: Mapping[str, str]
) -> str:
    """Why an entry of the file cannot be used; nothing if it can."""
    if action_id not in built_in:
        return f"There is no action called {action_id}."
    if not isinstance(given, list):
        return f'The keys of {action_id} must be a list, such as ["X"].'
    for i, key in enumerate(given):
        if not isinstance(key, str) or not is_key(key):
            return f"{action_id}: {json.dumps(key)} is no key."
        if key in given[:i]:
            return f"{action_id}: {key} is there twice."
        if key in owner:
            return f"{action_id}: {key} is given to {owner[key]} already."
    return ""


def is_key(text: str) -> bool:
    """Whether a text names a key, in napari's notation.

    Examples
    --------
    >>> is_key("Ctrl-Shift-F7"), is_key("Delete")
    (True, False)
    """
    return _KEY.fullmatch(text) is not None


def read_entries(path: Path) -> tuple[dict[str, object], list[str]]:
    """The file's entries as they are, none without a file; and why they cannot be read, if so."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError) as error:
        return {}, [f"The file cannot be read: {error}."]
    if not isinstance(found, dict):
        return {}, ["The file must hold an object of action ids."]
    return found, []
