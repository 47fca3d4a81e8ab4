"""A run of the pipeline in its thread, and what the window hears of it before its end."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from seco_core.parameters import Parameters
from seco_core.pipeline import RunResult, run_pipeline
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project
from seco_viewer.tables import Tables
from seco_viewer.workers import import_torch

_SINGLE_IMAGES = ("masks", "psa")
"""Stages that go through the images one by one."""


class Halfway:
    """What a run has done so far, from its thread to the window's.

    Attributes
    ----------
    images : deque of int
        Whose regions are stored.
    tables : deque of Tables
        Those of all regions, once every image is cut.
    """

    def __init__(self) -> None:
        self.images: deque[int] = deque()
        self.tables: deque[Tables] = deque()


def run(
    path: Path,
    parameters: Parameters,
    accept_replaced: bool,
    halfway: Halfway,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> tuple[RunResult, Tables]:
    """Run the pipeline; what came of it, and all regions as they are then.

    Parameters
    ----------
    path : Path
        The project's folder.
    parameters, accept_replaced, progress, cancel
        As for `run_pipeline`.
    halfway : Halfway
        Gets what is done so far.
    """
    import_torch()
    cut = False

    def on_image(image_id: int) -> None:
        nonlocal cut
        cut = True
        halfway.images.append(image_id)

    def report(event: ProgressEvent) -> None:
        nonlocal cut
        if cut and event.stage not in _SINGLE_IMAGES:
            cut = False
            with Project.open(path, readonly=True) as project:
                halfway.tables.append(Tables.read(project))
        progress(event)

    result = run_pipeline(
        path, parameters, progress=report, cancel=cancel, accept_replaced=accept_replaced, on_image=on_image
    )
    # seconds in a large project: not on the main thread
    with Project.open(path, readonly=True) as project:
        return result, Tables.read(project)
