"""The engine works in a process of its own: answers, callbacks, cancelling, errors and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seco_core.errors import ForeignIdsError
from seco_core.progress import Cancelled, CancelToken
from seco_viewer import engine_process, engine_service
from seco_viewer.engine_process import EngineEnded, in_engine_process, let_go
from seco_viewer.error_detail import error_detail
from tests.viewer import far_work


def test_another_process_without_a_window_works_and_is_kept():
    process, modules, nice = in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})
    assert process != os.getpid()
    assert not [name for name in modules if name.startswith(("napari", "qtpy", "PyQt", "vispy"))]
    assert nice >= 10
    assert in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})[0] == process


def test_callbacks_come_in_their_order():
    told: list[int] = []
    found = in_engine_process(far_work.count, 50, cancel=CancelToken(), callbacks={"tell": told.append})
    assert found == 50
    assert told == list(range(50))


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_token_cancels_the_work_there(when: str):
    token, processes = CancelToken(), []

    def tell(process: int) -> None:
        processes.append(process)
        token.cancel()

    if when == "before":
        token.cancel()
    with pytest.raises(Cancelled):
        in_engine_process(far_work.until_cancelled, cancel=token, callbacks={"tell": tell})
    token.cancel()  # nobody is meant any more
    process, _, _ = in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})
    assert processes == ([process] if when == "meanwhile" else [])


def test_errors_are_the_same_here():
    with pytest.raises(ForeignIdsError, match=r"a\.png: has ids\. Look\.") as known:
        in_engine_process(far_work.fail, "seco", cancel=CancelToken(), callbacks={})
    assert known.value.pixels == 3
    with pytest.raises(Exception, match="by nothing") as unforeseen:
        in_engine_process(far_work.fail, "otherwise", cancel=CancelToken(), callbacks={})
    assert type(unforeseen.value).__name__ == "ZeroDivisionError"
    assert "in fail" in error_detail(unforeseen.value)
    with pytest.raises(Cancelled):
        in_engine_process(far_work.fail, "cancelled", cancel=CancelToken(), callbacks={})


def test_nobody_waits_for_what_was_let_go():
    processes: list[int] = []

    def tell(process: int) -> None:
        processes.append(process)
        let_go()

    with pytest.raises(Cancelled):
        in_engine_process(far_work.until_cancelled, cancel=CancelToken(), callbacks={"tell": tell})
    assert len(processes) == 1


def test_nobody_waits_for_an_answer_that_cannot_be_read(caplog: pytest.LogCaptureFixture):
    with pytest.raises(EngineEnded, match="terminal"):
        in_engine_process(far_work.answer_what_cannot_be_read, cancel=CancelToken(), callbacks={})
    assert "cannot be read" in caplog.text


def test_warnings_are_logged_here(caplog: pytest.LogCaptureFixture):
    in_engine_process(far_work.warn, cancel=CancelToken(), callbacks={})
    assert caplog.messages == ["few regions."]


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
@pytest.mark.parametrize(("how", "told"), [("SIGKILL", "SIGKILL.*memory"), ("SIGABRT", "SIGABRT.*terminal")])
def test_a_process_that_was_killed_is_told_and_replaced(how: str, told: str):
    with pytest.raises(EngineEnded, match=f"{told}.*try again"):
        in_engine_process(far_work.die, signal.Signals[how], cancel=CancelToken(), callbacks={})
    assert in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})


def test_work_whose_callback_failed_is_left_alone():
    processes: list[int] = []

    def tell(process: int) -> None:
        processes.append(process)
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        in_engine_process(far_work.until_cancelled, cancel=CancelToken(), callbacks={"tell": tell})
    process, _, _ = in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})
    assert process not in processes


def test_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(engine_process, "get_executable", lambda: str(tmp_path / "gone"))
    monkeypatch.setattr(engine_process, "_processes", engine_process._Processes())
    with pytest.raises(EngineEnded, match=r"could not be started.*seco run"):
        in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})


def test_files_of_the_working_folder_are_not_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "queue.py").write_text("raise ImportError('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine_process, "_processes", engine_process._Processes())
    assert in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_its_priority_is_its_own_whoever_starts_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_process, "_processes", engine_process._Processes())

    def start() -> int:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(10, os.getpriority(os.PRIO_PROCESS, thread)))
        return in_engine_process(far_work.who, cancel=CancelToken(), callbacks={})[2]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(start).result() == engine_service._NICE


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_the_work_of_a_window_that_was_killed_is_cancelled(tmp_path: Path):
    window = subprocess.Popen(
        [sys.executable, "-c", _WINDOW],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert window.stdout is not None
    assert window.stderr is not None
    assert int(window.stdout.readline()) > 0
    window.kill()
    window.wait()
    assert window.stderr.read() == b"", "the other process has the same, until it ends"


_WINDOW = """
from tests.viewer import far_work
from seco_core.progress import CancelToken
from seco_viewer.engine_process import in_engine_process

tell = lambda process: print(process, flush=True)
in_engine_process(far_work.until_cancelled, cancel=CancelToken(), callbacks={"tell": tell})
"""
