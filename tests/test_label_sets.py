from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.dataset import open_dataset
from seco_core.differences import differences
from seco_core.errors import DatasetError, ForeignIdsError, LabelError, ProjectError
from seco_core.export import export
from seco_core.label_sets import import_labels
from seco_core.pipeline import run_pipeline
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision, Origin
from seco_core.refine import paint_overrides
from seco_core.regions import connected_regions
from seco_core.scheme import IGNORE, load_scheme
from tests.conftest import QUICK

SHAPE = (48, 64)


@pytest.fixture
def other(finished: Path, tmp_path: Path) -> Path:
    """The same project, where people have decided something else."""
    shutil.copytree(finished, tmp_path / "other")
    path = tmp_path / "other" / "project"
    with Project.open(path) as project:
        block = np.zeros((20, 30), dtype=bool)
        block[3:18, 2:25] = True
        project.overrides.record([Decision(Action.DRAW, 0, 13, (10, 20, 40, 40), block)])
        ids = project.read_region_ids(1)
        assert ids is not None
        project.overrides.record([Decision(Action.RELABEL, 1, 5, (0, 0, 64, 48), ids == 1)])
        project.overrides.record([Decision(Action.IGNORE, 1, IGNORE, (0, 0, 64, 48), ids == 2)])
    return path


def maps(path: Path, state: str = "clean") -> list[np.ndarray]:
    with Project.open(path, readonly=True) as project:
        return [project.curated(record.id, state) for record in project.images]


def write_export(path: Path, out: Path, state: str = "clean") -> Path:
    with Project.open(path, readonly=True) as project:
        export(project, out, state=state)
    return out


def edit(folder: Path, name: str, change) -> None:
    file = folder / "label" / f"{name}.png"
    labels = np.array(Image.open(file))
    change(labels)
    Image.fromarray(labels).save(file)


def seco(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("state", ["clean", "all"])
def test_what_was_exported_comes_back(scored: Path, other: Path, tmp_path: Path, state: str):
    folder = write_export(other, tmp_path / "out", state)
    wanted, before = maps(other, state), maps(scored, state)
    assert any((a != b).any() for a, b in zip(wanted, before, strict=True))
    with Project.open(scored) as project:
        report = import_labels(project, folder, by="ada")
        events = project.overrides.history()
    for got, want in zip(maps(scored, state), wanted, strict=True):
        assert np.array_equal(got, want)
    assert report.pixels == sum(np.count_nonzero(a != b) for a, b in zip(wanted, before, strict=True))
    assert (report.images, report.differing, report.conflicts, report.exit_code) == (3, 2, 0, 0)
    assert {e.by for e in events} == {"ada"}
    assert {e.origin for e in events} == {Origin.IMPORT}
    assert {e.batch for e in events} == {1}
    with Project.open(scored) as project:
        assert import_labels(project, folder).overrides == 0, "nothing differs any more"
        assert project.overrides.undo()
    for got, want in zip(maps(scored, state), before, strict=True):
        assert np.array_equal(got, want)


def test_a_region_that_changes_whole_is_decided_as_such(scored: Path, other: Path, tmp_path: Path):
    folder = write_export(other, tmp_path / "out")
    with Project.open(scored) as project:
        import_labels(project, folder)
        made = project.overrides.active(1)
        regions = project.regions(1)
    assert {(o.action, o.region_id) for o in made} >= {(Action.RELABEL, int(regions.id[0]))}
    assert all(o.action in (Action.RELABEL, Action.IGNORE) for o in made)


def test_another_project_gives_what_people_decided_there(scored: Path, other: Path):
    with Project.open(scored) as project:
        report = import_labels(project, other)
    for got, want in zip(maps(scored), maps(other), strict=True):
        assert np.array_equal(got, want)
    assert report.images == 3


def test_a_project_of_other_images_decides_nothing_on_them(scored: Path, other: Path, tmp_path: Path):
    image = tmp_path / "data" / "image" / "frame_0.png"
    Image.fromarray(np.full((*SHAPE, 3), 90, np.uint8)).save(image)
    run_pipeline(scored, QUICK)
    with Project.open(scored) as project:
        report = import_labels(project, other)
        assert not project.overrides.active(0)
        assert project.overrides.active(1)
    assert [p.path for p in report.problems] == [image]
    assert report.exit_code == 1


def test_decisions_made_before_hold_unless_asked_otherwise(scored: Path, tmp_path: Path):
    folder = write_export(scored, tmp_path / "out")
    edit(folder, "frame_0", lambda labels: labels.__setitem__((slice(0, 10), slice(0, 10)), 7))
    mask = np.ones((10, 5), dtype=bool)
    with Project.open(scored) as project:
        project.overrides.record([Decision(Action.DRAW, 0, 3, (0, 0, 5, 10), mask)])
        report = import_labels(project, folder)
        assert (report.conflicts, report.conflict_images) == (50, 1)
        curated = project.curated(0)
        assert (curated[:10, :5] == 3).all()
        assert (curated[:10, 5:10] == 7).all()
        report = import_labels(project, folder, replace=True)
        assert (report.conflicts, report.pixels) == (50, 50)
        assert (project.curated(0)[:10, :10] == 7).all()
        project.overrides.undo()
        assert np.array_equal(project.curated(0), curated)


def test_regions_that_agree_are_accepted_if_asked(scored: Path, tmp_path: Path):
    folder = write_export(scored, tmp_path / "out", "all")
    before = maps(scored, "all")
    with Project.open(scored) as project:
        assert import_labels(project, folder).overrides == 0
        report = import_labels(project, folder, accept_equal=True)
        assert report.accepted == report.overrides == len(project.regions())
        assert report.pixels == 0
    assert all(np.array_equal(a, b) for a, b in zip(maps(scored, "all"), before, strict=True))


def test_what_nobody_reviewed_is_no_decision_to_ignore(scored: Path, other: Path, tmp_path: Path):
    folder = write_export(other, tmp_path / "out", "reviewed")
    before = maps(scored)
    with Project.open(scored) as project:
        report = import_labels(project, folder)
        assert all(o.class_id != IGNORE for i in range(3) for o in project.overrides.active(i))
    assert report.overrides > 0
    assert np.array_equal(maps(scored)[2], before[2])
    (folder / "manifest.json").unlink()
    with Project.open(scored) as project:
        project.overrides.undo()
        import_labels(project, folder, keep_unlabelled=True)
    assert np.array_equal(maps(scored)[2], before[2])
    with Project.open(scored) as project:
        import_labels(project, folder)
    assert (maps(scored)[2] == IGNORE).all()


def test_bad_images_are_named_and_the_rest_goes_on(scored: Path, other: Path, tmp_path: Path):
    folder = write_export(other, tmp_path / "out")
    label = folder / "label"
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(label / "frame_0.png")
    edit(folder, "frame_2", lambda labels: labels.__setitem__((0, 0), 77))
    (label / "nobody.png").write_bytes((label / "frame_1.png").read_bytes())
    done = seco("import", scored, folder, "--by", "ada")
    assert done.exit_code == 1, done.output
    assert "32 x 24" in done.output
    assert "77" in done.output
    assert "nobody.png" in done.output
    got = maps(scored)
    assert np.array_equal(got[1], maps(other)[1])
    (label / "frame_1.png").write_bytes(b"")
    assert seco("import", scored, folder).exit_code == 2


def test_pixels_of_no_class_are_read_as_the_project_reads_them_or_as_asked(scored: Path, tmp_path: Path):
    folder = write_export(scored, tmp_path / "out", "all")
    edit(folder, "frame_0", lambda labels: labels.__setitem__((slice(0, 2), slice(0, 3)), 77))
    done = seco("import", scored, folder)
    assert done.exit_code == 1
    assert "--set foreign_ids=ignore" in done.output
    done = seco("import", scored, folder, "--set", "foreign_ids=ignore")
    assert (done.exit_code, "6 pixels of 1 label of no class" in done.output) == (0, True)
    assert (maps(scored)[0][:2, :3] == IGNORE).all()
    with Project.open(scored) as project:
        assert project.overrides.undo()
    run_pipeline(scored, QUICK.replace(foreign_ids="ignore"))
    with Project.open(scored) as project:
        report = import_labels(project, folder)
        assert (report.exit_code, report.foreign, report.foreign_images, report.pixels) == (0, 6, 1, 6)
        strict = import_labels(project, folder, foreign_ids="error")
        assert [type(p) for p in strict.problems] == [ForeignIdsError]


def test_a_map_without_any_class_is_no_label_however_ids_are_read(scored: Path, tmp_path: Path):
    folder = write_export(scored, tmp_path / "out")
    edit(folder, "frame_0", lambda labels: labels.__setitem__(slice(None), 77))
    with Project.open(scored) as project:
        report = import_labels(project, folder, foreign_ids="ignore")
        assert [p.path for p in report.problems] == [folder / "label" / "frame_0.png"]
        assert (report.overrides, report.foreign) == (0, 0)


@pytest.mark.parametrize("set_", ["foreign_ids=never", "seed=3", "foreign_ids"])
def test_an_import_can_set_nothing_else(scored: Path, tmp_path: Path, set_: str):
    done = seco("import", scored, tmp_path, "--set", set_)
    assert done.exit_code == 2
    assert "foreign_ids" in done.output


def test_of_an_image_that_was_skipped_its_own_remedy_is_given(scored: Path, tmp_path: Path):
    folder = write_export(scored, tmp_path / "out")
    (tmp_path / "data" / "pseudo_label" / "frame_1.png").write_bytes(b"")
    run_pipeline(scored, QUICK)
    with Project.open(scored) as project:
        (problem,) = import_labels(project, folder).problems
    assert problem.path == tmp_path / "data" / "image" / "frame_1.png"
    assert "skipped this image" in str(problem)
    assert "Replace the file with an intact one" in str(problem)
    assert ".." not in str(problem)
    assert "Run it first" not in str(problem)


def test_folders_that_cannot_be_imported(scored: Path, other: Path, tmp_path: Path):
    folder = write_export(other, tmp_path / "out")
    file = folder / "manifest.json"
    content = json.loads(file.read_text())
    content["provenance"]["scheme"]["classes"][0]["name"] = "pond"
    file.write_text(json.dumps(content))
    (tmp_path / "empty").mkdir()
    Project.create(tmp_path / "third", load_scheme("camvid11"), open_dataset(tmp_path / "data")).close()
    with Project.open(scored) as project:
        with pytest.raises(LabelError, match=r"manifest\.json"):
            import_labels(project, folder)
        with pytest.raises(LabelError, match="camvid11"):
            import_labels(project, tmp_path / "third")
        for nothing in (tmp_path / "empty", tmp_path / "nowhere"):
            with pytest.raises(DatasetError, match=nothing.name):
                import_labels(project, nothing)
        assert not len(project.overrides)


def test_a_project_without_verdicts_takes_nothing(project_path: Path, finished: Path):
    with Project.open(project_path) as project:
        report = import_labels(project, project_path.parent / "data" / "pseudo_label")
    assert report.exit_code == 2
    assert all(isinstance(p, ProjectError) for p in report.problems)


CLASS_MAPS = st.binary(min_size=48, max_size=48).map(
    lambda data: np.array([0, 2, 8, IGNORE], np.uint8)[np.frombuffer(data, np.uint8).reshape(6, 8) % 4]
)
MASKS = st.binary(min_size=48, max_size=48).map(lambda d: np.frombuffer(d, np.uint8).reshape(6, 8) % 2 > 0)


class SomeRegions(NamedTuple):
    """What the comparison needs of regions."""

    id: np.ndarray
    box: np.ndarray
    area: np.ndarray

    def __len__(self) -> int:
        return len(self.id)


@hypothesis_given(machine=CLASS_MAPS, label=CLASS_MAPS, open_=MASKS)
def test_decisions_bring_any_map_to_any_other(machine, label, open_):
    region_ids, table = connected_regions(machine)
    regions = SomeRegions(np.arange(len(table)) + 1, table.box, table.area)
    wanted = open_ & (label != machine)
    found = differences(0, region_ids, regions, label, wanted, open_ & (label == machine))
    painted = paint_overrides(machine, found)
    assert np.array_equal(painted, np.where(open_, label, machine))
    covered = np.zeros(machine.shape, dtype=int)
    for d in found:
        x0, y0, x1, y1 = d.box
        assert d.mask.any(axis=0)[[0, -1]].all()
        assert d.mask.any(axis=1)[[0, -1]].all()
        covered[y0:y1, x0:x1] += d.mask
    assert covered.max() <= 1
    assert (covered[wanted] == 1).all()
    assert not (covered.astype(bool) & ~open_).any()
    whole = sum(d.region_id is not None for d in found)
    assert len(found) <= whole + 4
