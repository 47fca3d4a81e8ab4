"""Doing work in batches that shrink when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from seco_core.errors import MaskSourceError

_Result = TypeVar("_Result")


def in_batches(count: int, size: int, work: Callable[[slice], _Result]) -> Iterator[tuple[int, _Result]]:
    """Work on items 0 to `count`, at most `size` at a time, halved whenever memory runs out.

    Parameters
    ----------
    count : int
        Items in all.
    size : int
        Items in the first batch.
    work : callable
        Gets the slice of items to work on. What was done before memory ran out is not done again.

    Yields
    ------
    done : int
        Items done so far.
    result : object
        What `work` returned for the last batch.

    Raises
    ------
    MaskSourceError
        If memory does not suffice for one item.
    """
    done = 0
    while done < count:
        batch = slice(done, min(done + size, count))
        try:
            result = work(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise MaskSourceError(
                    "no memory is left for even one prompt.", remedy="Use a smaller model or device cpu."
                ) from error
        else:
            done = batch.stop
            yield done, result
            continue
        # only here is the traceback gone that held the batch's tensors
        size //= 2
        free_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device, or the machine, has no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch has no type of its own for the CPU's and mps's memory
    text = str(error)
    return "DefaultCPUAllocator" in text or "out of memory" in text


def free_memory() -> None:
    """Give cached memory back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
