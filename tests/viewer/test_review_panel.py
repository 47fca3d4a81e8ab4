from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QWidget

from seco_core.demo import make_example_project
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.review import Order
from seco_viewer.docks.main import SecoDock
from seco_viewer.selection import Patch
from seco_viewer.workers import import_torch

pytestmark = pytest.mark.gui


def place_in_page(dock: SecoDock, part: QWidget) -> QPoint:
    return part.mapTo(dock.opened.review, part.rect().topLeft())


def test_what_is_decided_with_is_in_sight_and_never_moves(dock: SecoDock, qapp, qtbot):
    session, review = dock.session, dock.opened.review
    dock.resize(370, 660)  # in a window of 768
    dock.show()
    qapp.processEvents()
    parts = [*review.buttons.values(), review.chooser.search, *review.chooser.buttons.values()]
    places = [place_in_page(dock, part) for part in parts]
    texts = (review.notice, review.sentence, review.details, review.problem, review.queue.outlook)

    def none_is_cut() -> bool:
        return all(label.height() >= label.heightForWidth(label.width()) for label in texts)

    for part in (*parts, review.headline, review.bars, review.sentence, review.details):
        assert part.visibleRegion().boundingRect().size() == part.size(), part
    for text in ("", "a sentence that goes on and on, " * 20, "short"):
        for label in texts:
            label.setText(text)
            label.setVisible(True)
        for label in (review.progress.place, review.headline):
            label.setText(text)
        qapp.processEvents()
        assert [place_in_page(dock, part) for part in parts] == places
        qtbot.waitUntil(none_is_cut)
    session.row = None
    review.refresh()
    qapp.processEvents()
    assert [place_in_page(dock, part) for part in parts] == places


def test_buttons_say_what_is_stored_of_a_part_of_another_region(dock: SecoDock, qapp):
    session, review = dock.session, dock.opened.review
    regions, row = session.regions, session.row
    other = next(
        r
        for r in range(session.rows.start, session.rows.stop)
        if regions.class_id[r] != regions.class_id[row] and regions.area[r] > 30
    )
    whole = session.open_part(other)
    part = whole.mask.copy()
    part[whole.mask.shape[0] // 2 :] = False
    session.edit([Patch.of(part, whole.box[1::-1])])
    qapp.processEvents()
    assert session.row == row
    assert session.meant == other
    label = session.scheme.label(int(regions.class_id[other]))
    assert label in review.buttons["accept"].text()
    assert label in review.headline.text()
    review.buttons["accept"].click()
    assert session.project.overrides.active(session.image_id)[-1].class_id == regions.class_id[other]
    assert dock.message.text().startswith(f"✓ a part of {label}")


def test_the_classes_in_question_are_bold_again_after_a_search(dock: SecoDock):
    chooser = dock.opened.review.chooser

    def bold() -> set[int]:
        return {class_id for class_id, b in chooser.buttons.items() if "weight: bold" in b.styleSheet()}

    before = bold()
    assert int(dock.session.regions.class_id[dock.session.row]) in before
    chooser.search.setText("tra")
    assert len(bold()) == 1
    chooser.search.clear()
    assert bold() == before


def test_an_image_that_cannot_be_read_is_said_and_the_review_goes_on(dock: SecoDock, scored_path: Path, qapp):
    images = dock.session.project.images
    broken = dock.session.image_id
    dock.close_project()
    images[broken].image.unlink()
    assert dock.open_project(scored_path)
    session, review = dock.session, dock.opened.review
    assert session.image_id != broken
    name = images[broken].name
    assert name in dock.message.text()
    assert "left out" in review.problem.text()
    assert name in review.problem.text()
    states = [dock.opened.images.model.index(i, 4).data() for i in range(3)]
    assert states[broken] == "unusable"
    assert states.count("done") == 2
    session.go_to_image(broken)
    qapp.processEvents()
    assert "cannot be judged" in review.headline.text()
    assert images[broken].image.name in review.problem.text()
    assert not review.buttons["accept"].isEnabled()
    other = images[(broken + 1) % 3]
    kept = other.image.read_bytes()
    other.image.write_bytes(b"spoilt")
    session.frames.forget()
    dock.perform("resume")
    session.go_to_image(other.id)
    qapp.processEvents()
    assert "2 images cannot be judged" in dock.message.text()
    other.image.write_bytes(kept)
    session.go_to_image(3 - broken - other.id)
    session.go_to_image(other.id)
    assert dock.opened.images.model.index(other.id, 4).data() == "done"
    assert session.row is not None


def test_buttons_of_the_view_tell_what_is_on(dock: SecoDock, qapp):
    layers, bar = dock.opened.layers, dock.opened.view_bar

    def on() -> set[str]:
        qapp.processEvents()
        return {action_id for action_id, button in bar.buttons.items() if button.isChecked()}

    assert on() == set()
    assert not bar.legend.isVisibleTo(bar)
    for action_id in ("noise", "graph", "keep_zoom", "wipe", "conflicts"):
        dock.perform(action_id)
        assert on() == {action_id}
        assert bar.legend.isVisibleTo(bar) == (action_id in ("noise", "graph"))
        assert bar.graph_legend.isVisibleTo(bar) == (action_id == "graph")
        bar.buttons[action_id].click()
        assert on() == set()
    layers.noise.visible = True  # in napari's list of layers
    assert on() == {"noise"}
    dock.perform("overlays")
    assert on() == {"overlays"}
    dock.perform("bare")
    assert on() == {"bare"}
    dock.perform("bare")
    assert on() == {"noise"}
    dock.perform("compare")
    assert on() == {"noise", "compare"}
    dock.perform("split")
    dock.perform("leave")  # the tool
    assert on() == {"noise", "compare"}
    dock.perform("leave")
    assert on() == {"noise"}


def test_the_legend_is_chequered_where_the_noise_map_is_clear(dock: SecoDock, qapp):
    legend = dock.opened.view_bar.legend
    legend.resize(360, 18)

    def beside_the_words() -> set[int]:
        qapp.processEvents()
        picture = legend.grab().toImage()
        left = legend.fontMetrics().horizontalAdvance("certainly right") + 14
        return {picture.pixel(left + x, y) for x in range(20) for y in range(5, 13)}

    dock.perform("noise")
    assert len(beside_the_words()) > 1
    dock.perform("noise")
    dock.perform("graph")
    assert len(beside_the_words()) == 1, "nodes are not clear"


def test_another_order_is_offered_where_it_would_be_quicker(dock: SecoDock, qapp):
    session, review = dock.session, dock.opened.review
    session.accept()
    for order in Order:
        told = session.forecast(3, order=order)
        session.set_order(order)
        assert session.forecast(3) == told
    review.queue.order.setCurrentIndex(list(Order).index(Order.WORST))
    found = session.forecast()
    session.forecast = lambda k=40, order=None: replace(found, after=0.5 if order is None else 0.6)
    review.queue._look_ahead()
    assert not review.queue.switch.isVisibleTo(review)
    review.queue._compare_orders()
    assert review.queue.switch.isVisibleTo(review)
    assert "60 %" in review.queue.outlook.text()
    review.queue.switch.click()
    assert session.order is Order.GAIN
    assert not review.queue.switch.isVisibleTo(review)


def test_replaced_images_are_named_and_accepted_with_one_click(bare_dock: SecoDock, tmp_path: Path, qtbot):
    path = make_example_project(tmp_path, count=3, size=(48, 96), seed=0)
    quick = Parameters().replace(**{"scc.epochs": 2, "scc.uncertainty_epochs": 1, "masks.parts": 60})
    import_torch()  # another test may have drawn a window
    run_pipeline(path, quick)
    assert bare_dock.open_project(path)
    pipeline, session = bare_dock.opened.pipeline, bare_dock.session
    assert not pipeline.replaced.isVisibleTo(pipeline)
    record = session.project.images[session.image_id]
    decided = session.relabel(8)
    with Image.open(record.image) as picture:
        picture.convert("L").convert("RGB").save(record.image)
    with qtbot.waitSignal(pipeline.ended):
        pipeline.run_button.click()
    assert pipeline.replaced.isVisibleTo(pipeline)
    assert record.name in pipeline.replaced_text.text()
    assert session.project.images[record.id].status == "skipped"
    bare_dock.close_project()
    assert bare_dock.open_project(path)
    pipeline, session = bare_dock.opened.pipeline, bare_dock.session
    assert pipeline.replaced.isVisibleTo(pipeline), "also in a window that is opened later"
    with qtbot.waitSignal(pipeline.ended):
        pipeline.accept_button.click()
    assert not pipeline.replaced.isVisibleTo(pipeline)
    assert session.project.images[record.id].status == "done"
    x0, y0, x1, y1 = decided.box
    assert (session.project.curated(record.id)[y0:y1, x0:x1][decided.mask] == 8).all()
