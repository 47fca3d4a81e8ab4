from __future__ import annotations

import gc
import sys
import threading

import pytest

from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_viewer.workers import Job

pytestmark = pytest.mark.gui


def test_a_job_outlives_who_began_it(qtbot):
    usual = sys.getswitchinterval()
    begun, forgotten, ended = threading.Event(), threading.Event(), []

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        begun.set()
        assert forgotten.wait(10)
        progress(ProgressEvent("refine", 1, 1))

    job = Job(work, "work")
    job.ended.connect(lambda: ended.append(True))
    job.start()
    assert begun.wait(10)
    assert sys.getswitchinterval() < usual  # the window comes first
    del job
    gc.collect()
    forgotten.set()
    qtbot.waitUntil(lambda: bool(ended))
    assert sys.getswitchinterval() == usual
