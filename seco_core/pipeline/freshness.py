"""What of a project is up to date, told from its store and the times of its files; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from seco_core.parameters import Parameters
from seco_core.pipeline.inputs import Inputs, stored_inputs, unchanged_inputs
from seco_core.pipeline.learnt import learnt_signature
from seco_core.pipeline.ledger import SCORING_STAGES, Ledger, signature
from seco_core.pipeline.signatures import scoring_signatures
from seco_core.progress import CancelToken
from seco_core.project import Project
from seco_core.project.records import BEGUN
from seco_core.scheme import ClassScheme


class StageState(StrEnum):
    """How a stage's stored results stand to what a run with the last run's parameters would make."""

    UP_TO_DATE = "up to date"
    DECIDED_SINCE = "decisions since"
    """Up to date but for what people decided or took back afterwards."""
    STALE = "stale"
    """Made of other files, parameters or decisions, or with another version."""
    UNFINISHED = "unfinished"
    """Of some images only, or a run was stopped while it stored them, or is doing so."""
    TO_DO = "to do"


@dataclass(frozen=True)
class Freshness:
    """What of a project is up to date.

    Attributes
    ----------
    images : frozenset of int
        Ids of the images, but for those skipped, that a run would not touch.
    stages : dict of str to StageState
        Every stage of the pipeline, in order.
    """

    images: frozenset[int]
    stages: dict[str, StageState]


class ImageKeys:
    """Signatures of what is made of an image's files.

    Parameters
    ----------
    scheme : ClassScheme
        Of the project.
    parameters : Parameters
        Of the run.
    masks, encoder : dict
        Signatures of the mask source and of the encoder.
    """

    def __init__(self, scheme: ClassScheme, parameters: Parameters, masks: Any, encoder: Any):
        self._shared = {
            "masks": masks,
            "psa": parameters.to_dict()["psa"],
            "scheme": scheme.to_dict(),
            "kept": ["contacts", "peak_confidence"],
        }
        self._encoder = encoder
        self._lenient = parameters.foreign_ids == "ignore"

    def psa(self, inputs: Inputs) -> str:
        """Signature of an image's regions."""
        # only where there are such pixels does it matter how they are read
        foreign = {"foreign_ids": "ignore"} if inputs.foreign_pixels and self._lenient else {}
        return signature(stage="psa", inputs=inputs.sha256, **self._shared, **foreign)

    def features(self, inputs: Inputs) -> str:
        """Signature of their features."""
        return signature(stage="features", psa=self.psa(inputs), encoder=self._encoder)


def fresh_images(
    ledger: Ledger, keys: ImageKeys, unchanged: Mapping[int, Inputs]
) -> tuple[set[int], set[int]]:
    """Images whose regions are up to date, and those of them whose features are too.

    Parameters
    ----------
    ledger : Ledger
        Of the project.
    keys : ImageKeys
        Of the run that is asked about.
    unchanged : mapping of int to Inputs
        As `unchanged_inputs` gives them.
    """
    known_psa = ledger.image_signatures("psa", skipped=True)
    known_features = ledger.image_signatures("features", skipped=True)
    cut = {i for i, inputs in unchanged.items() if known_psa.get(i) == keys.psa(inputs)}
    cut -= ledger.images_without_rasters()
    return cut, {i for i in cut if known_features.get(i) == keys.features(unchanged[i])}


def freshness(project: Project) -> Freshness:
    """Compare a project with what a run with the last run's parameters would make of it.

    Files of images are read only where their times have changed and their sizes have not, as in a copy.
    Weights and folders of masks are taken for what they were in the last run.
    """
    encoder_learns = False
    cut, fresh = set[int](), set[int]()
    used = {record.id for record in project.images if record.status != "skipped"}
    made = {record.id for record in project.images if record.status == "done"}
    runs, ledger = project.runs(), Ledger(project, 0)
    if runs:
        parameters, sources = runs[-1].parameters, runs[-1].sources
        encoder_learns = parameters.scc.encoder == "cnn"
        keys = ImageKeys(project.scheme, parameters, sources.get("masks"), sources.get("encoder"))
        unchanged = unchanged_inputs(project.images, stored_inputs(project), CancelToken())
        cut, fresh = (found & made for found in fresh_images(ledger, keys, unchanged))
    stages = {"psa": _of_images(cut, made, used), "features": _of_images(fresh, made, used)}
    names = [*(["cnn"] if encoder_learns else []), "scc", "graph", *SCORING_STAGES[1:]]
    stored = {name: ledger.project_signature(name) for name in names}
    known = {name: _of_project(signed) for name, signed in stored.items()}
    if runs and fresh == used:
        described = ledger.image_signatures("features")
        wanted = scoring_signatures(project, parameters, described)
        if encoder_learns:
            wanted["cnn"] = learnt_signature(parameters, described)
        current = {name for name in names if stored[name] == wanted[name]}
        current -= {name for name in current & {"graph", "scc-unc"} if not ledger.has_model(name)}
        known |= dict.fromkeys(current, StageState.UP_TO_DATE)
        scored = project.scoring_run()
        # where scc knows all decisions, what follows it is stale for another reason
        decided = "graph" in current and "scc" not in current
        if decided and scored is not None and scored.sources == sources:
            made_as = scoring_signatures(project, scored.parameters, described)
            since = {name for name in made_as if made_as[name] == wanted[name]}
            since &= {name for name, state in known.items() if state is StageState.STALE}
            known |= dict.fromkeys(since, StageState.DECIDED_SINCE)
    return Freshness(frozenset(fresh), stages | known)


def _of_images(fresh: set[int], made: set[int], used: set[int]) -> StageState:
    if not made:
        return StageState.TO_DO
    if made < used:
        return StageState.UNFINISHED
    return StageState.UP_TO_DATE if fresh == used else StageState.STALE


def _of_project(signed: str | None) -> StageState:
    if signed is None:
        return StageState.TO_DO
    return StageState.UNFINISHED if signed == BEGUN else StageState.STALE
