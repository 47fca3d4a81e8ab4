from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.console import print_error, print_problems, progress_bars
from seco_core.parameters import Parameters
from seco_core.pipeline.run import only_run
from seco_core.progress import Cancelled
from seco_core.project import Project
from tests.conftest import write_dataset

QUICK = ["--set", "masks.parts=100", "--set", "scc.epochs=3", "--set", "scc.folds=2", "--device", "cpu"]


def seco(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_dataset_to_export(tmp_path: Path):
    write_dataset(tmp_path / "data")
    project = tmp_path / "project"
    done = seco("run", tmp_path / "data", "--project", project, *QUICK)
    assert done.exit_code == 0, done.output
    assert "3 images done" in done.output
    done = seco("evaluate", project, "--json", tmp_path / "numbers.json")
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    for name in ("raw", "psa", "curated"):
        for measure in ("miou", "accuracy", "coverage", "purity"):
            assert 0 <= numbers[f"{measure}_{name}"] <= 1
    done = seco("teach", project)
    assert done.exit_code == 0, done.output
    assert "nothing was decided" in done.output
    done = seco("export", project, "--to", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert seco("verify", tmp_path / "out").exit_code == 0
    (tmp_path / "out" / "labeled.txt").write_text("changed")
    done = seco("verify", tmp_path / "out")
    assert done.exit_code == 1
    assert "labeled.txt" in done.output


def test_one_of_anything_is_told_in_the_singular(tmp_path: Path):
    write_dataset(tmp_path / "data", count=1)
    project = tmp_path / "project"
    done = seco("run", tmp_path / "data", "--project", project, *QUICK)
    assert done.output.count("1 image") == 2, done.output
    assert "1 image against ground truth" in seco("evaluate", project).output
    assert "1 image (clean" in seco("export", project).output
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "frame_0.png")
    done = seco("import", project, tmp_path)
    assert "1 image compared" in done.output
    assert "1 differs: " in done.output


def test_later_run_starts_from_the_recorded_parameters(tmp_path: Path):
    write_dataset(tmp_path / "data")
    project = tmp_path / "project"
    assert seco("run", tmp_path / "data", "--project", project, *QUICK).exit_code == 0
    done = seco("run", "--project", project)
    assert "0 images done, 3 were up to date" in done.output
    assert "it/s" not in done.output  # no bar of work that there is not
    with Project.open(project) as opened:
        assert opened.runs()[-1].parameters.scc.epochs == 3


def test_config_goes_out_and_in(tmp_path: Path):
    write_dataset(tmp_path / "data")
    project = tmp_path / "project"
    assert seco("run", tmp_path / "data", "--project", project, *QUICK).exit_code == 0
    file = tmp_path / "parameters.toml"
    file.write_text(seco("config", project).output)
    with Project.open(project) as opened:
        assert Parameters.from_toml(file) == opened.runs()[-1].parameters
    assert "0 images done" in seco("run", "--project", project, "--config", file).output


def test_skipped_image_is_exit_code_one_and_is_named(tmp_path: Path):
    write_dataset(tmp_path / "data")
    (tmp_path / "data" / "pseudo_label" / "frame_2.png").write_bytes(b"\x89PNG\r\n")
    done = seco("run", tmp_path / "data", "--project", tmp_path / "project", *QUICK)
    assert done.exit_code == 1
    assert "frame_2.png" in done.output


def test_list_line_with_missing_file_is_exit_code_one(tmp_path: Path):
    write_dataset(tmp_path / "data")
    (tmp_path / "data" / "image" / "frame_0.png").unlink()
    done = seco("run", tmp_path / "data", "--project", tmp_path / "project", *QUICK)
    assert done.exit_code == 1
    assert "frame_0.png" in done.output
    assert "2 images done" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere", "--project", "p"], "nowhere"),
        (["run", "--project", "p"], "dataset is needed"),
        (["run", "data", "--project", "p", "--scheme", "nothing"], "cityscapes19"),
        (["run", "data", "--project", "p", "--set", "psa.nothing=1"], "psa.min_region_area"),
        (["run", "data", "--project", "p", "--set", "scc.epochs=many"], "no number"),
        (["run", "data", "--project", "p", "--masks", "magic"], "hierarchy"),
        (["run", "data", "--project", "p", "--masks", "sam"], "weights"),
        (
            ["run", "data", "--project", "p", "--config", "nothing.toml"],
            "nothing.toml: cannot be read: No such file",
        ),
        (["run", "data", "--project", "p", "--device", "abacus"], "abacus"),
        (["run", "data", "--project", "p", "--masks-folder", "m", "--sam-checkpoint", "s"], "--masks files"),
        (["run", "data", "--project", "p", "--masks-folder", "m", "--masks", "sam"], "--masks files"),
        (["run", "data", "--project", "p", "--sam-checkpoint", "s", "--masks", "hierarchy"], "--masks sam"),
        (["view", "p"], "no project"),
        (["export", "p"], "no project"),
        (["evaluate", "p"], "no project"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "data", count=1)
    done = seco(*arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "options",
    [
        ["--masks", "magic"],
        ["--set", "psa.nothing=1"],
        ["--config", "nothing.toml"],
        ["--masks", "sam", "--masks-folder", "m"],
        ["--masks", "sam"],
        ["--masks-folder", "nowhere"],
    ],
)
def test_wrong_parameters_leave_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options):
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "data", count=1)
    assert seco("run", "data", "--project", "p", *options).exit_code == 2
    assert not (tmp_path / "p").exists()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Parameters]:
    """The parameters that each `seco run` gives to the pipeline, which does not run."""
    from seco_core.pipeline import RunResult

    calls: list[Parameters] = []

    def note(project: Path, parameters: Parameters, **_: object) -> RunResult:
        calls.append(parameters)
        return RunResult(0, 0, (), 0.0)

    monkeypatch.setattr("seco_core.pipeline.run_pipeline", note)
    return calls


def test_paths_of_masks_are_stored_absolute_but_names_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[Parameters]
):
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "data", count=1)
    monkeypatch.setenv("SECO_WEIGHTS", str(tmp_path))
    (tmp_path / "m").mkdir()
    for name in ("sam.pth", "sam_vit_b_01ec64.pth"):
        (tmp_path / name).write_bytes(b"")
    for options in (["--masks-folder", "m"], ["--sam-checkpoint", "sam.pth"], ["--sam-checkpoint", "vit_b"]):
        done = seco("run", "data", "--project", "p", *options)
        assert done.exit_code == 0, done.output
    assert [p.masks.source for p in given] == ["files", "sam", "sam"]
    assert given[0].masks.folder == str(tmp_path / "m")
    assert given[1].masks.checkpoint == str(tmp_path / "sam.pth")
    assert given[2].masks.checkpoint == "vit_b"


def test_scheme_is_named_when_none_was_asked_for(tmp_path: Path, given: list[Parameters]):
    write_dataset(tmp_path / "data", count=1)
    assert "class scheme: cityscapes19" in seco("run", tmp_path / "data", "--project", tmp_path / "p").output
    named = seco("run", tmp_path / "data", "--project", tmp_path / "q", "--scheme", "camvid11")
    assert "class scheme" not in named.output


def test_config_is_laid_over_the_last_run(tmp_path: Path, given: list[Parameters]):
    write_dataset(tmp_path / "data", count=1)
    last = Parameters().replace(**{"seed": 5, "scc.epochs": 3, "scc.folds": 2})
    assert seco("run", tmp_path / "data", "--project", tmp_path / "p").exit_code == 0
    with Project.open(tmp_path / "p") as project:
        project.connection.execute(
            "INSERT INTO runs (version, parameters, sources, device, started, status)"
            " VALUES ('0', ?, '{}', 'cpu', '', 'finished')",
            (json.dumps(last.to_dict()),),
        )
    file = tmp_path / "some.toml"
    file.write_text("[scc]\nfolds = 4\n")
    assert seco("run", "--project", tmp_path / "p", "--config", file).exit_code == 0
    assert given[-1] == last.replace(**{"scc.folds": 4})
    assert seco("run", tmp_path / "data", "--project", tmp_path / "new", "--config", file).exit_code == 0
    assert given[-1] == Parameters().replace(**{"scc.folds": 4})


@pytest.fixture
def broken(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Lets evaluation and the pipeline end with an exception."""

    def set_exception(error: BaseException) -> Path:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("seco_core.evaluate.evaluate", fail)
        monkeypatch.setattr("seco_core.pipeline.run_pipeline", fail)
        return project_path

    return set_exception


def test_bugs_are_two_lines_unless_debugged(broken, monkeypatch: pytest.MonkeyPatch):
    project = broken(ZeroDivisionError("by nought"))
    monkeypatch.delenv("SECO_DEBUG", raising=False)
    done = seco("evaluate", project)
    assert done.exit_code == 2
    assert "ZeroDivisionError: by nought" in done.output
    assert "this is a bug, please report" in done.output.lower()
    assert "Traceback" not in done.output
    monkeypatch.setenv("SECO_DEBUG", "1")
    assert "Traceback" in seco("evaluate", project).output


def test_only_what_goes_on_says_so_when_cancelled(broken):
    project = broken(Cancelled())
    done = seco("evaluate", project)
    assert (done.exit_code, done.output.strip()) == (130, "cancelled")
    done = seco("run", "--project", project)
    assert done.exit_code == 130
    assert "again to go on" in done.output


def test_numbers_that_cannot_be_written(project_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seco_core.evaluate.evaluate", lambda *_, **__: {"problems": []})
    monkeypatch.setattr("seco_core.cli.review.print_evaluation", lambda numbers: None)
    (tmp_path / "file").write_text("")
    done = seco("evaluate", project_path, "--json", tmp_path / "file" / "numbers.json")
    assert done.exit_code == 2
    assert "cannot be written" in done.output
    assert "bug" not in done.output
    assert seco("evaluate", project_path, "--json", tmp_path / "new" / "numbers.json").exit_code == 0
    assert json.loads((tmp_path / "new" / "numbers.json").read_text()) == {"problems": []}


def test_project_that_cannot_be_written_is_viewed(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[Path] = []
    monkeypatch.setattr("seco_viewer.plugin.open_viewer", lambda project, block: shown.append(project))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert seco("view", project_path).exit_code == 0
    assert shown == [project_path]


def test_paths_come_out_as_they_are(capsys: pytest.CaptureFixture[str]):
    path = r"C:\dir\[red]x :smile: [/] \["
    print_error(path)
    print_problems([path])
    assert capsys.readouterr().err == f"error {path}\nskipped {path}\n"


def test_warnings_are_single_lines(capsys: pytest.CaptureFixture[str]):
    before = warnings.showwarning
    with progress_bars():
        warnings.warn("No region is\n called noisy.", stacklevel=1)
    assert capsys.readouterr().err.strip() == "warning No region is called noisy."
    assert warnings.showwarning is before


def test_other_scheme_for_a_project_is_refused(tmp_path: Path):
    write_dataset(tmp_path / "data")
    assert seco("run", tmp_path / "data", "--project", tmp_path / "p", *QUICK).exit_code == 0
    for dataset in ([tmp_path / "data"], []):
        done = seco("run", *dataset, "--project", tmp_path / "p", "--scheme", "camvid11")
        assert done.exit_code == 2
        assert "cityscapes19" in done.output


def test_layout_without_a_dataset_is_refused(project_path: Path):
    done = seco("run", "--project", project_path, "--layout", "list")
    assert done.exit_code == 2
    assert "--layout" in done.output


def test_project_that_another_run_works_on_gets_no_images(tmp_path: Path, project_path: Path):
    more = write_dataset(tmp_path / "more", count=5)
    with Project.open(project_path) as project, only_run(project):
        done = seco("run", more.root, "--project", project_path, *QUICK)
        assert done.exit_code == 2
        assert "another run" in done.output
        project.refresh_images()
        assert len(project.images) == 3
        assert project.images[0].image.is_relative_to(tmp_path / "data")


def test_classes_beside_the_data_are_used(tmp_path: Path):
    write_dataset(tmp_path / "data")
    scheme = {
        "name": "mine",
        "classes": [{"id": i, "name": f"c{i}", "color": [i, 0, 0], "kind": "stuff"} for i in (0, 2, 8, 10)],
    }
    (tmp_path / "data" / "classes.json").write_text(json.dumps(scheme))
    done = seco("run", tmp_path / "data", "--project", tmp_path / "p", *QUICK)
    assert done.exit_code == 0, done.output
    with Project.open(tmp_path / "p") as project:
        assert project.scheme.name == "mine"
        assert set(np.unique(project.curated(0, "all"))) <= {0, 2, 8, 10, 255}


def test_demo_makes_everything_and_keeps_it_when_run_again(tmp_path: Path):
    arguments = ["demo", "--dir", tmp_path / "d", "--count", 3, "--height", 96, "--no-view"]
    done = seco(*arguments)
    assert done.exit_code == 0, done.output
    assert "mIoU" in done.output
    assert Image.open(next((tmp_path / "d" / "data" / "image").iterdir())).size == (192, 96)
    assert (tmp_path / "d" / "export" / "manifest.json").is_file()
    assert seco(*arguments).exit_code == 0
