"""Audit: what the operator and people did to customers' objects, in hash chains on Kafka.

AuditedCluster, Kubernetes' audit log -> Act -> Journal (disk) -> ChainWriter -> `fde-engine.audit`; its head -> anchors elsewhere
"""
