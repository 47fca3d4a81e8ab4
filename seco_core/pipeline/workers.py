"""Who works on the images: threads of this process, or a dask cluster."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seco_core.device import resolve_device
from seco_core.encoders import RegionEncoder, make_encoder
from seco_core.errors import ClusterError, ParameterError
from seco_core.masks.base import MaskSource
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import Parameters
from seco_core.pipeline.image_work import ImageRegions, ImageTask
from seco_core.progress import CancelToken

Result = ImageRegions | NDArray[np.float32]


class Pending(Protocol):
    """A result to come: a future of threads or of dask."""

    def result(self) -> Result:
        """Wait for the result, or raise what the work raised."""

    def cancel(self) -> Any:
        """Do not start the work if it has not been started."""


@dataclass(frozen=True)
class Workers:
    """Where tasks go, and how many at once."""

    submit: Callable[[ImageTask], Pending]
    count: int


@contextmanager
def local_workers(
    parameters: Parameters, source: MaskSource, encoder: RegionEncoder, cancel: CancelToken
) -> Iterator[Workers]:
    """Threads: the image libraries let go of Python's lock. One only where a network runs."""
    count = parameters.workers or os.cpu_count() or 1
    if not (source.concurrent and encoder.concurrent):
        count = 1
    with ThreadPoolExecutor(count, thread_name_prefix="seco-image") as pool:
        yield Workers(lambda task: pool.submit(task.run, source, encoder, cancel), count)


@contextmanager
def cluster_workers(address: str, parameters: Parameters, cache_folder: Path) -> Iterator[Workers]:
    """The workers of a dask cluster, which must see the dataset under the same paths.

    Those that see the project too keep what SAM says in its cache folder, as threads do.

    Raises
    ------
    ParameterError
        If dask is not installed or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ParameterError(
            "a cluster needs dask.", remedy='Install it with pip install "seco-viewer[cluster]".'
        ) from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"no dask scheduler answers at {address}.", remedy="Start one with `dask scheduler`."
        ) from error
    with client:
        count = sum(client.nthreads().values())
        if count == 0:
            raise ParameterError(
                f"the cluster at {address} has no workers.", remedy=f"Start one with `dask worker {address}`."
            )
        # a lost worker's images are done again by another
        yield Workers(
            lambda task: _OnCluster(
                client.submit(run_on_worker, task, parameters, cache_folder, pure=False, retries=2), address
            ),
            count,
        )


@dataclass(frozen=True)
class _OnCluster:
    """A future of dask that tells a lost cluster from a bad image."""

    future: Any
    address: str

    def result(self) -> Result:
        from distributed.comm import CommClosedError

        try:
            found: Result = self.future.result()
        except (CancelledError, ConnectionError, CommClosedError) as error:
            raise ClusterError(
                f"the cluster at {self.address} was lost ({type(error).__name__}).",
                remedy="Start its scheduler and workers again and run the same command to go on.",
            ) from error
        return found

    def cancel(self) -> Any:
        return self.future.cancel()


def run_on_worker(task: ImageTask, parameters: Parameters, cache_folder: Path) -> Result:
    """Do a task in a worker of a cluster, with masks and encoder that its process makes once."""
    source, encoder, lock = _tools(parameters, cache_folder if cache_folder.parent.is_dir() else None)
    with lock:
        return task.run(source, encoder, CancelToken())


@functools.lru_cache(maxsize=1)
def _tools(parameters: Parameters, cache_folder: Path | None) -> tuple[MaskSource, RegionEncoder, Any]:
    device = resolve_device(parameters.device)
    source = open_mask_source(parameters.masks, device, cache_folder=cache_folder)
    encoder = make_encoder(parameters.scc.encoder, device=device, seed=parameters.seed, mask_source=source)
    together = source.concurrent and encoder.concurrent
    return source, encoder, nullcontext() if together else threading.Lock()
