"""The relational graph of a project as one file of plain arrays that is mapped, not read."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.files import write_bytes
from seco_core.graph import EdgeKind, RelationalGraph, neighbours_of
from seco_core.project.own_files import reading

FOLDER = "graph"
_ALIGNMENT = 64


@dataclass(frozen=True)
class StoredGraph:
    """The graph between the regions that a run has linked; its arrays are views of the file.

    Attributes
    ----------
    region_ids : ndarray of int64, (N,)
        Ids in the store, ascending.
    links : dict of EdgeKind to csr_matrix of float32, (N, N)
        Symmetric weights between positions in `region_ids`; columns ascend within rows.
    """

    region_ids: NDArray[np.int64]
    links: dict[EdgeKind, sparse.csr_matrix]

    def of(self, region_id: int) -> list[tuple[int, float, int]]:
        """What is linked to a region: (region id, weight, kind), heaviest first."""
        row = int(np.searchsorted(self.region_ids, region_id))
        if row == len(self.region_ids) or self.region_ids[row] != region_id:
            return []
        found = []
        for kind, matrix in self.links.items():
            part = slice(*matrix.indptr[row : row + 2].tolist())
            others = self.region_ids[matrix.indices[part]].tolist()
            found += [(o, w, int(kind)) for o, w in zip(others, matrix.data[part].tolist(), strict=True)]
        return sorted(found, key=lambda link: (-link[1], link[0]))

    def between(
        self, region_ids: NDArray[np.int64], kind: EdgeKind, usable: NDArray[np.bool_]
    ) -> sparse.csr_matrix:
        """The links of a kind between some regions.

        Parameters
        ----------
        region_ids : ndarray of int64, (M,)
            Ids in the store, ascending. Those that the graph does not know have no links.
        kind : EdgeKind
            The links to take.
        usable : ndarray of bool, (N,)
            Which regions of the graph still exist.

        Returns
        -------
        csr_matrix of float32, (M, M)
            Between positions in `region_ids`; columns ascend within rows. Not to be written to.
        """
        matrix = self.links[kind]
        if usable.all() and np.array_equal(self.region_ids, region_ids):
            return matrix
        m = len(region_ids)
        position = np.searchsorted(region_ids, self.region_ids)
        known = position < m
        known[known] = region_ids[position[known]] == self.region_ids[known]
        position[~(known & usable)] = -1
        row = np.repeat(position, np.diff(matrix.indptr))
        column = position[matrix.indices]
        kept = (row >= 0) & (column >= 0)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=m))])
        return sparse.csr_matrix((matrix.data[kept], column[kept], indptr), shape=(m, m))


def write_graph(root: Path, region_ids: NDArray[np.int64], graph: RelationalGraph) -> tuple[str, str]:
    """Write the graph between regions of ascending ids; (file relative to `root`, SHA-256 of the file)."""
    n = len(region_ids)
    arrays: list[NDArray[Any]] = [np.asarray(region_ids, dtype=np.int64)]
    for kind in EdgeKind:
        matrix = neighbours_of(graph, n, kind=kind)
        arrays += [matrix.indptr, matrix.indices, matrix.data]
    buffer = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        buffer.write(bytes(-buffer.tell() % _ALIGNMENT))
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    file = f"{FOLDER}/{digest[:16]}.npy"
    write_bytes(root / file, data)
    return file, digest


def read_graph(root: Path, file: str) -> StoredGraph:
    """Map the file that `write_graph` wrote.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    path = root / file
    with reading("the relational graph", path), open(path, "rb") as stream:
        region_ids = _mapped(stream)
        n = len(region_ids)
        links = {}
        for kind in EdgeKind:
            indptr, indices, weight = (_mapped(stream) for _ in range(3))
            links[kind] = sparse.csr_matrix((weight, indices, indptr), shape=(n, n), copy=False)
            links[kind].has_sorted_indices = True
    return StoredGraph(region_ids, links)


def _mapped(stream: BinaryIO) -> NDArray[Any]:
    """The array that starts here, as a view of the file; the stream then stands at the next one."""
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"array of format {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    start, size = stream.tell(), int(np.prod(shape)) * dtype.itemsize
    # nothing cannot be mapped
    array = np.asarray(np.memmap(stream, dtype, "r", start, shape)) if size else np.zeros(shape, dtype)
    end = start + size
    stream.seek(end + -end % _ALIGNMENT)
    return array
