"""`seco view` and `seco demo`: the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors, interruptible
from seco_core.console import out
from seco_core.demo import run_demo
from seco_core.errors import ProjectError
from seco_core.project import Project


@app.command()
def view(project: ProjectArgument) -> None:
    """Open a project in napari."""
    with errors():
        # one that cannot be written opens too: the window says that nothing can be decided
        with Project.open(project, readonly=True):
            pass
        try:
            from seco_viewer.plugin import open_viewer
        except ImportError as error:
            raise ProjectError(
                f"the window cannot be opened: {error}.",
                remedy='Install it with pip install "seco-viewer[pyqt5]".',
            ) from error
        open_viewer(project, block=True)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where the example goes.")] = Path("demo"),
    count: Annotated[int, typer.Option(help="Number of scenes.", min=1)] = 12,
    height: Annotated[int, typer.Option(help="Height of a scene; it is twice as wide.", min=32)] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the scenes and of the run.")] = 0,
    view: Annotated[bool, typer.Option(help="Open napari at the end, where there is a display.")] = True,
) -> None:
    """Make the built-in example, run everything on it, evaluate, export, and open it."""
    with errors(resumable=True), interruptible() as cancel:
        run_demo(folder, count=count, size=(height, 2 * height), seed=seed, cancel=cancel)
    project = folder / "project"
    if not view:
        return
    with errors():
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            out.print("no display here: open the project elsewhere with `seco view`")
            return
        from seco_viewer.plugin import open_viewer

        open_viewer(project, block=True)
