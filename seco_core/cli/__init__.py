"""The `seco` command, a file for each kind of thing to do; their order is that of its help."""

from seco_core.cli import run, status, window, labels, undo, review, weights  # isort: skip  # noqa: F401
from seco_core.cli.app import app


def main() -> None:
    """Entry point of the console script."""
    app()
