"""SeCo: cleaning of machine-made segmentation labels at the level of connected regions.

The engine knows neither Qt nor napari. Algorithms take and give arrays; `dataset`, `project` and
`formats` touch the disk; `pipeline` knows the order of the stages.
"""

__version__ = "0.1.0"
