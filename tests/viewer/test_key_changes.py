from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from seco_viewer.key_changes import KeyChanges
from seco_viewer.shortcuts import Shortcut

TABLE = (
    Shortcut("accept", ("A",), "Accept", ""),
    Shortcut("skip", ("S",), "Skip", ""),
    Shortcut("undo", ("U", "Ctrl-Z"), "Undo", ""),
    Shortcut("next_page", ("F6",), "Next tab", "", anywhere=True),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "keys.json"


@pytest.fixture
def changes(path: Path) -> KeyChanges:
    return KeyChanges(TABLE, path, {"Ctrl-Shift-S": "Save"})


def stored(path: Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_key_is_added_and_taken_away_again(changes: KeyChanges, path: Path):
    outcome = changes.press("accept", "Enter")
    assert outcome.stored
    assert outcome.text == "Enter added. Press A to take that away."
    assert stored(path) == {"accept": ["A", "Enter"]}
    assert changes.press("accept", "A").text == "A taken away."
    assert changes.keys()[0]["accept"] == ("Enter",)
    assert "No key is left" in changes.press("accept", "Enter").text
    assert stored(path) == {"accept": []}


def test_built_in_keys_are_no_entry(changes: KeyChanges, path: Path):
    assert changes.default("accept").stored
    assert not path.exists()
    changes.press("accept", "K")
    changes.press("accept", "K")
    assert stored(path) == {}
    changes.press("undo", "U")
    assert changes.default("undo").stored
    assert stored(path) == {}


@pytest.mark.parametrize(
    ("action_id", "key", "said"),
    [
        ("accept", "S", "“Skip”"),
        ("accept", "Ctrl-Z", "“Undo”"),
        ("accept", "Shift-Ctrl-S", "napari's: Save"),
        ("accept", "Del", "cannot be used"),
        ("accept", "Ctrl-+", "cannot be used"),
        ("accept", "-", "cannot be used"),
        ("next_page", "X", "for typing"),
        ("next_page", "Shift-X", "for typing"),
        ("next_page", "F", "for typing"),
    ],
)
def test_what_is_in_the_way_is_said_and_not_stored(
    changes: KeyChanges, path: Path, action_id: str, key: str, said: str
):
    outcome = changes.press(action_id, key)
    assert not outcome.stored
    assert said in outcome.text
    assert not path.exists()


@pytest.mark.parametrize("key", ["F9", "Shift-F9", "Ctrl-X"])
def test_keys_that_type_nothing_work_everywhere(changes: KeyChanges, key: str):
    assert changes.press("next_page", key).stored


def test_a_key_that_was_given_up_is_free_and_not_to_be_had_back_by_the_default(changes: KeyChanges):
    changes.press("skip", "S")
    assert changes.press("accept", "S").stored
    outcome = changes.default("skip")
    assert not outcome.stored
    assert "“Accept”" in outcome.text
    assert changes.keys()[0]["skip"] == ()


def test_the_rest_of_the_file_stays_also_what_others_wrote_meanwhile(changes: KeyChanges, path: Path):
    changes.press("accept", "K")
    path.write_text('{"later": {"a": 1}, "accept": ["K"], "skip": "no list"}')
    changes.press("undo", "Ü")
    assert stored(path) == {
        "later": {"a": 1},
        "accept": ["K"],
        "skip": "no list",
        "undo": ["U", "Ctrl-Z", "Ü"],
    }
    assert "Ü" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ['{"accept": [', "[]"])
def test_a_file_that_cannot_be_read_is_not_written(changes: KeyChanges, path: Path, text: str):
    path.parent.mkdir()
    path.write_text(text)
    outcome = changes.press("accept", "K")
    assert not outcome.stored
    assert "Not stored. The file " in outcome.text
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_said(path: Path):
    path.parent.write_text("a file where the folder should be")
    outcome = KeyChanges(TABLE, path).press("accept", "K")
    assert not outcome.stored
    assert "Not stored." in outcome.text


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_one(changes: KeyChanges, path: Path):
    path.parent.mkdir()
    real = path.with_name("dotfiles.json")
    real.write_text("{}")
    path.symlink_to(real)
    assert changes.press("accept", "K").stored
    assert path.is_symlink()
    assert stored(real) == {"accept": ["A", "K"]}
