"""Masks from Segment Anything (the published mask source) and its relatives.

`load_model` opens weights; `SamSource` makes masks with them. Importing this imports torch.
"""

from seco_core.masks.sam.loading import load_model
from seco_core.masks.sam.model import PromptableModel
from seco_core.masks.sam.source import SamMasks, SamSource

__all__ = ["PromptableModel", "SamMasks", "SamSource", "load_model"]
