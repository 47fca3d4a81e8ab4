from __future__ import annotations

from pathlib import Path

import pytest

from seco_viewer.user_keys import chosen_keys

BUILT_IN = {"accept": ("A",), "skip": ("S",), "undo": ("U", "Ctrl-Z")}


def keys(tmp_path: Path, text: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    path = tmp_path / "keys.json"
    path.write_text(text)
    return chosen_keys(BUILT_IN, path)


def test_without_a_file_nothing_changes(tmp_path: Path):
    assert chosen_keys(BUILT_IN, tmp_path / "none.json") == (BUILT_IN, [])


def test_chosen_keys_replace_and_are_taken_from_others(tmp_path: Path):
    found, problems = keys(tmp_path, '{"accept": ["Enter", "U"], "skip": ["Ctrl-Shift-K"]}')
    assert found == {"accept": ("Enter", "U"), "skip": ("Ctrl-Shift-K",), "undo": ("Ctrl-Z",)}
    assert not problems


def test_an_action_left_without_a_key_is_said(tmp_path: Path):
    found, problems = keys(tmp_path, '{"skip": ["A"], "undo": []}')
    assert found == {"accept": (), "skip": ("A",), "undo": ()}
    assert problems == ["accept has no key any more: A is now skip."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "cannot be read"),
        ("[]", "must hold an object"),
        ('{"foo": ["X"]}', "There is no action called foo."),
        ('{"accept": "A"}', 'The keys of accept must be a list, such as ["X"].'),
        ('{"accept": ["Spam"]}', 'accept: "Spam" is no key.'),
        ('{"accept": [3]}', "accept: 3 is no key."),
        ('{"accept": ["B", "B"]}', "accept: B is there twice."),
    ],
)
def test_what_cannot_be_used_is_left_out_and_said(tmp_path: Path, text: str, said: str, caplog):
    found, (problem,) = keys(tmp_path, text)
    assert found == BUILT_IN
    assert said in problem
    assert problem in caplog.text


def test_one_key_for_two_actions_is_refused_for_the_second(tmp_path: Path):
    found, problems = keys(tmp_path, '{"accept": ["B"], "skip": ["B"]}')
    assert found["accept"] == ("B",)
    assert found["skip"] == ("S",)
    assert problems == ["skip: B is given to accept already."]
