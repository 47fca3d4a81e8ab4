"""Numbers of things, times, capitals and paths, as people read and type them."""

from __future__ import annotations

from pathlib import Path


def counted(count: int, one: str, several: str = "") -> str:
    """A number and what there are so many of.

    Parameters
    ----------
    count : int
        How many.
    one : str
        What is said of one; more words than the noun may change with the number.
    several : str
        What is said of any other number; `one` with an s if left out.

    Examples
    --------
    >>> counted(1, "region"), counted(0, "region"), counted(1200, "image was", "images were")
    ('1 region', '0 regions', '1,200 images were')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def moment(time: str) -> str:
    """A time as stores note it, for people.

    Examples
    --------
    >>> moment("2026-02-03T04:05:06.789+00:00")
    '2026-02-03 04:05 UTC'
    """
    return f"{time[:16].replace('T', ' ')} UTC"


def capitalized(text: str) -> str:
    """A text with a capital first letter, the others as they are: names and paths among them.

    Examples
    --------
    >>> capitalized("a run has made 0001TP anew. Scores come.")
    'A run has made 0001TP anew. Scores come.'
    """
    return text[:1].upper() + text[1:]


def typed(path: Path) -> str:
    """A path as one types it in a command, whatever the shell.

    Examples
    --------
    >>> typed(Path("my_project")), typed(Path("my project"))
    ('my_project', '"my project"')
    """
    return f'"{path}"' if set(str(path)) & set(" #&();'") else str(path)
