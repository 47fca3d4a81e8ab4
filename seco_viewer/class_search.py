"""Finding a class by the first letters of its name or by its number."""

from __future__ import annotations

from seco_core.scheme import ClassScheme


def find_classes(scheme: ClassScheme, text: str) -> list[int]:
    """Ids of the classes that a text may mean, the likeliest first; all for an empty text.

    A number means the class of that id, then those whose ids begin with it. Letters mean names that begin
    with them, then names with a word that does, then names that contain them.

    Examples
    --------
    >>> from seco_core.scheme import load_scheme
    >>> find_classes(load_scheme("cityscapes19"), "tr")
    [6, 7, 14, 16]
    >>> find_classes(load_scheme("cityscapes19"), "1")
    [1, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    """
    wanted = text.strip().casefold()
    ranked = []
    for c in scheme.classes:
        name = c.name.casefold()
        rank: int | None
        if str(c.id) == wanted or not wanted:
            rank = 0
        elif wanted.isdigit():
            rank = 1 if str(c.id).startswith(wanted) else None
        elif name.startswith(wanted):
            rank = 1
        elif any(word.startswith(wanted) for word in name.split()):
            rank = 2
        else:
            rank = 3 if wanted in name else None
        if rank is not None:
            ranked.append((rank, c.id))
    return [class_id for _, class_id in sorted(ranked)]
