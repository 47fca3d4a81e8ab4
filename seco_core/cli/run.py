"""`seco run` and `seco config`: the pipeline and its parameters."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from seco_core.cli.app import app, errors, interruptible
from seco_core.console import out, print_problems, progress_bars
from seco_core.dataset import LAYOUTS, open_dataset
from seco_core.errors import ParameterError, ProjectError, SecoError
from seco_core.masks.sources import check_mask_source
from seco_core.parameters import Parameters, parameter_fields
from seco_core.project import Project
from seco_core.project.records import foreign_ids
from seco_core.project.store import STORE_NAME
from seco_core.scheme import builtin_schemes, default_scheme, load_scheme
from seco_core.texts import counted, typed


@app.command()
def run(
    dataset: Annotated[
        Path | None,
        typer.Argument(help="Dataset folder or list file; may be left out for a project that exists."),
    ] = None,
    project: Annotated[Path, typer.Option(help="Project folder, made if it does not exist.")] = Path("seco"),
    scheme: Annotated[
        str,
        typer.Option(
            help=f"Class scheme: {', '.join(builtin_schemes())}, or a .json/.toml file. Left out: the "
            "dataset's own classes.json, else cityscapes19."
        ),
    ] = "",
    layout: Annotated[str, typer.Option(help=f"Dataset layout: {', '.join(LAYOUTS)}.")] = "auto",
    masks: Annotated[str, typer.Option(help="Mask source: hierarchy, sam or files.")] = "",
    sam_checkpoint: Annotated[
        Path | None,
        typer.Option(help="SAM weights: .pth file, folder or downloaded name; implies --masks sam."),
    ] = None,
    masks_folder: Annotated[Path | None, typer.Option(help="COCO RLE files; implies --masks files.")] = None,
    encoder: Annotated[
        str, typer.Option(help='Region encoder: descriptor, cnn, sam or "timm:<model>".')
    ] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "",
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    workers: Annotated[int | None, typer.Option(help="Images worked on at once; 0 = one a core.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler whose workers do the images.")
    ] = None,
    accept_replaced: Annotated[
        bool,
        typer.Option(
            "--accept-replaced",
            help="Images that people decided on may be other files now, of the same size: decisions stay at "
            "their pixels. Such images are skipped otherwise.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="Parameters as TOML, laid over those of the last run; see `seco config`."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any parameter, as psa.min_region_area=30; repeatable.")
    ] = None,
) -> None:
    """Run the pipeline on a dataset, or go on where an earlier run stopped.

    Later runs of a project start from the parameters of its last one.
    """
    from seco_core.pipeline import run_pipeline

    with errors(resumable=True):
        changes: dict[str, Any] = {
            **_mask_changes(masks, sam_checkpoint, masks_folder),
            "scc.encoder": encoder or None,
            "device": device or None,
            "seed": seed,
            "workers": workers,
        }
        exists = (project / STORE_NAME).exists()
        parameters = parameters_of(project if exists else None, config)
        parameters = parameters.replace(**{k: v for k, v in changes.items() if v is not None})
        parameters = parameters.replace(**assignments(set_ or []))
        check_mask_source(parameters.masks)
        problems = _open_or_create(project, dataset, scheme, layout)
        with progress_bars() as progress, interruptible() as cancel:
            result = run_pipeline(
                project,
                parameters,
                progress=progress,
                cancel=cancel,
                cluster=cluster,
                accept_replaced=accept_replaced,
            )
        print_problems([*problems, *(f"{name}: {error}" for name, error in result.skipped)])
        print_summary(project)
        out.print(
            f"{counted(result.done, 'image')} done, {counted(result.up_to_date, 'was', 'were')} up to date, "
            f"{len(problems) + len(result.skipped):,} skipped, in {result.seconds:.1f} s"
        )
        out.print(
            f"review: seco view {typed(project)}    export: seco export {typed(project)}", soft_wrap=True
        )
    if result.exit_code == 0 and problems:
        raise typer.Exit(1)
    raise typer.Exit(result.exit_code)


@app.command("config")
def config_command(
    project: Annotated[
        Path | None, typer.Argument(help="Take the parameters of this project's last run.", metavar="[DIR]")
    ] = None,
) -> None:
    """Print all parameters as TOML, to be changed and given back with `seco run --config`."""
    with errors():
        typer.echo(parameters_of(project, None).to_toml(), nl=False)


def print_summary(path: Path) -> None:
    """Print what a project holds."""
    from seco_core.scc.correction import Verdict

    with Project.open(path, readonly=True) as project:
        regions = project.regions()
        counts = {v: int((regions.verdict == v).sum()) for v in Verdict}
        typer.echo(
            f"{counted(len(project.images), 'image')}, {counted(len(regions), 'region')}: "
            f"{counts[Verdict.KEEP]:,} kept, {counts[Verdict.RELABEL]:,} relabelled, "
            f"{counts[Verdict.DOUBT]:,} doubted, {counts[Verdict.DROP]:,} dropped; "
            f"{counted(len(project.overrides), 'override')} by people"
        )
        if foreign := foreign_ids(project.images):
            typer.echo(foreign)


def _open_or_create(path: Path, dataset: Path | None, scheme: str, layout: str) -> list[SecoError]:
    """Make sure that there is a project with the dataset's images; problems of the dataset."""
    from seco_core.pipeline.run import only_run

    exists = (path / STORE_NAME).exists()
    if dataset is None:
        if not exists:
            raise ProjectError("there is no project here yet, so a dataset is needed.", path=path)
        if layout != "auto":
            raise ParameterError(
                "--layout says how a dataset is laid out, but none is named.",
                remedy=f"Name it: `seco run DATASET --project {typed(path)} --layout {layout}`.",
            )
        with Project.open(path, readonly=True) as project:
            _check_scheme(project, scheme)
        return []
    found = open_dataset(dataset, layout=layout)
    if not exists:
        chosen = load_scheme(scheme or default_scheme(found.root))
        Project.create(path, chosen, found).close()
        if not scheme:
            out.print(f"class scheme: {chosen.name} (--scheme names another one)", soft_wrap=True)
        return list(found.problems)
    with Project.open(path) as project, only_run(project):
        _check_scheme(project, scheme)
        project.add_samples(found)
    return list(found.problems)


def _check_scheme(project: Project, scheme: str) -> None:
    if scheme and load_scheme(scheme) != project.scheme:
        raise ProjectError(
            f"the project's class scheme is {project.scheme.name}, not {scheme}.",
            path=project.path,
            remedy="Choose another project folder.",
        )


def parameters_of(project: Path | None, config: Path | None) -> Parameters:
    """What the file names, else as in the project's last run, else the defaults."""
    base = Parameters()
    if project is not None:
        with Project.open(project, readonly=True) as opened:
            base = opened.parameters()
    return base if config is None else Parameters.from_toml(config, base)


def _mask_changes(masks: str, sam_checkpoint: Path | None, masks_folder: Path | None) -> dict[str, Any]:
    implied = {"sam": sam_checkpoint, "files": masks_folder}
    named = {source for source, path in implied.items() if path is not None} | ({masks} - {""})
    if len(named) > 1:
        raise ParameterError(
            "--masks, --sam-checkpoint and --masks-folder ask for different sources of masks.",
            remedy="--sam-checkpoint goes with --masks sam, --masks-folder with --masks files.",
        )
    # later runs may be started in another folder; a name of downloaded weights is no path
    checkpoint = sam_checkpoint.absolute() if sam_checkpoint and sam_checkpoint.exists() else sam_checkpoint
    return {
        "masks.source": named.pop() if named else None,
        "masks.checkpoint": str(checkpoint) if checkpoint else None,
        "masks.folder": str(masks_folder.absolute()) if masks_folder else None,
    }


def assignments(texts: list[str], among: Collection[str] = ()) -> dict[str, Any]:
    """The parameters that ``--set NAME=VALUE`` names, of all or only `among` some."""
    known = {name: field for name, field in parameter_fields() if not among or name in among}
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise ParameterError(
                f"--set {text} names no parameter.", remedy=f"Known: {', '.join(sorted(known))}."
            )
        if isinstance(known[name].default, str):
            values[name] = value
            continue
        try:
            values[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            raise ParameterError(f"--set {text}: {value!r} is no number.") from None
    return values
