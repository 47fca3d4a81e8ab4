"""One run of the pipeline over a project."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from seco_core.device import resolve_device
from seco_core.encoders import RegionEncoder, make_encoder
from seco_core.errors import ProjectError, SecoError
from seco_core.masks.base import MaskSource
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import Parameters
from seco_core.pipeline.image_work import ImageRegions, ImageTask
from seco_core.pipeline.ledger import Ledger, fingerprint, signature
from seco_core.pipeline.scoring import run_scoring
from seco_core.pipeline.workers import Pending, Workers, cluster_workers, local_workers
from seco_core.progress import Cancelled, CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import ImageRecord, Project

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

    Raises
    ------
    Cancelled
        If `cancel` was set.
    SecoError
        If nothing can go on: project not writable or worked on by another run, disk full, no weights. Bad
        images are skipped instead.
    """
    started = time.monotonic()
    cancel = cancel or CancelToken()
    with Project.open(project_path) as project, only_run(project):
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
                    project, parameters, ledger, source, encoder, workers, progress, cancel, on_image
                )
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
) -> tuple[int, int, list[tuple[str, SecoError]]]:
    psa_keys, feature_keys = _image_keys(project, parameters, source, encoder)
    known_psa, known_features = ledger.image_signatures("psa"), ledger.image_signatures("features")
    for image_id in ledger.images_without_rasters():
        known_psa.pop(image_id, None)
    stale = [
        record
        for record in project.images
        if known_psa.get(record.id) != psa_keys[record.id]
        or known_features.get(record.id) != feature_keys[record.id]
    ]
    skipped: list[tuple[str, SecoError]] = []
    total = len(stale)
    progress(ProgressEvent("psa", 0, total))

    def task(record: ImageRecord) -> ImageTask:
        known = None
        if known_psa.get(record.id) == psa_keys[record.id]:
            region_ids = project.read_region_ids(record.id)
            assert region_ids is not None, "the ledger says that psa is done"
            known = region_ids, project.region_table(record.id)
        project.overrides.refresh()  # people go on reviewing while the pipeline runs
        return ImageTask(record, project.scheme, parameters.psa, project.overrides.active(record.id), known)

    for number, (record, pending) in enumerate(_in_order(stale, task, workers), start=1):
        cancel.raise_if_cancelled()
        try:
            found = pending.result()
        except Cancelled:
            raise
        except SecoError as error:
            problem = error
        except Exception as error:  # a bad image must not end the run, whatever a library makes of it
            logger.exception("image %s", record.name)
            problem = SecoError(
                f"could not be processed: {type(error).__name__}: {error}.", path=record.image
            )
        else:
            if isinstance(found, ImageRegions):
                ledger.store_regions(record.id, found, psa_keys[record.id], feature_keys[record.id])
            else:
                ledger.store_features(record.id, found, feature_keys[record.id])
            on_image(record.id)
            progress(ProgressEvent("psa", number, total, record.name))
            continue
        ledger.store_problem(record.id, problem)
        skipped.append((record.name, problem))
        progress(ProgressEvent("psa", number, total, f"{record.name} skipped"))
    cancel.raise_if_cancelled()
    return total - len(skipped), len(project.images) - total, skipped


def _image_keys(
    project: Project, parameters: Parameters, source: MaskSource, encoder: RegionEncoder
) -> tuple[dict[int, str], dict[int, str]]:
    psa, features = {}, {}
    settings = parameters.to_dict()["psa"]
    scheme = project.scheme.to_dict()
    for record in project.images:
        psa[record.id] = signature(
            stage="psa",
            inputs=fingerprint(record),
            masks=source.signature,
            psa=settings,
            scheme=scheme,
            kept=["contacts", "peak_confidence"],
        )
        features[record.id] = signature(stage="features", psa=psa[record.id], encoder=encoder.signature)
    return psa, features


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
