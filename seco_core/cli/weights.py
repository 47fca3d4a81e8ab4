"""`seco weights`: SAM weights listed, checked and downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seco_core.cli.app import app, errors, interruptible
from seco_core.console import progress_bars
from seco_core.errors import ParameterError
from seco_core.texts import typed

weights_app = typer.Typer(help="List, check and download SAM weights.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")


@weights_app.command("list")
def weights_list() -> None:
    """Show which weights there are, and which of them are here."""
    from seco_core import weights

    folder = weights.weights_folder()
    for known in weights.KNOWN:
        here = "downloaded" if (folder / known.file_name).is_file() else "not downloaded"
        typer.echo(f"{known.name}  {known.size} bytes  {here}\n  {known.url}\n  SHA-256 {known.sha256}")
    typer.echo(f"Downloads go to {folder} (SECO_WEIGHTS names another folder).")
    typer.echo(
        "masks.checkpoint also takes folders that transformers saved, such as facebook/sam-vit-base, "
        "syscv-community/sam-hq-vit-base, facebook/sam2.1-hiera-large or facebook/sam3 from huggingface.co: "
        "`hf download NAME --local-dir FOLDER`."
    )


@weights_app.command("verify")
def weights_verify(file: Annotated[Path, typer.Argument(help="File of weights.")]) -> None:
    """Check a file's size and SHA-256 against the published weights."""
    from seco_core import weights

    with errors():
        found = weights.verify(file)
    typer.echo(f"{file} is {found.name} as published: {found.size} bytes, SHA-256 {found.sha256}")


@weights_app.command("download")
def weights_download(
    name: Annotated[str, typer.Argument(help="What `seco weights list` calls it.")],
    to: Annotated[Path | None, typer.Option(help="Folder; the user's cache if left out.")] = None,
) -> None:
    """Download weights, going on where an earlier download stopped, and check them."""
    from seco_core import weights

    with errors(resumable=True):
        known = {w.name: w for w in weights.KNOWN}
        if name not in known:
            raise ParameterError(f"there are no weights {name!r}.", remedy=f"One of: {', '.join(known)}.")
        with progress_bars() as progress, interruptible() as cancel:
            path = weights.download(known[name], to, progress=progress, cancel=cancel)
    typer.echo(f"{path}: complete, its SHA-256 is right")
    typer.echo(f"use it with: seco run DATASET --sam-checkpoint {typed(path) if to else name}")
