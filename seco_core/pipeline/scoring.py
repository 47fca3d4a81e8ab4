"""The stages over all regions at once: scc, graph, scc-unc, noise, refine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.feedback.lessons import learn_from_reviews
from seco_core.graph import relational_graph
from seco_core.parameters import Parameters
from seco_core.pipeline.evidence import evidence
from seco_core.pipeline.learnt import learn_features
from seco_core.pipeline.ledger import Ledger
from seco_core.pipeline.region_inputs import contacts, decided_regions, described_regions, lessons
from seco_core.pipeline.signatures import refine_signature, scoring_signatures
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project, RegionArrays
from seco_core.scc.class_mixture import fit_class_mixtures
from seco_core.scc.further import fits, train_further
from seco_core.scc.graph_vae import graph_uncertainty
from seco_core.scc.label_quality import label_quality
from seco_core.scc.loss import cross_fit
from seco_core.scc.mixture import fit_mixture
from seco_core.scc.noise import noise_score
from seco_core.scc.unknown import unknown_score
from seco_core.scc.verdicts import verdicts

_FURTHER_EPOCHS = 10
_FURTHER_WEIGHT = 16.0  # a few epochs must do what all of them do in a training from the start


def run_scoring(
    project: Project,
    parameters: Parameters,
    ledger: Ledger,
    device: str,
    progress: ProgressCallback,
    cancel: CancelToken,
    networks: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Bring cnn, scc, graph, scc-unc, noise and refine up to date, over the images that are not skipped.

    What is stored of a region that a person has decided is what the machine would say of it: so undoing the
    decision gives that back. Whoever shows or uses the numbers lets the decision stand before them.
    """
    # with `networks`, those of an earlier scc over the same regions, scc trains them further if they fit
    described = ledger.image_signatures("features")
    regions = project.regions()
    if not np.isin(regions.image_id, list(described)).any():
        return
    if parameters.scc.encoder == "cnn":
        learn_features(project, parameters, ledger, device, progress, cancel)
    else:
        ledger.forget_learnt()
    cancel.raise_if_cancelled()
    keys = scoring_signatures(project, parameters, described)
    if ledger.project_signature("scc") != keys["scc"]:
        _score(project, regions, parameters, ledger, device, keys["scc"], progress, cancel, networks or {})
    cancel.raise_if_cancelled()
    if ledger.project_signature("graph") != keys["graph"] or not ledger.has_model("graph"):
        _link(project, regions, parameters, ledger, keys["graph"], progress)
    cancel.raise_if_cancelled()
    if ledger.project_signature("scc-unc") != keys["scc-unc"] or not ledger.has_model("scc-unc"):
        # while a person waits half of the epochs must do: the labels have hardly changed
        epochs = parameters.scc.uncertainty_epochs // (2 if networks else 1)
        key = keys["scc-unc"]
        _doubt(project, regions, parameters, ledger, device, key, max(1, epochs), progress, cancel)
    cancel.raise_if_cancelled()
    if ledger.project_signature("noise") != keys["noise"]:
        suspect(project, parameters, ledger, keys["noise"], progress)
    cancel.raise_if_cancelled()
    refine(project, parameters, ledger, keys["noise"], progress)


def _score(
    project: Project,
    regions: RegionArrays,
    parameters: Parameters,
    ledger: Ledger,
    device: str,
    key: str,
    progress: ProgressCallback,
    cancel: CancelToken,
    networks: Mapping[str, NDArray[Any]],
) -> None:
    """SCC-LD: out-of-sample loss of every region's class, and its place in the mixture."""
    rows, features = described_regions(project, regions, ledger.image_signatures("features"))
    labels, weight, reviewed = lessons(project, regions)
    if fits(networks, features, regions.image_id[rows], project.scheme.size):
        weight[reviewed & (weight > 0.0)] = _FURTHER_WEIGHT
        train = partial(train_further, networks, epochs=_FURTHER_EPOCHS)
    else:
        train = partial(cross_fit, folds=parameters.scc.folds, epochs=parameters.scc.epochs)
    fit = train(
        features,
        labels[rows],
        regions.image_id[rows],
        # what is in question is the machine's class, also where a person teaches another one
        asked=regions.class_id[rows],
        n_classes=project.scheme.size,
        label_smoothing=parameters.scc.label_smoothing,
        seed=parameters.seed,
        device=device,
        sample_weight=weight[rows],
        progress=progress,
        cancel=cancel,
    )
    asked, unseen = regions.class_id[rows], ~reviewed[rows]
    if parameters.scc.mixture == "class":
        mixtures = fit_class_mixtures(fit.loss[unseen], asked[unseen], seed=parameters.seed)
        eta = mixtures.eta(fit.loss, asked)
    else:
        eta = fit_mixture(fit.loss[unseen], seed=parameters.seed).eta(fit.loss)
    # ids between the scheme's classes are no classes: nothing may be predicted as one
    probabilities = np.zeros_like(fit.probabilities)
    probabilities[:, project.scheme.ids] = fit.probabilities[:, project.scheme.ids]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ledger.store_networks("scc", fit.networks)
    ledger.store_scores(
        regions.id[rows],
        fit.loss,
        eta,
        probabilities.argmax(axis=1).astype(np.uint8),
        probabilities,
        key,
    )


def _link(
    project: Project,
    regions: RegionArrays,
    parameters: Parameters,
    ledger: Ledger,
    key: str,
    progress: ProgressCallback,
) -> None:
    """The relational graph of all regions (SeCoV2)."""
    progress(ProgressEvent("graph", 0, 1))
    rows, features = described_regions(project, regions, ledger.image_signatures("features"))
    position = np.full(len(regions), -1, dtype=np.int64)
    position[rows] = np.arange(len(rows))
    touching = contacts(project, regions, np.unique(regions.image_id[rows]).tolist())
    size = {r.id: r.shape for r in project.images if r.shape is not None}
    height, width = np.array([size[i] for i in regions.image_id[rows].tolist()], dtype=np.float32).T
    graph = relational_graph(
        features,
        (regions.box[rows] / np.column_stack([width, height, width, height])).astype(np.float32),
        regions.image_id[rows],
        position[touching[:, :2]],
        touching[:, 2],
        neighbours=parameters.graph.neighbours,
        alpha=parameters.graph.alpha,
    )
    progress(ProgressEvent("graph", 1, 1))
    ledger.store_graph(regions.id[rows], graph, key)


def _doubt(
    project: Project,
    regions: RegionArrays,
    parameters: Parameters,
    ledger: Ledger,
    device: str,
    key: str,
    epochs: int,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> None:
    """SCC-Unc: uncertainty of every region under a VAE on the relational graph, and open set (SeCoV2)."""
    rows, features = described_regions(project, regions, ledger.image_signatures("features"))
    # with area in the weights wrong regions get codes nearer to the prior's than right ones, and a lower U
    labels, weight, _ = lessons(project, regions, by_area=False)
    graph = project.graph(regions.id[rows])
    assert graph is not None, "the graph stage comes before"
    found = graph_uncertainty(
        features,
        graph,
        labels[rows],
        regions.image_id[rows],
        n_classes=project.scheme.size,
        folds=parameters.scc.folds,
        epochs=epochs,
        seed=parameters.seed,
        device=device,
        sample_weight=weight[rows],
        progress=progress,
        cancel=cancel,
    )
    strange = unknown_score(
        features,
        labels[rows],
        found.weights["fold"],
        project.regions().probabilities[rows],
        unknown=project.scheme.unknown,
        sample_weight=weight[rows],
    )
    ledger.store_uncertainty(regions.id[rows], found, strange, key)


def suspect(
    project: Project, parameters: Parameters, ledger: Ledger, key: str, progress: ProgressCallback
) -> None:
    """Store the noise score of all scored regions.

    Parameters
    ----------
    project, parameters, ledger
        As for `run_scoring`; the scores of the stages before must be there.
    key : str
        Signature of what is stored.
    progress : callable
        Called before and after.
    """
    progress(ProgressEvent("noise", 0, 1))
    regions = project.regions()
    described = list(ledger.image_signatures("features"))
    known = evidence(project, regions, described, parameters, kin=bool(np.isnan(regions.confidence).all()))
    scored, features = described_regions(project, regions, described)
    reviewed, decided = decided_regions(project, regions)
    reviewed, decided = reviewed[scored], decided[scored]
    score = regions.eta[scored]
    if parameters.scc.score == "fused":
        # all evidence is about the machine's classes, also where a person has decided on another one
        score = noise_score({k: v[scored] for k, v in known.items()}, profile=parameters.psa.profile)
    score = learn_from_reviews(
        score, features, regions.class_id[scored], reviewed, decided, project.scheme.size
    ).noise_score
    quality = np.full(len(scored), np.nan, dtype=np.float32)
    if parameters.scc.cleanlab:
        quality = label_quality(regions.class_id[scored], regions.probabilities[scored])
    ledger.store_noise(regions.id[scored], score, known["disagreement"][scored], quality, key)
    progress(ProgressEvent("noise", 1, 1))


def refine(
    project: Project,
    parameters: Parameters,
    ledger: Ledger,
    noise_key: str,
    progress: ProgressCallback,
) -> None:
    """Bring the verdicts on all scored regions up to date (SeCo 3.3, or SeCoV2 by uncertainty).

    Parameters
    ----------
    project, parameters, ledger
        As for `run_scoring`.
    noise_key : str
        Signature of the scores that the verdicts come from.
    progress : callable
        Called before and after if there is anything to do.
    """
    key = refine_signature(parameters, noise_key)
    if ledger.project_signature("refine") == key:
        return
    progress(ProgressEvent("refine", 0, 1))
    regions = project.regions()
    described = list(ledger.image_signatures("features"))
    scored = np.flatnonzero(~np.isnan(regions.noise_score) & np.isin(regions.image_id, described))
    verdict = verdicts(
        parameters.scc,
        regions.class_id[scored],
        regions.noise_score[scored],
        regions.loss[scored],
        regions.uncertainty[scored],
        regions.probabilities[scored],
    )
    ledger.store_verdicts(regions.id[scored], verdict, key)
    progress(ProgressEvent("refine", 1, 1))
