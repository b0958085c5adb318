"""OTLP/HTTP: what OpenTelemetry SDKs and our own small SDKs send, as readings of the sidecar."""
