from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seco_core.errors import OverrideError
from seco_core.graph import EdgeKind, RelationalGraph
from seco_core.pipeline.ledger import Ledger
from seco_core.project import Action, Project
from seco_core.project.overrides import Origin
from seco_core.review import Order
from seco_core.scheme import IGNORE
from seco_viewer import words
from seco_viewer.bulk import carry_out
from seco_viewer.bulk_plans import plan_proposals
from seco_viewer.session import Session
from tests.viewer.scenes import make_project

NUMBERS = ("noise", "wrong", "suggested", "belief", "held_out", "open_links")


@pytest.fixture
def alike(tmp_path: Path) -> Iterator[Session]:
    """A session in which all regions of a class are alike, across images."""
    path = make_project(tmp_path)
    with Project.open(path) as project:
        r = project.regions()
        a, b = np.triu_indices(len(r), k=1)
        same = r.class_id[a] == r.class_id[b]
        kind = np.full(int(same.sum()), EdgeKind.FEATURE, dtype=np.uint8)
        weight = np.full(len(kind), 0.95, dtype=np.float32)
        graph = RelationalGraph(a[same], b[same], weight, kind)
        Ledger(project, project.runs()[-1].id).store_graph(r.id, graph, "all of a class are alike")
    found = Session(Project.open(path))
    yield found
    found.close()


def bits(session: Session) -> dict[str, bytes]:
    return {name: getattr(session.feedback, name).tobytes() for name in NUMBERS}


def test_decision_spreads_with_its_reason_and_undo_takes_exactly_that_back(alike: Session):
    row, start = alike.row, bits(alike)
    queue = alike.queue.first(1000).tolist()
    class_id = int(alike.regions.class_id[row])
    others = np.setdiff1d(np.flatnonzero(alike.regions.class_id == class_id), [row])
    rescored: list[int] = []
    alike.scores_changed.connect(lambda rows: rescored.extend(rows.tolist()))
    alike.relabel(7)
    assert set(rescored) == {row, *others.tolist()}
    assert (alike.feedback.noise[others] > 0.45).all()
    (told,) = alike.facts(int(others[0])).reasons
    text = words.reason(told, alike.scheme.label)
    centroid = alike.regions.centroid
    where = (
        words.side(*(centroid[row] - centroid[others[0]]))
        if alike.regions.image_id[others[0]] == alike.image_id
        else f"in image {alike.project.images[alike.image_id].name}"
    )
    assert text == f"raised: {alike.scheme.label(class_id)} {where} → traffic sign, similarity 0.95"
    alike.undo()
    assert bits(alike) == start
    assert alike.queue.first(1000).tolist() == queue
    assert alike.facts(int(others[0])).reasons == ()


def test_decisions_in_any_order_agree_with_a_new_session(alike: Session):
    rng = np.random.default_rng(0)
    for _ in range(40):
        what = rng.integers(0, 5)
        if what == 0:
            alike.undo()
        elif what == 1:
            alike.redo()
        elif alike.row is None or alike.reviewed[alike.row]:
            break
        elif what == 2:
            alike.accept()
        elif what == 3:
            alike.ignore()
        else:
            alike.relabel(int(rng.integers(0, 19)))
    fresh = Session(Project.open(alike.project.path, readonly=True))
    try:
        assert bits(fresh) == bits(alike)
        assert fresh.queue.first(1000).tolist() == alike.queue.first(1000).tolist()
        assert fresh.counts() == alike.counts()
    finally:
        fresh.close()


def test_proposals_are_accepted_as_one_batch_that_says_where_it_comes_from(alike: Session):
    class_id = 5
    rows = np.flatnonzero(alike.regions.class_id == class_id)
    assert len(rows) >= 3
    for row in rows[:2]:
        alike.go_to(int(row))
        override = alike.relabel(7)
    proposed = alike.proposals(override.seq)
    assert [p.class_id for p in proposed] == [7] * len(proposed)
    assert {p.row for p in proposed} <= set(rows[2:].tolist())
    assert proposed
    before = len(alike.project.overrides)
    assert carry_out(alike, plan_proposals(alike, np.array([p.row for p in proposed]), override.seq)) == len(
        proposed
    )
    assert (alike.decided[[p.row for p in proposed]] == 7).all()
    assert alike.proposals(override.seq) == []
    active = [o for i in alike.project.overrides.images() for o in alike.project.overrides.active(i)]
    new = [o for o in active if o.origin is Origin.PROPOSAL]
    assert len(active) == before + len(new)
    assert {o.source_seq for o in new} == {override.seq}
    assert {o.action for o in new} == {Action.RELABEL}
    alike.undo()
    assert len(alike.project.overrides) == before
    assert alike.proposals(override.seq) == proposed
    alike.undo()
    with pytest.raises(OverrideError, match="undone"):
        carry_out(alike, plan_proposals(alike, rows[2:], override.seq))


def test_suggestion_is_taken_even_if_it_is_to_ignore(alike: Session):
    rows = np.flatnonzero(alike.regions.class_id == 5)
    for row in rows[:-1]:
        alike.go_to(int(row))
        alike.ignore()
    last = int(rows[-1])
    assert alike.suggested[last] == IGNORE
    alike.go_to(last)
    assert alike.take_suggestion().action is Action.IGNORE


def test_queue_in_another_order(alike: Session):
    alike.set_order(Order.GAIN)
    gain = alike.feedback.wrong * alike.regions.area * (1 + alike.feedback.open_links)
    assert alike.row == max(alike.queue.first(1000).tolist(), key=lambda r: gain[r])
    alike.set_order(Order.CLASS)
    shown = alike.regions.class_id[alike.queue.first(1000)].tolist()
    assert shown == sorted(shown)
    alike.set_order(Order.WORST)
    noise = alike.noise(alike.queue.first(1000)).tolist()
    assert noise == sorted(noise, reverse=True)


def test_forecast_improves_with_what_is_reviewed_next(alike: Session):
    first = alike.forecast(5)
    assert first.reviews == 5
    assert 0 <= first.now_low <= first.now < first.after <= first.after_high <= 1
    alike.accept()
    assert alike.forecast(5).based_on == 1


def test_slip_comes_up_again_and_accepting_keeps_what_was_decided(alike: Session):
    rows = np.flatnonzero(alike.regions.class_id == 5)
    *others, slip = rows.tolist()
    wrong = int(np.argmin(alike.regions.probabilities[slip]))  # what nothing speaks for
    for row in others:
        alike.go_to(row)
        alike.accept()
    alike.go_to(slip)
    alike.relabel(wrong)
    assert alike.flagged[slip]
    assert alike.queue.position(slip)
    assert alike.facts(slip).noise_score == 0
    told = words.verdict(alike.facts(slip), alike.scheme.label)
    assert told.startswith(f"look again: {alike.scheme.label(wrong)} was decided")
    alike.go_to(slip)
    assert alike.accept().class_id == wrong
    assert alike.confirmed[slip]
    assert not alike.flagged[slip]
    assert not alike.queue.position(slip)
    again = Session(Project.open(alike.project.path, readonly=True))
    assert again.confirmed[slip]
    assert not again.flagged[slip]
    again.close()
    alike.undo()
    assert alike.flagged[slip]
    alike.go_to(slip)
    assert alike.relabel(5).action is Action.ACCEPT
    assert not alike.flagged[slip]
