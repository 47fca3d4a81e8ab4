from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

from seco_core.dataset import open_dataset
from seco_core.errors import (
    ClusterError,
    DatasetError,
    ImageFileError,
    ParameterError,
    ProjectError,
    ProjectReadOnlyError,
    SecoError,
    StorageFullError,
    WeightsError,
)
from seco_core.export import export
from seco_core.pipeline import run_pipeline
from seco_core.pipeline.workers import Workers
from seco_core.progress import ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.scheme import load_scheme
from tests.conftest import QUICK, write_dataset


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
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date, result.exit_code) == (0, 3, 0)
    with Project.open(project_path) as project:
        assert [r.status for r in project.images] == ["done"] * 3
        assert project.images[1].problem is None
        assert not np.isnan(project.regions().noise_score).any()


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


def state(project_path: Path) -> tuple[object, ...]:
    """What a run that cannot go on must leave as it was."""
    with Project.open(project_path) as project:
        graph = project.graph()
        assert graph is not None
        ledger = project.connection.execute("SELECT * FROM ledger ORDER BY image_id, stage").fetchall()
        return (
            [tuple(row) for row in ledger],
            project.images,
            graph.nnz,
            project.regions().noise_score.tolist(),
        )


@pytest.mark.parametrize("kind", ["image", "pseudo_label"])
def test_dataset_that_has_gone_ends_the_run_and_nothing_is_done_again(
    tmp_path: Path, project_path: Path, kind: str
):
    run_pipeline(project_path, QUICK)
    before = state(project_path)
    (tmp_path / "data" / kind).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="none of the project's") as caught:
        run_pipeline(project_path, QUICK)
    assert "seco run" in str(caught.value.remedy)
    assert state(project_path) == before
    (tmp_path / "elsewhere").rename(tmp_path / "data" / kind)
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (0, 3)


def test_share_that_does_not_answer_is_a_dataset_that_has_gone(
    tmp_path: Path, project_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_pipeline(project_path, QUICK)
    before = state(project_path)
    real = os.stat

    def stale(path, *rest, **options):
        if not isinstance(path, int) and str(path).startswith(str(tmp_path / "data")):
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(path, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stale)
        with pytest.raises(DatasetError, match="none of the project's images"):
            run_pipeline(project_path, QUICK)
    assert state(project_path) == before


def failing_workers(monkeypatch: pytest.MonkeyPatch, fail: Callable[[], None]) -> None:
    """Let every image's work end in an error."""
    pending = SimpleNamespace(result=fail, cancel=lambda: None)

    @contextmanager
    def workers(*_: object) -> Iterator[Workers]:
        yield Workers(lambda task: pending, 1)

    monkeypatch.setattr("seco_core.pipeline.run.local_workers", workers)


@pytest.mark.parametrize("error", [ClusterError, WeightsError, StorageFullError, ProjectReadOnlyError])
def test_trouble_that_is_not_of_an_image_ends_the_run_and_loses_nothing(
    project_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[SecoError]
):
    run_pipeline(project_path, QUICK)
    before = state(project_path)

    def fail() -> None:
        raise error("in the middle.")

    with monkeypatch.context() as patch:
        failing_workers(patch, fail)
        with pytest.raises(error, match="in the middle"):
            run_pipeline(project_path, QUICK.replace(**{"psa.min_region_area": 30}))
    assert state(project_path) == before
    with Project.open(project_path) as project:
        assert project.runs()[-1].status == "failed"
    assert run_pipeline(project_path, QUICK).up_to_date == 3


def test_disk_that_goes_away_in_the_middle_ends_the_run(
    tmp_path: Path, project_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_pipeline(project_path, QUICK)
    before = state(project_path)

    def fail() -> None:
        if (tmp_path / "data").exists():
            (tmp_path / "data").rename(tmp_path / "gone")
        raise ImageFileError("does not exist.")

    failing_workers(monkeypatch, fail)
    with pytest.raises(DatasetError, match="none of the project's images"):
        run_pipeline(project_path, QUICK.replace(**{"psa.min_region_area": 30}))
    assert state(project_path) == before


def test_lost_scheduler_is_told_from_a_bad_image(monkeypatch: pytest.MonkeyPatch):
    distributed = pytest.importorskip("distributed")
    from distributed.comm import CommClosedError

    from seco_core.pipeline.image_work import ImageTask
    from seco_core.pipeline.workers import cluster_workers

    for error, told in (
        (ConnectionError("refused"), ClusterError),
        (distributed.client.FutureCancelledError("key", "scheduler-connection-lost"), ClusterError),
        (CommClosedError("closed"), ClusterError),
        (ImageFileError("is bad."), ImageFileError),
        (ZeroDivisionError("deep inside"), ZeroDivisionError),
    ):
        client = MagicMock()
        client.nthreads.return_value = {"worker": 1}
        client.submit.return_value.result.side_effect = error
        monkeypatch.setattr(distributed, "Client", lambda *_, client=client, **__: client)
        with (
            pytest.raises(told) as caught,
            cluster_workers("tcp://there:1", QUICK, Path("cache")) as workers,
        ):
            workers.submit(MagicMock(spec=ImageTask)).result()
        assert told is not ClusterError or "tcp://there:1" in str(caught.value)


def test_lack_of_memory_skips_the_image_and_says_what_to_do(
    project_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail() -> None:
        raise MemoryError

    failing_workers(monkeypatch, fail)
    result = run_pipeline(project_path, QUICK)
    assert result.exit_code == 2
    assert "--workers 1" in str(result.skipped[0][1])


def test_copied_files_are_not_done_again_but_changed_ones_are(tmp_path: Path, project_path: Path):
    label = tmp_path / "data" / "pseudo_label" / "frame_2.png"
    label.write_bytes(label.read_bytes() + b"1")  # decoders stop before it
    run_pipeline(project_path, QUICK)
    for path in (tmp_path / "data").rglob("*.png"):
        os.utime(path, (10**9, 10**9))
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (0, 3)
    label.write_bytes(label.read_bytes()[:-1] + b"2")  # of the same size
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (1, 2)


def test_damaged_region_map_is_made_again(project_path: Path):
    run_pipeline(project_path, QUICK)
    file = next((project_path / "rasters" / "regions").glob("000001-*"))
    before = file.read_bytes()
    file.write_bytes(b"")
    with Project.open(project_path) as project:
        project.connection.execute("UPDATE ledger SET signature = '' WHERE stage = 'features'")
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.exit_code) == (3, 0)
    assert file.read_bytes() == before


def decide(project_path: Path, image_id: int) -> None:
    with Project.open(project_path) as project:
        mask = np.ones((6, 6), dtype=bool)
        project.overrides.record([Decision(Action.RELABEL, image_id, 8, (3, 40, 9, 46), mask)])


def test_decisions_do_not_move_to_an_image_of_another_size(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    decide(project_path, 1)
    files = [tmp_path / "data" / kind / "frame_1.png" for kind in ("image", "pseudo_label", "confidence")]
    before = [path.read_bytes() for path in files]
    for path in files:
        with Image.open(path) as image:
            image.resize((128, 96), Image.Resampling.NEAREST).save(path)
    for accept in (False, True):
        result = run_pipeline(project_path, QUICK, accept_replaced=accept)
        ((name, error),) = result.skipped
        assert name == "frame_1"
        assert "128 x 96" in str(error)
        assert "64 x 48" in str(error)
    for path, content in zip(files, before, strict=True):
        path.write_bytes(content)
    result = run_pipeline(project_path, QUICK)
    assert (result.up_to_date, result.exit_code) == (3, 0)
    with Project.open(project_path) as project:
        assert (project.curated(1)[40:46, 3:9] == 8).all()


def test_decisions_do_not_move_to_another_image_of_the_same_name(tmp_path: Path):
    data = tmp_path / "data"
    write_dataset(data)
    lines = (data / "list" / "all.txt").read_text()
    for kind in ("image", "pseudo_label", "confidence", "ground_truth"):
        (data / kind).rename(data / f"{kind}_of_aachen")
    (data / "list" / "all.txt").write_text(lines.replace("/frame", "_of_aachen/frame"))
    Project.create(tmp_path / "project", load_scheme("cityscapes19"), open_dataset(data)).close()
    run_pipeline(tmp_path / "project", QUICK)
    decide(tmp_path / "project", 1)
    for kind in ("image", "pseudo_label", "confidence", "ground_truth"):
        (data / f"{kind}_of_aachen").rename(data / f"{kind}_of_bochum")
    (data / "list" / "all.txt").write_text(lines.replace("/frame", "_of_bochum/frame"))
    for i in (0, 1):
        path = data / "image_of_bochum" / f"frame_{i}.png"
        with Image.open(path) as image:
            image.rotate(180).save(path)
    with Project.open(tmp_path / "project") as project:
        project.add_samples(open_dataset(data))
    result = run_pipeline(tmp_path / "project", QUICK)
    assert [name for name, _ in result.skipped] == ["frame_1"], "only of that one anything was decided"
    assert "--accept-replaced" in str(result.skipped[0][1])
    assert (result.done, result.up_to_date) == (1, 1)
    result = run_pipeline(tmp_path / "project", QUICK, accept_replaced=True)
    assert (result.done, result.exit_code) == (1, 0)
    assert run_pipeline(tmp_path / "project", QUICK).up_to_date == 3


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


def test_what_a_killed_process_left_half_written_goes_with_the_next_run(project_path: Path):
    run_pipeline(project_path, QUICK)
    names = (".0123456789abcdef.tmp", "rasters/psa/.fedcba9876543210.tmp", ".0123456789abcdef.tmp-journal")
    left = [project_path / name for name in names]
    others = [project_path / name for name in (".aaaaaaaaaaaaaaaa.tmp", ".mine.tmp", "rasters/psa/x.tmp")]
    for path in (*left, *others):
        path.write_bytes(b"half")
    for path in (*left, *others[1:]):
        os.utime(path, (10**9, 10**9))
    run_pipeline(project_path, QUICK)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others), "somebody may be writing it, or it is no such file"


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
