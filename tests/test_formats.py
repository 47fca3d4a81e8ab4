import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from seco_core.dataset import open_dataset
from seco_core.errors import ExportError
from seco_core.export import FORMATS, export, verify_export
from seco_core.label_files import read_label
from seco_core.project import Project
from seco_core.project.overrides import Action, Decision, Origin
from seco_core.scheme import IGNORE
from tests.export_source import FULL, HALF, SCHEME, Source, tree


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path / "project", {"a": FULL, "b": HALF})


def event(seq, kind="override", **fields):
    names = ("target_batch", "action", "image_id", "region_id", "class_id", "box")
    empty = dict.fromkeys((*names, "origin", "source_seq", "holds"))
    return SimpleNamespace(
        seq=seq, batch=seq, time="2024-01-01T00:00:00", by="ann", kind=kind, **{**empty, **fields}
    )


# what is written


def test_export_holds_exactly_its_formats(tmp_path, source):
    out = tmp_path / "new" / "out"
    events = []
    report = export(source, out, progress=events.append)
    assert set(tree(out)) == {
        "label/a.png", "label/b.png", "color/a.png", "color/b.png",
        "labeled.txt", "unlabeled.txt", "decisions.csv", "manifest.json",
    }  # fmt: skip
    assert set(source.states) == {"clean"}
    assert (report.path, report.state, report.images, report.labelled, report.files) == (
        out,
        "clean",
        2,
        1,
        8,
    )
    assert report.covered == 0.75
    assert report.problems == ()
    assert "2 images" in str(report)
    assert [(e.stage, e.done, e.total, e.message) for e in events] == [
        ("export", 1, 2, "a"),
        ("export", 2, 2, "b"),
    ]


def test_pngs_use_the_schemes_own_ignore_id_and_colours(tmp_path, source):
    export(source, tmp_path / "out")
    with Image.open(tmp_path / "out/label/b.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.array(image), np.where(HALF == IGNORE, 200, HALF))
    with Image.open(tmp_path / "out/color/b.png") as image:
        assert np.array_equal(np.array(image.convert("RGB")), SCHEME.palette[HALF])
    for folder in ("label", "color"):
        assert np.array_equal(read_label(tmp_path / "out" / folder / "b.png", SCHEME), HALF)


def test_lists_split_by_share_and_open_as_a_dataset(tmp_path, source):
    out = tmp_path / "out"
    source.path.mkdir()
    for record in source.images:
        record.image.touch()
    export(source, out)
    image = source.path / "a.jpg"
    assert (out / "labeled.txt").read_text() == f"{image} label/a.png\n"
    assert (out / "unlabeled.txt").read_text() == f"{source.path / 'b.jpg'} label/b.png\n"
    (sample,) = open_dataset(out / "labeled.txt").samples
    assert (sample.image, sample.pseudo_label) == (image, out / "label/a.png")

    assert export(source, out, labelled_share=0.5).labelled == 2
    assert (out / "unlabeled.txt").read_text() == ""
    assert export(source, out, labelled_share=1.0).labelled == 1


def test_paths_with_spaces_are_separated_by_tabs(tmp_path):
    source = Source(tmp_path / "my project", {"a": FULL})
    source.path.mkdir()
    source.images[0].image.touch()
    export(source, tmp_path / "out")
    assert (tmp_path / "out/labeled.txt").read_text() == f"{source.path}/a.jpg\tlabel/a.png\n"
    assert open_dataset(tmp_path / "out/labeled.txt").samples[0].image == source.images[0].image


def test_decisions_list_every_event(tmp_path):
    history = [
        event(1, action="relabel", image_id=1, region_id=17, class_id=3, box=(1, 2, 3, 4), holds=False),
        event(2, kind="undo", target_batch=1),
        event(3, action="ignore", image_id=0, class_id=IGNORE, box=(0, 0, 1, 1), holds=True,
              origin=Origin.PROPOSAL, source_seq=1),
    ]  # fmt: skip
    source = Source(tmp_path / "project", {"a": FULL, "b": HALF}, history)
    export(source, tmp_path / "out")
    with open(tmp_path / "out/decisions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["kind"] for r in rows] == ["override", "undo", "override"]
    first = {k: rows[0][k] for k in ("image", "region", "class_id", "class", "x0", "y1", "action", "by")}
    assert first == {
        "image": "b", "region": "17", "class_id": "3", "class": "traffic, light",
        "x0": "1", "y1": "4", "action": "relabel", "by": "ann",
    }  # fmt: skip
    assert (rows[1]["target_batch"], rows[1]["image"], rows[1]["x0"]) == ("1", "", "")
    assert (rows[2]["class_id"], rows[2]["class"]) == ("200", "ignore")
    assert [r["holds"] for r in rows] == ["0", "", "1"]
    assert (rows[2]["origin"], rows[2]["source_seq"]) == ("proposal", "1")


def test_manifest_says_where_it_came_from(tmp_path, source):
    export(source, tmp_path / "out", state="all")
    content = json.loads((tmp_path / "out/manifest.json").read_text())
    assert content["provenance"] == {"version": "1.2.3", "runs": [{"seed": 7}]}
    assert (content["complete"], content["state"], content["images"], content["labelled"]) == (
        True,
        "all",
        2,
        1,
    )
    files = {f["path"]: f["bytes"] for f in content["files"]}
    on_disk = {name: len(data) for name, data in tree(tmp_path / "out").items() if name != "manifest.json"}
    assert files == on_disk


def test_the_same_project_exports_the_same_bytes(tmp_path, source):
    export(source, tmp_path / "one")
    export(source, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_fewer_formats(tmp_path, source):
    export(source, tmp_path / "out", formats=("color_png",))
    assert set(tree(tmp_path / "out")) == {"color/a.png", "color/b.png", "manifest.json"}
    assert verify_export(tmp_path / "out") == []


def test_a_real_project_exports_what_was_reviewed(tmp_path):
    data = tmp_path / "data"
    (data / "image").mkdir(parents=True)
    (data / "pseudo_label").mkdir()
    Image.new("RGB", (4, 2)).save(data / "image/a.png")
    Image.fromarray(FULL).save(data / "pseudo_label/a.png")
    with Project.create(tmp_path / "project", SCHEME, open_dataset(data)) as project:
        with pytest.raises(ExportError, match="no image can be exported") as error:
            export(project, tmp_path / "out")
        assert "pipeline" in error.value.remedy
        assert not (tmp_path / "out").exists()
        project.connection.execute("UPDATE images SET height = 2, width = 4")
        project.refresh_images()
        mask = np.ones((2, 2), dtype=bool)
        project.overrides.record([Decision(Action.RELABEL, 0, 3, (1, 0, 3, 2), mask)])
        report = export(project, tmp_path / "out", state="reviewed")
    assert report.covered == 0.5
    wanted = np.full((2, 4), IGNORE)
    wanted[:, 1:3] = 3
    assert np.array_equal(read_label(tmp_path / "out/label/a.png", SCHEME), wanted)
    assert (tmp_path / "out/decisions.csv").read_text().count("\n") == 2


# images that cannot be exported


def test_image_without_a_map_is_left_out_and_named(tmp_path):
    source = Source(tmp_path / "project", {"a": FULL, "new": None})
    report = export(source, tmp_path / "out")
    assert report.images == 1
    assert [str(p) for p in report.problems] == [f"{source.path}: has not been processed."]
    assert "1 left out" in str(report)
    content = json.loads((tmp_path / "out/manifest.json").read_text())
    assert content["left_out"] == [str(report.problems[0])]
    assert set(tree(tmp_path / "out/label")) == {"a.png"}


@pytest.mark.parametrize("name", ["../a", "x/a", "/a"])
def test_names_cannot_lead_out_of_the_folder(tmp_path, name):
    source = Source(tmp_path / "project", {"a": FULL})
    source.images[0].name = name
    with pytest.raises(ExportError, match="no file name"):
        export(source, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        ({"state": "good"}, "no state 'good'"),
        ({"formats": ("pdf",)}, "no format 'pdf'"),
        ({"formats": ()}, "no format was asked for"),
        ({"formats": ("lists",)}, "lists name class PNGs"),
        ({"labelled_share": 1.5}, "labelled share"),
        ({"labelled_share": float("nan")}, "labelled share"),
    ],
)
def test_requests_that_make_no_sense(tmp_path, source, request_, match):
    with pytest.raises(ExportError, match=match):
        export(source, tmp_path / "out", **request_)
    assert list(tmp_path.iterdir()) == []


# verification


def test_verify_finds_what_was_changed_or_lost(tmp_path, source):
    out = tmp_path / "out"
    export(source, out, formats=FORMATS)
    assert verify_export(out) == []
    data = bytearray((out / "label/a.png").read_bytes())
    data[-1] ^= 1
    (out / "label/a.png").write_bytes(data)
    (out / "labeled.txt").write_text("")
    (out / "color/b.png").unlink()
    problems = verify_export(out)
    assert sorted(p.path.relative_to(out).as_posix() for p in problems) == [
        "color/b.png",
        "label/a.png",
        "labeled.txt",
    ]
    assert all(isinstance(p, ExportError) and p.remedy for p in problems)


def test_verify_of_what_is_no_export(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        (problem,) = verify_export(path)
        assert "no manifest" in problem.message
