"""Other thresholds on the scores that are there: only the verdicts are made anew."""

from __future__ import annotations

from pathlib import Path

from seco_core.errors import ProjectError
from seco_core.parameters import Parameters
from seco_core.pipeline.ledger import Ledger
from seco_core.pipeline.run import only_run
from seco_core.pipeline.scoring import refine
from seco_core.progress import ProgressCallback, ignore_progress
from seco_core.project import Project


def apply_thresholds(
    project_path: Path | str, parameters: Parameters, *, progress: ProgressCallback = ignore_progress
) -> None:
    """Decide about every region anew with the stored scores; no image is read and nothing is trained.

    A later run of the pipeline with the same parameters finds the verdicts up to date, unless decisions made
    since the scores ask for new ones. Opens its own store: call it from any thread.

    Parameters
    ----------
    project_path : path-like
        The project folder.
    parameters : Parameters
        Those of the scores, with other values of ``scc.method``, ``rule``, ``rule_ratio``, ``tau_ns``,
        ``tau_cr``, ``class_share`` or ``certain_share``. Recorded in the store as a run.
    progress : callable, optional
        Called in this thread.

    Raises
    ------
    ProjectError
        If there are no scores yet, or a run is working on the project.
    """
    with Project.open(project_path) as project, only_run(project):
        run = project.scoring_run()
        stages = ("scc", "scc-unc", "noise")
        scc, unc, noise = (Ledger(project, 0).project_signature(stage) for stage in stages)
        needed = unc if parameters.scc.method == "uncertainty" else scc
        if scc is None or needed is None or run is None:
            raise ProjectError(
                "there are no scores to decide by.", path=project.path, remedy="Run the pipeline first."
            )
        ledger = Ledger.start_run(project, parameters, run.sources, run.device)
        try:
            refine(project, parameters, ledger, noise or scc, progress)
        except BaseException as error:
            ledger.end_run("failed", {"error": str(error)})
            raise
        ledger.end_run("finished", {"done": 0, "up_to_date": len(project.images), "skipped": 0})
