"""Automatic masks of SAM: this project's generator against that of `segment_anything`; batched prompts.

Usage: ``python -m benchmarks.sam [--checkpoint FILE] [--size 512] [--points 16] [--device auto]``

Without a checkpoint the weights are random, the same for both. Bars: ``matched_iou`` at least 0.99,
``count_ratio`` within 0.98 to 1.02, ``memory_ratio`` (own / stock) at most 0.5, ``time_ratio`` (own / stock)
at most 1 on a CPU and 0.4 on a GPU, ``bfloat16_time_ratio`` at most 0.17 on a GPU, ``prompts_differ`` at most
1e-5.

Each generator runs in a process of its own. Memory is the highest use during generation beyond that with the
model loaded: resident memory on a CPU, torch's allocations on a GPU.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from benchmarks.random_sam import calibrate, random_sam
from seco_core.device import resolve_device
from seco_core.example.scene import make_scene
from seco_core.masks.sam.automatic import AutomaticSettings, automatic_masks
from seco_core.masks.sam.model import InputPrompts
from seco_core.masks.sam.segment_anything import SegmentAnythingModel, load_pth

SHAPE = (512, 1024)
STABILITY = 0.6
"""Random masks are less stable than those of trained weights."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, help="real weights (.pth)")
    parser.add_argument("--size", type=int, default=512, help="side of the random model's input")
    parser.add_argument("--points", type=int, default=16, help="points of the grid along one side")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--only", choices=("stock", "own", "own_bfloat16", "prompts"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.device = resolve_device(arguments.device)
    if arguments.only:
        _part(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        stock, own = (_run(name, Path(folder)) for name in ("stock", "own"))
        numbers: dict[str, Any] = {
            "matched_iou": round(_matched_iou(stock["masks"], own["masks"]), 5),
            "stock_masks": len(stock["masks"]),
            "own_masks": len(own["masks"]),
            "count_ratio": round(len(own["masks"]) / max(len(stock["masks"]), 1), 4),
            "memory_ratio": round(own["bytes"] / stock["bytes"], 3),
            "stock_mb": round(stock["bytes"] / 1e6),
            "own_mb": round(own["bytes"] / 1e6),
            "time_ratio": round(own["seconds"] / stock["seconds"], 3),
            "stock_seconds": round(stock["seconds"], 2),
            "own_seconds": round(own["seconds"], 2),
            **_run("prompts", Path(folder))["numbers"],
        }
        if arguments.device == "cuda":
            half = _run("own_bfloat16", Path(folder))
            numbers["bfloat16_time_ratio"] = round(half["seconds"] / stock["seconds"], 3)
            numbers["bfloat16_matched_iou"] = round(_matched_iou(stock["masks"], half["masks"]), 4)
    report({**numbers, "device": arguments.device, "hardware": hardware()})


def _run(name: str, folder: Path) -> dict[str, Any]:
    """Run one part in a process of its own."""
    out = folder / f"{name}.npz"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.sam", *sys.argv[1:], "--only", name, "--out", out], check=True
    )
    with np.load(out) as found:
        result = json.loads(found["numbers"].tobytes())
        shape = tuple(found["shape"])
        masks = np.unpackbits(found["masks"], axis=-1, count=shape[-1]).astype(bool)
    return {**result, "masks": masks}


def _part(arguments: argparse.Namespace) -> None:
    image = make_scene(0, size=SHAPE).image
    model, sam = _model(arguments, image)
    numbers: dict[str, Any]
    masks = np.zeros((0, *SHAPE), dtype=bool)
    if arguments.only == "prompts":
        numbers = {"numbers": _prompts(model, image)}
    else:
        generate = (
            (lambda: _stock(sam, image, arguments.points))
            if arguments.only == "stock"
            else (lambda: _own(model, image, arguments.points))
        )
        if arguments.device == "cuda":
            generate()  # kernels are chosen and loaded at the first run
        masks, numbers = _measured(generate, arguments.device)
    np.savez(
        arguments.out,
        masks=np.packbits(masks, axis=-1),
        shape=np.array(masks.shape),
        numbers=np.frombuffer(json.dumps(numbers).encode(), dtype=np.uint8),
    )


def _model(arguments: argparse.Namespace, image: NDArray[np.uint8]) -> tuple[SegmentAnythingModel, Any]:
    precision = torch.bfloat16 if arguments.only == "own_bfloat16" else torch.float32
    if arguments.checkpoint:
        model = load_pth(arguments.checkpoint, "auto", arguments.device, precision)
        return model, model._sam
    # rounding is compared on plain random weights
    tied = arguments.only != "prompts"
    sam = random_sam(arguments.size, width=256, depth=4, heads=4, channels=256, tied=tied)
    if tied:
        calibrate(sam, image, share=0.02)
    return SegmentAnythingModel(sam, "random", arguments.device, precision), sam


def _stock(sam: Any, image: NDArray[np.uint8], points: int) -> NDArray[np.bool_]:
    from segment_anything import SamAutomaticMaskGenerator

    generator = SamAutomaticMaskGenerator(
        sam, points_per_side=points, stability_score_thresh=STABILITY, output_mode="coco_rle"
    )
    found = generator.generate(image)
    from pycocotools import mask as coco

    masks = [coco.decode(record["segmentation"]).astype(bool) for record in found]
    return np.array(masks, dtype=bool).reshape(-1, *SHAPE)


def _own(model: SegmentAnythingModel, image: NDArray[np.uint8], points: int) -> NDArray[np.bool_]:
    settings = AutomaticSettings(points_per_side=points, stability_score_thresh=STABILITY)
    batch = 64 if model.device.type == "cuda" else 16
    found = automatic_masks(model, model.embed(image), SHAPE, settings, points_per_batch=batch)
    masks = np.zeros((len(found), *SHAPE), dtype=bool)
    for mask, crop, (x0, y0, x1, y1) in zip(masks, found.crops, found.boxes, strict=True):
        mask[y0:y1, x0:x1] = crop
    return masks


def _measured(
    generate: Callable[[], NDArray[np.bool_]], device: str
) -> tuple[NDArray[np.bool_], dict[str, Any]]:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        before = _reset_peak()
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        masks = generate()
        seconds.append(time.perf_counter() - started)
    after = torch.cuda.max_memory_allocated() if device == "cuda" else _resident("VmHWM")
    return masks, {"seconds": min(seconds), "bytes": after - before}


def _reset_peak() -> int:
    """Forget the highest use of memory so far; the present use in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else memory that is free already would not be counted
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(which: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024
    raise SystemExit("memory can only be measured on Linux")


def _prompts(model: SegmentAnythingModel, image: NDArray[np.uint8]) -> dict[str, float]:
    """Boxes with a point, all in one pass and one at a time."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.7, (24, 2)) * (SHAPE[1], SHAPE[0])
    boxes = np.concatenate([low, low + rng.uniform(20, 150, (24, 2))], axis=1)
    corners = model.to_input(boxes.reshape(-1, 2, 2), SHAPE)
    prompts = InputPrompts(
        corners.mean(axis=1, keepdims=True), np.ones((24, 1), dtype=np.int64), corners.reshape(-1, 4)
    )
    embedding = model.embed(image)
    started = time.perf_counter()
    together = model.decode(embedding, prompts, multimask=False)
    batched = time.perf_counter() - started
    alone = [model.decode(embedding, prompts.part(slice(i, i + 1)), multimask=False) for i in range(24)]
    single = time.perf_counter() - started - batched
    scale = together.logits.abs().max()
    difference = max(
        float((torch.cat([one.logits for one in alone]) - together.logits).abs().max() / scale),
        float((torch.cat([one.iou for one in alone]) - together.iou).abs().max()),
    )
    return {"prompts_differ": difference, "prompts_time_ratio": round(batched / single, 3)}


def _matched_iou(stock: NDArray[np.bool_], own: NDArray[np.bool_]) -> float:
    """Mean over the stock masks of the best IoU with an own one."""
    if not len(stock) or not len(own):
        return float(len(stock) == len(own))
    one, other = (
        stock.reshape(len(stock), -1).astype(np.float32),
        own.reshape(len(own), -1).astype(np.float32),
    )
    common = one @ other.T
    union = one.sum(axis=1)[:, None] + other.sum(axis=1) - common
    return float((common / np.maximum(union, 1)).max(axis=1).mean())


if __name__ == "__main__":
    main()
