from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.dataset import Dataset
from seco_core.errors import DatasetError, ParameterError
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.project import Project
from seco_core.scheme import load_scheme
from seco_core.simulate import ORDERS, EffortCurve, Task, check_forecasts, load_task, simulate
from tests.conftest import write_dataset


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulate")
    dataset = write_dataset(folder / "data", count=4)
    Project.create(folder / "project", load_scheme("cityscapes19"), dataset).close()
    run_pipeline(folder / "project", Parameters().replace(**{"scc.epochs": 5, "workers": 1}))
    return folder / "project"


@pytest.fixture(scope="module")
def task(scored: Path) -> Task:
    with Project.open(scored, readonly=True) as project:
        found = load_task(project)
        # a view of the project's file, which is to be closed
        assert found.graph is not None
        return Task(found.regions, sparse.csr_matrix(found.graph, copy=True), found.pixels)


def accuracy(task: Task, labels: np.ndarray) -> float:
    known = task.truth != 255
    area = task.regions.area
    return float(area[known & (labels == task.truth)].sum() / area[known].sum())


@pytest.mark.parametrize("order", ORDERS)
def test_begins_with_the_machines_labels_and_ends_with_the_truth(task: Task, order: str):
    curve = simulate(task, order)
    assert len(curve.accuracy) == len(curve.miou) >= len(task.regions) + 1
    assert len(curve.accuracy) == len(task.regions) + 1 or order == "feedback", "some are looked at again"
    assert curve.accuracy[0] == pytest.approx(accuracy(task, task.machine))
    assert curve.accuracy[0] < 1
    assert curve.accuracy[-1] == pytest.approx(1.0)
    assert (np.diff(curve.accuracy) >= -1e-12).all()
    assert curve.miou[-1] > curve.miou[0]


def test_oracle_puts_the_largest_errors_right_first(task: Task):
    wrong = np.sort(task.regions.area[(task.machine != task.truth) & (task.truth != 255)])[::-1]
    gained = np.diff(simulate(task, "oracle").accuracy)[: len(wrong)]
    known = task.regions.area[task.truth != 255].sum()
    assert gained == pytest.approx(wrong / known)


def test_errors_are_made_as_often_as_asked_for_and_in_the_same_regions(task: Task):
    always = simulate(task, "random", error_rate=1.0)
    assert always.accuracy[-1] == 0
    half = [simulate(task, order, error_rate=0.5, seed=3).accuracy[-1] for order in ("random", "confidence")]
    assert half[0] == pytest.approx(half[1])
    assert 0 < half[0] < 1
    with pytest.raises(ParameterError, match="error rate"):
        simulate(task, "random", error_rate=1.5)
    with pytest.raises(ParameterError, match="no order"):
        simulate(task, "backwards")


def test_reviews_until_a_goal():
    curve = EffortCurve("random", 2, np.array([0.5, 0.8, 0.96]), np.zeros(3))
    assert curve.reviews_until(0.5) == 0
    assert curve.reviews_until(0.95) == 2
    assert curve.reviews_until(0.97) is None


def test_command_writes_numbers_and_picture(scored: Path, tmp_path: Path):
    out = tmp_path / "effort"
    arguments = ["simulate", str(scored), "--to", str(out), "--order", "feedback", "--order", "oracle"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads((out / "effort.json").read_text())
    assert list(told["orders"]) == ["feedback", "oracle"]
    assert told["orders"]["oracle"]["accuracy"][-1] == 1
    assert (out / "effort.png").read_bytes().startswith(b"\x89PNG")
    assert CliRunner().invoke(app, ["simulate", str(scored), "--order", "no"]).exit_code == 2


def test_command_names_what_it_cannot_use_and_goes_on(scored: Path, tmp_path: Path):
    truth = scored.parent / "data" / "ground_truth" / "frame_1.png"
    good = truth.read_bytes()
    truth.write_bytes(b"bad")
    try:
        out = tmp_path / "effort"
        arguments = ["simulate", str(scored), "--to", str(out), "--order", "feedback", "--errors", "0.2"]
        done = CliRunner().invoke(app, arguments)
    finally:
        truth.write_bytes(good)
    assert done.exit_code == 1, done.output
    assert "frame_1" in done.output
    told = json.loads((out / "effort.json").read_text())
    with Project.open(scored, readonly=True) as project:
        regions = len(project.regions())
    assert told["regions"] == regions
    assert len(told["orders"]["feedback"]["accuracy"]) > regions + 1, "some are looked at again"


@pytest.mark.parametrize("name", ["", "file"])
def test_place_that_cannot_be_written_is_no_bug(scored: Path, tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    to = tmp_path / "file" / name
    done = CliRunner().invoke(app, ["simulate", str(scored), "--to", str(to), "--order", "oracle"])
    assert done.exit_code == 2
    assert "bug" not in done.output
    assert "cannot be written" in done.output


@pytest.mark.parametrize("command", ["simulate", "evaluate"])
def test_before_the_first_run_the_run_is_what_lacks(project_path: Path, command: str):
    done = CliRunner().invoke(app, [command, str(project_path)])
    assert done.exit_code == 2
    assert "Run the pipeline first" in done.output


def test_without_ground_truth_it_says_so(tmp_path: Path, dataset: Dataset):
    blind = [s.__class__(s.name, s.image, s.pseudo_label, s.confidence, None) for s in dataset.samples]
    bare = Dataset(dataset.root, dataset.layout, tuple(blind), ())
    with (
        Project.create(tmp_path / "bare", load_scheme("cityscapes19"), bare) as project,
        pytest.raises(DatasetError, match="no ground truth"),
    ):
        load_task(project)


def test_forecasts_are_checked_against_what_was_so(task: Task):
    moments = [1, 3, len(task.regions) - 1]
    checks = check_forecasts(task, "confidence_area", moments, ahead=2)
    curve = simulate(task, "confidence_area")
    assert [c.now for c in checks] == pytest.approx(curve.accuracy[moments])
    assert [c.after for c in checks[:2]] == pytest.approx(curve.accuracy[[3, 5]])
    assert [c.told.based_on for c in checks] == moments
    assert checks[-1].told.now_low <= checks[-1].now <= checks[-1].told.now_high
