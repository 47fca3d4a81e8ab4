"""Where networks run."""

from __future__ import annotations

from seco_core.errors import ParameterError


def resolve_device(name: str) -> str:
    """``"cuda"`` or ``"cpu"`` for ``"auto"``; any other name if this machine has it.

    ``"mps"`` is only used when asked for: several operations differ there.

    Raises
    ------
    ParameterError
        If the machine has no such device.
    """
    import torch

    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available.get(name, False):
        raise ParameterError(f"this machine has no device {name!r}.", remedy="Use auto or cpu.")
    return name
