from __future__ import annotations

import subprocess
import sys

from seco_viewer.shortcuts import SHORTCUTS, markdown_table

TAKEN_WITH_LABELS = set("1234567EFLMPVXZB")
"""Keys of napari's own on a labels layer."""


def test_no_key_is_used_twice_or_taken_by_napari():
    keys = [key for entry in SHORTCUTS for key in entry.keys]
    assert len(keys) == len(set(keys))
    assert len({entry.id for entry in SHORTCUTS}) == len(SHORTCUTS)
    assert not TAKEN_WITH_LABELS & set(keys)


def test_everything_a_reviewer_does_has_a_key():
    wanted = {
        "accept", "take_suggestion", "relabel", "ignore", "unknown", "skip", "back", "next_image",
        "previous_image", "undo", "redo", "overlays", "help",
    }  # fmt: skip
    assert wanted <= {entry.id for entry in SHORTCUTS}


def test_module_prints_the_readme_table():
    done = subprocess.run(
        [sys.executable, "-m", "seco_viewer.shortcuts"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == markdown_table()
    assert "| `U` or `Ctrl+Z` | Undo |" in done.stdout
