"""The stages psa -> scc -> graph -> refine over a project.

Resumable, cancellable, and the same result on any number of workers.
"""

from seco_core.pipeline.run import RunResult, run_pipeline

__all__ = ["RunResult", "run_pipeline"]
