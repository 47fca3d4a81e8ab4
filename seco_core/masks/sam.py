"""Masks from Segment Anything (the published mask source), by the ``segment_anything`` package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry

from seco_core.device import resolve_device
from seco_core.errors import MaskSourceError, WeightsError
from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.progress import CancelToken
from seco_core.rle import runs_to_mask

ENCODER_WIDTHS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""Model type by the width of its image encoder."""

_WHERE = (
    "Meta's weights are sam_vit_b_01ec64.pth (375 MB), sam_vit_l_0b3195.pth (1.2 GB) and "
    "sam_vit_h_4b8939.pth (2.6 GB), from the README of github.com/facebookresearch/segment-anything; "
    "name one with masks.checkpoint."
)

_Result = TypeVar("_Result")


def load_sam(checkpoint: Path | str, model: str = "auto") -> tuple[Any, str]:
    """Load a ``.pth`` file of Segment Anything.

    Parameters
    ----------
    checkpoint : path-like
        One of Meta's files, or one of the same form.
    model : str
        ``"vit_b"``, ``"vit_l"``, ``"vit_h"``, or ``"auto"``: what the file holds.

    Returns
    -------
    sam : segment_anything.modeling.Sam
        In evaluation mode, on the CPU.
    sha256 : str
        Of the file.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, no SAM or another type than asked for.
    """
    if not str(checkpoint):
        raise WeightsError("no SAM weights are named.", remedy=_WHERE)
    path = Path(checkpoint)
    if not path.is_file():
        raise WeightsError("there is no such file of SAM weights.", path=path, remedy=_WHERE)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a damaged file
        raise WeightsError(
            f"is damaged or is not a file of weights ({type(error).__name__}).", path=path, remedy=_WHERE
        ) from error
    found = _model_type(state)
    if found is None:
        raise WeightsError("does not hold weights of vit_b, vit_l or vit_h.", path=path, remedy=_WHERE)
    if model not in ("auto", found):
        raise WeightsError(f"holds {found}, not {model}.", path=path, remedy='Set masks.model to "auto".')
    sam = sam_model_registry[found]()
    try:
        sam.load_state_dict(state)
    except RuntimeError as error:
        problem = str(error).splitlines()[-1].strip()
        raise WeightsError(f"does not fit {found}: {problem}", path=path, remedy=_WHERE) from error
    with open(path, "rb") as file:
        return sam.eval(), hashlib.file_digest(file, "sha256").hexdigest()


def _model_type(state: Any) -> str | None:
    try:
        return ENCODER_WIDTHS.get(state["image_encoder.patch_embed.proj.weight"].shape[0])
    except (KeyError, TypeError, AttributeError, IndexError):
        return None


class SamSource:
    """Mask source that runs Segment Anything.

    Parameters
    ----------
    sam : segment_anything.modeling.Sam
        The model, ready; see `load_sam`.
    sha256 : str
        What identifies its weights.
    points_per_side : int
        Points of the prompt grid for automatic masks along one side.
    device : str
        ``"auto"`` (cuda, else cpu), ``"cpu"``, ``"cuda"`` or ``"mps"``.
    points_per_batch : int, optional
        Prompts in one pass; 64 on a GPU and 16 elsewhere if left out. Halved whenever memory runs out.
    pred_iou_thresh, stability_score_thresh : float
        Automatic masks below either, 0..1, are left out; the defaults are those of the published generator.

    Raises
    ------
    ParameterError
        If this machine has no such device.
    """

    name = "sam"
    concurrent = False

    def __init__(
        self,
        sam: Any,
        *,
        sha256: str,
        points_per_side: int = 32,
        device: str = "auto",
        points_per_batch: int | None = None,
        pred_iou_thresh: float = 0.88,
        stability_score_thresh: float = 0.95,
    ) -> None:
        device = resolve_device(device)
        self._sam = sam.to(device)
        self._batch = points_per_batch or (64 if device == "cuda" else 16)
        self._settings: dict[str, Any] = {
            "points_per_side": points_per_side,
            "pred_iou_thresh": pred_iou_thresh,
            "stability_score_thresh": stability_score_thresh,
        }
        self._last: tuple[str, SamPredictor] | None = None
        self.signature: dict[str, Any] = {
            "source": self.name,
            "version": 1,
            "weights_sha256": sha256,
            **self._settings,
        }

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> SamMasks:
        """Embed an RGB image (H, W, 3). The last image's embedding is kept, so asking twice costs once.

        Raises
        ------
        MaskSourceError
            If the image is too narrow for SAM or does not fit into memory.
        Cancelled
            If `cancel` was set.
        """
        cancel = cancel or CancelToken()
        cancel.raise_if_cancelled()
        key = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the memory of the last embedding first
            predictor = SamPredictor(self._sam)
            longest = predictor.transform.target_length
            if min(image.shape[:2]) * longest < max(image.shape[:2]):
                raise MaskSourceError(f"image {image_name!r} is too narrow for SAM.", remedy="Leave it out.")
            try:
                predictor.set_image(np.ascontiguousarray(image))
            except torch.OutOfMemoryError as error:
                raise MaskSourceError(
                    f"no memory is left to embed image {image_name!r}.",
                    remedy="Use a smaller model or device cpu.",
                ) from error
            self._last = (key, predictor)
        return SamMasks(self._last[1], self._settings, self._batch, cancel)


class SamMasks:
    """One embedded image as a source of masks; made by `SamSource.prepare`."""

    def __init__(
        self, predictor: SamPredictor, settings: dict[str, Any], batch: int, cancel: CancelToken
    ) -> None:
        self._predictor = predictor
        self._settings = settings
        self._batch = batch
        self._cancel = cancel
        self._shape: tuple[int, int] = tuple(predictor.original_size)

    def embedding(self) -> NDArray[np.float32]:
        """The image embedding, float32 (C, h, w).

        It covers the image scaled to SAM's input size and padded to a square at the right and the bottom: the
        image itself fills h * H / max(H, W) rows and w * W / max(H, W) columns from the top left.
        """
        features: NDArray[np.float32] = self._predictor.get_image_embedding()[0].float().cpu().numpy()
        return features

    def proposals(self) -> MaskSet:
        """Masks of a grid of points, by the stock mask generator; checks for cancelling at every pass."""
        rles = _halving(self._generate, self._batch)
        masks = (runs_to_mask(rle["counts"], self._shape) for rle in rles)
        return crop_masks(masks, self._shape)

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """One mask for each prompt, all prompts with the same number of points in one pass."""
        # padding prompts to one number of points would change the answers
        groups: dict[int, list[int]] = {}
        for i, prompt in enumerate(prompts):
            groups.setdefault(len(prompt.points), []).append(i)
        boxes = np.zeros((len(prompts), 4), dtype=np.int32)
        crops = [np.zeros((0, 0), dtype=bool)] * len(prompts)
        for members in groups.values():
            group = [prompts[i] for i in members]
            found = _halving(partial(self._predict, group), self._batch)
            for i, box, crop in zip(members, found.boxes, found.crops, strict=True):
                boxes[i], crops[i] = box, crop
        return MaskSet(self._shape, boxes, tuple(crops))

    def _generate(self, batch: int) -> list[dict[str, Any]]:
        generator = _Generator(self._predictor, self._cancel, batch, self._settings)
        height, width = self._shape
        # the picture itself is not looked at again
        found = generator.generate(np.broadcast_to(np.uint8(0), (height, width, 3)))
        return [record["segmentation"] for record in found]

    def _predict(self, group: list[Prompt], batch: int) -> MaskSet:
        sets = []
        for first in range(0, len(group), batch):
            self._cancel.raise_if_cancelled()
            part = group[first : first + batch]
            transform, device = self._predictor.transform, self._predictor.device
            given = torch.as_tensor(np.array([p.box for p in part]), dtype=torch.float, device=device)
            points = labels = None
            if len(part[0].points):
                points = torch.as_tensor(np.array([p.points for p in part]), dtype=torch.float, device=device)
                points = transform.apply_coords_torch(points, self._shape)
                labels = torch.as_tensor(np.array([p.labels for p in part]), dtype=torch.int, device=device)
            masks, _, _ = self._predictor.predict_torch(
                points, labels, transform.apply_boxes_torch(given, self._shape), multimask_output=False
            )
            sets.append(crop_masks(masks[:, 0].cpu().numpy(), self._shape))
        return MaskSet(
            self._shape,
            np.concatenate([s.boxes for s in sets]),
            tuple(crop for s in sets for crop in s.crops),
        )


class _Generator(SamAutomaticMaskGenerator):
    """The stock generator on an image that is embedded already."""

    def __init__(
        self, predictor: SamPredictor, cancel: CancelToken, batch: int, settings: dict[str, Any]
    ) -> None:
        super().__init__(predictor.model, points_per_batch=batch, output_mode="uncompressed_rle", **settings)
        self._cancel = cancel
        self.predictor = _Embedded(predictor)

    def _process_batch(self, *args: Any) -> Any:
        self._cancel.raise_if_cancelled()
        return super()._process_batch(*args)


class _Embedded:
    """A predictor that keeps the image it has."""

    def __init__(self, predictor: SamPredictor) -> None:
        self._predictor = predictor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def set_image(self, image: NDArray[np.uint8]) -> None:
        """Keep the image: without crops the generator only ever sets the whole one."""

    def reset_image(self) -> None:
        """Keep the image, which may be asked about again."""


def _halving(work: Callable[[int], _Result], batch: int) -> _Result:
    """Do work in batches of a size, halved for as long as memory runs out."""
    while True:
        try:
            return work(batch)
        except torch.OutOfMemoryError as error:
            if batch == 1:
                raise MaskSourceError(
                    "no memory is left for even one prompt.", remedy="Use a smaller model or device cpu."
                ) from error
        torch.cuda.empty_cache()
        batch //= 2
