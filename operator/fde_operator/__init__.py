"""The operator: approved candidates become primitives, FDEDeployments become workloads.

watch event (kopf) -> WorkQueue -> reconcile(key): observe -> plan(observed, desired) -> apply -> status
"""
