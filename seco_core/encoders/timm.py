"""The encoder that pools a timm backbone's feature maps."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seco_core.encoders.base import pool_feature_map
from seco_core.errors import ParameterError, WeightsError
from seco_core.regions import RegionTable

_LONG_SIDE = 1024
_STRIDE = 32
_REDUCTIONS = (8, 16)
_seeding = threading.Lock()


class TimmEncoder:
    """Pools feature maps of a timm backbone under the regions.

    Used are the last map at stride 8 and the last at stride 16, side by side, or the model's last map if it
    has neither. The image is RGB with the model's own mean and standard deviation, at a long side of at most
    1024 pixels with sides rounded to multiples of 32, or at the one size that the model accepts.

    Parameters
    ----------
    model : str
        Name of a timm model.
    pretrained : bool
        Load timm's published weights, downloading them if need be. Otherwise weights are random by `seed`.
    device : str
        Where the network runs, such as ``"cpu"`` or ``"cuda"``.
    seed : int
        Decides random weights.

    Raises
    ------
    ParameterError
        If timm has no such model, or it gives no feature maps or has no published weights.
    WeightsError
        If published weights cannot be had.
    """

    concurrent = False

    def __init__(self, model: str, *, pretrained: bool = False, device: str = "cpu", seed: int = 0):
        self.name = f"timm:{model}" + ("+pretrained" if pretrained else "")
        self._network = _create(model, pretrained, seed).eval().to(device)
        self._device = device
        config = self._network.pretrained_cfg
        self._mean, self._std = (np.array(config[key], dtype=np.float32) for key in ("mean", "std"))
        self._fixed_size: tuple[int, int] | None = (
            tuple(config["input_size"][1:]) if config.get("fixed_input_size") else None
        )
        self._channels: list[int] = self._network.feature_info.channels()
        reductions = self._network.feature_info.reduction()
        last = {reduction: index for index, reduction in enumerate(reductions)}
        self._maps = [last[r] for r in _REDUCTIONS if r in last] or [len(reductions) - 1]
        self._weights_hash = _hash_of(self._network)

    @property
    def signature(self) -> dict[str, Any]:
        """The encoder's name, its weights' SHA-256 and how images are resized."""
        return {
            "encoder": self.name,
            "weights_sha256": self._weights_hash,
            "size": list(self._fixed_size or [_LONG_SIDE]),
            "maps": self._maps,
        }

    def encode(
        self, image: NDArray[np.uint8], region_ids: NDArray[np.uint16], table: RegionTable
    ) -> NDArray[np.float32]:
        """Vectors of the regions, float32 (N, sum of the maps' channels); see `RegionEncoder.encode`."""
        import torch

        rows, columns = self._fixed_size or _input_size(*image.shape[:2])
        resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        pixels = (resized.astype(np.float32) / 255.0 - self._mean) / self._std
        batch = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].to(self._device)
        with torch.inference_mode():
            outputs = self._network(batch)
        pooled = []
        for index in self._maps:
            output = outputs[index][0].float().cpu().numpy()
            if output.shape[0] != self._channels[index]:
                # some transformers give their maps channels last
                output = output.transpose(2, 0, 1)
            pooled.append(pool_feature_map(output, region_ids, len(table)))
        return np.hstack(pooled)


def _input_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, _LONG_SIDE / max(height, width))
    rows, columns = (max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE) for side in (height, width))
    return rows, columns


def _create(model: str, pretrained: bool, seed: int) -> Any:
    import timm
    import torch

    if not timm.is_model(model):
        raise ParameterError(
            f"timm has no model {model!r}.", remedy='Choose a name from timm.list_models(), as "resnet18".'
        )
    # timm draws initial weights from torch's global generator: seed it and put it back
    with _seeding, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return timm.create_model(model, pretrained=pretrained, features_only=True)
        except OSError as error:
            raise WeightsError(
                f"weights of {model} cannot be downloaded: {str(error).rstrip('.')}.",
                remedy=f'Connect to the internet once, or use random weights: "timm:{model}".',
            ) from error
        except (RuntimeError, AttributeError, NotImplementedError) as error:
            raise ParameterError(
                f"timm model {model!r} cannot be used: {str(error).rstrip('.')}.",
                remedy="Choose a model that gives feature maps and, where asked for, has published weights.",
            ) from error


def _hash_of(network: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
