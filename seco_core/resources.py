"""Where the files that ship with SeCo are, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path


def resource_path(*parts: str) -> Path:
    """Path of a shipped resource, such as ``resource_path("schemes", "camvid11.json")``.

    A wheel carries ``resources/`` inside the package; an editable install finds it in the checkout.
    """
    package = Path(__file__).parent
    inside = package / "resources"
    root = inside if inside.is_dir() else package.parent / "resources"
    return root.joinpath(*parts)
