from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from napari.qt.threading import WorkerBase
from qtpy.QtCore import QTimer

from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_viewer.engine_process import in_engine_process
from seco_viewer.workers import Job
from tests.viewer import far_work

pytestmark = pytest.mark.gui


def test_a_job_outlives_who_began_it(qtbot):
    usual = sys.getswitchinterval()
    begun, forgotten, ended = threading.Event(), threading.Event(), []

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        begun.set()
        assert forgotten.wait(60)
        progress(ProgressEvent("refine", 1, 1))

    job = Job(work, "work")
    job.ended.connect(lambda: ended.append(True))
    job.start()
    assert begun.wait(60)
    assert sys.getswitchinterval() < usual  # the window comes first
    del job
    gc.collect()
    forgotten.set()
    qtbot.waitUntil(lambda: bool(ended))
    assert sys.getswitchinterval() == usual


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_work_and_threads_that_it_starts_let_the_window_go_first(qtbot):
    def nice() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work(progress: ProgressCallback, cancel: CancelToken) -> tuple[int, int]:
        with ThreadPoolExecutor(1) as pool:
            return nice(), pool.submit(nice).result()

    usual = nice()
    job = Job(work, "work")
    with qtbot.waitSignal(job.succeeded) as done:
        job.start()
    assert min(done.args[0]) >= 10
    assert nice() == usual


def test_napari_that_closes_waits_for_no_engine(qtbot):
    begun = threading.Event()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        def tell(process: int) -> None:
            begun.set()

        in_engine_process(far_work.until_cancelled, cancel=cancel, callbacks={"tell": tell})

    job = Job(work, "work")
    with qtbot.waitSignal(job.cancelled):
        job.start()
        assert begun.wait(60)
        WorkerBase.await_workers(10_000)


@pytest.mark.parametrize("others", ["", "forever().start()"])
def test_python_ends_while_work_goes_on(others: str):
    ended = subprocess.run(
        [sys.executable, "-c", _ENDING.format(others=others)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert (ended.returncode, ended.stdout) == (3, "begun\n"), ended.stderr


_ENDING = """
import sys
import threading

from napari.qt.threading import thread_worker
from qtpy.QtWidgets import QApplication

from seco_viewer.engine_process import in_engine_process
from seco_viewer.workers import Job
from tests.viewer import far_work

application = QApplication([])
begun = threading.Event()

@thread_worker
def forever():
    while True:
        yield

def work(progress, cancel):
    tell = lambda process: begun.set()
    in_engine_process(far_work.until_cancelled, cancel=cancel, callbacks={{"tell": tell}})

Job(work, "work").start()
begun.wait()
{others}
print("begun")
sys.exit(3)
"""


def test_beginning_handles_no_waiting_events(make_napari_viewer, qtbot):
    make_napari_viewer(show=True)
    waiting: list[str] = []
    QTimer.singleShot(0, partial(waiting.append, "a key"))
    job = Job(lambda progress, cancel: None, "test")
    with qtbot.waitSignal(job.ended):
        job.start()
        assert not waiting, "a key within another key is lost"
    assert waiting
