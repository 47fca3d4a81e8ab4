"""Write generated scenes as a dataset folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seco_core.errors import DatasetError
from seco_core.example.scene import make_scene
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress

FOLDERS = ("image", "pseudo_label", "confidence", "ground_truth")


def write_example(
    folder: Path | str,
    *,
    count: int = 12,
    size: tuple[int, int] = (256, 512),
    seed: int = 0,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Write ``count`` scenes as PNG files in SeCo's layout.

    Makes ``image/``, ``pseudo_label/``, ``confidence/`` (uint8, 255 = 1.0) and ``ground_truth/`` with one
    file of the same name per scene, and ``list/all.txt`` with a tab-separated line for each: image,
    pseudo-label, confidence, ground truth, relative to the folder. Files that are there already are replaced.

    Parameters
    ----------
    folder : path-like
        Where to; made if it is missing.
    count : int
        Scenes.
    size : (int, int)
        Height and width in pixels.
    seed : int
        As for `make_scene`.
    progress : callable
        Told after each scene, stage ``"example"``.
    cancel : CancelToken, optional
        Stops between scenes; the list is written last.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DatasetError
        If a file cannot be written.
    ParameterError
        If seed or size is out of range.
    Cancelled
        If `cancel` was set.
    """
    from PIL import Image

    folder = Path(folder)
    lines = []
    try:
        for name in (*FOLDERS, "list"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            if cancel is not None:
                cancel.raise_if_cancelled()
            scene = make_scene(seed, index, size=size)
            files = [f"{name}/street_{index:04d}.png" for name in FOLDERS]
            confidence = np.rint(scene.confidence * 255).astype(np.uint8)
            rasters = (scene.image, scene.pseudo_label, confidence, scene.ground_truth)
            for file, raster in zip(files, rasters, strict=True):
                Image.fromarray(raster).save(folder / file, compress_level=3)
            lines.append("\t".join(files) + "\n")
            progress(ProgressEvent("example", index + 1, count, files[0]))
        (folder / "list" / "all.txt").write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"the example cannot be written: {error}.",
            path=folder,
            remedy="Choose a folder that can be written.",
        ) from error
    return folder
