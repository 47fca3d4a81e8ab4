from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.errors import ForeignIdsError
from seco_core.label_files import read_label
from seco_core.pipeline import run_pipeline
from seco_core.project import Project
from seco_core.report import write_report
from seco_core.scheme import IGNORE, load_scheme
from seco_core.status import status
from tests.conftest import QUICK, write_dataset

SCHEME = load_scheme("cityscapes19")
LENIENT = QUICK.replace(foreign_ids="ignore")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A project of three images; 6 pixels of the second one's pseudo-label are of class 77."""
    dataset = write_dataset(tmp_path / "data")
    file = tmp_path / "data" / "pseudo_label" / "frame_1.png"
    label = np.array(Image.open(file))
    label[2:4, 5:8] = 77
    Image.fromarray(label).save(file)
    Project.create(tmp_path / "project", SCHEME, dataset).close()
    return tmp_path / "project"


def test_the_strict_error_names_the_option_and_counts(foreign: Path):
    ((name, error),) = run_pipeline(foreign, QUICK).skipped
    assert name == "frame_1"
    assert isinstance(error, ForeignIdsError)
    assert (error.pixels, "foreign_ids=ignore" in str(error)) == (6, True)
    sent = pickle.loads(pickle.dumps(error))
    assert (str(sent), sent.pixels) == (str(error), 6)


def test_the_option_redoes_only_the_image_it_is_about(foreign: Path):
    assert run_pipeline(foreign, QUICK).done == 2
    result = run_pipeline(foreign, LENIENT)
    assert (result.done, result.up_to_date, result.skipped) == (1, 2, ())
    assert run_pipeline(foreign, LENIENT).up_to_date == 3
    with Project.open(foreign) as project:
        assert [r.foreign_pixels for r in project.images] == [0, 6, 0]
        label = project.read_pseudo_label(1, (48, 64))
        assert (label[2:4, 5:8] == IGNORE).all()
        assert np.count_nonzero(label == IGNORE) == 6
        found = status(project)
    assert found.foreign_pixels == 6
    assert (found.exit_code, found.images["up to date"]) == (0, 3)
    strict = run_pipeline(foreign, QUICK)
    assert [name for name, _ in strict.skipped] == ["frame_1"]
    assert strict.up_to_date == 2


def test_a_mended_label_is_an_ordinary_one(foreign: Path, tmp_path: Path):
    run_pipeline(foreign, LENIENT)
    file = tmp_path / "data" / "pseudo_label" / "frame_1.png"
    label = np.array(Image.open(file))
    label[label == 77] = IGNORE
    Image.fromarray(label).save(file)
    assert run_pipeline(foreign, LENIENT).done == 1
    with Project.open(foreign) as project:
        assert project.images[1].foreign_pixels == 0
    assert run_pipeline(foreign, QUICK).up_to_date == 3


def test_run_and_report_say_how_many_pixels(foreign: Path, tmp_path: Path):
    options = ["masks.parts=100", "scc.epochs=3", "scc.folds=2", "scc.uncertainty_epochs=2"]
    arguments = [a for option in [*options, "foreign_ids=ignore"] for a in ("--set", option)]
    done = CliRunner().invoke(app, ["run", "--project", str(foreign), "--device", "cpu", *arguments])
    assert done.exit_code == 0, done.output
    said = "6 pixels of 1 pseudo-label are of no class"
    assert said in done.output
    with Project.open(foreign) as project:
        page, problems = write_report(project, tmp_path / "report")
    assert said in page.read_text()
    assert any(said in problem for problem in problems)


def test_foreign_colours_too(tmp_path: Path):
    colours = SCHEME.palette[np.array([[0, 1], [2, 2]])]
    colours[1, 1] = (1, 2, 3)
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(ForeignIdsError) as raised:
        read_label(tmp_path / "a.png", SCHEME)
    assert raised.value.pixels == 1
    got = read_label(tmp_path / "a.png", SCHEME, foreign_as_ignore=True)
    assert got.tolist() == [[0, 1], [2, IGNORE]]
