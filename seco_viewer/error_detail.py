"""What to hand on of an error that nobody foresaw: where it arose, and the versions of what was running."""

from __future__ import annotations

import platform
import traceback
from importlib.metadata import PackageNotFoundError, version

import qtpy

from seco_core import __version__

_PACKAGES = ("napari", "numpy", "torch")


def error_detail(error: BaseException) -> str:
    """Traceback and versions, as text to be copied. No path is in it but those of the traceback."""
    trace = "".join(traceback.format_exception(error)).rstrip()
    return f"{trace}\n\n{_versions()}\n"


def _versions() -> str:
    found = [f"seco {__version__}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    found.append(f"{qtpy.API_NAME} with Qt {qtpy.QT_VERSION}")
    found.append(f"Python {platform.python_version()} on {platform.platform()}")
    return "\n".join(found)
