"""Registry: candidates, primitives, decisions. One seam, two homes: a directory of manifests, or the Kubernetes API."""
