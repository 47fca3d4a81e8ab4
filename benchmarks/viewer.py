"""How quick the review window is, on made-up projects.

Usage, on a display (a virtual one will do)::

    QT_API=pyqt6 xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks.viewer [--events 200]

*Handling* is the time from a key event until its handler returns: the store has the decision, every layer has
its data and has been asked to refresh. Painting is left out: without a graphics card it is software that
paints. What is done once before the next painting, however many keys came until then (the camera moves,
the panel's texts change), is measured beside it as what *follows*. Keys come after pauses of any length up to
a quarter of a second, so that some meet what the key before has set going in the background, such as pictures
being read. Wall times need an idle machine; two others do not: processor time of the window's thread (`cpu`),
and wall time without what that thread waited for a core while others had them (`alone`, where Linux tells).
Bars, in milliseconds at the 95th percentile unless said otherwise:

- 2048x1024 pixels, 300 regions: accept, relabel, undo, next in the same image 25; next region in another
  image 120; painting after a decision at most 1.3 times that after setting one label pixel (medians).
- 3000 images with 300 000 regions: opens to the first frame in 3 s and 1.5 GB; a decision 75.
- While the pipeline runs: longest stall of the event loop from our code 100 (``longest_stall_alone``: without
  the canvas's painting; then processor time, painting and all, and wait for a core of that one;
  ``longest_stall`` with painting), a decision 75. Those that end in the same image and in another one are
  told apart too, half of them made image by image, half in the queue's order.

Learning after every 25 decisions is off: the made-up projects have nothing to learn from, and it would end in
an error message each time. The part with the pipeline measures keys while other threads work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import hardware, report
from benchmarks.synthetic_projects import synthetic_project

_LONGEST_PAUSE = 0.25
"""Seconds between two keys."""
_LONGEST_PAINTING = 2.0
"""Seconds after which nothing is to be painted any more."""
_MOST_RUNS = 20
"""Runs of the pipeline beside which decisions are made, if one does not do."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200, help="events of each kind")
    parser.add_argument("--images", type=int, default=3000, help="images of the large project")
    parser.add_argument("--only", choices=("handling", "large", "background"), help="one part only")
    arguments = parser.parse_args()
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.only in (None, "handling"):
            # more images than are kept decoded
            path = synthetic_project(folder / "one", 24, (1024, 2048), 320, different=8)
            numbers |= _apart(_handling, path, arguments.events)
        if arguments.only in (None, "large"):
            path = synthetic_project(folder / "large", arguments.images, (48, 96), 115, different=20)
            numbers |= _apart(_large, path, arguments.events)
        if arguments.only in (None, "background"):
            numbers |= _apart(_background, folder / "street", arguments.events)
    report({**numbers, "hardware": hardware()})


def _apart(work: Callable[[Path, int], dict[str, Any]], path: Path, events: int) -> dict[str, Any]:
    """Do work in a process of its own, so that memory is that of it alone."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (path, events))


class Window:
    """A napari window with a project, driven by key events."""

    def __init__(self, path: Path):
        from qtpy.QtWidgets import QApplication

        from seco_viewer.memory import FILE_VARIABLE
        from seco_viewer.plugin import open_viewer

        remembered = path.parent / "memory.json"
        remembered.unlink(missing_ok=True)
        os.environ[FILE_VARIABLE] = str(remembered)
        self.viewer, self.dock = open_viewer()
        self.viewer.window.resize(1440, 900)
        self.app = QApplication.instance()
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.painted = 0.0  # milliseconds
        self.frames = 0
        self.time_painting()
        self.settle()
        started = time.perf_counter()
        assert self.dock.open_project(path)
        self.paint()
        self.seconds_to_open = time.perf_counter() - started
        self.dock.opened.learn.after.setValue(0)
        self.cpu: list[float] = []  # milliseconds of this thread for every key, without other processes
        self.alone: list[float] = []  # without the time that it waited for a core
        self.follows: list[float] = []  # what is done before the next painting
        self.settle()

    def press(self, key: str) -> float:
        """Press a key on the canvas; milliseconds until it is handled."""
        from qtpy.QtCore import QEvent, Qt
        from qtpy.QtGui import QKeyEvent

        code = getattr(Qt.Key, f"Key_{key}")
        modifiers = Qt.KeyboardModifier.NoModifier
        down, up = (
            QKeyEvent(kind, code, modifiers, key.lower())
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        )
        spent = self._time(lambda: self.app.sendEvent(self.canvas, down))
        self.app.sendEvent(self.canvas, up)
        self._follow()
        return spent

    def relabel(self, class_id: int) -> float:
        """Relabel by number, as typed; milliseconds for the Enter that decides."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.dock.perform("relabel")
        search = self.dock.opened.review.chooser.search
        search.setText(str(class_id))
        spent = self._time(lambda: QTest.keyClick(search, Qt.Key.Key_Return))
        self._follow()
        return spent

    def _time(self, act: Callable[[], object]) -> float:
        """Handle an event; milliseconds."""
        started, cpu, waited = time.perf_counter(), time.thread_time(), _waited()
        act()
        spent = (time.perf_counter() - started) * 1e3
        self.cpu.append((time.thread_time() - cpu) * 1e3)
        self.alone.append(spent - (_waited() - waited))
        return spent

    def _follow(self) -> None:
        """Do what is waiting to be done before the next painting."""
        from qtpy.QtCore import QCoreApplication, QEvent

        started = time.perf_counter()
        kind = QEvent.Type.MetaCall
        QCoreApplication.sendPostedEvents(None, getattr(kind, "value", kind))  # PyQt5's are numbers
        self.follows.append((time.perf_counter() - started) * 1e3)

    def time_painting(self) -> None:
        """Count how often and how long the canvas paints."""
        painter = next(c for c in type(self.canvas).__mro__ if "paintGL" in vars(c))
        paint = painter.paintGL

        def timed(canvas: Any) -> None:
            started = time.perf_counter()
            paint(canvas)
            self.frames += 1
            self.painted += (time.perf_counter() - started) * 1e3

        painter.paintGL = timed

    def paint(self) -> float:
        """Paint what is to be painted; milliseconds."""
        started, frames = time.perf_counter(), self.frames
        self.canvas.repaint()
        # a second painting within a few milliseconds Qt puts off to its event loop
        while self.frames == frames and time.perf_counter() - started < _LONGEST_PAINTING:
            self.app.processEvents()
        return (time.perf_counter() - started) * 1e3

    def settle(self, seconds: float = 0.0) -> None:
        """Let everything else happen."""
        until = time.perf_counter() + seconds
        self.app.processEvents()
        while time.perf_counter() < until:
            self.app.processEvents()
            time.sleep(0.002)

    def close(self) -> None:
        """Close project and window."""
        self.dock.close_project()
        self.viewer.close()


def _handling(path: Path, events: int) -> dict[str, Any]:
    window = Window(path)
    session, layers = window.dock.session, window.dock.opened.layers
    times: dict[str, list[float]] = {name: [] for name in ("accept", "relabel", "undo", "next", "next_image")}
    alone: dict[str, list[float]] = {name: [] for name in times}
    painted: dict[str, list[float]] = {"decision": [], "pixel": []}
    rng = np.random.default_rng(0)
    images = len(session.project.images)
    while min(len(times[name]) for name in ("accept", "relabel", "undo", "next")) < events:
        if len(times["accept"]) % 20 == 0:  # finish with this image before its open regions run out
            session.go_to_image((session.image_id + 1) % images)
            window.settle(0.1)
        for name, act in (
            ("next", lambda: window.press("S")),
            ("accept", lambda: window.press("A")),
            ("undo", lambda: window.press("U")),
            ("relabel", lambda: window.relabel(int(rng.integers(0, 19)))),
        ):
            before = session.image_id
            spent = act()
            if session.image_id == before:
                times[name].append(spent)
                alone[name].append(window.alone[-1])
            if name == "accept" and len(painted["decision"]) < events // 4:
                painted["decision"].append(window.paint())
                layers.curated.data[0, 0] = int(rng.integers(0, 19))
                layers.curated.refresh()
                painted["pixel"].append(window.paint())
            window.settle(float(rng.uniform(0, _LONGEST_PAUSE)))
        window.press("U")
        window.settle()
    found: dict[str, Any] = {"key_cpu_p95_ms": _p95(window.cpu), "follows_p95_ms": _p95(window.follows)}
    session.resume()
    tries = 0
    window.cpu.clear()
    while len(times["next_image"]) < events and tries < 6 * events:
        tries += 1
        # a reviewer looks at a region for a moment: time to fetch the next image
        window.settle(_LONGEST_PAUSE)
        before = session.image_id
        spent = window.press("A")
        if session.image_id != before:
            times["next_image"].append(spent)
            alone["next_image"].append(window.alone[-1])
        if not len(session.queue):
            while session.undo():
                pass
            session.resume()
    window.close()
    found["next_image_cpu_p95_ms"] = _p95(window.cpu)
    ratio = float(np.median(painted["decision"]) / np.median(painted["pixel"]))
    found |= {f"{name}_p95_ms": _p95(values) for name, values in times.items()}
    found |= {f"{name}_alone_p95_ms": _p95(values) for name, values in alone.items()}
    found |= {f"{name}_median_ms": round(float(np.median(v)), 1) for name, v in times.items() if v}
    return {
        **found,
        "repaint_ratio": round(ratio, 2),
        "repaint_ms": round(float(np.median(painted["pixel"])), 1),
    }


def _large(path: Path, events: int) -> dict[str, Any]:
    window = Window(path)
    times = []
    regions = len(window.dock.session.regions)
    for _ in range(events):
        times.append(window.press("A"))
        window.settle(0.05)
    window.close()
    return {
        "large_regions": regions,
        "large_open_s": round(window.seconds_to_open, 2),
        "large_decision_p95_ms": _p95(times),
        "large_decision_cpu_p95_ms": _p95(window.cpu),
        "large_follows_p95_ms": _p95(window.follows),
        "large_decision_median_ms": round(float(np.median(times)), 1),
        "large_peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def _background(folder: Path, events: int) -> dict[str, Any]:
    """The pipeline runs anew until so many decisions are made, then once while nobody does anything."""
    from seco_core.demo import make_example_project
    from seco_core.parameters import Parameters
    from seco_core.pipeline import run_pipeline
    from seco_viewer.workers import import_torch

    import_torch()
    path = make_example_project(folder, count=16, size=(256, 512), seed=0)
    run_pipeline(path, Parameters())
    window = Window(path)
    pipeline = window.dock.opened.pipeline
    session = window.dock.session
    times: list[float] = []
    moved: list[bool] = []  # to another image
    stalls: list[float] = []
    alone: list[tuple[float, float, float]] = []
    runs, decide = 0, True
    while decide:
        runs += 1
        decide = len(times) < events and runs <= _MOST_RUNS
        area = 40 if runs % 2 else 80  # other regions: everything is done again
        pipeline.form.set_parameters(
            Parameters().replace(**{"psa.min_region_area": area}), ["psa.min_region_area"]
        )
        pipeline.run()
        while pipeline.running:
            if decide and len(times) < events:
                if session.row is None:
                    while session.undo():
                        pass
                    session.resume()
                # half of them image by image, half in the order of the queue
                if len(times) % 20 == 0:
                    session.go_to_image((session.image_id + 1) % len(session.project.images))
                elif len(times) % 20 == 10:
                    session.resume()
                before = session.image_id
                times.append(window.press("A"))
                moved.append(session.image_id != before)
                window.settle(0.02)
                continue
            started, painted = time.perf_counter(), window.painted
            cpu, waited = time.thread_time(), _waited()
            window.app.processEvents()
            if not decide:
                stalls.append((time.perf_counter() - started) * 1e3)
                spent = (time.thread_time() - cpu) * 1e3
                alone.append((stalls[-1] - (window.painted - painted), spent, _waited() - waited))
            time.sleep(0.001)
        window.settle(0.2)
    window.close()
    in_image = [t for t, other in zip(times, moved, strict=True) if not other]
    return {
        "background_decisions": len(times),
        "background_runs": runs,
        "background_all_p95_ms": _p95(times),
        "background_all_cpu_p95_ms": _p95(window.cpu),
        "background_decision_p95_ms": _p95(in_image),
        "background_next_image_p95_ms": _p95([t for t, other in zip(times, moved, strict=True) if other]),
        "background_in_the_image": len(in_image),
        "background_longest_stall_ms": round(max(stalls), 1),
        "background_longest_stall_alone_ms": round(max(alone)[0], 1),
        "background_longest_stall_alone_cpu_ms": round(max(alone)[1], 1),
        "background_longest_stall_alone_waited_ms": round(max(alone)[2], 1),
    }


def _waited() -> float:
    """Milliseconds that this thread has waited for a core; 0 where Linux does not tell."""
    told = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(told.read_text().split()[1]) / 1e6 if told.exists() else 0.0


def _p95(values: list[float]) -> float:
    return round(float(np.percentile(values, 95)), 1) if values else float("nan")


if __name__ == "__main__":
    main()
