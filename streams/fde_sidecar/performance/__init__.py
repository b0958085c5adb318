"""Performance: shifts of latency and of the error rate, told at the source.

Call -> Baselines.observe() -> PerformanceEvent when an endpoint has become slower, faster, worse or better, and when it is back
"""

from __future__ import annotations

from fde_sidecar.performance.baselines import Baselines as Baselines
