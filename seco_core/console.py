"""What the terminal shows: progress bars, problems, tables."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from seco_core.progress import ProgressCallback, ProgressEvent
from seco_core.texts import counted, moment

if TYPE_CHECKING:
    from seco_core.status import Status

# paths and messages come out as they are, whatever brackets and colons they hold
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

_LOG_SECONDS = 30
"""Between two lines of a bar where no terminal but a log or a pipe takes them."""

STAGES = {
    "example": "example scenes",
    "psa": "PSA: masks and regions",
    "cnn": "learning to see regions",
    "scc": "SCC: region classifier",
    "graph": "relational graph",
    "scc-unc": "SCC-Unc: uncertainty on the graph",
    "noise": "noise score",
    "refine": "refinement",
    "export": "export",
    "import": "import",
    "evaluate": "evaluation",
    "report": "report",
    "download": "download",
}

_WIDEST = max(map(len, STAGES.values()))

WITHIN_OTHERS = {"masks"}
"""Stages that are part of another one: they have no bar of their own, their messages are shown at its end."""


@contextmanager
def progress_bars() -> Iterator[ProgressCallback]:
    """A callback that shows one bar for each stage; warnings come as lines between the bars."""
    bar: tqdm[Any] | None = None
    current = ""
    seconds = 0.1 if sys.stderr.isatty() else _LOG_SECONDS

    def show(event: ProgressEvent) -> None:
        nonlocal bar, current
        if event.stage in WITHIN_OTHERS and bar is not None:
            bar.set_postfix_str(event.message)
            return
        if bar is None or event.stage != current:
            if bar is not None:
                bar.close()
            title = STAGES.get(event.stage, event.stage)
            bar, current = (
                tqdm(
                    total=event.total or None,
                    desc=f"{title:<{_WIDEST}}",
                    dynamic_ncols=True,
                    mininterval=seconds,
                    maxinterval=max(seconds, 10),
                ),
                event.stage,
            )
        bar.total = event.total or None
        bar.set_postfix_str(event.message, refresh=False)
        bar.update(event.done - bar.n)

    def warn(message: Warning | str, *_: Any, **__: Any) -> None:
        tqdm.write(f"warning {' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = warn
        try:
            yield show
        finally:
            if bar is not None:
                bar.close()


def print_problems(problems: Iterable[object], what: str = "skipped") -> None:
    """One line for each problem, on standard error."""
    for problem in problems:
        err.print(Text.assemble((what, "yellow"), f" {problem}"), soft_wrap=True)


def print_error(error: object) -> None:
    """An error that ends the command, on standard error."""
    err.print(Text.assemble(("error", "red"), f" {error}"), soft_wrap=True)


def print_evaluation(numbers: dict[str, Any]) -> None:
    """The result of `seco_core.evaluate.evaluate` as tables."""
    table = Table(title=f"{counted(numbers['images'], 'image')} against ground truth", title_justify="left")
    for name in ("label set", "mIoU", "accuracy", "coverage", "purity of regions"):
        table.add_column(name, justify="left" if name == "label set" else "right")
    rows = {"raw pseudo-label": "raw", "  on the curated pixels": "raw_on_curated", "after PSA": "psa"}
    for title, key in {**rows, "curated": "curated"}.items():
        values = [numbers.get(f"{m}_{key}", math.nan) for m in ("miou", "accuracy", "coverage", "purity")]
        table.add_row(title, *(_number(v) for v in values))
    out.print(table)
    table = Table(
        title=f"{counted(numbers['regions'], 'region')}, {numbers['reviewed']:,} decided by people",
        title_justify="left",
    )
    for name in ("score", "AUROC", "average precision", "precision in first 10 %"):
        table.add_column(name, justify="left" if name == "score" else "right")
    keys = ["noise_score", "loss", "confidence"]
    # a second opinion only where it was asked for
    keys += [] if math.isnan(numbers["auroc_cleanlab"]) else ["cleanlab"]
    for key in keys:
        title = {"noise_score": "noise score", "confidence": "1 - confidence"}.get(key, key)
        table.add_row(title, *(_number(numbers[f"{m}_{key}"]) for m in ("auroc", "ap", "precision10")))
    out.print(table)
    rates = [_number(numbers[k]) for k in ("noise_rate", "noise_rate_kept", "noise_rate_flagged")]
    out.print(f"share of wrong regions: {rates[0]} of all, {rates[1]} of the kept, {rates[2]} of the flagged")
    bins = numbers["reliability"]
    table = Table(title="noise score as a probability", title_justify="left")
    for name in ("regions", "predicted", "wrong"):
        table.add_column(name, justify="right")
    for count, predicted, observed in zip(bins["regions"], bins["predicted"], bins["observed"], strict=True):
        table.add_row(f"{count:,}", _number(predicted), _number(observed))
    out.print(table)
    out.print(f"mean error of the noise score as a probability: {_number(numbers['calibration_error'])}")


def print_status(found: Status) -> None:
    """What `seco_core.status.status` says, a line for each matter."""
    images = [f"{count:,} {name}" for name, count in found.images.items() if count]
    lines = [("images", f"{sum(found.images.values()):,}: {', '.join(images)}")]
    by_state: dict[str, list[str]] = {}
    for stage, state in found.stages.items():
        by_state.setdefault(state, []).append(stage)
    lines += [("stages", "; ".join(f"{state}: {', '.join(names)}" for state, names in by_state.items()))]
    if found.last_run is not None:
        began, ended = (
            moment(time) if time else "nobody knows: it goes on, or was cut off"
            for time in (found.last_run["started"], found.last_run["finished"])
        )
        lines += [("last run", f"{found.last_run['status']}, from {began} to {ended}")]
    named = {"keep": "kept", "relabel": "relabelled", "doubt": "doubted", "drop": "dropped"}
    verdicts = [f"{found.verdicts[verdict]:,} {name}" for verdict, name in named.items()]
    if found.without_verdict:
        verdicts.append(f"{found.without_verdict:,} without a verdict")
    lines += [("regions", f"{found.regions:,}: {', '.join(verdicts)}; {found.flagged:,} to be looked at")]
    who = ", ".join(f"{name} {count:,}" for name, count in found.by.items())
    lines += [
        (
            "overrides",
            f"{found.overrides:,}{f' ({who})' if who else ''}; regions reviewed: {found.reviewed:,}, "
            f"{found.reviewed_area:.1%} of the area",
        )
    ]
    told = found.forecast
    if told is not None and not math.isnan(told.now):
        lines += [
            (
                "forecast",
                f"about {told.now:.1%} of the area is right ({told.now_low:.1%} to {told.now_high:.1%}); "
                f"after {counted(told.reviews, 'more review')} about {told.after:.1%}",
            )
        ]
    lines += [("next" if number == 0 else "", step) for number, step in enumerate(found.next)]
    for title, text in lines:
        out.print(f"{title:<11}{text}", soft_wrap=True)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
