"""SAM, SAM-HQ, SAM 2 and SAM 3 (tracker) from a local folder, by the models of ``transformers``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seco_core.errors import WeightsError
from seco_core.masks.sam.model import Decoded, Embedding, InputPrompts, PromptableModel

KINDS = {
    "sam": "sam",
    "sam_hq": "sam_hq",
    "sam2": "sam2",
    "sam2_video": "sam2",
    "sam3_tracker": "sam3_tracker",
    "sam3_tracker_video": "sam3_tracker",
    "sam3_video": "sam3_tracker",
}
"""What a model is by the ``model_type`` of its config.json; image models load from video models' files."""

_CLASSES = {
    "sam": "SamModel",
    "sam_hq": "SamHQModel",
    "sam2": "Sam2Model",
    "sam3_tracker": "Sam3TrackerModel",
}
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_NORMALIZATION = {
    "sam": _IMAGENET,
    "sam_hq": _IMAGENET,
    "sam2": _IMAGENET,
    "sam3_tracker": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}

_FOLDER = (
    "Name a folder that holds config.json and model.safetensors of a SAM, SAM-HQ, SAM 2 or SAM 3 model, "
    "such as `hf download facebook/sam2.1-hiera-large --local-dir FOLDER` makes."
)


class TransformersModel(PromptableModel):
    """A SamModel, SamHQModel, Sam2Model or Sam3TrackerModel of ``transformers``.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        In evaluation mode. It is moved to the device; for bfloat16 its vision encoder is converted in place.
    kind : str
        ``"sam"``, ``"sam_hq"``, ``"sam2"`` or ``"sam3_tracker"``.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : torch.dtype
        float32 or bfloat16.
    normalization : (mean, std), optional
        Of R, G and B in 0..1; those that the models were published with if left out.
    """

    mask_threshold = 0.0

    def __init__(
        self,
        network: Any,
        kind: str,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        normalization: tuple[Any, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.device = torch.device(device)
        self.precision = precision
        self.padded = kind in ("sam", "sam_hq")
        self._network = network.to(self.device)
        self._network.vision_encoder.to(precision)
        self.size = int(network.prompt_encoder.input_image_size)
        mean, std = normalization or _NORMALIZATION[kind]
        self._mean, self._std = (np.array(values, dtype=np.float32) for values in (mean, std))

    @torch.inference_mode()
    def embed(self, image: NDArray[np.uint8]) -> Embedding:
        """Run the vision encoder; see `PromptableModel.embed`."""
        resized = self.resize(image)
        pixels = np.zeros((self.size, self.size, 3), dtype=np.float32)
        pixels[: resized.shape[0], : resized.shape[1]] = (resized / np.float32(255) - self._mean) / self._std
        batch = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].to(self.device, self.precision)
        with self.autocast():
            found = self._network.get_image_embeddings(batch)
        if self.kind == "sam":
            parts = [found]
        elif self.kind == "sam_hq":
            # the decoder looks at the first of the intermediate maps only
            parts = [found[0], found[1][0]]
        else:
            parts = [found[-1], *found[:-1]]
        return tuple(part.float() for part in parts)

    @torch.inference_mode()
    def decode(
        self, embedding: Embedding, prompts: InputPrompts, *, multimask: bool, least_iou: float | None = None
    ) -> Decoded:
        """Answer prompts; see `PromptableModel.decode`."""
        if self.kind == "sam":
            seen: dict[str, Any] = {"image_embeddings": embedding[0]}
        elif self.kind == "sam_hq":
            seen = {"image_embeddings": embedding[0], "intermediate_embeddings": [embedding[1]]}
        else:
            seen = {"image_embeddings": [*embedding[1:], embedding[0]]}
        with self.autocast():
            output = self._network(
                **seen,
                input_points=self._tensor(prompts.points, torch.float32),
                input_labels=self._tensor(prompts.labels, torch.long),
                input_boxes=self._tensor(prompts.boxes, torch.float32),
                multimask_output=multimask,
            )
        logits, iou = output.pred_masks[0].float().flatten(0, 1), output.iou_scores[0].float().flatten()
        if least_iou is not None:
            wanted = iou > least_iou
            logits, iou = logits[wanted], iou[wanted]
        return Decoded(logits, iou)

    def _tensor(self, values: NDArray[Any] | None, kind: torch.dtype) -> torch.Tensor | None:
        return None if values is None else torch.as_tensor(values, dtype=kind, device=self.device)[None]


def load_folder(folder: Path, model: str, device: str, precision: torch.dtype) -> TransformersModel:
    """Load a model from a folder with ``config.json`` and weights. Nothing is downloaded.

    Parameters
    ----------
    folder : Path
        As `transformers` saves it.
    model : str
        ``"sam"``, ``"sam_hq"``, ``"sam2"``, ``"sam3_tracker"``, or ``"auto"``: what the folder holds.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : torch.dtype
        float32 or bfloat16.

    Raises
    ------
    WeightsError
        If ``transformers`` is not installed or the folder is incomplete, damaged or of another type.
    """
    kind = KINDS.get(str(_read_json(folder / "config.json").get("model_type")))
    if kind is None:
        raise WeightsError("holds no model that SeCo can use.", path=folder, remedy=_FOLDER)
    if model not in ("auto", kind):
        raise WeightsError(f"holds {kind}, not {model}.", path=folder, remedy='Set masks.model to "auto".')
    try:
        import transformers
    except ImportError as error:
        raise WeightsError(
            "needs the package transformers, which is not installed.",
            path=folder,
            remedy='Install it with pip install "seco-viewer[sam]", or use a .pth file of Meta\'s.',
        ) from error
    try:
        with _quiet(transformers.utils.logging):
            network, report = getattr(transformers, _CLASSES[kind]).from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
    except Exception as error:  # a damaged folder raises whatever its reader does
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"cannot be loaded as {kind}: {problem.rstrip('.')}.", path=folder, remedy=_FOLDER
        ) from error
    if report["missing_keys"]:
        raise WeightsError(f"lacks weights: {min(report['missing_keys'])}.", path=folder, remedy=_FOLDER)
    return TransformersModel(network.eval(), kind, device, precision, _normalization(folder))


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Keep transformers from printing a bar and reports of its own."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _normalization(folder: Path) -> tuple[Any, Any] | None:
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            settings = _read_json(folder / name)
            settings = settings.get("image_processor", settings)
            if "image_mean" in settings and "image_std" in settings:
                return settings["image_mean"], settings["image_std"]
    return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot be read as JSON: {error}.", path=path, remedy=_FOLDER) from error
    if not isinstance(found, dict):
        raise WeightsError("is no model's configuration.", path=path, remedy=_FOLDER)
    return found
