"""The `seco` command.

Exit codes: 0 = everything done, 1 = done but some images were skipped, 2 = nothing done, 130 = cancelled.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from seco_core import __version__
from seco_core.console import err, out, print_error, print_evaluation, print_problems, progress_bars
from seco_core.dataset import LAYOUTS, open_dataset
from seco_core.errors import ParameterError, ProjectError, SecoError
from seco_core.files import write_bytes
from seco_core.parameters import Parameters, parameter_fields
from seco_core.progress import Cancelled, CancelToken
from seco_core.project import Project
from seco_core.project.store import STORE_NAME
from seco_core.scheme import builtin_schemes, default_scheme, load_scheme

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="seco",
    help="Clean machine-made segmentation labels region by region.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

ProjectArgument = Annotated[Path, typer.Argument(help="Project folder.", metavar="DIR")]


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
    encoder: Annotated[str, typer.Option(help='Region encoder: descriptor, sam or "timm:<model>".')] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "",
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    workers: Annotated[int | None, typer.Option(help="Images worked on at once; 0 = one a core.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler whose workers do the images.")
    ] = None,
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

    with _errors(resumable=True):
        changes: dict[str, Any] = {
            **_mask_changes(masks, sam_checkpoint, masks_folder),
            "scc.encoder": encoder or None,
            "device": device or None,
            "seed": seed,
            "workers": workers,
        }
        exists = (project / STORE_NAME).exists()
        parameters = _parameters(project if exists else None, config)
        parameters = parameters.replace(**{k: v for k, v in changes.items() if v is not None})
        parameters = parameters.replace(**_assignments(set_ or []))
        problems = _open_or_create(project, dataset, scheme, layout)
        with progress_bars() as progress, _interruptible() as cancel:
            result = run_pipeline(project, parameters, progress=progress, cancel=cancel, cluster=cluster)
        print_problems([*problems, *(f"{name}: {error}" for name, error in result.skipped)])
        print_summary(project)
        out.print(
            f"{result.done} images done, {result.up_to_date} were up to date, "
            f"{len(problems) + len(result.skipped)} skipped, in {result.seconds:.1f} s"
        )
        out.print(f"review: seco view {project}    export: seco export {project}", soft_wrap=True)
    if result.exit_code == 0 and problems:
        raise typer.Exit(1)
    raise typer.Exit(result.exit_code)


@app.command()
def view(project: ProjectArgument) -> None:
    """Open a project in napari."""
    with _errors():
        # one that cannot be written opens too: the window says that nothing can be decided
        with Project.open(project, readonly=True):
            pass
        try:
            from seco_viewer.plugin import open_viewer
        except ImportError as error:
            raise ProjectError(
                f"the window cannot be opened: {error}.",
                remedy='Install it with pip install "seco-viewer[pyqt5]".',
            ) from error
        open_viewer(project, block=True)


@app.command()
def export(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option(help="Folder to write; DIR/export-STATE if left out.")] = None,
    state: Annotated[
        str, typer.Option(help="all, clean (without dropped regions) or reviewed (overridden pixels only).")
    ] = "clean",
) -> None:
    """Write the curated label set: class-id and colour PNG, lists, decisions, manifest."""
    from seco_core.export import export as export_project

    with _errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, _interruptible() as cancel:
            report = export_project(
                opened, to or project / f"export-{state}", state=state, progress=progress, cancel=cancel
            )
        out.print(str(report), soft_wrap=True)
        print_problems(report.problems)
        if report.problems:
            raise typer.Exit(1)


@app.command()
def teach(project: ProjectArgument) -> None:
    """Train the region classifier further on what people decided, and score all regions anew."""
    from seco_core.pipeline import teach as teach_project

    with _errors(), progress_bars() as progress, _interruptible() as cancel:
        found = teach_project(project, _parameters(project, None), progress=progress, cancel=cancel)
        if found.taught or found.changed:
            out.print(
                f"{found.taught} decided regions taught: {found.changed} scores changed; "
                f"{found.newly_flagged} regions newly flagged, {found.no_longer_flagged} no longer, "
                f"in {found.seconds:.1f} s",
                soft_wrap=True,
            )
        else:
            out.print("nothing was decided since the scores were made")


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="Folder of an export.")]) -> None:
    """Check an export against the checksums in its manifest."""
    from seco_core.export import verify_export

    with _errors():
        problems = verify_export(folder)
        for problem in problems:
            print_error(problem)
        if not problems:
            out.print(f"{folder} is as it was exported", soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


@app.command()
def evaluate(
    project: ProjectArgument,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
) -> None:
    """Measure a project against ground truth, which the pipeline itself never sees."""
    from seco_core.evaluate import evaluate as evaluate_project

    with _errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, _interruptible() as cancel:
            numbers = evaluate_project(opened, progress=progress, cancel=cancel)
        print_evaluation(numbers)
        print_problems(numbers["problems"])
        if json_file is not None:
            plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in numbers.items()}
            write_bytes(json_file, (json.dumps(plain, indent=1) + "\n").encode())
    raise typer.Exit(1 if numbers["problems"] else 0)


@app.command()
def report(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option("--out", help="Folder to write; DIR/report if left out.")] = None,
    with_ground_truth: Annotated[
        bool, typer.Option("--with-ground-truth", help="Add what `seco evaluate` measures.")
    ] = False,
) -> None:
    """Write plots and numbers of a project as one HTML page and PNG files."""
    from seco_core.report import write_report

    with _errors(), Project.open(project, readonly=True) as opened:
        with progress_bars() as progress, _interruptible() as cancel:
            page = write_report(
                opened,
                to or project / "report",
                with_ground_truth=with_ground_truth,
                progress=progress,
                cancel=cancel,
            )
        out.print(f"report: {page}", soft_wrap=True)


@app.command("simulate")
def simulate_command(
    project: ProjectArgument,
    to: Annotated[Path | None, typer.Option(help="Folder to write; DIR/effort if left out.")] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(help="feedback, worst_first, confidence, confidence_area, random, oracle; repeatable."),
    ] = None,
    errors: Annotated[float, typer.Option(help="Share of decisions that are wrong.", min=0, max=1)] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the random order and of the errors.")] = 0,
) -> None:
    """Let a simulated reviewer answer with the ground truth: how many reviews does each order take?"""
    from seco_core.simulate import ORDERS, load_task, simulate, write_curves

    with _errors(), Project.open(project, readonly=True) as opened:
        task = load_task(opened)
        curves = [simulate(task, name, error_rate=errors, seed=seed) for name in order or ORDERS]
        folder = to or project / "effort"
        told = write_curves(curves, folder)
        for name, numbers in told["orders"].items():
            reviews = numbers["reviews_until_goal"]
            after = "never" if reviews is None else f"after {reviews} reviews"
            out.print(f"{name}: {100 * told['goal']:.0f} % of the area is right {after}")
        out.print(f"curves: {folder / 'effort.png'}, {folder / 'effort.json'}", soft_wrap=True)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where the example goes.")] = Path("demo"),
    count: Annotated[int, typer.Option(help="Number of scenes.", min=1)] = 12,
    height: Annotated[int, typer.Option(help="Height of a scene; it is twice as wide.", min=32)] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the scenes and of the run.")] = 0,
    view: Annotated[bool, typer.Option(help="Open napari at the end, where there is a display.")] = True,
) -> None:
    """Make the built-in example, run everything on it, evaluate, export, and open it."""
    from seco_core.demo import run_demo

    with _errors(resumable=True), progress_bars() as progress, _interruptible() as cancel:
        run_demo(folder, count=count, size=(height, 2 * height), seed=seed, progress=progress, cancel=cancel)
    project = folder / "project"
    if not view:
        return
    with _errors():
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            out.print("no display here: open the project elsewhere with `seco view`")
            return
        from seco_viewer.plugin import open_viewer

        open_viewer(project, block=True)


@app.command("config")
def config_command(
    project: Annotated[
        Path | None, typer.Argument(help="Take the parameters of this project's last run.", metavar="[DIR]")
    ] = None,
) -> None:
    """Print all parameters as TOML, to be changed and given back with `seco run --config`."""
    with _errors():
        typer.echo(_parameters(project, None).to_toml(), nl=False)


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

    with _errors():
        found = weights.verify(file)
    typer.echo(f"{file} is {found.name} as published: {found.size} bytes, SHA-256 {found.sha256}")


@weights_app.command("download")
def weights_download(
    name: Annotated[str, typer.Argument(help="What `seco weights list` calls it.")],
    to: Annotated[Path | None, typer.Option(help="Folder; the user's cache if left out.")] = None,
) -> None:
    """Download weights, going on where an earlier download stopped, and check them."""
    from seco_core import weights

    with _errors(resumable=True):
        known = {w.name: w for w in weights.KNOWN}
        if name not in known:
            raise ParameterError(f"there are no weights {name!r}.", remedy=f"One of: {', '.join(known)}.")
        with progress_bars() as progress, _interruptible() as cancel:
            path = weights.download(known[name], to, progress=progress, cancel=cancel)
    typer.echo(f"{path}: complete, its SHA-256 is right")
    typer.echo(f"use it with: seco run DATASET --sam-checkpoint {path if to else name}")


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"seco {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the console script."""
    app()


def print_summary(path: Path) -> None:
    """Print what a project holds."""
    from seco_core.scc.correction import Verdict

    with Project.open(path, readonly=True) as project:
        regions = project.regions()
        counts = {v: int((regions.verdict == v).sum()) for v in Verdict}
        typer.echo(
            f"{len(project.images)} images, {len(regions)} regions: {counts[Verdict.KEEP]} kept, "
            f"{counts[Verdict.RELABEL]} relabelled, {counts[Verdict.DOUBT]} doubted, "
            f"{counts[Verdict.DROP]} dropped; "
            f"{len(project.overrides)} overrides by people"
        )


def _open_or_create(path: Path, dataset: Path | None, scheme: str, layout: str) -> list[SecoError]:
    """Make sure that there is a project with the dataset's images; problems of the dataset."""
    exists = (path / STORE_NAME).exists()
    if dataset is None:
        if not exists:
            raise ProjectError("there is no project here yet, so a dataset is needed.", path=path)
        return []
    found = open_dataset(dataset, layout=layout)
    if not exists:
        chosen = load_scheme(scheme or default_scheme(found.root))
        Project.create(path, chosen, found).close()
        if not scheme:
            out.print(f"class scheme: {chosen.name} (--scheme names another one)", soft_wrap=True)
        return list(found.problems)
    with Project.open(path) as project:
        if scheme and load_scheme(scheme) != project.scheme:
            raise ProjectError(
                f"the project's class scheme is {project.scheme.name}, not {scheme}.",
                path=path,
                remedy="Choose another project folder.",
            )
        project.add_samples(found)
    return list(found.problems)


def _parameters(project: Path | None, config: Path | None) -> Parameters:
    """What the file names, else as in the project's last run, else the defaults."""
    base = Parameters()
    if project is not None:
        with Project.open(project, readonly=True) as opened:
            runs = opened.runs()
            if runs:
                base = runs[-1].parameters
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


def _assignments(texts: list[str]) -> dict[str, Any]:
    known = dict(parameter_fields())
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


@contextmanager
def _errors(*, resumable: bool = False) -> Iterator[None]:
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
def _interruptible() -> Iterator[CancelToken]:
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


if __name__ == "__main__":
    main()
