"""What tests export in place of a project."""

from types import SimpleNamespace

import numpy as np

from seco_core.errors import ProjectError
from seco_core.scheme import ClassScheme

SCHEME = ClassScheme.from_dict(
    {
        "name": "three",
        "ignore": 200,
        "classes": [
            {"id": 0, "name": "road", "color": [10, 20, 30], "kind": "stuff"},
            {"id": 3, "name": "traffic, light", "color": [40, 50, 60], "kind": "thing"},
            {"id": 5, "name": "sky", "color": [70, 80, 90], "kind": "stuff"},
        ],
    }
)
FULL = np.array([[0, 0, 3, 3], [5, 5, 5, 5]], dtype=np.uint8)
HALF = np.array([[0, 0, 255, 255], [5, 5, 255, 255]], dtype=np.uint8)


class Source:
    """What an export reads of a project."""

    def __init__(self, root, maps, history=()):
        self.path = root
        self.scheme = SCHEME
        self.maps = maps
        self.images = tuple(
            SimpleNamespace(id=i, name=name, image=root / f"{name}.jpg", problem=None)
            for i, name in enumerate(maps)
        )
        self.overrides = SimpleNamespace(history=lambda: list(history))
        self.states = []

    def curated(self, image_id, state):
        self.states.append(state)
        labels = list(self.maps.values())[image_id]
        if labels is None:
            raise ProjectError("has not been processed.", path=self.path)
        return labels

    def unfinished(self):
        return None

    def scoring_run(self):
        return None

    def provenance(self):
        return {"version": "1.2.3", "runs": [{"seed": 7}]}


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
