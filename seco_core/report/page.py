"""One HTML file that needs no other: pictures embedded, numbers as tables."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seco_core import __version__
from seco_core.parameters import Parameters, parameter_fields
from seco_core.report.gather import ReportData
from seco_core.scc.correction import Verdict

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem}
body{color:#1b1b1b;background:#fff}
h1{margin-bottom:.2rem} h2{margin-top:2.4rem;border-bottom:2px solid #ddd;padding-bottom:.2rem}
figure{margin:1rem 0} img{max-width:100%;height:auto}
.pair{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start} .pair figure{flex:1 1 420px;margin:0}
table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .8rem .2rem 0;text-align:right;border-bottom:1px solid #e4e4e4}
th:first-child,td:first-child{text-align:left} th{font-weight:600}
.worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:.9rem}
.worst figure{margin:0} .worst img{width:100%;border-radius:4px}
.worst figcaption{font-size:12.5px;line-height:1.3}
.changed{font-weight:600} .note{color:#555} code{background:#f2f2f2;padding:0 .25em}
"""


def render(
    data: ReportData,
    title: str,
    sections: Sequence[tuple[str, str, Sequence[tuple[str, bytes]]]],
    worst: Sequence[tuple[bytes, Sequence[str]]],
) -> str:
    """The report as one HTML page.

    Parameters
    ----------
    data : ReportData
        What the tables say.
    title : str
        Name of the project.
    sections : sequence of (str, str, sequence of (str, bytes))
        Heading, a sentence on how to read it, and the pictures: what each shows, and a PNG file.
    worst : sequence of (bytes, sequence of str)
        PNG and lines of text of each region to look at first.
    """
    text = html.escape
    last = data.runs[-1]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{text(title)}: report</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{_STYLE}</style><h1>{text(title)}</h1>",
        f"<p class=note>SeCo {__version__}. Last run {text(last.started[:16].replace('T', ' '))} UTC "
        f"({text(last.status)}, on {text(last.device)}). Class scheme {text(data.scheme.name)}. "
        "Where ground truth was not asked for, none of the numbers here comes from it.</p>",
        "<h2>In numbers</h2>",
        *_summary(data),
        *_by_class(data),
    ]
    if data.numbers is not None:
        parts += ["<h2>Against ground truth</h2>", *_truth(data.numbers)]
    for heading, sentence, pictures in sections:
        parts.append(f"<h2>{text(heading)}</h2><p class=note>{text(sentence)}</p><div class=pair>")
        parts += [f"<figure>{_image(png, alt)}</figure>" for alt, png in pictures]
        parts.append("</div>")
    parts.append("<h2>The regions to look at first</h2>")
    parts.append("<p class=note>Highest noise score first, the larger of equals; reviewed ones left out.</p>")
    parts.append("<div class=worst>")
    for png, lines in worst:
        caption = "<br>".join(text(line) for line in lines)
        parts.append(f"<figure>{_image(png, lines[0])}<figcaption>{caption}</figcaption></figure>")
    parts += ["</div><h2>What was run</h2>", *_runs(data), *_parameters(data.parameters)]
    if data.problems:
        parts += ["<h2>Left out</h2>", *(f"<p>{text(problem)}</p>" for problem in data.problems)]
    return "\n".join(parts)


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>"]
    for row in rows:
        lines.append("<tr>" + "".join(f"<td>{html.escape(_shown(v))}</td>" for v in row) + "</tr>")
    return "\n".join([*lines, "</table>"])


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "–" if math.isnan(value) else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def _summary(data: ReportData) -> list[str]:
    verdict, area = data.regions.verdict, data.regions.area
    whole = max(int(area.sum()), 1)
    changed = data.reviewed & (data.decided != data.regions.class_id)
    rows = [
        (name, int(chosen.sum()), f"{chosen.mean():.1%}", f"{area[chosen].sum() / whole:.1%}")
        for name, chosen in (
            ("all", np.ones(len(verdict), dtype=bool)),
            ("kept", verdict == Verdict.KEEP),
            ("relabelled", verdict == Verdict.RELABEL),
            ("doubted: kept, but flagged", verdict == Verdict.DOUBT),
            ("dropped", verdict == Verdict.DROP),
            ("reviewed", data.reviewed),
            ("reviewed and changed", changed),
        )
    ]
    images = ", ".join(f"{n:,} {kind}" for kind, n in data.images.items() if n)
    return [f"<p>Images: {images}.</p>", _table(("regions", "count", "share", "share of area"), rows)]


def _by_class(data: ReportData) -> list[str]:
    r = data.regions
    rows = []
    for info in data.scheme.classes:
        own = r.class_id == info.id
        n = int(own.sum())
        if not n:
            continue
        verdict = r.verdict[own]
        counts = [
            int((verdict == v).sum()) for v in (Verdict.KEEP, Verdict.RELABEL, Verdict.DOUBT, Verdict.DROP)
        ]
        noise = r.noise_score[own]
        mean = float(np.nanmean(noise)) if (~np.isnan(noise)).any() else math.nan
        rows.append((info.name, n, *counts, mean, int(data.reviewed[own].sum())))
    head = ("class", "regions", "kept", "relabelled", "doubted", "dropped", "mean noise score", "reviewed")
    return [_table(head, rows)]


def _truth(numbers: dict[str, Any]) -> list[str]:
    measures = ("miou", "accuracy", "coverage", "purity")
    sets = {"raw pseudo-label": "raw", "raw, on the curated pixels": "raw_on_curated", "after PSA": "psa"}
    rows = [
        (title, *(float(numbers.get(f"{m}_{key}", math.nan)) for m in measures))
        for title, key in {**sets, "curated": "curated"}.items()
    ]
    names = [key.removeprefix("auroc_") for key in numbers if key.startswith("auroc_")]
    ranks = ("auroc", "ap", "precision10")
    scores = [
        (name.replace("_", " "), *(float(numbers.get(f"{m}_{name}", math.nan)) for m in ranks))
        for name in names
    ]
    rates = [(k.replace("_", " "), float(numbers[k])) for k in numbers if k.startswith("noise_rate")]
    return [
        _table(("label set", "mIoU", "accuracy", "coverage", "purity of regions"), rows),
        _table(("score", "AUROC", "average precision", "precision in the first 10 %"), scores),
        _table(("share of wrong regions", ""), rates),
    ]


def _runs(data: ReportData) -> list[str]:
    rows = []
    for run in data.runs[-20:]:
        summary = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in (run.summary or {}).items())
        rows.append((run.started[:19].replace("T", " "), run.version, run.status, run.device, summary))
    return [_table(("run (UTC)", "version", "status", "device", "images"), rows)]


def _parameters(parameters: Parameters) -> list[str]:
    """Every parameter of the last run; those that are not the defaults stand out."""
    defaults = Parameters()
    lines = ["<table><tr><th>parameter</th><th>value</th><th>default</th></tr>"]
    for name, _ in parameter_fields():
        group, _, leaf = name.rpartition(".")
        value, usual = (getattr(getattr(p, group) if group else p, leaf) for p in (parameters, defaults))
        mark = ' class="changed"' if value != usual else ""
        cells = "".join(f"<td>{html.escape(str(v))}</td>" for v in (value, usual))
        lines.append(f"<tr{mark}><td><code>{html.escape(name)}</code></td>{cells}</tr>")
    return ["<details><summary>Parameters of the last run</summary>", *lines, "</table></details>"]
