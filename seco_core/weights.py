"""Weights of Segment Anything: which there are, checking a file, and getting one when asked to.

Nothing here runs by itself: weights are downloaded by `download` alone.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seco_core.errors import WeightsError
from seco_core.files import storage_errors
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress

_CHUNK = 1 << 20
_META = "https://dl.fbaipublicfiles.com/segment_anything/"


@dataclass(frozen=True)
class Weights:
    """A published file of weights.

    Attributes
    ----------
    name : str
        What it is called here and in `masks.checkpoint`.
    url : str
        Where it is published; the last part is the file's name.
    size : int
        Bytes.
    sha256 : str
        Hex digits.
    """

    name: str
    url: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[-1]


# The digits in Meta's file names are of the files' MD5, not of their SHA-256.
KNOWN = (
    Weights(
        "vit_b",
        _META + "sam_vit_b_01ec64.pth",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    Weights(
        "vit_l",
        _META + "sam_vit_l_0b3195.pth",
        1_249_524_607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    Weights(
        "vit_h",
        _META + "sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
)
"""Meta's weights of Segment Anything (Apache-2.0)."""

WHERE = (
    "Meta's weights are sam_vit_b_01ec64.pth (375 MB), sam_vit_l_0b3195.pth (1.2 GB) and "
    "sam_vit_h_4b8939.pth (2.6 GB), from the README of github.com/facebookresearch/segment-anything or by "
    "`seco weights download vit_b`; check a file with `seco weights verify FILE`, then name it with "
    "masks.checkpoint."
)


def weights_folder() -> Path:
    """Where downloaded weights are kept: ``SECO_WEIGHTS``, else the user's cache folder."""
    chosen = os.environ.get("SECO_WEIGHTS")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("seco-viewer")) / "weights"


def find_weights(checkpoint: Path | str) -> Path:
    """The file or folder that `masks.checkpoint` means.

    Parameters
    ----------
    checkpoint : path-like
        A path, or the name of `KNOWN` weights that were downloaded.

    Raises
    ------
    WeightsError
        If there is none, saying where to get weights and how to check them.
    """
    if not str(checkpoint):
        raise WeightsError("no SAM weights are named.", remedy=WHERE)
    path = Path(checkpoint)
    if path.exists():
        return path
    for weights in KNOWN:
        if str(checkpoint) == weights.name:
            path = weights_folder() / weights.file_name
            if path.is_file():
                return path
            raise WeightsError(
                f"{weights.name} has not been downloaded.",
                path=path,
                remedy=f"Get it with `seco weights download {weights.name}`.",
            )
    raise WeightsError("there is no such file of SAM weights.", path=path, remedy=WHERE)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex digits.

    Raises
    ------
    WeightsError
        If the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror or error}.", path=path) from error


def verify(path: Path | str, known: Sequence[Weights] = KNOWN) -> Weights:
    """Check a file's size and SHA-256 against the published weights.

    Returns
    -------
    Weights
        Which of them it is.

    Raises
    ------
    WeightsError
        If the file is missing or none of them. What is wrong is said: a size that differs, or the content.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError("there is no such file.", path=path, remedy=WHERE)
    size, sha256 = path.stat().st_size, file_sha256(path)
    for weights in known:
        if sha256 == weights.sha256:
            return weights
    problem = f"is none of the known weights: {size} bytes, SHA-256 {sha256}."
    remedy = "`seco weights list` shows those; of others only their publisher can say whether they are right."
    for weights in known:
        if path.name == weights.file_name and size != weights.size:
            problem = f"is not whole: {size} of {weights.size} bytes."
            remedy = f"Get it again, as with `seco weights download {weights.name}`."
        elif path.name == weights.file_name or size == weights.size:
            problem = f"is damaged: its SHA-256 is {sha256}, that of {weights.name} is {weights.sha256}."
            remedy = f"Get it again, as with `seco weights download {weights.name}`."
    raise WeightsError(problem, path=path, remedy=remedy)


def download(
    weights: Weights,
    folder: Path | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Download weights, going on where an earlier download stopped, and check them.

    Parameters
    ----------
    weights : Weights
        What to get.
    folder : Path, optional
        Where to; `weights_folder` if left out.
    progress : callable, optional
        Told of stage ``"download"`` in bytes.
    cancel : CancelToken, optional
        Stops it; what has come so far is kept for the next time.

    Returns
    -------
    Path
        The file. If it was there and right, nothing is downloaded.

    Raises
    ------
    WeightsError
        If the server cannot be reached, or what it sent is not what was published (that is removed).
    StorageFullError, ProjectReadOnlyError, ProjectError
        If the file cannot be written.
    Cancelled
        If `cancel` was set.
    """
    target = (folder or weights_folder()) / weights.file_name
    if target.is_file() and target.stat().st_size == weights.size and file_sha256(target) == weights.sha256:
        return target
    part = target.with_name(target.name + ".part")
    with storage_errors(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_file() and part.stat().st_size > weights.size:
            part.unlink()
        present = part.stat().st_size if part.is_file() else 0
        free = shutil.disk_usage(part.parent).free
    if free < weights.size - present:
        raise WeightsError(
            f"needs {weights.size - present} bytes, the disk has {free}.",
            path=target,
            remedy="Free some space, or set SECO_WEIGHTS to a folder on another disk.",
        )
    if present < weights.size:
        _fetch(weights, part, present, progress, cancel or CancelToken())
    if part.stat().st_size < weights.size:
        raise WeightsError(
            f"came only to {part.stat().st_size} of {weights.size} bytes.",
            path=part,
            remedy="Run the command again to go on.",
        )
    sha256 = file_sha256(part)
    if sha256 != weights.sha256:
        part.unlink()
        raise WeightsError(
            f"{weights.url} sent not what was published: SHA-256 {sha256} instead of {weights.sha256}.",
            path=target,
            remedy="It was removed; try again or get the file from elsewhere.",
        )
    with storage_errors(target):
        os.replace(part, target)
    return target


def _fetch(
    weights: Weights, part: Path, present: int, progress: ProgressCallback, cancel: CancelToken
) -> None:
    """Append what is missing to a file that has the first `present` bytes."""
    request = urllib.request.Request(weights.url, headers={"User-Agent": "seco-viewer"})
    if present:
        request.add_header("Range", f"bytes={present}-")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            if present and answer.status != 206:  # the server sends all of it
                present = 0
            with storage_errors(part), open(part, "ab" if present else "wb") as file:
                while present < weights.size:
                    cancel.raise_if_cancelled()
                    # a failing connection must not be taken for a failing disk
                    block = _read(answer, min(_CHUNK, weights.size - present), weights)
                    if not block:
                        return
                    file.write(block)
                    present += len(block)
                    progress(ProgressEvent("download", present, weights.size, weights.file_name))
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(weights, error) from error


def _read(answer: object, size: int, weights: Weights) -> bytes:
    try:
        block: bytes = answer.read(size)  # type: ignore[attr-defined]
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(weights, error) from error
    return block


def _unreachable(weights: Weights, error: BaseException) -> WeightsError:
    return WeightsError(
        f"{weights.url} cannot be downloaded: {getattr(error, 'reason', None) or error}.",
        remedy="Run the command again to go on, or get the file in another way.",
    )
