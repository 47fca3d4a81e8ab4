"""Datasets and projects that many tests share, small enough to be made anew for each, and masks laid out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seco_core.dataset import Dataset, open_dataset
from seco_core.masks.base import MaskSet
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.project import Project
from seco_core.scheme import load_scheme

QUICK = Parameters().replace(
    **{
        "masks.parts": 100,
        "scc.epochs": 3,
        "scc.folds": 2,
        "scc.uncertainty_epochs": 2,
        "psa.min_region_area": 20,
        "device": "cpu",
    }
)
"""The pipeline in a second, with every stage."""


def write_dataset(folder: Path, count: int = 3, size: tuple[int, int] = (48, 64)) -> Dataset:
    """Images of three coloured bands, pseudo-labels with a wrong block each, confidence, ground truth."""
    rng = np.random.default_rng(0)
    height, width = size
    colours = np.array([[70, 130, 180], [90, 70, 60], [110, 110, 115]], dtype=np.float64)
    truth = np.repeat(
        np.array([10, 2, 0], dtype=np.uint8), [height // 3, height // 3, height - 2 * (height // 3)]
    )
    truth = np.repeat(truth[:, None], width, axis=1)
    band = np.searchsorted([height // 3, 2 * (height // 3)], np.arange(height), side="right")
    lines = []
    for i in range(count):
        image = colours[band][:, None, :] + rng.normal(0, 6, (height, width, 3))
        label = truth.copy()
        x = int(rng.integers(0, width - 20))
        label[height // 2 - 4 : height // 2 + 6, x : x + 16] = 8
        confidence = np.where(label == truth, 230, 120) + rng.integers(-20, 20, (height, width))
        for kind, array in {
            "image": image,
            "pseudo_label": label,
            "confidence": confidence,
            "ground_truth": truth,
        }.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)).save(folder / kind / f"frame_{i}.png")
        lines.append(
            "\t".join(f"{k}/frame_{i}.png" for k in ("image", "pseudo_label", "confidence", "ground_truth"))
        )
    (folder / "list").mkdir(exist_ok=True)
    (folder / "list" / "all.txt").write_text("\n".join(lines) + "\n")
    return open_dataset(folder)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_dataset(tmp_path / "data")


@pytest.fixture
def project_path(tmp_path: Path, dataset: Dataset) -> Path:
    """A project of `dataset` that no pipeline has run on."""
    Project.create(tmp_path / "project", load_scheme("cityscapes19"), dataset).close()
    return tmp_path / "project"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset and a project that a run has finished, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    dataset = write_dataset(folder / "made" / "data")
    Project.create(folder / "made" / "project", load_scheme("cityscapes19"), dataset).close()
    run_pipeline(folder / "made" / "project", QUICK)
    # where it was made there is nothing any more: copies find the data beside them
    return (folder / "made").rename(folder / "kept")


@pytest.fixture
def scored(finished: Path, tmp_path: Path) -> Path:
    """A project that a run has finished, with its dataset beside it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "project"


def full(masks: MaskSet, i: int) -> NDArray[np.bool_]:
    """Mask `i` on the whole image."""
    mask = np.zeros(masks.shape, dtype=bool)
    x0, y0, x1, y1 = masks.boxes[i]
    mask[y0:y1, x0:x1] = masks.crops[i]
    return mask
