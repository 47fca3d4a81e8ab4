from __future__ import annotations

from pathlib import Path

import pytest

from seco_viewer.user_keys import chosen_keys

BUILT_IN = {"accept": ("A",), "skip": ("S",), "undo": ("U", "Ctrl-Z")}


def keys(tmp_path: Path, text: str) -> dict[str, tuple[str, ...]]:
    path = tmp_path / "keys.json"
    path.write_text(text)
    return chosen_keys(BUILT_IN, path)


def test_without_a_file_nothing_changes(tmp_path: Path):
    assert chosen_keys(BUILT_IN, tmp_path / "none.json") == BUILT_IN


def test_chosen_keys_replace_and_are_taken_from_others(tmp_path: Path):
    found = keys(tmp_path, '{"accept": ["Enter", "U"], "skip": ["Ctrl-Shift-K"]}')
    assert found == {"accept": ("Enter", "U"), "skip": ("Ctrl-Shift-K",), "undo": ("Ctrl-Z",)}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"nothing": ["A"]}',
        '{"accept": "A"}',
        '{"accept": ["Spam"]}',
        '{"accept": ["B", "B"]}',
    ],
)
def test_what_cannot_be_used_is_left_out_with_a_warning(tmp_path: Path, text: str, caplog):
    assert keys(tmp_path, text) == BUILT_IN
    assert caplog.records


def test_one_key_for_two_actions_is_refused_for_the_second(tmp_path: Path):
    found = keys(tmp_path, '{"accept": ["B"], "skip": ["B"]}')
    assert found["accept"] == ("B",)
    assert found["skip"] == ("S",)
