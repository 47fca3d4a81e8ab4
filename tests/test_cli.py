from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import write_dataset
from PIL import Image
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.parameters import Parameters
from seco_core.project import Project

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
    done = seco("export", project, "--to", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_later_run_starts_from_the_recorded_parameters(tmp_path: Path):
    write_dataset(tmp_path / "data")
    project = tmp_path / "project"
    assert seco("run", tmp_path / "data", "--project", project, *QUICK).exit_code == 0
    done = seco("run", "--project", project)
    assert "0 images done, 3 were up to date" in done.output
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
        (["run", "data", "--project", "p", "--config", "nothing.toml"], "nothing.toml"),
        (["run", "data", "--project", "p", "--device", "abacus"], "abacus"),
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


def test_other_scheme_for_a_project_is_refused(tmp_path: Path):
    write_dataset(tmp_path / "data")
    assert seco("run", tmp_path / "data", "--project", tmp_path / "p", *QUICK).exit_code == 0
    done = seco("run", tmp_path / "data", "--project", tmp_path / "p", "--scheme", "camvid11")
    assert done.exit_code == 2
    assert "cityscapes19" in done.output


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
