"""The built-in example from end to end: scenes, pipeline, evaluation, export."""

from __future__ import annotations

from pathlib import Path

from seco_core.console import out, print_evaluation, print_problems, progress_bars
from seco_core.dataset import open_dataset
from seco_core.errors import ProjectError
from seco_core.evaluate import evaluate
from seco_core.example import write_example
from seco_core.example.write import FOLDERS
from seco_core.export import export
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.progress import CancelToken, ProgressCallback, ignore_progress
from seco_core.project import Project
from seco_core.project.store import STORE_NAME
from seco_core.scheme import load_scheme
from seco_core.texts import typed


def make_example_project(
    folder: Path,
    *,
    count: int,
    size: tuple[int, int],
    seed: int,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Write example scenes to ``folder/data`` and make a project of them in ``folder/project``.

    A project that is there already is kept, with everything that was decided in it.

    Raises
    ------
    ProjectError
        If the folder holds something else.
    """
    data, project = folder / "data", folder / "project"
    if (project / STORE_NAME).exists():
        return project
    if data.exists() and not {p.name for p in data.iterdir()} <= {*FOLDERS, "list"}:
        raise ProjectError("the folder holds something else.", path=data, remedy="Choose another folder.")
    write_example(data, count=count, size=size, seed=seed, progress=progress, cancel=cancel)
    Project.create(project, load_scheme("cityscapes19"), open_dataset(data)).close()
    return project


def run_demo(
    folder: Path,
    *,
    count: int = 12,
    size: tuple[int, int] = (256, 512),
    seed: int = 0,
    cancel: CancelToken | None = None,
) -> Path:
    """Make the example project, run the pipeline, evaluate and export; the project folder.

    Shows its progress, and prints the table of results and where everything is.
    """
    with progress_bars() as progress:
        path = make_example_project(
            folder, count=count, size=size, seed=seed, progress=progress, cancel=cancel
        )
        result = run_pipeline(path, Parameters(seed=seed), progress=progress, cancel=cancel)
        with Project.open(path, readonly=True) as project:
            numbers = evaluate(project, progress=progress, cancel=cancel)
            export(project, folder / "export", state="clean", progress=progress, cancel=cancel)
    print_problems(f"{name}: {error}" for name, error in result.skipped)
    print_evaluation(numbers)
    out.print(f"images, pseudo-labels and ground truth: {folder / 'data'}", soft_wrap=True)
    out.print(f"project:                                {path}", soft_wrap=True)
    out.print(f"curated label set:                      {folder / 'export'}", soft_wrap=True)
    out.print(f"open it with:                           seco view {typed(path)}", soft_wrap=True)
    return path
