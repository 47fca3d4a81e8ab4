from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.feedback.forecast import forecast
from seco_core.feedback.proposals import proposals
from seco_core.feedback.spread import Feedback
from seco_core.scheme import IGNORE

CLASSES = 4
NUMBERS = ("noise", "wrong", "doubt", "suggested", "belief", "held_out", "open_links")


def linked(n: int, pairs: dict[tuple[int, int], float]) -> sparse.csr_matrix:
    dense = np.zeros((n, n), dtype=np.float32)
    for (a, b), weight in pairs.items():
        dense[a, b] = dense[b, a] = weight
    return sparse.csr_matrix(dense)


def random_regions(n: int, seed: int) -> tuple[Feedback, NDArray[np.bool_], NDArray[np.uint8]]:
    """Random regions and links; some have no score."""
    rng = np.random.default_rng(seed)
    upper = np.triu((rng.random((n, n)) < 0.3) * rng.uniform(0.2, 1, (n, n)), k=1).astype(np.float32)
    class_id = rng.integers(0, CLASSES, n).astype(np.uint8)
    probabilities = rng.dirichlet(np.full(CLASSES, 0.4), n).astype(np.float32)
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    label = np.where(rng.random(n) < 0.2, predicted, class_id).astype(np.uint8)
    noise = rng.random(n).astype(np.float32)
    noise[::5] = np.nan
    reviewed, decided = np.zeros(n, dtype=bool), np.full(n, IGNORE, dtype=np.uint8)
    graph = sparse.csr_matrix(upper + upper.T)
    return (
        Feedback(
            graph,
            class_id,
            label,
            noise,
            probabilities,
            predicted,
            reviewed,
            decided,
            np.zeros(n, dtype=bool),
        ),
        reviewed,
        decided,
    )


def three_like_one_another(
    noise: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> tuple[Feedback, NDArray[np.bool_], NDArray[np.uint8]]:
    """Regions 0, 1 and 2 of class 0, all predicted as 1; 0 and 1 are linked, 2 is alone."""
    probabilities = np.tile(np.array([0.4, 0.5, 0.1, 0.0], dtype=np.float32), (3, 1))
    reviewed, decided = np.zeros(3, dtype=bool), np.full(3, IGNORE, dtype=np.uint8)
    zeros, ones = np.zeros(3, dtype=np.uint8), np.ones(3, dtype=np.uint8)
    feedback = Feedback(
        linked(3, {(0, 1): 0.9}), zeros, zeros, np.array(noise, dtype=np.float32), probabilities, ones,
        reviewed, decided, np.zeros(3, dtype=bool),
    )  # fmt: skip
    return feedback, reviewed, decided


def test_without_decisions_the_machine_is_believed():
    feedback, _, _ = three_like_one_another((0.1, 0.5, np.nan))
    assert feedback.noise.tolist()[:2] == pytest.approx([0.1, 0.5])
    assert np.isnan(feedback.noise[2])
    assert feedback.suggested.tolist() == [1, 1, 1]
    # of what is not its own class, 0.5 of 0.6 is predicted as class 1
    assert feedback.belief[1] == pytest.approx(0.5 * 0.5 / 0.6)


def test_accepting_lowers_what_is_alike_and_leaves_the_rest():
    feedback, reviewed, decided = three_like_one_another()
    reviewed[0], decided[0] = True, 0
    assert feedback.update(np.array([0])).tolist() == [0, 1]
    assert feedback.noise[0] == 0
    assert feedback.noise[1] == pytest.approx(1 - (0.5 + 0.9**4) / (1 + 0.9**4))
    assert feedback.noise[2] == 0.5
    assert feedback.open_links.tolist() == [1, 0, 0]
    (influence,) = feedback.influences(1)
    assert (influence.row, influence.decided, influence.raises) == (0, 0, False)
    assert influence.similarity == pytest.approx(0.9)
    assert feedback.influences(0) == []


@pytest.mark.parametrize("answer", [2, IGNORE])
def test_relabelling_raises_what_is_alike_and_suggests_the_new_class(answer: int):
    feedback, reviewed, decided = three_like_one_another()
    reviewed[0], decided[0] = True, answer
    feedback.update(np.array([0]))
    assert feedback.noise[1] > 0.5
    assert feedback.suggested.tolist() == [1, answer, 1]
    assert feedback.influences(1)[0].raises
    # a region is not told by its own review how likely it was wrong
    assert feedback.held_out[0] == pytest.approx(0.5)


def test_region_that_has_the_new_class_already_is_lowered():
    probabilities = np.tile(np.array([0.4, 0.5, 0.1, 0.0], dtype=np.float32), (2, 1))
    class_id = np.array([0, 2], dtype=np.uint8)
    reviewed, decided = np.array([True, False]), np.array([2, IGNORE], dtype=np.uint8)
    feedback = Feedback(
        linked(2, {(0, 1): 1.0}), class_id, class_id, np.array([0.5, 0.5], dtype=np.float32), probabilities,
        np.ones(2, dtype=np.uint8), reviewed, decided, np.zeros(2, dtype=bool),
    )  # fmt: skip
    assert feedback.noise[1] == pytest.approx(1 - (0.5 + 0.5) / 1.5)


def sure_of_road(n: int, noise: float = 0.02) -> tuple[Feedback, NDArray[np.bool_], NDArray[np.uint8]]:
    """Regions of class 0, all linked to one another, which the machine takes for 0 too; what is decided."""
    zeros, probabilities = np.zeros(n, dtype=np.uint8), np.zeros((n, CLASSES), dtype=np.float32)
    probabilities[:] = [0.97, 0.01, 0.01, 0.01]
    reviewed, decided = np.zeros(n, dtype=bool), np.full(n, IGNORE, dtype=np.uint8)
    graph = linked(n, {(a, b): 0.95 for a in range(n) for b in range(a)})
    confirmed = np.zeros(n, dtype=bool)
    feedback = Feedback(
        graph, zeros, zeros, np.full(n, noise, np.float32), probabilities, zeros, reviewed, decided, confirmed
    )
    feedback.twice = confirmed  # type: ignore[attr-defined]
    return feedback, reviewed, decided


def test_decision_against_machine_and_all_alike_is_doubted_until_it_is_made_twice():
    feedback, reviewed, decided = sure_of_road(6)
    reviewed[:5], decided[:5] = True, [0, 0, 0, 0, 3]
    feedback.update(np.arange(5))
    assert feedback.again().tolist() == [False] * 4 + [True, False]
    assert feedback.wrong[4] == feedback.doubt[4] > 0.9
    assert feedback.noise[4] == 0, "what a person decided is never noise"
    feedback.twice[4] = True
    feedback.update(np.array([4]))
    assert not feedback.again().any()
    assert feedback.wrong[4] == 0


def test_several_who_agree_are_believed_and_ignoring_is_not_doubted():
    feedback, reviewed, decided = sure_of_road(6, noise=0.5)
    reviewed[:4], decided[:4] = True, 3
    feedback.update(np.arange(4))
    assert not feedback.again().any()
    feedback, reviewed, decided = sure_of_road(3)
    reviewed[0] = True
    feedback.update(np.array([0]))
    assert feedback.doubt[0] == 0


def test_region_without_a_score_says_nothing_against_the_decision():
    probabilities = np.array([[0.2, 0.2, 0.5, 0.1]], dtype=np.float32)
    one = np.zeros(1, dtype=np.uint8)
    taught = Feedback(
        None, one, one, np.full(1, np.nan, np.float32), probabilities, np.full(1, 2, np.uint8),
        np.ones(1, bool), np.full(1, 2, np.uint8), np.zeros(1, bool),
    )  # fmt: skip
    assert not taught.again().any()


def test_label_that_the_machine_takes_itself_is_judged_on_its_own():
    feedback, _, _ = three_like_one_another((0.9, 0.9, 0.9))
    relabelled = Feedback(
        None, np.zeros(1, np.uint8), np.ones(1, np.uint8), np.array([0.9], np.float32),
        np.array([[0.0, 1.0]], np.float32), np.ones(1, np.uint8), np.zeros(1, bool), np.zeros(1, np.uint8),
        np.zeros(1, bool),
    )  # fmt: skip
    assert feedback.wrong[0] == pytest.approx(0.9)
    assert relabelled.noise[0] == pytest.approx(0.9)
    assert relabelled.wrong[0] == pytest.approx(0.1)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 24), st.integers(0, 10_000), st.data())
def test_any_way_to_the_same_decisions_gives_the_same_bits(n: int, seed: int, data: st.DataObject):
    feedback, reviewed, decided = random_regions(n, seed)
    untouched = {name: getattr(feedback, name).tobytes() for name in NUMBERS}
    for _ in range(data.draw(st.integers(1, 20))):
        rows = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3, unique=True)))
        reviewed[rows] = data.draw(st.booleans())
        decided[rows] = data.draw(st.sampled_from([0, 1, 2, 3, IGNORE]))
        before = {name: getattr(feedback, name).copy() for name in NUMBERS}
        touched = feedback.update(rows)
        others = np.setdiff1d(np.arange(n), touched)
        for name in NUMBERS:
            assert np.array_equal(getattr(feedback, name)[others], before[name][others], equal_nan=True)
    fresh, again, decided_again = random_regions(n, seed)
    again[:], decided_again[:] = reviewed, decided
    fresh.update(np.flatnonzero(reviewed))
    for name in NUMBERS:
        assert getattr(fresh, name).tobytes() == getattr(feedback, name).tobytes(), name
    for name in ("noise", "wrong", "belief"):
        known = getattr(feedback, name)
        known = known[~np.isnan(known)]
        assert ((known >= 0) & (known <= 1)).all(), name
    reviewed[:] = False
    feedback.update(np.arange(n))
    assert {name: getattr(feedback, name).tobytes() for name in NUMBERS} == untouched


def test_arrays_of_different_regions_are_refused():
    zeros = np.zeros(3, dtype=np.uint8)
    with pytest.raises(ParameterError, match="same 3 regions"):
        Feedback(
            linked(2, {}), zeros, zeros, np.zeros(3, np.float32), np.zeros((3, 2), np.float32), zeros,
            np.zeros(3, bool), zeros, np.zeros(3, bool),
        )  # fmt: skip


def test_proposals_are_the_open_regions_that_now_are_believed_to_be_of_that_class():
    n = 5
    probabilities = np.tile(np.array([0.5, 0.5, 0.0, 0.0], dtype=np.float32), (n, 1))
    zeros = np.zeros(n, dtype=np.uint8)
    reviewed, decided = np.zeros(n, dtype=bool), np.full(n, IGNORE, dtype=np.uint8)
    # 1 and 2 are alike, 2 the more so; 3 hardly; 4 is decided already
    graph = linked(n, {(0, 1): 0.95, (0, 2): 0.99, (0, 3): 0.3, (0, 4): 0.99})
    noise = np.full(n, 0.9, dtype=np.float32)
    nothing_twice = np.zeros(n, dtype=bool)
    feedback = Feedback(graph, zeros, zeros, noise, probabilities, zeros, reviewed, decided, nothing_twice)
    reviewed[[0, 4]], decided[[0, 4]] = True, 2
    feedback.update(np.array([0, 4]))
    found = proposals(feedback, np.array([0]), 2, ~reviewed, least_belief=0.4)
    assert [p.row for p in found] == [2, 1]
    assert found[0].similarity == pytest.approx(0.99)
    assert found[0].belief == pytest.approx(0.99**4 / (1 + 0.99**4))
    assert {p.class_id for p in found} == {2}
    assert proposals(feedback, np.array([0]), 2, ~reviewed, least_belief=0.6) == []
    assert proposals(feedback, np.array([0]), 3, ~reviewed) == []


def test_forecast_believes_scores_at_first_and_reviews_later():
    rng = np.random.default_rng(0)
    n = 3000
    area = rng.integers(50, 150, n)
    wrong = np.full(n, 0.6)
    nobody = np.zeros(n, dtype=bool)
    first = forecast(wrong, area, nobody, nobody, np.arange(0))
    assert first.now == pytest.approx(0.4)
    assert (first.reviews, first.based_on) == (0, 0)
    truly_wrong = rng.random(n) < 0.2
    reviewed = np.arange(n) < 1000
    later = forecast(wrong, area, reviewed, truly_wrong, np.arange(1000, 2000))
    really = 1 - area[truly_wrong & ~reviewed].sum() / area.sum()
    assert later.now_low <= really <= later.now_high
    assert later.now_high - later.now_low < first.now_high - first.now_low
    assert later.now < later.after
    assert not later.stop
    assert forecast(wrong, area, reviewed, truly_wrong, np.arange(1000, 1010)).stop


def test_forecast_interval_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        area = rng.lognormal(5, 1, 600).astype(np.int64) + 1
        score = rng.random(600)
        truly_wrong = rng.random(600) < score * 0.7
        reviewed = rng.random(600) < 0.2
        found = forecast(score, area, reviewed, truly_wrong, np.arange(0))
        held += found.now_low <= 1 - area[truly_wrong & ~reviewed].sum() / area.sum() <= found.now_high
    assert held >= 0.85 * 200


def test_forecast_of_nothing():
    none = np.zeros(0)
    found = forecast(none, none.astype(int), none.astype(bool), none.astype(bool), none.astype(np.int64))
    assert np.isnan(found.now)
    assert found.stop
