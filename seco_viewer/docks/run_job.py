"""A run of the pipeline in a process of its own, and what the window hears of it before its end."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from seco_core.parameters import Parameters
from seco_core.pipeline import RunResult, run_pipeline
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project
from seco_viewer.engine_process import in_engine_process
from seco_viewer.frames import Frame, load_frame
from seco_viewer.tables import Tables

_SINGLE_IMAGES = ("masks", "psa")
"""Stages that go through the images one by one."""


class Halfway:
    """What a run has done so far, from its thread to the window's.

    Attributes
    ----------
    images : deque of int
        Whose regions are stored.
    tables : deque of (Tables, Frame)
        Those of all regions, once every image is cut, and the image on screen as it is then.
    on_screen : int
        Which image the window shows; it tells.
    """

    def __init__(self, on_screen: int) -> None:
        self.on_screen = on_screen
        self.images: deque[int] = deque()
        self.tables: deque[tuple[Tables, Frame]] = deque()


def run(
    path: Path,
    parameters: Parameters,
    accept_replaced: bool,
    halfway: Halfway,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> tuple[RunResult, Tables, Frame]:
    """Run the pipeline; what came of it, and all regions and the image on screen as they are then.

    Parameters
    ----------
    path : Path
        The project's folder.
    parameters, accept_replaced, progress, cancel
        As for `run_pipeline`.
    halfway : Halfway
        Gets what is done so far.
    """
    cut = False

    def read() -> tuple[Tables, Frame]:
        # seconds in a large project: not on the main thread
        with Project.open(path, readonly=True) as project:
            return Tables.read(project), load_frame(project, halfway.on_screen)

    def on_image(image_id: int) -> None:
        nonlocal cut
        cut = True
        halfway.images.append(image_id)

    def report(event: ProgressEvent) -> None:
        nonlocal cut
        if cut and event.stage not in _SINGLE_IMAGES:
            cut = False
            halfway.tables.append(read())
        progress(event)

    result = in_engine_process(
        run_pipeline,
        path.absolute(),
        parameters,
        accept_replaced=accept_replaced,
        cancel=cancel,
        callbacks={"progress": report, "on_image": on_image},
    )
    return result, *read()
