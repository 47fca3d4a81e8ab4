"""Opening weights: a ``.pth`` file of Meta's, or a folder of ``transformers``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from seco_core.device import resolve_device
from seco_core.errors import WeightsError
from seco_core.masks.sam.model import PromptableModel, resolve_precision
from seco_core.weights import file_sha256, find_weights


def load_model(
    checkpoint: Path | str, model: str = "auto", *, device: str = "auto", precision: str = "auto"
) -> tuple[PromptableModel, str]:
    """Load a model of the SAM family.

    Parameters
    ----------
    checkpoint : path-like
        A ``.pth`` file, a folder with ``config.json``, or the name of downloaded weights such as ``"vit_b"``.
    model : str
        What it must hold, as ``"vit_b"`` or ``"sam2"``; ``"auto"`` takes what it is.
    device : str
        ``"auto"`` (cuda, else cpu), ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : str
        ``"auto"`` (bfloat16 on CUDA that has it), ``"float32"`` or ``"bfloat16"``.

    Returns
    -------
    model : PromptableModel
        Ready.
    sha256 : str
        Of the file, or of the names and contents of the folder's configuration and weights.

    Raises
    ------
    WeightsError
        If the weights are missing, damaged or of another type.
    ParameterError
        If this machine has no such device.
    """
    path = find_weights(checkpoint)
    device = resolve_device(device)
    kind = resolve_precision(precision, device)
    if path.is_dir():
        from seco_core.masks.sam.transformers import load_folder

        return load_folder(path, model, device, kind), _folder_sha256(path)
    try:
        from seco_core.masks.sam.segment_anything import load_pth
    except ImportError as error:
        raise WeightsError(
            f"SAM cannot be used: {error}.",
            remedy="Install segment-anything, torch and a torchvision that fits it.",
        ) from error
    return load_pth(path, model, device, kind), file_sha256(path)


def _folder_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".bin"):
            digest.update(f"{path.name}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()
