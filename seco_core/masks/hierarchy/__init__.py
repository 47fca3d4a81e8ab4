"""Masks without weights: a binary partition tree over watershed parts.

Watershed parts of the smoothed image (`parts`), Ward linkage of their colours, ranks and positions
(`linkage`), its merges ordered by their borders too (`order`), borders of coarser regions moved to where the
colours change (`borders`). The nodes of several nested cuts of the tree (`tree`) are the automatic masks; a
prompt is answered by the node that fits its box and points best (`source`).
"""

from seco_core.masks.hierarchy.source import HierarchyMasks, HierarchySource
from seco_core.masks.hierarchy.tree import PartitionTree

__all__ = ["HierarchyMasks", "HierarchySource", "PartitionTree"]
