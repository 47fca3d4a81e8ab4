"""Make the pictures in docs/images from the built-in example.

Run it from the checkout on any display, a virtual one included::

    QT_API=pyqt6 xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py [--in FOLDER]

Pictures show the folder that the example is in, and the home folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from seco_core.demo import make_example_project
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_viewer.docks.main import SecoDock
from seco_viewer.memory import FILE_VARIABLE
from seco_viewer.plugin import open_viewer
from seco_viewer.strokes import cut

OUT = Path(__file__).parent / "images"
SIZE = (1440, 900)
PANELS = (("dark", SIZE), ("light", (1366, 768)))
"""Theme and size of the window for the pictures of all panels side by side."""
REVIEWED = 60


def main() -> None:
    """Make the example, review a little, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--in", dest="parent", type=Path, help="folder for the example, which is deleted")
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parser.parse_args().parent) as folder:
        os.environ[FILE_VARIABLE] = str(Path(folder) / "memory.json")
        path = make_example_project(Path(folder) / "street", count=12, size=(512, 1024), seed=0)
        run_pipeline(path, Parameters())
        viewer, dock = open_viewer(path)
        viewer.window.resize(*SIZE)
        while dock.opened is not None and dock.opened.layers.coming:
            settle(50)
        settle()

        def shoot(name: str) -> None:
            settle()
            save(grab(viewer), name)

        review_some(dock)
        go_to_a_telling_region(dock)
        shoot("window")
        dock.perform("relabel")
        dock.opened.review.chooser.search.setText("tr")
        shoot("relabel")
        dock.opened.review.chooser.search.clear()
        dock.perform("help")
        shoot("keys")
        dock.perform("help")
        dock.perform("wipe")
        shoot("wipe")
        dock.perform("wipe")
        dock.perform("noise")
        dock.perform("graph")
        shoot("noise_and_graph")
        dock.perform("noise")
        dock.perform("graph")
        dock.tabs.go_to(dock.opened.pipeline)
        shoot("pipeline")
        for page, name in (
            (dock.opened.queue, "queue"),
            (dock.opened.why, "why"),
            (dock.opened.plots, "plots"),
        ):
            dock.tabs.go_to(page)
            settle()
            shoot(name)
        dock.tabs.go_to(dock.opened.review)
        split_the_region(dock)
        shoot("split")
        dock.perform("leave")  # the edit
        dock.perform("leave")  # the tool
        dock.tabs.go_to(dock.opened.psa)
        try_psa(dock)
        viewer.reset_view()
        shoot("psa")
        dock.opened.psa.clear()
        for theme, size in PANELS:
            viewer.theme = theme
            viewer.window.resize(*size)
            all_panels(viewer, dock).save(OUT / f"panels_{theme}_{size[0]}x{size[1]}.png", optimize=True)
        dock.close_project()
        viewer.close()


def grab(viewer: Any) -> Image.Image:
    """The window as it is."""
    return Image.fromarray(np.asarray(viewer.screenshot(canvas_only=False, flash=False))[..., :3])


def save(picture: Image.Image, name: str) -> None:
    """Save a picture in few colours, small areas of a colour included: half as large."""
    few = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(OUT / f"{name}.png", optimize=True)


def all_panels(viewer: Any, dock: SecoDock) -> Image.Image:
    """Every tab and the start page side by side, five in a row."""
    window, path = viewer.window._qt_window, dock.session.project.path
    pictures = []
    for index in range(dock.tabs.count() + 1):
        if index < dock.tabs.count():
            dock.tabs.setCurrentIndex(index)
        else:
            dock.close_project()
            dock.say("")
        settle()
        corner = dock.mapTo(window, dock.rect().topLeft())
        left, top = corner.x(), corner.y()
        pictures.append(grab(viewer).crop((left, top, left + dock.width(), top + dock.height())))
    dock.open_project(path)
    width, height = pictures[0].size
    sheet = Image.new("RGB", (5 * width, 2 * height))
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (i % 5 * width, i // 5 * height))
    return sheet


def review_some(dock: SecoDock) -> None:
    """Decide as a quick reviewer would: with the model where it is sure."""
    session = dock.session
    dock.opened.learn.after.setValue(0)
    for _ in range(REVIEWED):
        sure = session.facts(session.row).probability > 0.6
        dock.perform(("take_suggestion" if session.offer.suggests else "accept") if sure else "skip")


def go_to_a_telling_region(dock: SecoDock) -> None:
    """Go to a flagged region of some size that the model would surely call something else."""
    session, r = dock.session, dock.session.regions
    size = session.frame.region_ids.size
    sure = r.probabilities.max(axis=1)
    fits = session.flagged & (r.predicted != r.class_id) & (r.area > 0.004 * size) & (r.area < 0.06 * size)
    row = int(np.argmax(np.where(fits, sure, 0)))
    session.go_to_image(int(r.image_id[row]))
    (x0, y0, _, _), mask = session.mask(row)
    y, x = np.argwhere(mask)[0].tolist()
    session.select_at(y0 + y, x0 + x)


def split_the_region(dock: SecoDock) -> None:
    """Cut the region down the middle, as the split tool does with a stroke."""
    dock.perform("split")
    x0, y0, x1, y1 = dock.session.patch.box
    middle = (x0 + x1) / 2
    pieces = cut(dock.session.patch, [(y0 - 1, middle), (y1 + 1, middle)])
    dock.session.edit(pieces, len(pieces) - 1)


def try_psa(dock: SecoDock) -> None:
    """Try the paper's profile and show what it would change, and its prompts."""
    dock.opened.psa.form.set_parameters(Parameters().replace(**{"psa.profile": "paper"}), ["psa.profile"])
    dock.opened.psa.start()
    while dock.opened.psa.running:
        settle(100)
    dock.opened.trial_layers.boxes.visible = dock.opened.trial_layers.points.visible = True


def settle(milliseconds: int = 600) -> None:
    """Let the window draw."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
    QApplication.processEvents()


if __name__ == "__main__":
    main()
