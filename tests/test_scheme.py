import copy
import json

import numpy as np
import pytest

from seco_core.errors import SchemeError
from seco_core.scheme import IGNORE, ClassScheme, builtin_schemes, load_scheme

PLAIN = {
    "name": "plain",
    "ignore": 254,
    "unknown": 7,
    "classes": [
        {"id": 7, "name": "unknown", "color": [1, 2, 3], "kind": "thing"},
        {"id": 2, "name": "road", "color": [9, 8, 7], "kind": "stuff"},
    ],
}

TOML = """
name = "plain"
ignore = 254
unknown = 7
[[classes]]
id = 7
name = "unknown"
color = [1, 2, 3]
kind = "thing"
[[classes]]
id = 2
name = "road"
color = [9, 8, 7]
kind = "stuff"
"""


@pytest.mark.parametrize(
    ("name", "count", "stuff", "things"),
    [
        ("cityscapes19", 19, [0, 1, 2, 3, 4, 8, 9, 10], [5, 6, 7, *range(11, 19)]),
        ("synthia16", 16, [0, 1, 2, 3, 4, 8, 9], [5, 6, 7, *range(10, 16)]),
        ("camvid11", 11, None, None),
    ],
)
def test_builtin_schemes(name, count, stuff, things):
    assert name in builtin_schemes()
    scheme = load_scheme(name)
    assert scheme.name == name
    assert scheme.ids.tolist() == list(range(count))
    assert scheme.size == count
    assert scheme.ignore == IGNORE
    assert sorted([*scheme.stuff_ids, *scheme.thing_ids]) == list(range(count))
    # class sets of the published code, whose PSA treats stuff and things differently
    if stuff is not None:
        assert scheme.stuff_ids.tolist() == stuff
        assert scheme.thing_ids.tolist() == things
    colors = {c.color for c in scheme.classes}
    assert len(colors) == count
    assert (0, 0, 0) not in colors


def test_json_and_toml_files_say_the_same(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(PLAIN))
    (tmp_path / "s.toml").write_text(TOML)
    scheme = load_scheme(tmp_path / "s.json")
    assert scheme == load_scheme(str(tmp_path / "s.toml")) == ClassScheme.from_dict(PLAIN)
    assert ClassScheme.from_dict(scheme.to_dict()) == scheme


def test_ids_need_not_be_contiguous():
    scheme = ClassScheme.from_dict(PLAIN)
    assert scheme.ids.tolist() == [2, 7]
    assert (scheme.size, scheme.ignore, scheme.unknown) == (8, 254, 7)
    assert 2 in scheme
    assert 3 not in scheme
    assert scheme[7].name == "unknown"
    with pytest.raises(KeyError):
        scheme[3]
    assert [scheme.label(i) for i in (2, IGNORE, 3)] == ["road", "ignore", "class 3"]
    palette = scheme.palette
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert palette[2].tolist() == [9, 8, 7]
    assert not np.delete(palette, [2, 7], axis=0).any()


def test_ignore_and_unknown_may_be_left_out():
    data = {k: v for k, v in PLAIN.items() if k in ("name", "classes")}
    scheme = ClassScheme.from_dict(data)
    assert (scheme.ignore, scheme.unknown) == (255, None)
    assert "unknown" not in scheme.to_dict()


def broken(**changes):
    data = copy.deepcopy(PLAIN)
    for name, value in changes.items():
        if name in data:
            data[name] = value
        else:
            data["classes"][1][name] = value
    return data


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ([], "not a class scheme"),
        ({"name": "x"}, "not a class scheme"),
        (broken(classes=[]), "no classes"),
        (broken(classes=["road"]), "class number 1 lacks color, id, kind, name"),
        (broken(id=7), "id used by two classes: 7"),
        (broken(id=254), "ignore id 254 is also the id of a class"),
        (broken(id=255), "from 0 to 254"),
        (broken(id=-1), "from 0 to 254"),
        (broken(id=1.5), "from 0 to 254"),
        (broken(id="2"), "whole numbers"),
        (broken(id=True), "from 0 to 254"),
        (broken(color=[1, 2]), "three whole numbers"),
        (broken(color=[1, 2, 256]), "three whole numbers"),
        (broken(color="red"), "three whole numbers"),
        (broken(kind="object"), '"stuff" or "thing"'),
        (broken(ignore=256), "ignore id"),
        (broken(ignore="none"), "ignore id"),
        (broken(unknown=9), "unknown id 9"),
    ],
)
def test_broken_schemes_are_refused_by_name_of_file(tmp_path, data, match):
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SchemeError, match=match) as error:
        load_scheme(path)
    assert error.value.path == path
    assert error.value.remedy


def test_two_classes_of_one_name():
    data = broken()
    data["classes"][1]["name"] = "Unknown"
    with pytest.raises(SchemeError, match="name used by two classes: unknown"):
        ClassScheme.from_dict(data)


def test_unreadable_and_missing_files(tmp_path):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "a.toml").write_text("name =")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    for name in ("a.json", "a.toml", "b.json"):
        with pytest.raises(SchemeError, match="cannot be read"):
            load_scheme(tmp_path / name)
    (tmp_path / "a.yaml").write_text("name: town\nclasses: []\n")
    with pytest.raises(
        SchemeError, match=r"class scheme: it is no JSON or TOML\. .*a JSON or TOML file with"
    ):
        load_scheme(tmp_path / "a.yaml")
    with pytest.raises(SchemeError, match="cityscapes19"):
        load_scheme("cityscapes")


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(PLAIN))
    assert load_scheme(path).name == "plain"
    path.write_text(json.dumps({**PLAIN, "name": "other"}))
    assert load_scheme(path).name == "other"
