"""What all commands of `seco` share: the application, errors and exit codes, stopping on Ctrl-C.

Exit codes: 0 = everything done, 1 = done but some images were skipped, 2 = nothing done, 130 = cancelled.
"""

from __future__ import annotations

import logging
import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from seco_core import __version__
from seco_core.console import err, print_error
from seco_core.errors import SecoError
from seco_core.progress import Cancelled, CancelToken

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="seco",
    help="Clean machine-made segmentation labels region by region.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

ProjectArgument = Annotated[Path, typer.Argument(help="Project folder.", metavar="DIR")]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"seco {__version__}")
        raise typer.Exit


@contextmanager
def errors(*, resumable: bool = False) -> Iterator[None]:
    """Say what went wrong and end with the exit code for it; `resumable`: a second try goes on."""
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        rest = "; what was done is stored, run the same command again to go on" if resumable else ""
        err.print(f"cancelled{rest}", soft_wrap=True)
        raise typer.Exit(130) from None
    except SecoError as error:
        print_error(error)
        raise typer.Exit(2) from None
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except Exception as error:
        logger.debug("a command failed", exc_info=True)
        if os.environ.get("SECO_DEBUG") == "1":
            traceback.print_exc()
        print_error(
            f"{type(error).__name__}: {error}. This is a bug, please report it with what SECO_DEBUG=1 shows."
        )
        raise typer.Exit(2) from None


@contextmanager
def interruptible() -> Iterator[CancelToken]:
    """Ctrl-C stops between steps; a second one at once."""
    token = CancelToken()

    def stop(number: int, frame: Any) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)
