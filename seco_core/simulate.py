"""A simulated reviewer who knows the ground truth: how much right does each decision buy, in which order?"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import DatasetError, ParameterError, ProjectError, SecoError
from seco_core.feedback.forecast import Forecast, forecast
from seco_core.feedback.spread import Feedback
from seco_core.files import write_bytes
from seco_core.label_files import read_label
from seco_core.metrics import scores
from seco_core.project import Project, RegionArrays
from seco_core.refine import region_labels
from seco_core.review import Order, order_scores
from seco_core.scheme import IGNORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDERS = {
    "feedback": "expected gain, decisions spread",
    "worst_first": "noise score",
    "confidence": "least confident first",
    "confidence_area": "(1 - confidence) x area",
    "random": "random",
    "oracle": "largest wrong region first",
}
"""Orders that can be simulated, and what a legend calls them. The oracle's is not to be had in earnest."""

_DONE = -2.0
"""Gain of a region that need not be looked at any more."""


@dataclass(frozen=True)
class Task:
    """Regions to review and their ground truth.

    Attributes
    ----------
    regions : RegionArrays
        As the pipeline left them.
    graph : scipy.sparse.csr_matrix or None
        See `Project.graph`.
    pixels : ndarray of int64, (R, C)
        Pixels of each class in the ground truth of each region.
    problems : tuple of SecoError
        One for each image whose ground truth cannot be used.
    """

    regions: RegionArrays
    graph: sparse.csr_matrix | None
    pixels: NDArray[np.int64]
    problems: tuple[SecoError, ...] = ()

    @property
    def truth(self) -> NDArray[np.uint8]:
        """Majority class of each region, 255 for one without a labelled pixel."""
        majority = self.pixels.argmax(axis=1)
        return np.where(self.pixels.any(axis=1), majority, IGNORE).astype(np.uint8)

    @property
    def machine(self) -> NDArray[np.uint8]:
        """Class that each region ends with if nobody looks at it."""
        r = self.regions
        return region_labels(r.class_id, r.verdict, r.predicted, state="all")


@dataclass(frozen=True)
class EffortCurve:
    """What reviewing in one order achieves; entry k is after k reviews.

    Attributes
    ----------
    order : str
        One of `ORDERS`.
    regions : int
        How many regions there are; K is more where some are looked at again.
    accuracy : ndarray of float64, (K + 1,)
        Share of the labelled regions' area in regions whose class is the majority of their ground truth.
    miou : ndarray of float64, (K + 1,)
        Pixel mIoU of the regions' classes, over all pixels of regions.
    """

    order: str
    regions: int
    accuracy: NDArray[np.float64]
    miou: NDArray[np.float64]

    def reviews_until(self, accuracy: float) -> int | None:
        """How many reviews it takes until the accuracy is reached; None if it never is."""
        reached = self.accuracy >= accuracy
        return int(reached.argmax()) if reached.any() else None


def load_task(project: Project) -> Task:
    """Read a scored project and its ground truth.

    Raises
    ------
    DatasetError
        If the project has no ground truth, or none that can be used.
    ProjectError
        If the pipeline has not run.
    """
    regions, n_classes = project.regions(), project.scheme.size
    paths = project.ground_truth_paths()
    if paths and not len(regions):
        raise ProjectError(
            "there are no regions to review.", path=project.path, remedy="Run the pipeline first."
        )
    problems: list[SecoError] = []
    pixels = np.zeros((len(regions), n_classes), dtype=np.int64)
    for image_id in np.unique(regions.image_id).tolist():
        region_ids, rows = project.read_region_ids(image_id), regions.rows_of(image_id)
        if image_id not in paths or region_ids is None:
            continue
        try:
            truth = read_label(paths[image_id], project.scheme, region_ids.shape)
        except SecoError as error:
            problems.append(error)
            continue
        counted = (truth != IGNORE) & (region_ids > 0)
        cells = (region_ids[counted].astype(np.int64) - 1) * n_classes + truth[counted]
        n = rows.stop - rows.start
        pixels[rows] = np.bincount(cells, minlength=n * n_classes).reshape(n, n_classes)
    if not pixels.any():
        why = f": {problems[0]}" if problems else "."
        raise DatasetError(
            f"there is no ground truth to answer with{why}",
            path=project.path,
            remedy="Run the pipeline on a dataset that has ground truth.",
        )
    return Task(regions, project.graph(regions.id), pixels, tuple(problems))


def simulate(task: Task, order: str, *, error_rate: float = 0.0, seed: int = 0) -> EffortCurve:
    """Review all regions in an order.

    The reviewer answers with the majority class of the region's ground truth, with ignore if it has none. Of
    the regions that nobody has looked at only what the machine itself relabels counts as relabelled. With
    feedback a decision that is doubted comes up a second time, which counts as one more review.

    Parameters
    ----------
    task : Task
        What to review.
    order : str
        One of `ORDERS`.
    error_rate : float
        Probability of answering with some other class, 0..1, at every look anew. At the first look the same
        regions are answered wrongly in every order.
    seed : int
        Of the random order and of the errors.

    Raises
    ------
    ParameterError
        If there is no such order, or the error rate is out of range.
    """
    if order not in ORDERS:
        raise ParameterError(f"there is no order {order!r}.", remedy=f"One of: {', '.join(ORDERS)}.")
    if not 0.0 <= error_rate <= 1.0:
        raise ParameterError(f"the error rate must be from 0 to 1, not {error_rate}.")
    reviewer = _Reviewer(task, error_rate, seed)
    labels, truth = task.machine.copy(), task.truth
    n_classes = task.pixels.shape[1]
    weight = np.where(truth == IGNORE, 0, task.regions.area).astype(np.float64)
    right = float(weight[labels == truth].sum())
    matrix = np.zeros((n_classes, n_classes + 1), dtype=np.int64)  # the last column is ignore
    np.add.at(matrix.T, np.minimum(labels, n_classes), task.pixels)
    accuracy, miou = [right], [scores(matrix[:, :n_classes]).miou]
    for row, answer in _reviews(task, order, reviewer, seed):
        right += weight[row] * (float(answer == truth[row]) - float(labels[row] == truth[row]))
        matrix[:, min(int(labels[row]), n_classes)] -= task.pixels[row]
        matrix[:, min(answer, n_classes)] += task.pixels[row]
        labels[row] = answer
        accuracy.append(right)
        miou.append(scores(matrix[:, :n_classes]).miou)
    return EffortCurve(order, len(labels), np.array(accuracy) / weight.sum(), np.array(miou))


@dataclass(frozen=True)
class ForecastCheck:
    """A forecast made while reviewing, and what was really so.

    Attributes
    ----------
    told : Forecast
        What was told.
    now, after : float
        Share of the labelled area that was right then, and that would have been after the next reviews.
    """

    told: Forecast
    now: float
    after: float


def check_forecasts(
    task: Task, order: str, moments: Iterable[int], *, ahead: int = 40, seed: int = 0
) -> list[ForecastCheck]:
    """Review in an order without mistakes, and forecast at some moments.

    Parameters
    ----------
    task : Task
        What to review.
    order : str
        One of `ORDERS`; the next reviews are those of this order.
    moments : iterable of int
        Numbers of reviews, ascending, each fewer than there are regions.
    ahead : int
        How many more reviews are asked about.
    seed : int
        Of the random order.
    """
    rows = [row for row, _ in _reviews(task, order, _Reviewer(task, 0.0, seed), seed)]
    r, machine, truth = task.regions, task.machine, task.truth
    weight = np.where(truth == IGNORE, 0, r.area)
    reviewed, decided = np.zeros(len(r), dtype=bool), truth.copy()
    feedback = Feedback(
        task.graph, r.class_id, machine, r.noise_score, r.probabilities, r.predicted,
        reviewed, decided, np.zeros(len(r), dtype=bool),
    )  # fmt: skip
    checks = []
    for moment in moments:
        reviewed[rows[:moment]] = True
        feedback.update(np.flatnonzero(reviewed))
        following = np.array(rows[moment : moment + ahead])
        right = reviewed | (machine == truth)
        now = float(weight[right].sum() / weight.sum())
        right[following] = True
        told = forecast(feedback.held_out, weight, reviewed, reviewed & (truth != machine), following)
        checks.append(ForecastCheck(told, now, float(weight[right].sum() / weight.sum())))
    return checks


def write_curves(curves: Iterable[EffortCurve], folder: Path, *, goal: float = 0.95) -> dict[str, Any]:
    """Write ``effort.json`` and ``effort.png``; what the JSON holds.

    Parameters
    ----------
    curves : iterable of EffortCurve
        Of one project.
    folder : Path
        Made if it does not exist.
    goal : float
        Accuracy for which the number of reviews is told.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    curves = list(curves)
    told = {
        curve.order: {
            "reviews_until_goal": curve.reviews_until(goal),
            "accuracy": np.round(curve.accuracy, 5).tolist(),
            "miou": np.round(curve.miou, 5).tolist(),
        }
        for curve in curves
    }
    result = {"goal": goal, "regions": curves[0].regions, "orders": told}
    write_bytes(folder / "effort.json", (json.dumps(result) + "\n").encode())
    picture = io.BytesIO()
    effort_figure(curves, goal=goal).savefig(picture, format="png", dpi=120)
    write_bytes(folder / "effort.png", picture.getvalue())
    return result


def effort_figure(curves: list[EffortCurve], *, goal: float = 0.95) -> Figure:
    """Accuracy and mIoU against the number of reviews, one line an order."""
    from matplotlib.figure import Figure

    # Okabe and Ito's colours, which the colour-blind tell apart
    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#888888", "#000000")
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for curve in curves:
        number = list(ORDERS).index(curve.order)
        style = {"color": colours[number], "linestyle": "--" if curve.order == "oracle" else "-"}
        reviews = np.arange(len(curve.accuracy))
        left.plot(reviews, 100 * curve.accuracy, label=ORDERS[curve.order], **style)
        right.plot(reviews, curve.miou, label=ORDERS[curve.order], **style)
    left.axhline(100 * goal, color="#888888", linewidth=0.8, linestyle=":")
    left.set(title="How much is right after so many reviews", ylabel="area in regions of the right class, %")
    right.set(title="mIoU after so many reviews", ylabel="mIoU over the regions' pixels")
    for axes in (left, right):
        axes.set_xlabel("regions reviewed")
        axes.grid(alpha=0.3)
    left.legend(loc="lower right", fontsize="small")
    return figure


class _Reviewer:
    """Says what a region is, the truth or by mistake something else; how often is for each look to say."""

    def __init__(self, task: Task, error_rate: float, seed: int):
        self._truth = task.truth
        self._classes = np.flatnonzero(task.pixels.any(axis=0))
        self._error_rate, self._seed = error_rate, seed
        self._looks = np.zeros(len(self._truth), dtype=np.int64)
        self._answers: list[NDArray[np.uint8]] = []

    def answer(self, row: int) -> int:
        look = int(self._looks[row])
        self._looks[row] += 1
        while len(self._answers) <= look:
            self._answers.append(self._at_look(len(self._answers)))
        return int(self._answers[look][row])

    def _at_look(self, look: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self._seed, 1, look])
        truth, classes = self._truth, self._classes
        errs = (rng.random(len(truth)) < self._error_rate) & (truth != IGNORE) & (len(classes) > 1)
        # so many places on in the list of classes that occur, never around to the right one
        steps = rng.integers(1, max(2, len(classes)), len(truth))
        place = np.searchsorted(classes, np.where(truth == IGNORE, classes[0], truth))
        other = classes[(place + steps) % len(classes)]
        return np.where(errs, other, truth).astype(np.uint8)


def _reviews(task: Task, order: str, reviewer: _Reviewer, seed: int) -> Iterator[tuple[int, int]]:
    """Region and answer of one review after the other."""
    r = task.regions
    if order == "feedback":
        yield from _by_feedback(task, reviewer)
        return
    unsure = 1.0 - np.nan_to_num(r.confidence.astype(np.float64), nan=0.0)
    keys: dict[str, Callable[[], NDArray[np.float64]]] = {
        "worst_first": lambda: np.nan_to_num(r.noise_score.astype(np.float64), nan=-1.0),
        "confidence": lambda: unsure,
        "confidence_area": lambda: unsure * r.area,
        "random": lambda: np.random.default_rng([seed, 0]).random(len(r)),
        "oracle": lambda: np.where((task.machine != task.truth) & (task.truth != IGNORE), r.area, 0.0),
    }
    for row in np.argsort(-keys[order](), kind="stable").tolist():
        yield row, reviewer.answer(row)


def _by_feedback(task: Task, reviewer: _Reviewer) -> Iterator[tuple[int, int]]:
    """The queue of the viewer, whole and by expected gain, as decisions change it."""
    r = task.regions
    reviewed, decided = np.zeros(len(r), dtype=bool), np.full(len(r), IGNORE, dtype=np.uint8)
    confirmed = np.zeros(len(r), dtype=bool)
    feedback = Feedback(
        task.graph, r.class_id, task.machine, r.noise_score, r.probabilities, r.predicted,
        reviewed, decided, confirmed,
    )  # fmt: skip

    def gain(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = order_scores(
            Order.GAIN,
            noise=feedback.noise[rows],
            wrong=feedback.wrong[rows],
            area=r.area[rows],
            open_links=feedback.open_links[rows],
            class_id=r.class_id[rows],
        )
        done = reviewed[rows] & ~feedback.again(rows)
        return np.where(done, _DONE, np.nan_to_num(found, nan=-1.0)).astype(np.float32)

    score = gain(np.arange(len(r)))
    while score.max(initial=_DONE) > _DONE:
        row = int(score.argmax())
        answer = reviewer.answer(row)
        yield row, answer
        confirmed[row] = reviewed[row] and answer == decided[row]
        reviewed[row], decided[row] = True, answer
        touched = feedback.update(np.array([row]))
        score[touched] = gain(touched)
