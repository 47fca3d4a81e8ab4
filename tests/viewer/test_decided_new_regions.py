"""Decisions on regions that a run has cut anew: seen, told, put right and undone as on any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.why import events_on
from seco_viewer.selection import Kind, Patch
from seco_viewer.session import Session
from tests.viewer.scenes import ANEW, class_map, cut_anew, go_to_new_regions, largest, pixel


def test_what_was_decided_of_a_new_region_is_seen_and_kept(anew: Session):
    first = largest(anew)
    place = pixel(anew, first)
    anew.select_at(*place)
    called = anew.offer.called
    assert anew.offer.decided is None
    anew.relabel(5)
    anew.select_at(*place)
    assert (anew.offer.called, anew.offer.decided) == (called, 5)
    assert anew.facts_here.decided == 5
    anew.relabel(6)
    assert anew.picked == first, "clicked to put it right"
    assert anew.offer.decided == 6
    anew.go_to_image(0)
    anew.undo()
    assert (anew.picked, anew.offer.decided) == (first, 5)
    anew.undo()
    assert (anew.picked, anew.offer.decided) == (first, None)


def test_a_decided_part_of_a_new_region_is_selected_alone(anew: Session):
    first = largest(anew)
    anew.select_at(*pixel(anew, first))
    whole = anew.patch
    left = Patch(whole.box, whole.mask & (np.arange(whole.mask.shape[1]) < whole.mask.shape[1] // 2))
    anew.edit([left])
    anew.relabel(5)
    anew.select_at(*left.first)
    assert anew.part is not None
    assert anew.patch.same(Patch.of(left.mask, left.box[1::-1]))
    part = anew.patch
    anew.relabel(6)
    assert anew.patch.same(whole - left), "the rest is next"
    anew.relabel(7)
    anew.select_at(*part.first)
    anew.relabel(8)
    assert anew.patch.same(part)
    assert anew.undo()
    assert (anew.picked, anew.offer.decided) == (first, 6)
    assert anew.patch.same(part)
    anew.reload()
    assert anew.patch.same(part), "after the run, too"
    assert anew.row is not None


@pytest.mark.gui
def test_pages_tell_of_a_new_region_as_of_any(dock: SecoDock, scored_path: Path, qapp):
    session, review, why = dock.session, dock.opened.review, dock.opened.why
    go_to_new_regions(session, scored_path)
    number = largest(session)
    place = pixel(session, number)
    session.select_at(*place)
    qapp.processEvents()
    called = session.scheme.label(int(session.classes_here[number - 1]))
    assert called in review.headline.text()
    assert "pseudo-label: " in review.details.text()
    assert "not scored yet" in review.details.text()
    assert not review.buttons["take_suggestion"].isEnabled()
    dock.perform("take_suggestion")
    assert "not scored yet" in dock.message.text()
    dock.opened.relabel(5)
    assert f"✓ {called} → " in dock.message.text()
    session.select_at(*place)
    qapp.processEvents()
    assert review.headline.text().endswith("✓</span>")
    assert session.scheme.label(5) in review.headline.text()
    assert "reviewed: " in review.details.text()
    why.refresh()
    assert called in why.summary.text()
    assert session.scheme.label(5) in why.past.text()
    dock.perform("undo")
    assert f"Taken back: {called} → " in dock.message.text()
    why.refresh()
    assert "taken back" in why.past.text()
    whole = session.patch
    session.edit([Patch.of(whole.mask[:4], whole.box[1::-1])])
    dock.perform("accept")
    assert f"✓ a part of {called} is right" in dock.message.text()


def test_history_is_of_pixels_not_of_ids_that_a_run_gives_anew(session: Session, scored_path: Path):
    session.go_to_image(1)
    number = session.number
    override = session.ignore()
    cut_anew(scored_path, 1, class_map((60, 80), seed=ANEW))
    session.go_to_image(0)
    session.regions_replaced([1])
    session.go_to_image(1)
    under = Patch(override.box, override.mask)
    for other in range(1, len(session.classes_here) + 1):
        told = events_on(session, other)
        assert bool(told) == bool((session.region(other) & under).area)
        assert [e.seq for e in told] in ([], [override.seq])
    assert number is not None


@pytest.mark.gui
def test_the_mask_source_selects_on_new_regions(dock: SecoDock, scored_path: Path, qtbot):
    session, tools = dock.session, dock.opened.tools
    go_to_new_regions(session, scored_path)
    region = session.region(largest(session))
    place = tuple(float(v) for v in np.argwhere(region.mask).mean(axis=0).round() + region.box[1::-1])

    def answered() -> bool:
        return tools.masks._waiting is None

    dock.perform("parts")
    tools._clicked(place, adds=False)
    qtbot.waitUntil(answered)
    assert session.selection.kind is Kind.PART
    assert session.selection.ids == (largest(session),)
    assert session.choices > 1
    dock.perform("leave")
    dock.perform("prompt")
    tools._drawn([(place[0] - 8, place[1] - 8), (place[0] + 8, place[1] + 8)], adds=False)
    qtbot.waitUntil(answered)
    assert session.edited
    assert session.patch.area
    decided = session.patch
    dock.opened.relabel(5)
    assert (session.curated[decided.on((0, 0, 80, 60))] == 5).all()
    dock.perform("undo")
    assert session.patch.same(decided)
