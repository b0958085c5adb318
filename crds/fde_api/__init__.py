"""The fde.io/v1 kinds as typed models, the CRDs generated from them, and the pure step from candidate to primitive."""
