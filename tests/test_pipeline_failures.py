from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, write_dataset
from PIL import Image

from seco_core.errors import ParameterError, ProjectError, StorageFullError
from seco_core.export import export
from seco_core.pipeline import run_pipeline
from seco_core.progress import ProgressEvent
from seco_core.project import Project
from seco_core.scheme import load_scheme


def spoil_truncated(data: Path) -> None:
    path = data / "image" / "frame_1.png"
    path.write_bytes(path.read_bytes()[:200])


def spoil_class_id(data: Path) -> None:
    Image.fromarray(np.full((48, 64), 77, np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_size(data: Path) -> None:
    Image.fromarray(np.zeros((48, 30), np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_mode(data: Path) -> None:
    Image.new("1", (64, 48)).save(data / "pseudo_label" / "frame_1.png")


def spoil_all_ignore(data: Path) -> None:
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_missing(data: Path) -> None:
    (data / "confidence" / "frame_1.png").unlink()


@pytest.mark.parametrize(
    "spoil", [spoil_truncated, spoil_class_id, spoil_size, spoil_mode, spoil_all_ignore, spoil_missing]
)
def test_bad_image_is_reported_and_the_rest_goes_on(tmp_path: Path, project_path: Path, spoil):
    spoil(tmp_path / "data")
    result = run_pipeline(project_path, QUICK)
    assert result.done == 2
    assert result.exit_code == 1
    ((name, error),) = result.skipped
    assert name == "frame_1"
    assert "frame_1" in str(error)
    with Project.open(project_path) as project:
        assert [r.status for r in project.images] == ["done", "skipped", "done"]
        assert project.images[1].problem
        assert not np.isnan(project.regions().noise_score).any()


def test_image_that_turns_bad_keeps_what_was_stored(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.regions(1)
    good = (tmp_path / "data" / "image" / "frame_1.png").read_bytes()
    spoil_truncated(tmp_path / "data")
    assert run_pipeline(project_path, QUICK).exit_code == 1
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.regions(1).box, before.box)
        assert not np.isnan(project.regions(1).noise_score).any()
    (tmp_path / "data" / "image" / "frame_1.png").write_bytes(good)
    assert run_pipeline(project_path, QUICK).exit_code == 0


@pytest.mark.parametrize("kind", ["regions", "features"])
def test_deleted_raster_is_made_again(project_path: Path, kind: str):
    run_pipeline(project_path, QUICK)
    file = next((project_path / "rasters" / kind).glob("000001-*"))
    before = file.read_bytes()
    file.unlink()
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (1, 2)
    with Project.open(project_path) as project:
        assert not np.isnan(project.regions().noise_score).any()
    assert file.read_bytes() == before


def test_skipped_image_is_left_out_of_the_export_and_named(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "image" / "frame_1.png").unlink()
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        report = export(project, tmp_path / "out", state="all")
    assert report.images == 2
    assert "frame_1" in str(report.problems[0])
    assert "frame_1" not in (tmp_path / "out" / "labeled.txt").read_text()


def test_dataset_that_has_gone_is_exit_code_two(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "image").rename(tmp_path / "elsewhere")
    result = run_pipeline(project_path, QUICK)
    assert result.exit_code == 2
    with Project.open(project_path) as project:
        assert not np.isnan(project.regions().noise_score).any(), "what was stored stays"


def test_two_runs_of_one_project_at_once_are_refused(project_path: Path):
    refused: list[ProjectError] = []

    def run_again(event: ProgressEvent) -> None:
        if event.stage == "psa" and not refused:
            with pytest.raises(ProjectError, match="another run") as caught:
                run_pipeline(project_path, QUICK)
            refused.append(caught.value)

    assert run_pipeline(project_path, QUICK, progress=run_again).exit_code == 0
    assert len(refused) == 1


def test_nothing_usable_is_exit_code_two(tmp_path: Path, project_path: Path):
    for i in range(3):
        (tmp_path / "data" / "image" / f"frame_{i}.png").write_bytes(b"")
    assert run_pipeline(project_path, QUICK).exit_code == 2


def test_image_of_one_pixel(tmp_path: Path):
    dataset = write_dataset(tmp_path / "data")
    Image.new("RGB", (1, 1)).save(tmp_path / "data" / "image" / "frame_1.png")
    for kind in ("pseudo_label", "confidence"):
        Image.new("L", (1, 1)).save(tmp_path / "data" / kind / "frame_1.png")
    Project.create(tmp_path / "project", load_scheme("cityscapes19"), dataset).close()
    assert run_pipeline(tmp_path / "project", QUICK).exit_code == 0
    with Project.open(tmp_path / "project") as project:
        assert project.curated(1, "all").shape == (1, 1)


def test_crash_of_a_library_is_a_skipped_image(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    import seco_core.pipeline.image_work as work

    real = work.aggregate

    def crash(pseudo_label, *rest):
        if crash.left:
            crash.left -= 1
            raise ZeroDivisionError("deep inside")
        return real(pseudo_label, *rest)

    crash.left = 1
    monkeypatch.setattr(work, "aggregate", crash)
    result = run_pipeline(project_path, QUICK.replace(workers=1))
    assert result.exit_code == 1
    assert "ZeroDivisionError" in str(result.skipped[0][1])


def test_cluster_that_does_not_answer(project_path: Path):
    pytest.importorskip("distributed")
    with pytest.raises(ParameterError, match="dask scheduler"):
        run_pipeline(project_path, QUICK, cluster="tcp://127.0.0.1:1")


def test_full_disk_in_the_middle_loses_nothing(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, left = os.fsync, [6]

    def full_after_some(fd: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_after_some)
        with pytest.raises(StorageFullError, match="space"):
            run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert [r.status for r in project.images] == ["done", "new", "new"]
        assert project.read_psa(0) is not None
        assert project.runs()[-1].status == "failed"
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (2, 1)
