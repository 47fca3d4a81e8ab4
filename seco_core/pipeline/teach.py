"""What people decided, taught to the region classifier: scores of all other regions follow."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seco_core.device import resolve_device
from seco_core.errors import ProjectError
from seco_core.parameters import Parameters
from seco_core.pipeline.learnt import learnt_signature
from seco_core.pipeline.ledger import Ledger
from seco_core.pipeline.region_inputs import decided_regions
from seco_core.pipeline.run import only_run
from seco_core.pipeline.scoring import run_scoring
from seco_core.pipeline.signatures import graph_signature, scc_signature
from seco_core.progress import Cancelled, CancelToken, ProgressCallback, ignore_progress
from seco_core.project import Project
from seco_core.project.rasters import remove_files
from seco_core.scc.correction import Verdict

_VISIBLE = 0.01


@dataclass(frozen=True)
class TeachResult:
    """What teaching changed.

    Attributes
    ----------
    taught : int
        Regions that people have decided; 0 if nothing was decided or undone since the scores were made.
    changed : int
        Regions that nobody has decided whose noise score moved by 0.01 or more.
    newly_flagged, no_longer_flagged : int
        Regions that nobody has decided which the machine kept before and does not now, and the reverse.
    seconds : float
        Time it took.
    decisions : frozenset of int
        Numbers of the decisions that the scores are made with now.
    """

    taught: int
    changed: int
    newly_flagged: int
    no_longer_flagged: int
    seconds: float
    decisions: frozenset[int] = frozenset()


def teach(
    project_path: Path | str,
    parameters: Parameters,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> TeachResult:
    """Train the region classifier further on what people decided, and score and judge all regions anew.

    Overridden regions are clean samples with the class that was decided. The networks of the last training go
    on for a few epochs; every image's scores still come from networks that never trained on it. Then the
    stages after scc follow. PSA, features and graph stay. Without networks to go on from (one image, or the
    project is of an older version) the training is a full one.

    Works on a copy of the store in memory and stores what came of it at the end: meanwhile people go on
    deciding, other readers see the scores from before, and after a cancellation nothing has changed. Only if
    the process is killed while it stores is there something to make good by a run. When people take
    back what is being taught, it begins again without that. A later run of the pipeline with the same
    parameters and decisions finds the scores up to date.

    Parameters
    ----------
    project_path : path-like
        The project folder. Opens its own store: call it from any thread.
    parameters : Parameters
        Those that the scores come from (`Project.scoring_run`); recorded in the store as a run.
    progress : callable, optional
        Called in this thread.
    cancel : CancelToken, optional
        Stops between steps.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    ProjectError
        If regions or graph are not up to date, or a run is working on the project.
    """
    started = time.monotonic()
    cancel = cancel or CancelToken()
    with Project.open(project_path) as project, only_run(project):
        known = Ledger(project, 0)
        _check(project, known, parameters)
        described = known.image_signatures("features")
        if known.project_signature("scc") == scc_signature(project, parameters, described):
            seconds = time.monotonic() - started
            return TeachResult(0, 0, 0, 0, seconds, frozenset(project.overrides.seqs()))
        device = resolve_device(parameters.device)
        networks = known.read_networks("scc") if known.has_model("scc") else {}
        runs = project.runs()
        ledger = Ledger.start_run(project, parameters, runs[-1].sources, device)
        try:
            result = None
            while result is None:
                with _draft(project) as draft:
                    run_scoring(
                        draft, parameters, Ledger(draft, ledger.run_id), device, progress, cancel, networks
                    )
                    cancel.raise_if_cancelled()
                    project.overrides.refresh()
                    # what was learnt from decisions that people have taken back meanwhile is of no use
                    if draft.overrides.seqs() <= project.overrides.seqs():
                        result = _compare(project, draft, started)
                        ledger.adopt_scores(draft)
        except Cancelled:
            ledger.end_run("cancelled", {})
            raise
        except BaseException as error:
            ledger.end_run("failed", {"error": str(error)})
            raise
        ledger.end_run("finished", {"taught": result.taught, "changed": result.changed})
    return result


def _check(project: Project, ledger: Ledger, parameters: Parameters) -> None:
    """Refuse to teach where a run of the pipeline has to come first."""
    described = ledger.image_signatures("features")
    learnt = learnt_signature(parameters, described) if parameters.scc.encoder == "cnn" else None
    if (
        project.unfinished() is not None
        or ledger.project_signature("graph") != graph_signature(parameters, described)
        or ledger.project_signature("cnn") != learnt
        or not ledger.has_model("graph")
    ):
        raise ProjectError(
            "its regions are not scored as they are now.", path=project.path, remedy="Run the pipeline first."
        )


@contextmanager
def _draft(project: Project) -> Iterator[Project]:
    """A copy of the project's store in memory, beside the same files."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        project.connection.backup(connection)
        # networks that the store still names must not be removed when the copy gets others
        connection.execute("DELETE FROM models WHERE stage IN ('scc', 'scc-unc')")
        draft = Project(project.path, connection, readonly=False)
        try:
            yield draft
        finally:
            used = {row["file"] for row in project.connection.execute("SELECT file FROM models")}
            made = {row["file"] for row in connection.execute("SELECT file FROM models")}
            remove_files(project.path, sorted(made - used))


def _compare(project: Project, draft: Project, started: float) -> TeachResult:
    before, after = project.regions(), draft.regions()
    reviewed = decided_regions(draft, after)[0]
    was, now = (r.verdict != Verdict.KEEP for r in (before, after))
    moved = ~(np.abs(after.noise_score - before.noise_score) < _VISIBLE) & ~reviewed
    return TeachResult(
        taught=int(np.count_nonzero(reviewed)),
        changed=int(np.count_nonzero(moved & ~np.isnan(after.noise_score))),
        newly_flagged=int(np.count_nonzero(now & ~was & ~reviewed)),
        no_longer_flagged=int(np.count_nonzero(was & ~now & ~reviewed)),
        seconds=time.monotonic() - started,
        decisions=frozenset(draft.overrides.seqs()),
    )
