"""The stages psa -> scc -> graph -> scc-unc -> refine over a project.

Resumable, cancellable, and the same result on any number of workers.
"""

from seco_core.pipeline.run import RunResult, run_pipeline
from seco_core.pipeline.teach import TeachResult, teach
from seco_core.pipeline.thresholds import apply_thresholds
from seco_core.pipeline.trial import PsaTrial, try_psa

__all__ = ["PsaTrial", "RunResult", "TeachResult", "apply_thresholds", "run_pipeline", "teach", "try_psa"]
