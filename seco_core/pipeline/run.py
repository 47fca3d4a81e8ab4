"""One run of the pipeline over a project."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from seco_core.device import resolve_device
from seco_core.encoders import RegionEncoder, make_encoder
from seco_core.errors import DatasetError, MaskSourceError, ProjectError, SecoError
from seco_core.files import remove_leftovers
from seco_core.masks.base import MaskSource
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import Parameters
from seco_core.pipeline.freshness import ImageKeys, fresh_images
from seco_core.pipeline.image_work import ImageRegions, ImageTask
from seco_core.pipeline.inputs import (
    check_not_replaced,
    find_inputs,
    is_there,
    stored_inputs,
    unchanged_inputs,
)
from seco_core.pipeline.ledger import Ledger
from seco_core.pipeline.scoring import run_scoring
from seco_core.pipeline.workers import Pending, Workers, cluster_workers, local_workers
from seco_core.progress import Cancelled, CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import ImageRecord, Project
from seco_core.regions import RegionTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes
    ----------
    done : int
        Images worked on.
    up_to_date : int
        Images that needed nothing.
    skipped : tuple of (str, SecoError)
        Name of each image that could not be used, and why.
    seconds : float
        Time it took.
    """

    done: int
    up_to_date: int
    skipped: tuple[tuple[str, SecoError], ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 = all done, 1 = some images were skipped, 2 = all of them."""
        if not self.skipped:
            return 0
        return 1 if self.done + self.up_to_date else 2


def run_pipeline(
    project_path: Path | str,
    parameters: Parameters,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    on_image: Callable[[int], None] = lambda image_id: None,
    cluster: str | None = None,
    accept_replaced: bool = False,
) -> RunResult:
    """Bring a project up to date: psa for each image, then scc, graph, scc-unc and refine over all regions.

    Work that an earlier run with the same inputs and parameters did is not done again, so a run that was
    cancelled or cut off goes on where it stopped. Opens its own store: call it from any thread.

    Parameters
    ----------
    project_path : path-like
        The project folder.
    parameters : Parameters
        Recorded in the store with the run.
    progress : callable, optional
        Called in this thread after every step.
    cancel : CancelToken, optional
        Stops the run between steps; what is stored stays.
    on_image : callable, optional
        Called in this thread with an image's id when its regions are stored.
    cluster : str, optional
        Address of a dask scheduler whose workers do the images; threads of this process otherwise. The result
        is the same.
    accept_replaced : bool, optional
        Go on with images that were replaced by others of the same size although people decided on them:
        the decisions hold for the same pixels of the new ones. They are skipped otherwise.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    SecoError
        If nothing can go on: project not writable or worked on by another run, disk full, no weights, all
        images gone, cluster lost. Bad images are skipped instead; what was stored of them stays.
    """
    started = time.monotonic()
    cancel = cancel or CancelToken()
    with Project.open(project_path) as project, only_run(project):
        remove_leftovers(project.path)
        device = resolve_device(parameters.device)
        source = open_mask_source(
            parameters.masks, device, cache_folder=project.path / "cache", progress=progress
        )
        encoder = make_encoder(
            parameters.scc.encoder, device=device, seed=parameters.seed, mask_source=source
        )
        sources = {"masks": source.signature, "encoder": encoder.signature}
        ledger = Ledger.start_run(project, parameters, sources, device)
        try:
            with (
                local_workers(parameters, source, encoder, cancel)
                if cluster is None
                else cluster_workers(cluster, parameters, project.path.absolute() / "cache")
            ) as workers:
                result = _run_images(
                    project, parameters, ledger, source, encoder, workers, progress, cancel, on_image,
                    accept_replaced,
                )  # fmt: skip
            project.overrides.refresh()
            project.refresh_images()  # they have sizes only now
            run_scoring(project, parameters, ledger, device, progress, cancel)
        except Cancelled:
            ledger.end_run("cancelled", {})
            raise
        except BaseException as error:
            ledger.end_run("failed", {"error": str(error)})
            raise
        done, up_to_date, skipped = result
        ledger.end_run("finished", {"done": done, "up_to_date": up_to_date, "skipped": len(skipped)})
    return RunResult(done, up_to_date, tuple(skipped), time.monotonic() - started)


@contextmanager
def only_run(project: Project) -> Iterator[None]:
    """Keep other runs away from a project; the system lets go of the lock when the process ends, however.

    Raises
    ------
    ProjectError
        If another run is working on it.
    """
    lock = FileLock(project.path / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ProjectError(
            "another run is working on this project.", path=project.path, remedy="Wait for it or cancel it."
        ) from None
    try:
        yield
    finally:
        lock.release()


def run_goes_on(project: Project) -> bool:
    """Whether a run is working on a project that can be written; one whose process was killed is not."""
    try:
        with only_run(project):
            return False
    except ProjectError:
        return True


def _run_images(
    project: Project,
    parameters: Parameters,
    ledger: Ledger,
    source: MaskSource,
    encoder: RegionEncoder,
    workers: Workers,
    progress: ProgressCallback,
    cancel: CancelToken,
    on_image: Callable[[int], None],
    accept_replaced: bool,
) -> tuple[int, int, list[tuple[str, SecoError]]]:
    there = find_inputs(project)
    keys = ImageKeys(project.scheme, parameters, source.signature, encoder.signature)
    before = stored_inputs(project)
    unchanged = unchanged_inputs(project.images, before, cancel)
    cut, fresh = fresh_images(ledger, keys, unchanged)
    ledger.store_unchanged({i: unchanged[i] for i in fresh})
    stale = [record for record in project.images if record.id not in fresh]
    skipped: list[tuple[str, SecoError]] = []
    total = len(stale)
    if total:
        progress(ProgressEvent("psa", 0, total))

    def task(record: ImageRecord) -> ImageTask:
        known = _stored_regions(project, record) if record.id in cut else None
        project.overrides.refresh()  # people go on reviewing while the pipeline runs
        overrides, lenient = project.overrides.active(record.id), parameters.foreign_ids == "ignore"
        return ImageTask(record, project.scheme, parameters.psa, overrides, known, lenient)

    for number, (record, pending) in enumerate(_in_order(stale, task, workers), start=1):
        cancel.raise_if_cancelled()
        try:
            found = pending.result()
            if isinstance(found, ImageRegions):
                project.overrides.refresh()
                check_not_replaced(
                    record,
                    before.get(record.id),
                    found.shape,
                    found.inputs,
                    project.overrides.active(record.id),
                    accept_replaced=accept_replaced,
                )
        except Cancelled:
            raise
        except (DatasetError, MaskSourceError) as error:
            problem: SecoError = error
        except SecoError:  # about something that all images need
            raise
        except MemoryError:
            problem = SecoError(
                "needs more memory than there is.",
                path=record.image,
                remedy="Do fewer images at once (--workers 1), or cut it into tiles.",
            )
        except Exception as error:  # a bad image must not end the run, whatever a library makes of it
            logger.exception("image %s", record.name)
            problem = SecoError(
                f"could not be processed: {type(error).__name__}: {error}.", path=record.image
            )
        else:
            if isinstance(found, ImageRegions):
                ledger.store_regions(record.id, found, keys.psa(found.inputs), keys.features(found.inputs))
            else:
                ledger.store_features(record.id, found, keys.features(unchanged[record.id]))
            on_image(record.id)
            progress(ProgressEvent("psa", number, total, record.name))
            continue
        if not all(is_there(path) for path in there):
            there = find_inputs(project)
        ledger.store_problem(record.id, problem)
        skipped.append((record.name, problem))
        progress(ProgressEvent("psa", number, total, f"{record.name} skipped"))
    cancel.raise_if_cancelled()
    return total - len(skipped), len(project.images) - total, skipped


def _stored_regions(project: Project, record: ImageRecord) -> tuple[NDArray[np.uint16], RegionTable] | None:
    """An image's regions; None if they have to be made again because their file is damaged."""
    try:
        region_ids = project.read_region_ids(record.id)
    except ProjectError as error:
        logger.warning("image %s is done again: %s", record.name, error)
        return None
    return None if region_ids is None else (region_ids, project.region_table(record.id))


def _in_order(
    records: list[ImageRecord], task: Callable[[ImageRecord], ImageTask], workers: Workers
) -> Iterator[tuple[ImageRecord, Pending]]:
    """Have images worked on, yielding in the order given, at most a few results ahead."""
    waiting: deque[tuple[ImageRecord, Pending]] = deque()
    try:
        for record in records:
            waiting.append((record, workers.submit(task(record))))
            if len(waiting) > 2 * workers.count:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for _, pending in waiting:
            pending.cancel()
