"""An export goes into a folder that may hold something, and may be cut off."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from seco_core.errors import ExportError, StorageFullError
from seco_core.export import export, verify_export
from seco_core.label_files import read_label
from seco_core.progress import Cancelled, CancelToken
from tests.export_source import FULL, HALF, SCHEME, Source, tree


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path / "project", {"a": FULL, "b": HALF})


# folders that are not empty


def test_foreign_folder_is_left_alone(tmp_path, source):
    for name, content in [
        ("thesis.txt", "x"),
        ("manifest.json", '{"name": "my web page"}'),
        ("manifest.json", "{"),
    ]:
        out = tmp_path / "out"
        out.mkdir()
        (out / name).write_text(content)
        with pytest.raises(ExportError, match="not empty"):
            export(source, out)
        assert tree(out) == {name: content.encode()}
        shutil.rmtree(out)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportError, match="is a file"):
        export(source, tmp_path / "file")


def test_empty_folder_is_used_and_stays_if_nothing_comes_of_it(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ExportError):
        export(Source(tmp_path / "project", {"a": None}), out)
    assert list(out.iterdir()) == []
    export(Source(tmp_path / "project", {"a": FULL}), out)


def test_export_again_replaces_the_earlier_one_only(tmp_path, source):
    out = tmp_path / "out"
    export(source, out)
    (out / "notes.txt").write_text("mine")
    (out / "label/mine.png").write_text("mine")
    export(Source(source.path, {"b": FULL, "c": FULL}), out, formats=("class_png",))
    assert set(tree(out)) == {"label/b.png", "label/c.png", "label/mine.png", "notes.txt", "manifest.json"}
    assert np.array_equal(read_label(out / "label/b.png", SCHEME), FULL)
    assert verify_export(out) == []


def test_a_file_in_the_way_is_not_overwritten(tmp_path, source):
    out = tmp_path / "out"
    export(source, out, formats=("class_png",))
    before = tree(out)
    (out / "labeled.txt").write_text("mine")
    with pytest.raises(ExportError, match="in the way") as error:
        export(source, out)
    assert error.value.path == out / "labeled.txt"
    assert tree(out) == {**before, "labeled.txt": b"mine"}


def test_manifest_cannot_have_files_elsewhere_deleted(tmp_path, source):
    out = tmp_path / "out"
    export(source, out)
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    content = json.loads((out / "manifest.json").read_text())
    for path in ("../victim.txt", str(victim), "label/../../victim.txt", 7):
        content["files"] = [{"path": path}]
        (out / "manifest.json").write_text(json.dumps(content))
        with pytest.raises(ExportError, match="not empty"):
            export(source, out)
        assert verify_export(out)
    assert victim.read_text() == "precious"


def test_newer_manifest_is_not_replaced(tmp_path, source):
    out = tmp_path / "out"
    export(source, out)
    content = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**content, "version": 99}))
    with pytest.raises(ExportError, match="newer version"):
        export(source, out)
    assert "newer version" in verify_export(out)[0].message


# interruptions


def test_cancelling_leaves_the_earlier_export_as_it_was(tmp_path, source):
    out = tmp_path / "out"
    export(source, out)
    before = tree(out)
    token = CancelToken()
    changed = Source(source.path, {"a": HALF, "b": FULL})
    with pytest.raises(Cancelled):
        export(changed, out, progress=lambda _: token.cancel(), cancel=token)
    assert tree(out) == before
    token = CancelToken()
    with pytest.raises(Cancelled):
        export(changed, tmp_path / "new", progress=lambda _: token.cancel(), cancel=token)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("code", "wanted"), [(errno.ENOSPC, StorageFullError), (errno.EACCES, ExportError)])
def test_disk_that_cannot_be_written(tmp_path, source, monkeypatch, code, wanted):
    out = tmp_path / "out"
    export(source, out)
    before = tree(out)
    real, calls = os.fsync, []

    def fail_later(handle):
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(code, os.strerror(code))
        real(handle)

    monkeypatch.setattr(os, "fsync", fail_later)
    with pytest.raises(wanted) as error:
        export(Source(source.path, {"a": HALF, "b": FULL}), out)
    assert error.value.remedy
    assert tree(out) == before
    assert verify_export(out) == []


def test_a_crash_at_any_move_never_leaves_a_manifest_that_lies(tmp_path, source, monkeypatch):
    changed = Source(source.path, {"b": FULL, "c": HALF})
    export(changed, tmp_path / "wanted")
    wanted = tree(tmp_path / "wanted")
    real = os.replace
    finished = False
    crash_at = 0
    seen = set()
    while not finished:
        crash_at += 1
        out = tmp_path / f"out{crash_at}"
        export(source, out)
        before = tree(out)
        moves = 0

        def crash(a, b, crash_at=crash_at):
            nonlocal moves
            moves += 1
            if moves == crash_at:
                raise KeyboardInterrupt
            real(a, b)

        monkeypatch.setattr(os, "replace", crash)
        try:
            export(changed, out)
            finished = True
        except KeyboardInterrupt:
            seen.add("unchanged" if tree(out) == before else "interrupted")
            if tree(out) == before:
                assert verify_export(out) == []
            else:
                assert "interrupted" in verify_export(out)[0].message
        finally:
            monkeypatch.setattr(os, "replace", real)
        export(changed, out)
        assert tree(out) == wanted
    assert seen == {"unchanged", "interrupted"}


def test_a_killed_export_leaves_a_folder_that_can_be_used_again(tmp_path, source, monkeypatch):
    # what a killed process leaves: nothing gets the chance to clean up
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        export(source, tmp_path / "out", progress=lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert tree(tmp_path / "out")
    monkeypatch.undo()
    export(source, tmp_path / "out")
    assert verify_export(tmp_path / "out") == []
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]
