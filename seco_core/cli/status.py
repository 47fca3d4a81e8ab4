"""`seco status`: a project at a glance."""

from __future__ import annotations

import json
import math
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors
from seco_core.console import out, print_problems, print_status
from seco_core.project import Project


@app.command("status")
def status_command(
    project: ProjectArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what is done, stale, skipped and decided in a project, and what to do next.

    Reads only: a run or a window may have the project open. Exit code 0: `seco run` would find nothing to do,
    but perhaps decisions to learn from. 1: images are skipped, or a stage is not up to date. 2: no project.
    """
    from seco_core.status import status

    with errors(), Project.open(project, readonly=True) as opened:
        found = status(opened)
        if as_json:
            told = found.to_dict()
            if (forecast := told["forecast"]) is not None:
                told["forecast"] = {k: None if math.isnan(v) else v for k, v in forecast.items()}
            typer.echo(json.dumps({**told, "exit_code": found.exit_code}, indent=1))
        else:
            print_status(found)
            print_problems(f"{name}: {why}" for name, why in found.skipped.items())
            for problem in found.problems:
                out.print(problem, soft_wrap=True)
    raise typer.Exit(found.exit_code)
