"""A project -> a folder with report.html and its pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seco_core.errors import SecoError
from seco_core.files import write_bytes
from seco_core.metrics import reliability
from seco_core.progress import CancelToken, ProgressCallback, ignore_progress
from seco_core.project import Project
from seco_core.report import figures
from seco_core.report.counts import (
    SplitHistogram,
    judged_regions,
    region_confusion,
    score_limits,
    split_histogram,
)
from seco_core.report.gather import ReportData, gather
from seco_core.report.page import render
from seco_core.report.thumbnails import thumbnail
from seco_core.review import worst_first
from seco_core.scc.correction import Verdict
from seco_core.scc.verdicts import loss_at
from seco_core.texts import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORST = 24


def write_report(
    project: Project,
    folder: Path | str,
    *,
    with_ground_truth: bool = False,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> tuple[Path, tuple[str, ...]]:
    """Write a report on a project; the path of its page, and what could not be used or only in part.

    Parameters
    ----------
    project : Project
        Open; nothing in it is changed.
    folder : path-like
        Where ``report.html``, which needs no other file, and each picture as a PNG go.
    with_ground_truth : bool
        Add what `seco evaluate` measures.
    progress, cancel
        As for `run_pipeline`.

    Raises
    ------
    SecoError
        As `gather`, or if the folder cannot be written.
    """
    data = gather(project, with_ground_truth=with_ground_truth, progress=progress, cancel=cancel)
    folder = Path(folder)
    sections = []
    for heading, sentence, drawn in _sections(data):
        pictures = []
        for name, alt, figure in drawn:
            png = _png(figure)
            write_bytes(folder / f"{name}.png", png)
            pictures.append((alt, png))
        sections.append((heading, sentence, pictures))
    page = folder / "report.html"
    title = project.path.absolute().name
    write_bytes(page, render(data, title, sections, list(_worst(project, data))).encode())
    return page, data.problems


Drawn = list[tuple[str, str, "Figure"]]
"""File name, what it shows, and the figure, of each picture of a section."""


def _sections(data: ReportData) -> Iterator[tuple[str, str, Drawn]]:
    """Heading, how to read it, and figures of every part that there is something to show for."""
    if data.scored.any():
        yield (
            "Noise score",
            "How likely each region's class is wrong. Regions above the threshold are flagged.",
            _noise(data),
        )
        yield (
            "Loss",
            "Cross-entropy of each region's class under models that have not seen its image. A bar's parts "
            "are the expected numbers of clean and of noisy regions.",
            _loss(data),
        )
    if not np.isnan(data.regions.uncertainty).all():
        yield (
            "Uncertainty",
            "Of the graph VAE. The rule by uncertainty keeps a share of every class, so each class has a "
            "threshold of its own; the line over all regions is where that share of all of them lies.",
            _uncertainty(data),
        )
    if data.scored.any():
        names = [data.scheme.label(i) for i in range(data.scheme.size)]
        scored = data.scored
        matrix = region_confusion(
            data.regions.class_id[scored], data.regions.predicted[scored], data.scheme.size
        )
        yield (
            "Labels and predictions",
            "Rows add up to 100: of the regions with the row's label, how many are predicted as what.",
            [("confusion", "labels against predictions", figures.confusion_figure(matrix, names))],
        )
    yield (
        "Classes",
        "Each label set's share of pixels by class: what moved, and what became ignore.",
        [
            (
                "classes",
                "share of pixels by class",
                figures.distribution_figure(data.pixels, {c.id: c.name for c in data.scheme.classes}),
            )
        ],
    )
    yield "Review", "What people decided, and what is left.", _review(data)


def _noise(data: ReportData) -> Drawn:
    score, tau = data.regions.noise_score, data.parameters.scc.tau_ns
    above = score > tau
    parts = ("not above the threshold", "above the threshold")
    title = f"{_share(above, data.scored)} of the regions are above {tau:g}"
    one = figures.histogram_figure(
        split_histogram(score, above, (0.0, 1.0)),
        title=title,
        xlabel="noise score (probability)",
        parts=parts,
        threshold=(tau, f"tau_ns = {tau:g}"),
    )
    many = figures.class_histograms(
        _each_class(data, score, above, (0.0, 1.0)),
        title="Noise score by class",
        xlabel="noise score (probability)",
        parts=parts,
        thresholds={c.name: tau for c in data.scheme.classes},
    )
    return [("noise_score", title, one), ("noise_score_by_class", "noise score by class", many)]


def _loss(data: ReportData) -> Drawn:
    loss, eta, tau = data.regions.loss, np.nan_to_num(_posterior(data)), data.parameters.scc.tau_ns
    limits = score_limits(loss)
    threshold = figures.loss_threshold(data.mixture, tau)
    at = {} if threshold is None else {c.name: threshold[0] for c in data.scheme.classes}
    if data.class_mixtures is not None:
        # each class is judged among its own: no one loss divides all regions
        threshold, at = (
            None,
            {c.name: loss_at(data.class_mixtures.of(c.id), tau) for c in data.scheme.classes},
        )
    parts = ("expected clean", "expected noisy")
    title = (
        "The losses do not fall into two populations"
        if data.mixture is None or data.mixture.one_sided
        else f"{eta[data.scored].mean():.0%} of the regions are expected to be noisy by their loss"
    )
    one = figures.histogram_figure(
        split_histogram(loss, eta, limits), title=title, xlabel="loss (nats)", parts=parts,
        threshold=threshold, mixture=data.mixture,
    )  # fmt: skip
    many = figures.class_histograms(
        _each_class(data, loss, eta, limits), title="Loss by class", xlabel="loss (nats)", parts=parts,
        thresholds=at,
    )  # fmt: skip
    return [("loss", title, one), ("loss_by_class", "loss by class", many)]


def _uncertainty(data: ReportData) -> Drawn:
    value, share = data.regions.uncertainty, data.parameters.scc.certain_share
    limits = score_limits(value)
    known = ~np.isnan(value)
    cut = {
        c.name: float(np.quantile(value[own], share))
        for c in data.scheme.classes
        if (own := known & (data.regions.class_id == c.id)).any()
    }
    above = np.zeros(len(value), dtype=bool)
    for info in data.scheme.classes:
        own = known & (data.regions.class_id == info.id)
        above[own] = value[own] > cut.get(info.name, np.inf)
    parts = (f"least uncertain {share:.0%} of the class", "the rest")
    title = f"Uncertainty of {counted(int(known.sum()), 'region')} on the graph"
    one = figures.histogram_figure(
        split_histogram(value, above, limits), title=title, xlabel="uncertainty (sum of three parts, 0 to 3)",
        parts=parts, threshold=(float(np.quantile(value[known], share)), f"{share:.0%} of all regions"),
    )  # fmt: skip
    many = figures.class_histograms(
        _each_class(data, value, above, limits), title="Uncertainty by class",
        xlabel="uncertainty (sum of three parts, 0 to 3)", parts=parts, thresholds=cut,
    )  # fmt: skip
    return [("uncertainty", title, one), ("uncertainty_by_class", "uncertainty by class", many)]


def _review(data: ReportData) -> Drawn:
    r = data.regions
    flagged = (r.verdict != Verdict.KEEP) & ~data.reviewed
    there = [c for c in data.scheme.classes if (r.class_id == c.id).any()]
    n = data.scheme.size
    ids = np.array([c.id for c in there])
    counts = [
        np.bincount(r.class_id[chosen], minlength=n)[ids]
        for chosen in (data.reviewed, flagged, ~data.reviewed & ~flagged)
    ]
    names = [c.name for c in there]
    drawn = [("review_by_class", "reviewed by class", figures.todo_figure(names, *counts))]
    if len(data.progress.confirmed):
        drawn.append(("review_progress", "decisions so far", figures.progress_figure(data.progress)))
    score, changed = judged_regions(r.noise_score, r.class_id, data.reviewed, data.decided)
    if len(score):
        figure = figures.reliability_figure(
            reliability(score, changed),
            title=f"What reviewers changed, {counted(len(score), 'region')}",
            ylabel="share that reviewers changed (95 %)",
        )
        drawn.append(("reliability", "noise score against what reviewers changed", figure))
    return drawn


def _posterior(data: ReportData) -> NDArray[np.float32]:
    """Posterior of noise by the loss; by the mixture drawn where the store has none."""
    eta = data.regions.eta
    if np.isnan(eta[data.scored]).any() and data.mixture is not None:
        return data.mixture.eta(data.regions.loss)
    return eta


def _each_class(
    data: ReportData,
    value: NDArray[np.float32],
    upper: NDArray[np.floating[Any] | np.bool_],
    limits: tuple[float, float],
) -> dict[str, SplitHistogram]:
    found = {}
    for info in data.scheme.classes:
        own = data.regions.class_id == info.id
        found[info.name] = split_histogram(value[own], upper[own], limits, bins=30)
    return found


def _share(chosen: NDArray[np.bool_], among: NDArray[np.bool_]) -> str:
    return f"{(chosen & among).sum() / max(int(among.sum()), 1):.0%}"


def _worst(project: Project, data: ReportData) -> Iterator[tuple[bytes, list[str]]]:
    r, label = data.regions, data.scheme.label
    order = worst_first(r.noise_score, r.area, data.scored & ~data.reviewed)
    for row in order[:_WORST].tolist():
        image_id = int(r.image_id[row])
        try:
            image, region_ids = project.read_image(image_id), project.read_region_ids(image_id)
        except SecoError:  # the image is gone: the report is about all the others
            continue
        if region_ids is None or region_ids.shape != image.shape[:2]:  # another image since
            continue
        picture = thumbnail(
            image, region_ids, row - r.rows_of(image_id).start + 1, tuple(r.box[row].tolist())
        )
        probability = float(r.probabilities[row, r.predicted[row]])
        yield (
            _png(picture),
            [
                f"{label(int(r.class_id[row]))} → {label(int(r.predicted[row]))} {probability:.0%}?",
                f"noise score {r.noise_score[row]:.2f}, loss {r.loss[row]:.2f}",
                f"{project.images[image_id].name}, {int(r.area[row]):,} px",
            ],
        )


def _png(picture: Figure | NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    if isinstance(picture, np.ndarray):
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    else:
        picture.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
