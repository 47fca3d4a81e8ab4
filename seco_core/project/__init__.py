"""A project: a folder with an SQLite store, rasters beside it, and the log of what people decided."""

from seco_core.project.arrays import RegionArrays
from seco_core.project.overrides import Action, Override
from seco_core.project.project import Project
from seco_core.project.records import ImageRecord

__all__ = ["Action", "ImageRecord", "Override", "Project", "RegionArrays"]
