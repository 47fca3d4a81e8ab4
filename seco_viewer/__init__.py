"""The napari plugin: a window in which pseudo-labels are reviewed region by region."""
