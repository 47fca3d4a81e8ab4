"""`seco undo` and `seco redo`: steps of the log of overrides, taken back and decided again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from seco_core.cli.app import ProjectArgument, app, errors
from seco_core.console import out
from seco_core.errors import OverrideError
from seco_core.project import Override, Project
from seco_core.project.overrides import Origin
from seco_core.texts import counted, moment, typed

_HOW = {Origin.PERSON: "decided", Origin.PROPOSAL: "agreed to", Origin.IMPORT: "imported"}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would be.")]


@app.command()
def undo(project: ProjectArgument, dry_run: DryRun = False) -> None:
    """Take back the newest step: what one key press, one bulk decision or one import decided.

    Nothing is lost: `seco redo`, or redo in the window, decides it again until something else is decided.
    """
    with errors(), Project.open(project, readonly=dry_run) as opened:
        log = opened.overrides
        step = log.to_undo()
        if not step:
            raise OverrideError("has no decision to take back.", path=project)
        _turn(opened, step, "would take back" if dry_run else "took back", None if dry_run else log.undo)
        if not dry_run:
            out.print(f"to decide it again: seco redo {typed(project)}", soft_wrap=True)


@app.command()
def redo(project: ProjectArgument, dry_run: DryRun = False) -> None:
    """Decide again the step that was taken back last, here or in the window."""
    with errors(), Project.open(project, readonly=dry_run) as opened:
        log = opened.overrides
        step = log.to_redo()
        if not step:
            raise OverrideError("has no step that was taken back and could be decided again.", path=project)
        _turn(
            opened, step, "would decide again" if dry_run else "decided again", None if dry_run else log.redo
        )


def _turn(project: Project, step: Sequence[Override], said: str, turn: Callable[[], object] | None) -> None:
    told = step_in_words(project, step)
    if turn is not None:
        turn()
        told += f"; {counted(len(project.overrides), 'override holds', 'overrides hold')} now"
    out.print(f"{said}: {told}", soft_wrap=True)


def step_in_words(project: Project, step: Sequence[Override]) -> str:
    """Who decided what, when, and where, in a line."""
    first = next(e for e in project.overrides.history() if e.seq == step[0].seq)
    images = {override.image_id for override in step}
    where = project.images[step[0].image_id].name if len(images) == 1 else counted(len(images), "image")
    actions = Counter(override.action.value for override in step)
    what = ", ".join(f"{action} {count:,}" for action, count in actions.most_common())
    if len(step) == 1:
        name = project.scheme.label(step[0].class_id)
        what = name if name == step[0].action else f"{step[0].action}: {name}"
    how = f"{_HOW[step[0].origin]} by {first.by}, {moment(first.time)}"
    return f"{counted(len(step), 'override')} in {where} ({what}), {how}"
