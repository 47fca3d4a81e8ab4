"""Arrays -> matplotlib figures. No window and no pyplot state: usable from any thread.

Colours are those of Okabe and Ito, which people tell apart whatever their colour vision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seco_core.metrics import Reliability
from seco_core.report.counts import ReviewProgress, SplitHistogram
from seco_core.scc.mixture import LossMixture
from seco_core.scc.verdicts import loss_at
from seco_core.scheme import IGNORE
from seco_core.texts import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8C8C8C"
_SETS = {"raw": ("o", GREY), "after PSA": ("s", BLUE), "curated": ("D", ORANGE)}
_COLUMNS = 4


def histogram_figure(
    found: SplitHistogram,
    *,
    title: str,
    xlabel: str,
    parts: tuple[str, str],
    threshold: tuple[float, str] | None = None,
    mixture: LossMixture | None = None,
) -> Figure:
    """Histogram of one score over all regions.

    Parameters
    ----------
    found : SplitHistogram
        The bars.
    title, xlabel : str
        What is seen, and the score with its unit.
    parts : (str, str)
        Names of the lower and the upper part of the bars.
    threshold : (float, str), optional
        Where a dashed line goes and what it says.
    mixture : LossMixture, optional
        Its components are drawn over the bars, unless it is one-sided.
    """
    figure, axes = _figure(7.2, 3.6)
    _bars(axes, found, parts)
    if mixture is not None and not mixture.one_sided:
        _components(axes, mixture, found)
    if threshold is not None and np.isfinite(threshold[0]):
        axes.axvline(threshold[0], color="black", linestyle="--", linewidth=1.2, label=threshold[1])
    axes.set(title=title, xlabel=xlabel, ylabel="regions")
    axes.margins(x=0)
    axes.legend(frameon=False, fontsize=9)
    return figure


def class_histograms(
    found: Mapping[str, SplitHistogram],
    *,
    title: str,
    xlabel: str,
    parts: tuple[str, str],
    thresholds: Mapping[str, float] | None = None,
) -> Figure:
    """The same histogram for every class that has regions, in small, on one scale of the score.

    Parameters
    ----------
    found : mapping of str to SplitHistogram
        Bars by name of the class; empty ones are left out.
    title, xlabel, parts
        As for `histogram_figure`.
    thresholds : mapping of str to float, optional
        Where a dashed line goes in a class's histogram.
    """
    shown = {name: h for name, h in found.items() if (h.lower + h.upper).sum() > 0}
    n_rows = max(1, -(-len(shown) // _COLUMNS))
    figure, grid = _figure(9.6, 1.0 + 1.7 * n_rows, rows=n_rows, columns=_COLUMNS)
    cells = np.ravel(grid)
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    for axes, (name, histogram) in zip(cells, shown.items(), strict=False):
        _bars(axes, histogram, parts)
        at = (thresholds or {}).get(name, np.nan)
        if np.isfinite(at):
            axes.axvline(at, color="black", linestyle="--", linewidth=1.0)
        axes.set_title(f"{name} ({round((histogram.lower + histogram.upper).sum())})", fontsize=9)
        axes.set_xlim(histogram.edges[0], histogram.edges[-1])
        axes.tick_params(labelsize=7)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel("regions", fontsize=9)
    if shown:
        handles, labels = cells[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    return figure


def confusion_figure(matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Class after PSA against predicted class, every row in per cent of its regions.

    Parameters
    ----------
    matrix : ndarray of int64, (C, C)
        As `region_confusion` gives it; classes that occur in neither are left out.
    names : sequence of str, (C,)
        Names of the classes.
    """
    there = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    part = matrix[np.ix_(there, there)]
    total = part.sum(axis=1)
    share = part / np.maximum(total, 1)[:, None]
    side = 2.4 + 0.42 * len(there)
    figure, axes = _figure(side + 1.2, side)
    shown = axes.imshow(share, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for row, column in np.argwhere(share >= 0.01).tolist():
        dark = share[row, column] < 0.5
        axes.text(
            column, row, f"{share[row, column] * 100:.0f}", ha="center", va="center", fontsize=7,
            color="white" if dark else "black",
        )  # fmt: skip
    labels = [names[i] for i in there.tolist()]
    axes.set_xticks(range(len(there)), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    counted = [f"{name} ({n:,})" for name, n in zip(labels, total.tolist(), strict=True)]
    axes.set_yticks(range(len(there)), counted, fontsize=8)
    agree = np.trace(part) / max(int(part.sum()), 1)
    axes.set(
        title=f"The classifier agrees with {agree:.0%} of the regions' labels",
        xlabel="predicted class",
        ylabel="class after PSA (regions)",
    )
    figure.colorbar(shown, ax=axes, label="share of the row's regions", shrink=0.8)
    return figure


def distribution_figure(pixels: Mapping[str, NDArray[np.int64]], names: Mapping[int, str]) -> Figure:
    """Share of the pixels that each class has in every label set, on a logarithmic scale.

    Parameters
    ----------
    pixels : mapping of str to ndarray of int64, (256,)
        Pixels by class id, 255 for ignore, of the sets "raw", "after PSA" and "curated".
    names : mapping of int to str
        Names of the classes.
    """
    ids = [*names, IGNORE]
    share = {k: v[ids] / max(int(v.sum()), 1) for k, v in pixels.items()}
    present = np.flatnonzero(np.sum(list(share.values()), axis=0) > 0)
    # the most frequent class on top, ignore at the bottom
    rank = present[np.lexsort((-share["raw"][present], present == len(ids) - 1))]
    figure, axes = _figure(7.2, 1.3 + 0.27 * len(rank))
    y = np.arange(len(rank))
    values = np.stack([s[rank] for s in share.values()])
    least = max(values[values > 0].min() / 2 if (values > 0).any() else 1e-4, 1e-6)
    axes.hlines(y, np.maximum(values.min(axis=0), least), values.max(axis=0), color="#CCCCCC", linewidth=2)
    for name, value in zip(share, values, strict=True):
        marker, color = _SETS[name]
        seen = value > 0
        axes.scatter(value[seen], y[seen], marker=marker, color=color, s=28, label=name, zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(left=least)
    axes.set_yticks(y, [names.get(ids[i], "ignore") for i in rank], fontsize=8)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(
        lambda v, _: f"{v:.3%}" if v < 1e-3 else f"{v:.1%}" if v < 0.1 else f"{v:.0%}"
    )
    axes.set(title="How much of the pixels each class has", xlabel="share of all pixels (logarithmic)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(frameon=False, fontsize=9, ncols=3, loc="outside lower center")
    return figure


def progress_figure(found: ReviewProgress) -> Figure:
    """Decisions that hold, step by step."""
    figure, axes = _figure(7.2, 3.2)
    steps = np.arange(len(found.confirmed) + 1)
    parts = [np.concatenate([[0], part]) for part in (found.confirmed, found.changed)]
    axes.stackplot(
        steps, *parts, colors=[BLUE, ORANGE], alpha=0.85, labels=["class confirmed", "class changed"]
    )
    total = int(found.confirmed[-1] + found.changed[-1]) if len(found.confirmed) else 0
    axes.set(
        title=counted(total, "decision holds", "decisions hold"),
        xlabel="steps in the log (decisions, undo, redo)",
        ylabel="decisions that hold",
    )
    axes.margins(x=0)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def todo_figure(
    names: Sequence[str], reviewed: NDArray[np.int64], flagged: NDArray[np.int64], rest: NDArray[np.int64]
) -> Figure:
    """Regions of each class: reviewed, flagged and still to be looked at, and neither.

    Parameters
    ----------
    names : sequence of str, (C,)
        Names of the classes that are shown.
    reviewed, flagged, rest : ndarray of int64, (C,)
        Regions of each class.
    """
    figure, axes = _figure(7.2, 1.2 + 0.27 * len(names))
    y = np.arange(len(names))
    left = np.zeros(len(names))
    for count, color, label in (
        (reviewed, GREEN, "reviewed"),
        (flagged, ORANGE, "flagged, to go"),
        (rest, "#C9D6DF", "kept by the machine"),
    ):
        axes.barh(y, count, left=left, color=color, label=label)
        left += count
    axes.set_yticks(y, names, fontsize=8)
    axes.invert_yaxis()
    done, open_ = int(reviewed.sum()), int(flagged.sum())
    axes.set(title=f"{counted(done, 'region')} reviewed, {open_:,} flagged to go", xlabel="regions")
    axes.legend(frameon=False, fontsize=9)
    return figure


def reliability_figure(found: Reliability, *, title: str, ylabel: str) -> Figure:
    """Predicted noise score against the share of regions for which it came true, with 95 % intervals."""
    figure, axes = _figure(4.6, 4.4)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as predicted")
    error = np.maximum(np.stack([found.observed - found.low, found.high - found.observed]), 0)
    at = (found.predicted, found.observed)
    axes.errorbar(*at, yerr=error, color=BLUE, fmt="none", elinewidth=1.2, capsize=2)
    size = 12 + 90 * found.regions / max(int(found.regions.max(initial=1)), 1)
    axes.scatter(*at, s=size, color=BLUE, zorder=3, label="regions (size: how many)")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=title, xlabel="noise score", ylabel=ylabel)
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def loss_threshold(mixture: LossMixture | None, tau_ns: float) -> tuple[float, str] | None:
    """The loss at which the mixture's posterior passes `tau_ns`, with its legend; None without a mixture."""
    if mixture is None:
        return None
    return loss_at(mixture, tau_ns), f"posterior of noise = {tau_ns:g}"


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=130)
    grid = figure.subplots(rows, columns, sharex=rows * columns > 1)
    for axes in np.ravel(grid):
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_size(11)
    return figure, grid


def _bars(axes: Axes, found: SplitHistogram, parts: tuple[str, str]) -> None:
    left = found.edges[:-1]
    style: dict[str, Any] = {"width": found.width, "align": "edge", "linewidth": 0}
    axes.bar(left, found.lower, color=BLUE, alpha=0.75, label=parts[0], **style)
    axes.bar(left, found.upper, bottom=found.lower, color=ORANGE, alpha=0.75, label=parts[1], **style)


def _components(axes: Axes, mixture: LossMixture, found: SplitHistogram) -> None:
    """Densities of both components, in regions a bin."""
    x = np.linspace(found.edges[0], found.edges[-1], 400)
    scale = (found.lower + found.upper).sum() * found.width
    top = axes.get_ylim()[1]
    for k, (color, name) in enumerate(((BLUE, "clean component"), (ORANGE, "noisy component"))):
        axes.plot(x, scale * component_density(mixture, k, x), color=color, linewidth=2, label=name)
    axes.set_ylim(0, top)


def component_density(
    mixture: LossMixture, component: int, x: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Weighted density of a component, 0 the clean and 1 the noisy one, per unit of loss."""
    mean, variance = mixture.means[component], mixture.variances[component]
    density = np.exp(-0.5 * (x - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
    return np.asarray(mixture.weights[component] * density)
