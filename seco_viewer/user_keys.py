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


def chosen_keys(built_in: Mapping[str, tuple[str, ...]], path: Path) -> dict[str, tuple[str, ...]]:
    """The keys of every action, those of the file in place of the built-in ones.

    A key that the file gives to one action is taken from the others. What cannot be used (unreadable, no such
    action, no such key, one key for two actions) is left out, with a warning in the log.

    Parameters
    ----------
    built_in : mapping of str to tuple of str
        Action ids and their keys, in napari's notation.
    path : Path
        JSON such as ``{"accept": ["A", "Enter"], "skip": ["N"]}``.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for action_id, given in _read(path).items():
        keys: list[str] = given if isinstance(given, list) else [""]
        fits = all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys)
        if action_id not in built_in or not fits or taken & set(keys) or len(set(keys)) < len(keys):
            logger.warning("%s: the keys %s of %s cannot be used.", path, given, action_id)
            continue
        chosen[action_id] = tuple(keys)
        taken |= set(keys)
    return {
        action_id: chosen.get(action_id, tuple(key for key in keys if key not in taken))
        for action_id, keys in built_in.items()
    }


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s: the keys cannot be read: %s", path, error)
        return {}
    if not isinstance(found, dict):
        logger.warning("%s: the keys must be an object of action ids.", path)
        return {}
    return found
