"""A long session of random actions in a window: after each one model, store and every layer agree.

``SECO_ACTIONS=500`` does so many instead of a few, ``SECO_SEEDS=1,2,3`` does them with other seeds.
"""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seco_core.parameters import Parameters
from seco_viewer.engine_process import LISTENER
from seco_viewer.plugin import show_dock
from tests.viewer.random_reviewer import RandomReviewer
from tests.viewer.scenes import make_project

pytestmark = pytest.mark.gui

ACTIONS = int(os.environ.get("SECO_ACTIONS", "60"))
BESIDE = 10
"""Actions while something runs in the background."""
SEEDS = [int(seed) for seed in os.environ.get("SECO_SEEDS", "0").split(",")]
QUICK = Parameters().replace(
    **{
        "masks.parts": 60, "scc.epochs": 2, "scc.folds": 2, "scc.uncertainty_epochs": 1, "device": "cpu",
        "psa.min_region_area": 4, "workers": 1,
    }
)  # fmt: skip


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """No thread that was not there before, but that of the one engine's process that is kept."""
    before = set(threading.enumerate())
    yield
    # Qt's own pool keeps its threads for what comes next; Python knows them as dummies
    made = [t for t in threading.enumerate() if t not in before and not t.name.startswith("Dummy")]
    for thread in made:
        thread.join(timeout=5)
    left = [thread.name for thread in made if thread.is_alive()]
    assert left in ([], [LISTENER])


def megabytes() -> float:
    """Most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("seed", SEEDS)
def test_model_store_and_layers_agree_after_every_action(
    make_napari_viewer, qtbot, tmp_path: Path, seed: int
):
    viewer = make_napari_viewer(show=ACTIONS > 100)  # painting takes most of the time
    dock = show_dock(viewer)
    with nothing_left_behind():
        assert dock.open_project(make_project(tmp_path))
        dock.opened.learn.after.setValue(0)
        dock.opened.pipeline.form.set_parameters(QUICK)
        reviewer = RandomReviewer(dock, qtbot, seed)
        reviewer.check()
        for number in range(ACTIONS):
            if number == ACTIONS // 3:
                work_beside(reviewer, dock.opened.pipeline.run, lambda: dock.opened.pipeline.running)
            if number == ACTIONS * 2 // 3:
                work_beside(reviewer, dock.opened.learn.learn, lambda: dock.opened.learn.running)
            if number == ACTIONS * 5 // 6:  # everything has been used and loaded by now
                for _ in range(3):  # the first few times more is needed than later
                    reviewer.reopen()
                    reviewer.check()
                peak = megabytes()
            reviewer.act()
            reviewer.check()
        assert megabytes() - peak < (30 if ACTIONS >= 500 else 60)  # some is still used for the first time
        dock.close_project()
        assert not [layer for layer in viewer.layers if layer.name.startswith("SeCo: ")]


def work_beside(reviewer: RandomReviewer, start: Callable[[], None], running: Callable[[], bool]) -> None:
    """Go on while something runs in the background."""
    start()
    assert running()
    reviewer.log.append(f"{start.__qualname__} began")
    del reviewer.choices[reviewer.reopen]
    for _ in range(BESIDE):
        tables = reviewer.session.regions
        reviewer.act()
        if reviewer.session.regions is tables:
            reviewer.check(at_rest=not running())
    reviewer.qtbot.waitUntil(lambda: not running())
    reviewer.choices[reviewer.reopen] = 1
    reviewer.log.append("ended")
    reviewer.check()
