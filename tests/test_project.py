from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import shutil
import sqlite3
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest

from seco_core.dataset import Dataset, open_dataset
from seco_core.errors import (
    ProjectError,
    ProjectReadOnlyError,
    ProjectVersionError,
    StorageFullError,
)
from seco_core.parameters import Parameters
from seco_core.project import Action, Project
from seco_core.project.graph_file import read_graph
from seco_core.project.models import read_model, write_model
from seco_core.project.overrides import Decision
from seco_core.project.rasters import read_raster, write_raster
from seco_core.project.schema import APPLICATION_ID, VERSION
from seco_core.project.store import STORE_NAME, open_store, sqlite_uri
from seco_core.scheme import load_scheme


def test_reopened_project_knows_scheme_images_and_files(project_path: Path, dataset: Dataset):
    with Project.open(project_path) as project:
        assert project.scheme == load_scheme("cityscapes19")
        assert [r.name for r in project.images] == [s.name for s in dataset.samples]
        assert all(r.image.samefile(s.image) for r, s in zip(project.images, dataset.samples, strict=True))
        assert project.read_image(0).shape == (48, 64, 3)
        assert project.ground_truth_paths()[0].samefile(dataset.samples[0].ground_truth)


def test_image_records_do_not_carry_ground_truth(project_path: Path):
    with Project.open(project_path) as project:
        assert not any("truth" in str(value) for value in vars(project.images[0]).values())


def test_project_and_data_moved_together_are_found(project_path: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / "data", moved / "data")
    shutil.move(project_path, moved / "project")
    with Project.open(moved / "project") as project:
        assert project.read_image(1).shape == (48, 64, 3)


def test_samples_are_added_once(project_path: Path, dataset: Dataset):
    with Project.open(project_path) as project:
        assert project.add_samples(dataset) == 0
        assert len(project.images) == 3


def test_columns_that_a_list_gains_are_taken_over(tmp_path: Path, dataset: Dataset):
    bare = dataclasses.replace(
        dataset,
        samples=tuple(dataclasses.replace(s, confidence=None, ground_truth=None) for s in dataset.samples),
    )
    with Project.create(tmp_path / "p", load_scheme("cityscapes19"), bare) as project:
        assert project.images[0].confidence is None
        assert project.ground_truth_paths() == {}
        assert project.add_samples(dataset) == 0
        assert [r.confidence for r in project.images] == [s.confidence for s in dataset.samples]
        assert project.ground_truth_paths()[2] == dataset.samples[2].ground_truth
        # a list without the columns says nothing about them
        assert project.add_samples(bare) == 0
        assert project.images[0].confidence == dataset.samples[0].confidence


def test_an_image_is_known_by_its_path_under_another_name(project_path: Path, dataset: Dataset):
    renamed = tuple(dataclasses.replace(s, name=f"other__{s.name}") for s in dataset.samples)
    with Project.open(project_path) as project:
        assert project.add_samples(dataclasses.replace(dataset, samples=renamed)) == 0
        assert [r.name for r in project.images] == [s.name for s in dataset.samples]


def test_another_image_of_the_same_name_is_refused(tmp_path: Path, project_path: Path, dataset: Dataset):
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    with Project.open(project_path) as project:
        with pytest.raises(ProjectError, match="another project folder") as caught:
            project.add_samples(open_dataset(tmp_path / "copy"))
        assert str(dataset.samples[0].image) in str(caught.value)
        assert str(tmp_path / "copy" / "image" / "frame_0.png") in str(caught.value)
        assert project.images[0].image == dataset.samples[0].image


def test_renamed_data_folder_is_found_again(tmp_path: Path, project_path: Path):
    (tmp_path / "data").rename(tmp_path / "renamed")
    with Project.open(project_path) as project:
        assert project.add_samples(open_dataset(tmp_path / "renamed")) == 0
    with Project.open(project_path) as project:
        assert len(project.images) == 3
        for file in (*vars(project.images[1]).values(), *project.ground_truth_paths().values()):
            assert not isinstance(file, Path) or (file.exists() and "renamed" in file.parts)


def test_single_image_that_was_moved_is_known_by_its_name(tmp_path: Path, project_path: Path):
    data = tmp_path / "data"
    (data / "moved").mkdir()
    (data / "image" / "frame_1.png").rename(data / "moved" / "frame_1.png")
    lines = (data / "list" / "all.txt").read_text().replace("image/frame_1", "moved/frame_1")
    (data / "list" / "all.txt").write_text(lines)
    with Project.open(project_path) as project:
        assert project.add_samples(open_dataset(data)) == 0
        assert project.images[1].image == data / "moved" / "frame_1.png"


def test_creation_that_breaks_off_leaves_no_project(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr("seco_core.project.samples._set_ground_truth", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Project.create(tmp_path / "p", load_scheme("cityscapes19"), dataset)
    assert not list((tmp_path / "p").iterdir())
    with Project.create(tmp_path / "p", load_scheme("cityscapes19"), dataset) as project:
        assert len(project.images) == 3


def test_the_dataset_s_own_folder_is_no_place_for_a_project(tmp_path: Path, dataset: Dataset):
    folder = dataclasses.replace(dataset, layout="folders")
    before = sorted(dataset.root.iterdir())
    with pytest.raises(ProjectError, match="another folder"):
        Project.create(dataset.root / ".", load_scheme("cityscapes19"), folder)
    assert sorted(dataset.root.iterdir()) == before
    # a list may lie anywhere, its project beside it
    Project.create(
        dataset.root, load_scheme("cityscapes19"), dataclasses.replace(dataset, layout="list")
    ).close()


@pytest.mark.parametrize("inside", ["project.json", STORE_NAME, "runs/next"])
def test_no_project_is_made_inside_another(project_path: Path, dataset: Dataset, inside: str):
    before = sorted(project_path.rglob("*"))
    with pytest.raises(ProjectError, match=f"no project holds another. Name {project_path}"):
        Project.create(project_path / inside, load_scheme("cityscapes19"), dataset)
    assert sorted(project_path.rglob("*")) == before


def test_second_project_in_a_folder_is_refused(project_path: Path, dataset: Dataset):
    with pytest.raises(ProjectError, match="already"):
        Project.create(project_path, load_scheme("cityscapes19"), dataset)


@pytest.mark.parametrize("what", ["empty", "no meta"])
def test_store_without_a_project_says_what_to_do(project_path: Path, what: str):
    if what == "empty":
        (project_path / STORE_NAME).write_bytes(b"")
    else:
        with Project.open(project_path) as project:
            project.connection.execute("DELETE FROM meta")
    for readonly in (True, False):
        with pytest.raises(ProjectError, match="cut off") as caught:
            Project.open(project_path, readonly=readonly)
        assert caught.value.path == project_path / STORE_NAME
        assert "Delete this file" in str(caught.value.remedy)


def test_parameters_of_other_versions_do_not_lock_a_project(project_path: Path, caplog):
    stored = Parameters().replace(**{"scc.epochs": 7, "seed": 3}).to_dict()
    stored["scc"]["renamed"] = 5
    stored["gone"] = {"x": 1}
    stored["masks"]["source"] = "no longer there"
    with Project.open(project_path) as project, caplog.at_level(logging.WARNING):
        project.connection.execute(
            "INSERT INTO runs (version, parameters, sources, device, started, status)"
            " VALUES ('0', ?, '{}', 'cpu', '', 'finished')",
            (json.dumps(stored),),
        )
        assert project.runs()[0].parameters == Parameters().replace(**{"scc.epochs": 7, "seed": 3})
    assert caplog.records


def test_read_only_medium_is_read_without_files_beside_the_store(
    project_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = sorted(project_path.iterdir())
    assert [p.name for p in before] == [STORE_NAME]
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with Project.open(project_path, readonly=True) as project:
        assert len(project.images) == 3
        assert project.runs() == []
        assert sorted(project_path.iterdir()) == before


def test_missing_project_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ProjectError, match="seco run"):
        Project.open(tmp_path)


def test_foreign_database_is_refused(tmp_path: Path):
    with sqlite3.connect(tmp_path / STORE_NAME) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(ProjectError, match="no SeCo project"):
        Project.open(tmp_path)


def test_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / STORE_NAME).write_bytes(b"hello, this is no database at all" * 100)
    with pytest.raises(ProjectError, match="not a database") as caught:
        Project.open(tmp_path)
    assert "copy" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("images", lambda project: project.images),
        ("events", lambda project: project.overrides),
        ("runs", lambda project: project.runs()),
        ("regions", lambda project: project.regions()),
        ("rasters", lambda project: project.read_psa(0)),
    ],
)
def test_damaged_tables_are_told_with_what_to_do(project_path: Path, table: str, read):
    with Project.open(project_path) as project:
        (page,) = project.connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        (size,) = project.connection.execute("PRAGMA page_size").fetchone()
    with open(project_path / STORE_NAME, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    def open_and_read() -> None:
        with Project.open(project_path, readonly=True) as project:
            read(project)

    with pytest.raises(ProjectError, match="damaged") as caught:
        open_and_read()
    assert caught.value.path == project_path / STORE_NAME
    assert "copy" in str(caught.value.remedy)


def test_uri_of_a_share_has_no_authority():
    assert (
        sqlite_uri(PureWindowsPath(r"\\server\share\my project\x")) == "file:////server/share/my%20project/x"
    )
    assert sqlite_uri(PureWindowsPath(r"C:\data\x")) == "file:///C:/data/x"
    assert sqlite_uri(PurePosixPath("/data/x")) == "file:///data/x"


@pytest.mark.parametrize(("version", "age"), [(VERSION + 1, "newer"), (0, "older")])
def test_other_versions_are_refused(project_path: Path, version: int, age: str):
    connection = sqlite3.connect(project_path / STORE_NAME)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(ProjectVersionError, match=age) as caught:
        Project.open(project_path)
    assert caught.value.path == project_path
    assert caught.value.remedy


def test_read_only_folder(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Project.open(project_path) as project:
        project.connection.execute("PRAGMA journal_mode = DELETE")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(ProjectReadOnlyError, match="permissions"):
        Project.open(project_path)
    with Project.open(project_path, readonly=True) as project:
        assert len(project.images) == 3
        mask = np.ones((1, 1), dtype=bool)
        with pytest.raises(ProjectReadOnlyError):
            project.overrides.record([Decision(Action.ACCEPT, 0, 0, (0, 0, 1, 1), mask)])


def test_folder_that_cannot_be_made(tmp_path: Path, dataset: Dataset):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectReadOnlyError, match="cannot be made"):
        Project.create(tmp_path / "file" / "project", load_scheme("cityscapes19"), dataset)


def test_rasters_come_back_exactly(tmp_path: Path):
    rng = np.random.default_rng(0)
    for kind, array in {
        "psa": rng.integers(0, 255, (7, 9)).astype(np.uint8),
        "regions": rng.integers(0, 65536, (7, 9)).astype(np.uint16),
        "features": rng.normal(size=(3, 4)).astype(np.float32),
    }.items():
        file, _ = write_raster(tmp_path, 5, kind, array)
        found = read_raster(tmp_path, file, kind)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("left", ["junk", "nothing", "half"])
@pytest.mark.parametrize("kind", ["psa", "features"])
def test_damaged_raster_names_the_file(tmp_path: Path, kind: str, left: str):
    file, _ = write_raster(tmp_path, 0, kind, np.arange(4096, dtype=np.uint8).reshape(64, 64))
    path = tmp_path / file
    damaged = {"junk": b"junk", "nothing": b"", "half": path.read_bytes()[: path.stat().st_size // 2]}
    path.write_bytes(damaged[left])
    with pytest.raises(ProjectError, match=kind) as caught:
        read_raster(tmp_path, file, kind)
    assert caught.value.path == path


@pytest.mark.parametrize("left", ["junk", "nothing", "half", "other arrays"])
def test_damaged_networks_name_the_file(tmp_path: Path, left: str):
    file, _ = write_model(tmp_path, "scc", {"weights": np.arange(4096)})
    path = tmp_path / file
    content = path.read_bytes()
    damaged = {
        "junk": b"junk",
        "nothing": b"",
        "half": content[: len(content) // 2],
        "other arrays": content[:2000] + bytes(2000) + content[4000:],
    }
    path.write_bytes(damaged[left])
    with pytest.raises(ProjectError, match="network") as caught:
        read_model(tmp_path, file)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "read",
    [lambda root, file: read_raster(root, file, "psa"), read_model, read_graph],
    ids=["raster", "network", "graph"],
)
def test_what_is_gone_is_not_to_be_deleted(tmp_path: Path, read):
    with pytest.raises(ProjectError, match="is gone") as caught:
        read(tmp_path, "nothing-0123456789abcdef.npz")
    assert "Run the pipeline again" in str(caught.value)
    assert "Delete" not in str(caught.value)


def test_full_disk_while_writing_a_raster_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError, match="space"):
        write_raster(tmp_path, 0, "psa", np.zeros((4, 4), np.uint8))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_curated_before_the_pipeline_needs_the_pipeline(project_path: Path):
    with Project.open(project_path) as project, pytest.raises(ProjectError, match="Run the pipeline"):
        project.curated(0)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path, readonly: bool):
    path = tmp_path / STORE_NAME
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"
        "CREATE TABLE scores (region_id INTEGER PRIMARY KEY, noise_score REAL NOT NULL);"
        "CREATE TABLE project_ledger (stage TEXT PRIMARY KEY, signature TEXT, run_id INTEGER);"
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, mask BLOB);"
        "CREATE TABLE regions (id INTEGER PRIMARY KEY);"
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE images (id INTEGER PRIMARY KEY, inputs_sha256 TEXT);"
        "CREATE TABLE edges (a INTEGER, b INTEGER, kind INTEGER, weight REAL);"
        "INSERT INTO scores VALUES (7, 0.25);"
        "INSERT INTO images VALUES (0, 'one hash of all files');"
        "INSERT INTO project_ledger VALUES ('scc', 'x', 1), ('graph', 'y', 1);"
    )
    connection.close()
    migrated = open_store(path, readonly=readonly)
    assert migrated.execute("PRAGMA user_version").fetchone()[0] == VERSION
    found = migrated.execute("SELECT eta, disagreement, label_quality, unknown_score FROM scores").fetchone()
    assert tuple(found) == (0.25, None, None, None)
    assert migrated.execute("SELECT stage FROM project_ledger").fetchone() is None
    migrated.execute("SELECT origin, source_seq FROM events")
    found = migrated.execute("SELECT inputs_stat, inputs_sha256 FROM images").fetchone()
    assert tuple(found) == (None, None), "the next run reads the files"
    migrated.close()
