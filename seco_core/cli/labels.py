"""`seco export`, `seco import` and `seco verify`: curated label sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors, interruptible
from seco_core.cli.run import assignments
from seco_core.console import out, print_error, print_problems, progress_bars
from seco_core.project import Project
from seco_core.texts import typed


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


@app.command("import")
def import_command(
    project: ProjectArgument,
    folder: Annotated[
        Path,
        typer.Argument(help="An export, a folder of class PNGs named as the images, or another project."),
    ],
    by: Annotated[str, typer.Option(help="Who is on record for it; you if left out.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Let FOLDER win where people decided otherwise in DIR.")
    ] = False,
    accept_equal: Annotated[
        bool, typer.Option("--accept-equal", help="Accept undecided regions that agree whole.")
    ] = False,
    keep_unlabelled: Annotated[
        bool,
        typer.Option(
            "--keep-unlabelled",
            help="Pixels without a label in FOLDER stay as they are here, instead of becoming ignored.",
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="foreign_ids=ignore: pixels of no class in FOLDER have no label; foreign_ids=error: images "
            "that have any are left out. As in the project's last run if not given.",
        ),
    ] = None,
) -> None:
    """Take a label set back in: overrides where it differs from the project's curated map.

    All of them are one step, which `seco undo`, or undo in the window, takes back. Exit code 1: some images
    could not be used; 2: none, or nothing was imported.
    """
    from seco_core.label_sets import import_labels

    with errors(), Project.open(project) as opened:
        parameters = opened.parameters().replace(**assignments(set_ or [], among=["foreign_ids"]))
        with progress_bars() as progress, interruptible() as cancel:
            report = import_labels(
                opened,
                folder,
                by=by or None,
                replace=replace,
                accept_equal=accept_equal,
                keep_unlabelled=keep_unlabelled,
                foreign_ids=parameters.foreign_ids,
                progress=progress,
                cancel=cancel,
            )
        out.print(str(report), soft_wrap=True)
        print_problems(report.problems)
        if report.overrides:
            out.print(f"to take it back: seco undo {typed(project)}", soft_wrap=True)
    raise typer.Exit(report.exit_code)


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
