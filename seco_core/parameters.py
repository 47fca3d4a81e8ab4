"""Every parameter of the pipeline with its default, documented once.

The same names are used in the command line, in TOML files, in the store and in the window.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seco_core.errors import ParameterError


def _parameter(default: Any, doc: str, **limits: Any) -> Any:
    return field(default=default, metadata={"doc": doc, **limits})


@dataclass(frozen=True)
class MaskParameters:
    """Where masks come from."""

    source: str = _parameter("hierarchy", "mask source", choices=("hierarchy", "sam", "files"))
    parts: int = _parameter(4000, "hierarchy: watershed parts per image at the finest scale", minimum=10)
    checkpoint: str = _parameter(
        "",
        "sam: a .pth file of Segment Anything, a folder that transformers saved with a SAM, SAM-HQ, SAM 2 or "
        "SAM 3, or a name that `seco weights list` gives",
    )
    model: str = _parameter(
        "auto",
        "sam: what the checkpoint must hold; auto = whatever it is",
        choices=("auto", "vit_b", "vit_l", "vit_h", "sam", "sam_hq", "sam2", "sam3_tracker"),
    )
    precision: str = _parameter(
        "auto", "sam: auto = bfloat16 on CUDA, else float32", choices=("auto", "float32", "bfloat16")
    )
    points_per_side: int = _parameter(32, "sam: points of the prompt grid along one side", minimum=1)
    points_per_batch: int = _parameter(
        0, "sam: prompts in one pass, halved when memory runs out; 0 = 64 on CUDA, else 16", minimum=0
    )
    pred_iou_thresh: float = _parameter(
        0.88, "sam: least IoU that the model must expect of an automatic mask", minimum=0.0, maximum=1.0
    )
    stability_score_thresh: float = _parameter(
        0.95, "sam: least stability of an automatic mask", minimum=0.0, maximum=1.0
    )
    min_mask_region_area: int = _parameter(
        0,
        "sam: holes and islands of automatic masks below so many pixels are filled and removed; 0 = none",
        minimum=0,
    )
    cache_gb: float = _parameter(
        5.0,
        "sam: largest size of the project's cache of embeddings and masks, in GB; 0 = none",
        minimum=0.0,
        maximum=1e5,
    )
    folder: str = _parameter("", "files: folder with one COCO RLE .json per image")


@dataclass(frozen=True)
class PsaParameters:
    """Pixel semantic aggregation (SeCo, section 3.2)."""

    profile: str = _parameter(
        "default",
        "PSA profile: this project's own, the paper's, or the code published with SeCo (v1) or SeCoV2 (v2)",
        choices=("default", "paper", "seco-v1", "seco-v2"),
    )
    reliable_share: float = _parameter(
        0.5,
        "share of each class's pixels, the most confident, that decide (needs confidence; seco-v1 and "
        "seco-v2 take the pseudo-label as it is)",
        minimum=0.01,
        maximum=1.0,
    )
    min_region_area: int = _parameter(
        60,
        "regions of fewer pixels join the neighbour they touch most (after PSA in every profile; 1 leaves "
        "what paper, seco-v1 and seco-v2 give as it is)",
        minimum=1,
    )


@dataclass(frozen=True)
class SccParameters:
    """Semantic connectivity correction by loss distribution (SeCo, section 3.3)."""

    encoder: str = _parameter("descriptor", 'region encoder: "descriptor", "cnn", "sam" or "timm:<model>"')
    folds: int = _parameter(5, "parts of the images for cross-fitting", minimum=2)
    epochs: int = _parameter(40, "epochs of the region classifier", minimum=1)
    label_smoothing: float = _parameter(0.1, "label smoothing", minimum=0.0, maximum=0.99)
    method: str = _parameter(
        "mixture",
        "what decides about regions: the noise score, or the graph's uncertainty (SeCoV2)",
        choices=("mixture", "uncertainty"),
    )
    score: str = _parameter(
        "fused",
        "what the noise score is: all evidence together, or the loss alone, as in SeCo",
        choices=("fused", "loss"),
        symbol="η",
    )
    mixture: str = _parameter(
        "global",
        "losses in which right and wrong are told apart: all together, or those of each class, rare classes "
        "drawn to all",
        choices=("global", "class"),
    )
    cleanlab: bool = _parameter(
        False, "store cleanlab's label quality as a second opinion (needs the extra cleanlab)"
    )
    rule: str = _parameter(
        "mixture",
        "by noise score: what calls a region noisy, its threshold or one of the quantile rules of the "
        "published code",
        choices=(
            "mixture", "loss", "score", "both", "local_loss", "local_score", "local_both", "both_loss",
            "both_score", "both_both",
        ),
    )  # fmt: skip
    rule_ratio: float = _parameter(
        0.5, "quantile rules: share of the regions that loss or score keeps", minimum=0.0, maximum=1.0
    )
    tau_ns: float = _parameter(
        0.60, "noise score above which a region is noisy", minimum=0.0, maximum=1.0, symbol="τ_ns"
    )
    tau_cr: float = _parameter(
        0.95,
        "confidence above which a noisy region takes the predicted class",
        minimum=0.0,
        maximum=1.0,
        symbol="τ_cr",
    )
    class_share: float = _parameter(
        0.80,
        "share of each class, the least noisy, that is never dropped, so that no rare class vanishes",
        minimum=0.0,
        maximum=1.0,
    )
    uncertainty_epochs: int = _parameter(20, "epochs of the graph VAE", minimum=1)
    certain_share: float = _parameter(
        0.80,
        "uncertainty: share of each class, the least uncertain, that is not dropped",
        minimum=0.0,
        maximum=1.0,
    )


@dataclass(frozen=True)
class GraphParameters:
    """The relational graph (SeCoV2)."""

    neighbours: int = _parameter(16, "nearest regions by feature that each region is linked to", minimum=1)
    alpha: float = _parameter(
        0.95, "weight of feature against position similarity", minimum=0, maximum=1, symbol="α"
    )


@dataclass(frozen=True)
class Parameters:
    """All parameters of a run."""

    masks: MaskParameters = field(default_factory=MaskParameters)
    psa: PsaParameters = field(default_factory=PsaParameters)
    scc: SccParameters = field(default_factory=SccParameters)
    graph: GraphParameters = field(default_factory=GraphParameters)
    seed: int = _parameter(0, "seed of everything random", minimum=0, maximum=2**32 - 1)
    device: str = _parameter("auto", "where networks run", choices=("auto", "cpu", "cuda", "mps"))
    foreign_ids: str = _parameter(
        "error",
        "ids or colours of a pseudo-label that the class scheme does not have: error = skip the image, "
        "ignore = read those pixels as ignore",
        choices=("error", "ignore"),
    )
    workers: int = _parameter(0, "images worked on at once; 0 = one for each core", minimum=0)

    def __post_init__(self) -> None:
        _check(self, "")
        for name in _GROUPS:
            _check(getattr(self, name), f"{name}.")

    def to_dict(self) -> dict[str, Any]:
        """The parameters as nested plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], path: Path | None = None, base: Parameters | None = None
    ) -> Parameters:
        """Build parameters from nested plain data; what is not named is as in `base`, else the default.

        Raises
        ------
        ParameterError
            If a name is unknown or a value is of the wrong type or out of range.
        """
        base = base or cls()
        try:
            values: dict[str, Any] = {}
            for name, value in data.items():
                if name in _GROUPS:
                    if not isinstance(value, dict):
                        raise ParameterError(f"[{name}] must be a table.")
                    values[name] = _changed(getattr(base, name), value, f"{name}.")
                else:
                    values[name] = value
            return _changed(base, values, "")
        except ParameterError as error:
            raise ParameterError(error.message, path=path, remedy=error.remedy) from None

    @classmethod
    def from_toml(cls, path: Path | str, base: Parameters | None = None) -> Parameters:
        """Read parameters from a TOML file; what it does not name is as in `base`, else the default.

        Raises
        ------
        ParameterError
            If the file cannot be read or holds what is no parameter.
        """
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ParameterError(
                f"cannot be read: {error.strerror or error}.", path=path, remedy="Check the path."
            ) from error
        except ValueError as error:
            raise ParameterError(f"cannot be read as TOML: {error}.", path=path) from error
        return cls.from_dict(data, path, base)

    def to_toml(self) -> str:
        """The parameters as a TOML file with every parameter explained."""
        lines = [
            "# Parameters for `seco run --config FILE`. What is left out is as in the project's last run,",
            "# in a new project the default.",
            "",
        ]
        groups = []
        for item in dataclasses.fields(self):
            if item.name in _GROUPS:
                groups.append(item.name)
            else:
                lines += _toml_lines(item, getattr(self, item.name))
        for name in groups:
            lines += ["", f"[{name}]"]
            for item in dataclasses.fields(_GROUPS[name]):
                lines += _toml_lines(item, getattr(getattr(self, name), item.name))
        return "\n".join(lines) + "\n"

    def replace(self, **changes: Any) -> Parameters:
        """A copy with some parameters changed; dotted names as ``**{"psa.min_region_area": 30}``.

        Raises
        ------
        ParameterError
            If a name is unknown or a value is of the wrong type or out of range.
        """
        data = self.to_dict()
        for name, value in changes.items():
            group, _, leaf = name.rpartition(".")
            if group and group not in _GROUPS:
                raise ParameterError(
                    f"there is no parameter {name}.", remedy=f"Groups: {', '.join(_GROUPS)}."
                )
            (data[group] if group else data)[leaf] = value
        return Parameters.from_dict(data)


_GROUPS: dict[str, type[Any]] = {
    "masks": MaskParameters,
    "psa": PsaParameters,
    "scc": SccParameters,
    "graph": GraphParameters,
}


def parameter_fields() -> list[tuple[str, dataclasses.Field[Any]]]:
    """Every parameter as (dotted name, field).

    The field's metadata has ``doc``, the limits, and ``symbol`` if the papers have one for it.
    """
    found: list[tuple[str, dataclasses.Field[Any]]] = []
    for item in dataclasses.fields(Parameters):
        if item.name in _GROUPS:
            found += [(f"{item.name}.{leaf.name}", leaf) for leaf in dataclasses.fields(_GROUPS[item.name])]
        else:
            found.append((item.name, item))
    return found


def _changed(group: Any, values: dict[str, Any], prefix: str) -> Any:
    known = {f.name for f in dataclasses.fields(group)}
    for name in values:
        if name not in known:
            raise ParameterError(
                f"there is no parameter {prefix}{name}.", remedy=f"Known: {', '.join(sorted(known))}."
            )
    return dataclasses.replace(group, **values)


def _check(group: Any, prefix: str) -> None:
    for item in dataclasses.fields(group):
        value, rule = getattr(group, item.name), item.metadata
        if not rule:
            continue
        name = prefix + item.name
        wanted = type(item.default)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            object.__setattr__(group, item.name, float(value))
        elif type(value) is not wanted:
            raise ParameterError(f"{name} must be of type {wanted.__name__}, not {value!r}.")
        if "choices" in rule and value not in rule["choices"]:
            raise ParameterError(
                f"{name} cannot be {value!r}.", remedy=f"One of: {', '.join(rule['choices'])}."
            )
        # written so that NaN fails too
        if "minimum" in rule and not value >= rule["minimum"]:
            raise ParameterError(f"{name} must be at least {rule['minimum']}, not {value}.")
        if "maximum" in rule and value > rule["maximum"]:
            raise ParameterError(f"{name} must be at most {rule['maximum']}, not {value}.")


def _toml_lines(item: dataclasses.Field[Any], value: Any) -> list[str]:
    text = f'"{_escape(value)}"' if isinstance(value, str) else repr(value)
    if isinstance(value, bool):
        text = text.lower()
    return [f"# {item.metadata['doc']}", f"{item.name} = {text}"]


def _escape(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(f"\\u{ord(c):04X}" if ord(c) < 0x20 or ord(c) == 0x7F else c for c in text)
