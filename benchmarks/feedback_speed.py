"""What one decision costs in a large project: scores, suggestions and queue brought up to date, and undo.

Usage: ``python -m benchmarks.feedback_speed [--regions 300000] [--neighbours 10]``

Random regions, each linked to so many others. Bars: 95 of 100 decisions within 50 ms; after undoing all of
them every number and the queue's order are the same bits (``identical``).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import sparse

from benchmarks.common import hardware, report
from seco_core.feedback.spread import Feedback
from seco_core.review import Order, order_scores, queue_keys, tie_ranks
from seco_core.scheme import IGNORE
from seco_viewer.queue import ReviewQueue

CLASSES = 19
DECISIONS = 300


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--regions", type=int, default=300_000)
    parser.add_argument("--neighbours", type=int, default=10)
    arguments = parser.parse_args()
    n = arguments.regions
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, n, (n, arguments.neighbours))
    one_way = sparse.csr_matrix(
        (
            rng.uniform(0.5, 1, chosen.size).astype(np.float32),
            chosen.ravel(),
            np.arange(n + 1) * arguments.neighbours,
        ),
        shape=(n, n),
    )
    graph = one_way.maximum(one_way.T).tocsr()
    graph.sort_indices()
    class_id = rng.integers(0, CLASSES, n).astype(np.uint8)
    probabilities = rng.dirichlet(np.full(CLASSES, 0.2), n).astype(np.float32)
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    noise = rng.random(n).astype(np.float32)
    area = rng.lognormal(6, 1.5, n).astype(np.int64) + 1
    reviewed, decided = np.zeros(n, dtype=bool), np.full(n, IGNORE, dtype=np.uint8)
    started = time.perf_counter()
    feedback = Feedback(
        graph, class_id, class_id, noise, probabilities, predicted, reviewed, decided, np.zeros(n, dtype=bool)
    )
    tie = tie_ranks(area)

    def keys(rows: np.ndarray) -> np.ndarray:
        score = order_scores(
            Order.GAIN,
            noise=feedback.noise[rows],
            wrong=feedback.wrong[rows],
            area=area[rows],
            open_links=feedback.open_links[rows],
            class_id=class_id[rows],
        )
        return queue_keys(score, tie[rows])

    queue = ReviewQueue.by_keys(keys(np.arange(n)), ~reviewed)
    seconds_open = time.perf_counter() - started
    before = [a.tobytes() for a in (feedback.noise, feedback.wrong, feedback.suggested, queue.first(n))]

    def follow(row: int) -> float:
        started = time.perf_counter()
        touched = feedback.update(np.array([row]))
        queue.move(touched, keys(touched))
        queue.set_open(touched, ~reviewed[touched] | feedback.again(touched))
        queue.current()
        return 1000 * (time.perf_counter() - started)

    rows, decide, undo = [], [], []
    for _ in range(DECISIONS):
        row = queue.current()
        assert row is not None
        rows.append(row)
        reviewed[row], decided[row] = True, rng.choice([class_id[row], predicted[row], IGNORE])
        decide.append(follow(row))
    for row in rng.permutation(rows).tolist():
        reviewed[row], decided[row] = False, IGNORE
        undo.append(follow(row))
    after = [a.tobytes() for a in (feedback.noise, feedback.wrong, feedback.suggested, queue.first(n))]
    report(
        {
            "regions": n,
            "links": int(graph.nnz),
            "seconds_open": round(seconds_open, 2),
            "decision_ms_p50": round(float(np.percentile(decide, 50)), 2),
            "decision_ms_p95": round(float(np.percentile(decide, 95)), 2),
            "decision_ms_max": round(max(decide), 2),
            "undo_ms_p95": round(float(np.percentile(undo, 95)), 2),
            "identical": before == after,
            "hardware": hardware(),
        }
    )


if __name__ == "__main__":
    main()
