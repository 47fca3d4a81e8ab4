"""`seco export` and `seco verify`: curated label sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors, interruptible
from seco_core.console import out, print_error, print_problems, progress_bars
from seco_core.project import Project


@app.command()
def export(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option(help="Folder to write; DIR/export-STATE if left out.")] = None,
    state: Annotated[
        str, typer.Option(help="all, clean (without dropped regions) or reviewed (overridden pixels only).")
    ] = "clean",
) -> None:
    """Write the curated label set: class-id and colour PNG, lists, decisions, manifest."""
    from seco_core.export import export as export_project

    with errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, interruptible() as cancel:
            report = export_project(
                opened, to or project / f"export-{state}", state=state, progress=progress, cancel=cancel
            )
        out.print(str(report), soft_wrap=True)
        print_problems(report.problems)
        if report.problems:
            raise typer.Exit(1)


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="Folder of an export.")]) -> None:
    """Check an export against the checksums in its manifest."""
    from seco_core.export import verify_export

    with errors():
        problems = verify_export(folder)
        for problem in problems:
            print_error(problem)
        if not problems:
            out.print(f"{folder} is as it was exported", soft_wrap=True)
    raise typer.Exit(1 if problems else 0)
