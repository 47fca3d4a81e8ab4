"""`seco teach`, `evaluate`, `report` and `simulate`: what decisions are worth, and how good a project is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors, interruptible
from seco_core.console import out, print_evaluation, print_problems, progress_bars
from seco_core.files import write_bytes
from seco_core.parameters import Parameters
from seco_core.project import Project
from seco_core.texts import counted


@app.command()
def teach(project: ProjectArgument) -> None:
    """Train the region classifier further on what people decided, and score all regions anew."""
    from seco_core.pipeline import teach as teach_project

    with errors():
        with Project.open(project, readonly=True) as opened:
            run = opened.scoring_run()
        parameters = run.parameters if run is not None else Parameters()
        with progress_bars() as progress, interruptible() as cancel:
            found = teach_project(project, parameters, progress=progress, cancel=cancel)
    if found.taught or found.changed:
        taught, changed = counted(found.taught, "decided region"), counted(found.changed, "score")
        flagged = counted(found.newly_flagged, "region")
        out.print(
            f"{taught} taught: {changed} changed; {flagged} newly flagged, "
            f"{found.no_longer_flagged:,} no longer, in {found.seconds:.1f} s",
            soft_wrap=True,
        )
    else:
        out.print("nothing was decided since the scores were made")


@app.command()
def evaluate(
    project: ProjectArgument,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
) -> None:
    """Measure a project against ground truth, which the pipeline itself never sees."""
    from seco_core.evaluate import evaluate as evaluate_project

    with errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, interruptible() as cancel:
            numbers = evaluate_project(opened, progress=progress, cancel=cancel)
        print_evaluation(numbers)
        print_problems(numbers["problems"], "problem")
        if json_file is not None:
            plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in numbers.items()}
            write_bytes(json_file, (json.dumps(plain, indent=1) + "\n").encode())
    raise typer.Exit(1 if numbers["problems"] else 0)


@app.command()
def report(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option("--out", help="Folder to write; DIR/report if left out.")] = None,
    with_ground_truth: Annotated[
        bool, typer.Option("--with-ground-truth", help="Add what `seco evaluate` measures.")
    ] = False,
) -> None:
    """Write plots and numbers of a project as one HTML page and PNG files."""
    from seco_core.report import write_report

    with errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, interruptible() as cancel:
            page, problems = write_report(
                opened,
                to or project / "report",
                with_ground_truth=with_ground_truth,
                progress=progress,
                cancel=cancel,
            )
        out.print(f"report: {page}", soft_wrap=True)
        print_problems(problems, "problem")


@app.command("simulate")
def simulate_command(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option(help="Folder to write; DIR/effort if left out.")] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(help="feedback, worst_first, confidence, confidence_area, random, oracle; repeatable."),
    ] = None,
    error_rate: Annotated[
        float, typer.Option("--errors", help="Share of decisions that are wrong.", min=0, max=1)
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the random order and of the errors.")] = 0,
) -> None:
    """Let a simulated reviewer answer with the ground truth: how many reviews does each order take?"""
    from seco_core.simulate import ORDERS, load_task, simulate, write_curves

    with errors(), Project.open(project, readonly=True) as opened:
        task = load_task(opened)
        curves = [simulate(task, name, error_rate=error_rate, seed=seed) for name in order or ORDERS]
        folder = to or project / "effort"
        told = write_curves(curves, folder)
        for name, numbers in told["orders"].items():
            reviews = numbers["reviews_until_goal"]
            after = "never" if reviews is None else f"after {counted(reviews, 'review')}"
            out.print(f"{name}: {100 * told['goal']:.0f} % of the area is right {after}")
        out.print(f"curves: {folder / 'effort.png'}, {folder / 'effort.json'}", soft_wrap=True)
        print_problems(task.problems)
    raise typer.Exit(1 if task.problems else 0)
