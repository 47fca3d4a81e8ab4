"""Signatures of the stages over all regions: everything that decides what they make."""

from __future__ import annotations

from collections.abc import Mapping

from seco_core.parameters import Parameters
from seco_core.pipeline.ledger import signature
from seco_core.project import Project
from seco_core.scc.noise import fitted_weights


def scoring_signatures(
    project: Project, parameters: Parameters, described: Mapping[int, str]
) -> dict[str, str]:
    """Signatures of all stages but cnn, by stage, over images with these signatures of their features."""
    scc = scc_signature(project, parameters, described)
    graph = graph_signature(parameters, described)
    uncertainty = signature(
        stage="scc-unc",
        scc=scc,
        graph=graph,
        epochs=parameters.scc.uncertainty_epochs,
        of_decided="as the machine sees them",
    )
    noise = signature(
        stage="noise",
        scc=scc,
        uncertainty=uncertainty,
        score=parameters.scc.score,
        weights=fitted_weights(parameters.psa.profile),
        cleanlab=parameters.scc.cleanlab,
    )
    refined = refine_signature(parameters, noise)
    return {"scc": scc, "graph": graph, "scc-unc": uncertainty, "noise": noise, "refine": refined}


def scc_signature(project: Project, parameters: Parameters, described: Mapping[int, str]) -> str:
    """Signature of scc over images with these signatures of their features, with the decisions that hold."""
    return signature(
        stage="scc",
        features=described,
        folds=parameters.scc.folds,
        epochs=parameters.scc.epochs,
        label_smoothing=parameters.scc.label_smoothing,
        mixture=parameters.scc.mixture,
        seed=parameters.seed,
        overrides=[o.seq for i in project.overrides.images() for o in project.overrides.active(i)],
    )


def graph_signature(parameters: Parameters, described: Mapping[int, str]) -> str:
    """Signature of the relational graph over images with these signatures of their features."""
    return signature(
        stage="graph",
        features=described,
        neighbours=parameters.graph.neighbours,
        alpha=parameters.graph.alpha,
    )


def refine_signature(parameters: Parameters, noise_key: str) -> str:
    """Signature of the verdicts that come from scores of this signature."""
    return signature(
        stage="refine",
        noise=noise_key,
        method=parameters.scc.method,
        rule=parameters.scc.rule,
        rule_ratio=parameters.scc.rule_ratio,
        certain_share=parameters.scc.certain_share,
        tau_ns=parameters.scc.tau_ns,
        tau_cr=parameters.scc.tau_cr,
        class_share=parameters.scc.class_share,
    )
