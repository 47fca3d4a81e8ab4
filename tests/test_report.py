from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_pipeline import QUICK
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.errors import ProjectError
from seco_core.metrics import reliability
from seco_core.pipeline import run_pipeline
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision, Event
from seco_core.report import figures, gather
from seco_core.report.counts import (
    judged_regions,
    region_confusion,
    review_progress,
    score_limits,
    split_histogram,
)
from seco_core.report.thumbnails import thumbnail
from seco_core.scc.mixture import fit_mixture
from seco_core.scheme import IGNORE

# ------------------------------------------------------------------- counting


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(0, 1)), max_size=40), st.integers(1, 12))
def test_histogram_counts_every_region_once(pairs: list[tuple[float, float]], bins: int):
    value, share = np.array(pairs).reshape(-1, 2).T
    found = split_histogram(np.append(value, np.nan), np.append(share, 1.0), (0.0, 1.0), bins)
    assert found.lower.sum() + found.upper.sum() == pytest.approx(len(pairs))
    assert found.upper.sum() == pytest.approx(share.sum())
    assert (found.lower >= -1e-9).all()


def test_limits_leave_out_extreme_scores():
    value = np.append(np.linspace(0, 1, 2000), [1000.0, np.nan])
    low, high = score_limits(value)
    assert low == 0
    assert 0.99 < high < 1.01
    assert score_limits(np.full(3, np.nan)) == (0.0, 1.0)
    assert split_histogram(np.ones(3), np.zeros(3), (1.0, 1.0)).lower.sum() == 3


def test_confusion_counts_label_against_prediction():
    found = region_confusion(np.array([0, 0, 2], np.uint8), np.array([1, 1, 2], np.uint8), 3)
    assert found.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_reliability_interval_is_wilson_s():
    found = reliability(np.full(10, 0.3), np.arange(10) < 2)
    assert found.regions.tolist() == [10]
    # Wilson 1927 for 2 of 10
    np.testing.assert_allclose([found.low[0], found.high[0]], [0.0567, 0.5098], atol=1e-4)


def test_reviewed_regions_without_a_score_say_nothing_about_it():
    score, changed = judged_regions(
        np.array([0.8, np.nan, 0.2, 0.9]),
        np.array([1, 1, 1, 1], np.uint8),
        np.array([True, True, True, False]),
        np.array([2, 2, 1, 2], np.uint8),
    )
    assert score.tolist() == [0.8, 0.2]
    assert changed.tolist() == [True, False]


def event(seq: int, batch: int, kind: str, action: str | None = None, target: int | None = None) -> Event:
    return Event(seq, batch, "", "", kind, target, action, 0, None, 0, None)


def test_progress_follows_undo_redo_and_batches():
    found = review_progress(
        [
            event(1, 1, "override", "accept"),
            event(2, 2, "override", "relabel"),
            event(3, 2, "override", "ignore"),
            event(4, 3, "undo", target=2),
            event(5, 4, "redo", target=2),
            event(6, 5, "override", "accept"),
        ]
    )
    assert found.confirmed.tolist() == [1, 1, 1, 1, 2]
    assert found.changed.tolist() == [0, 2, 0, 2, 2]
    assert len(review_progress([]).confirmed) == 0


# -------------------------------------------------------------------- drawing


def test_components_are_drawn_on_the_scale_of_the_bars():
    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(1, 0.2, 900), rng.normal(4, 0.5, 300)])
    mixture = fit_mixture(loss)
    bars = split_histogram(loss, mixture.eta(loss), (0, 6), 60)
    figure = figures.histogram_figure(
        bars, title="t", xlabel="x", parts=("a", "b"), threshold=(2.0, "here"), mixture=mixture
    )
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    curve = lines["clean component"].get_ydata()
    x = lines["clean component"].get_xdata()
    area = (curve[:-1] * np.diff(x)).sum() / bars.width
    assert area == pytest.approx(900, rel=0.03)
    assert lines["here"].get_xdata()[0] == 2.0


def test_classes_without_regions_have_no_picture():
    bars = {n: split_histogram(np.full(k, 0.5), np.zeros(k), (0, 1)) for n, k in (("a", 3), ("b", 0))}
    figure = figures.class_histograms(bars, title="t", xlabel="x", parts=("a", "b"))
    assert [a.get_title() for a in figure.axes if a.get_title()] == ["a (3)"]


def test_rows_of_the_confusion_add_up():
    figure = figures.confusion_figure(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]), ["a", "b", "c"])
    shown = figure.axes[0].get_images()[0].get_array()
    assert shown.tolist() == [[0.75, 0.25, 0], [0, 0, 0], [0, 0, 1]]
    assert "83%" in figure.axes[0].get_title()


def test_thumbnail_at_the_border_of_an_image_is_whole():
    image = np.full((40, 60, 3), 200, dtype=np.uint8)
    region_ids = np.zeros((40, 60), dtype=np.uint16)
    region_ids[:10, 50:] = 3
    found = thumbnail(image, region_ids, 3, (50, 0, 60, 10), width=96)
    assert found.shape == (96, 96, 3)
    yellow = (found == (255, 225, 0)).all(axis=2)
    assert 40 < yellow.sum() < 400
    assert (found[0, 0] == 90).all()  # outside the image
    assert (found[-1, 0] == 200).all()


# ----------------------------------------------------------------- the report


@pytest.fixture
def reviewed_path(project_path: Path) -> Path:
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        for row in range(2):
            box = tuple(project.regions(0).box[row].tolist())
            x0, y0, x1, y1 = box
            mask = project.read_region_ids(0)[y0:y1, x0:x1] == row + 1
            project.overrides.record([Decision(Action.RELABEL, 0, 13, box, mask, row + 1)])
    return project_path


def test_report_is_one_page_that_needs_no_other_file(reviewed_path: Path, tmp_path: Path):
    done = CliRunner().invoke(app, ["report", str(reviewed_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert set(re.findall(r'src="([^"]{0,22})', page)) == {"data:image/png;base64,"}
    assert "href" not in page
    assert "ground truth</h2>" not in page
    pictures = {file.stem for file in (tmp_path / "out").glob("*.png")}
    assert pictures >= {
        "loss", "loss_by_class", "noise_score", "noise_score_by_class", "uncertainty", "uncertainty_by_class",
        "confusion", "classes", "review_by_class", "review_progress", "reliability",
    }  # fmt: skip
    for file in (tmp_path / "out").glob("*.png"):
        with Image.open(file) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    assert "epochs" in page
    assert page.count("<figcaption>") > 3


def test_what_the_report_does_without_is_named(reviewed_path: Path, tmp_path: Path):
    (tmp_path / "data" / "pseudo_label" / "frame_1.png").unlink()
    done = CliRunner().invoke(app, ["report", str(reviewed_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "frame_1.png: does not exist" in done.output


def test_images_that_are_others_now_do_not_end_the_report(reviewed_path: Path, tmp_path: Path):
    for path in (tmp_path / "data" / "image").glob("*.png"):
        Image.new("RGB", (20, 12)).save(path)
    done = CliRunner().invoke(app, ["report", str(reviewed_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output


def test_ground_truth_is_in_the_report_only_when_asked_for(reviewed_path: Path, tmp_path: Path):
    done = CliRunner().invoke(
        app, ["report", str(reviewed_path), "--out", str(tmp_path / "out"), "--with-ground-truth"]
    )
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "AUROC" in page
    assert "Against ground truth" in page


def test_pixels_are_those_of_the_maps(reviewed_path: Path):
    with Project.open(reviewed_path, readonly=True) as project:
        data = gather(project)
        for name, read in (("after PSA", project.read_psa), ("curated", project.curated)):
            expected = sum(np.bincount(read(r.id).ravel(), minlength=256) for r in project.images)
            np.testing.assert_array_equal(data.pixels[name], expected)
        raw = sum(
            np.bincount(project.read_pseudo_label(r.id, r.shape).ravel(), minlength=256)
            for r in project.images
        )
        np.testing.assert_array_equal(data.pixels["raw"], raw)
        assert data.pixels["curated"][13] > 0
        assert data.pixels["raw"].sum() == data.pixels["after PSA"].sum()
        assert data.reviewed.sum() == 2
        assert (data.decided[~data.reviewed] == IGNORE).all()


def test_nothing_to_report_is_said(project_path: Path):
    with Project.open(project_path) as project, pytest.raises(ProjectError, match="nothing to report"):
        gather(project)
