"""Typed errors. Each says which file it is about and what the user can do."""

from __future__ import annotations

from pathlib import Path


class SecoError(Exception):
    """Base of every error that SeCo raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    path : path-like, optional
        The file or folder it is about.
    remedy : str, optional
        What the user can do about it.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, remedy: str | None = None):
        super().__init__(message)
        self.message = message
        self.path = Path(path) if path is not None else None
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path is not None else ""
        what = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{what}"


class SchemeError(SecoError):
    """A class scheme is missing, malformed or contradicts itself."""


class DatasetError(SecoError):
    """A dataset folder or list file cannot be understood."""


class ImageFileError(DatasetError):
    """An image, label or confidence file is missing, unreadable or truncated."""


class LabelError(DatasetError):
    """A label or confidence map was read but its content cannot be right."""


class ForeignIdsError(LabelError):
    """A class map has ids or colours that the class scheme does not have.

    Parameters
    ----------
    message, path, remedy
        As for `SecoError`.
    pixels : int
        How many pixels have them.
    """

    def __init__(
        self, message: str, *, path: Path | str | None = None, remedy: str | None = None, pixels: int = 0
    ):
        super().__init__(message, path=path, remedy=remedy)
        self.pixels = pixels


class MaskSourceError(SecoError):
    """A mask source cannot give masks for an image."""


class WeightsError(SecoError):
    """Model weights are missing or not what they claim to be."""


class ClusterError(SecoError):
    """The workers that images were sent to are gone."""


class ParameterError(SecoError):
    """A parameter or configuration file has a value that makes no sense."""


class ProjectError(SecoError):
    """A project folder cannot be created, opened or written."""


class ProjectVersionError(ProjectError):
    """The project was written by an older or newer version of SeCo."""


class ProjectReadOnlyError(ProjectError):
    """The project folder or its store cannot be written."""


class StorageFullError(ProjectError):
    """The disk is full. What was stored before is intact."""


class OverrideError(SecoError):
    """An override cannot be applied, undone or redone."""


class ExportError(SecoError):
    """A label set cannot be exported."""
