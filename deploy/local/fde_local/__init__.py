"""The real Kafka and the real Kubernetes that the tests run against, without containers.

`python -m fde_local prepare` builds them once into a cache; :class:`fde_local.kafka.KafkaBroker` and
:class:`fde_local.kubernetes.ControlPlane` start them on free loopback ports. Not part of the wheel.
"""
