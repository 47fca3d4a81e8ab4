"""Class schemes: which classes there are, their colours, and whether each is stuff or a thing."""

from __future__ import annotations

import functools
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import SchemeError
from seco_core.resources import resource_path

Kind = Literal["stuff", "thing"]


@dataclass(frozen=True)
class ClassInfo:
    """One class of a scheme: its id in label maps, name, RGB colour, and stuff or thing."""

    id: int
    name: str
    color: tuple[int, int, int]
    kind: Kind


@dataclass(frozen=True)
class ClassScheme:
    """The classes of a label set.

    Attributes
    ----------
    name : str
        Name of the scheme.
    classes : tuple of ClassInfo
        The classes in ascending order of id. Ids need not be contiguous.
    ignore : int
        The id of pixels without a label, 0 to 255, no class's id. 255 unless the file says otherwise.
        Inside SeCo the ignore index is always `IGNORE`; readers and writers translate.
    unknown : int or None
        For open sets: the id of the class that means "none of the others".
    """

    name: str
    classes: tuple[ClassInfo, ...]
    ignore: int = 255
    unknown: int | None = None

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def size(self) -> int:
        """Length of per-class arrays: the largest class id plus one."""
        return self.classes[-1].id + 1

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of all classes, ascending."""
        return np.array([c.id for c in self.classes], dtype=np.int64)

    @property
    def stuff_ids(self) -> NDArray[np.int64]:
        """Ids of the stuff classes, ascending."""
        return np.array([c.id for c in self.classes if c.kind == "stuff"], dtype=np.int64)

    @property
    def thing_ids(self) -> NDArray[np.int64]:
        """Ids of the thing classes, ascending."""
        return np.array([c.id for c in self.classes if c.kind == "thing"], dtype=np.int64)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """RGB colours by id, shape (256, 3); ids without a class are black."""
        table = np.zeros((256, 3), dtype=np.uint8)
        for c in self.classes:
            table[c.id] = c.color
        return table

    def __contains__(self, class_id: object) -> bool:
        return any(c.id == class_id for c in self.classes)

    def __getitem__(self, class_id: int) -> ClassInfo:
        for c in self.classes:
            if c.id == class_id:
                return c
        raise KeyError(class_id)

    def label(self, class_id: int) -> str:
        """Name of a class for people; ``"ignore"`` for the ignore index, ``"class 7"`` if there is none."""
        if class_id in self:
            return self[class_id].name
        return "ignore" if class_id == IGNORE else f"class {class_id}"

    def to_dict(self) -> dict[str, Any]:
        """The scheme as plain data, the form of a scheme file."""
        data: dict[str, Any] = {"name": self.name, "ignore": self.ignore}
        if self.unknown is not None:
            data["unknown"] = self.unknown
        data["classes"] = [
            {"id": c.id, "name": c.name, "color": list(c.color), "kind": c.kind} for c in self.classes
        ]
        return data

    @classmethod
    def from_dict(cls, data: Any, path: Path | None = None) -> ClassScheme:
        """Build a scheme from plain data.

        Raises
        ------
        SchemeError
            If a field is missing, of the wrong type, out of range or used twice.
        """
        try:
            return _from_dict(data)
        except SchemeError as error:
            raise SchemeError(error.message, path=path, remedy=error.remedy) from None


IGNORE = 255
"""The ignore index inside SeCo: pixels without a label, in every class map it makes."""

_REMEDY = (
    "A scheme is a JSON or TOML file with name, optional ignore and unknown ids, and classes; "
    'each class has id, name, color [r, g, b] and kind "stuff" or "thing".'
)


def builtin_schemes() -> list[str]:
    """Names of the schemes that come with SeCo."""
    return sorted(p.stem for p in resource_path("schemes").glob("*.json"))


def load_scheme(name_or_path: str | Path) -> ClassScheme:
    """Load a scheme by its built-in name or from a ``.json`` or ``.toml`` file.

    Raises
    ------
    SchemeError
        If there is no such scheme or the file is not a valid one.

    Examples
    --------
    >>> load_scheme("cityscapes19")[0].name
    'road'
    """
    if str(name_or_path) in builtin_schemes():
        return _load_file(resource_path("schemes") / f"{name_or_path}.json")
    path = Path(name_or_path)
    if not path.is_file():
        raise SchemeError(
            f"there is no class scheme {str(name_or_path)!r}.",
            remedy=f"Give a .json or .toml file, or one of: {', '.join(builtin_schemes())}.",
        )
    return _load_file(path)


def default_scheme(data_root: Path) -> str:
    """The scheme of a dataset that none was named for: its own ``classes.json``, else ``cityscapes19``."""
    own = data_root / "classes.json"
    return str(own) if own.is_file() else "cityscapes19"


@functools.lru_cache(maxsize=32)
def _parse(path: Path, mtime_ns: int) -> ClassScheme:
    kind = path.suffix.lower()
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        # what JSON lacks tells nothing of a file that was never meant as such
        why = error if kind in (".json", ".toml") or isinstance(error, OSError) else "it is no JSON or TOML"
        raise SchemeError(f"cannot be read as a class scheme: {why}.", path=path, remedy=_REMEDY) from error
    return ClassScheme.from_dict(data, path)


def _load_file(path: Path) -> ClassScheme:
    return _parse(path, path.stat().st_mtime_ns)


def _from_dict(data: Any) -> ClassScheme:
    if not isinstance(data, dict) or not isinstance(data.get("classes"), list):
        raise SchemeError("is not a class scheme.", remedy=_REMEDY)
    classes = []
    for position, entry in enumerate(data["classes"]):
        missing = {"id", "name", "color", "kind"} - set(entry if isinstance(entry, dict) else ())
        if missing:
            raise SchemeError(
                f"class number {position + 1} lacks {', '.join(sorted(missing))}.", remedy=_REMEDY
            )
        color = entry["color"]
        if not (isinstance(color, list) and len(color) == 3 and all(_is_byte(v) for v in color)):
            raise SchemeError(
                f"colour of class {entry['name']!r} must be three whole numbers from 0 to 255.",
                remedy=_REMEDY,
            )
        classes.append(ClassInfo(entry["id"], str(entry["name"]), tuple(color), entry["kind"]))
    try:
        classes.sort(key=lambda c: c.id)
    except TypeError:
        raise SchemeError("class ids must be whole numbers from 0 to 254.", remedy=_REMEDY) from None
    return ClassScheme(
        name=str(data.get("name", "unnamed")),
        classes=tuple(classes),
        ignore=data.get("ignore", IGNORE),
        unknown=data.get("unknown"),
    )


def _is_byte(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


def _validate(scheme: ClassScheme) -> None:
    if not scheme.classes:
        raise SchemeError("has no classes.", remedy=_REMEDY)
    ids = [c.id for c in scheme.classes]
    for c in scheme.classes:
        if not _is_byte(c.id) or c.id == IGNORE:
            raise SchemeError(
                f"id of class {c.name!r} must be a whole number from 0 to 254, not {c.id!r}.",
                remedy=_REMEDY,
            )
        if c.kind not in ("stuff", "thing"):
            raise SchemeError(
                f'kind of class {c.name!r} must be "stuff" or "thing", not {c.kind!r}.', remedy=_REMEDY
            )
    used: dict[str, list[Any]] = {"id": ids, "name": [c.name.casefold() for c in scheme.classes]}
    for what, values in used.items():
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        if twice:
            raise SchemeError(f"{what} used by two classes: {', '.join(twice)}.", remedy=_REMEDY)
    if not _is_byte(scheme.ignore):
        raise SchemeError(f"ignore id must be from 0 to 255, not {scheme.ignore!r}.", remedy=_REMEDY)
    if scheme.ignore in ids:
        raise SchemeError(f"ignore id {scheme.ignore} is also the id of a class.", remedy=_REMEDY)
    if scheme.unknown is not None and scheme.unknown not in ids:
        raise SchemeError(f"unknown id {scheme.unknown!r} is not the id of any class.", remedy=_REMEDY)
