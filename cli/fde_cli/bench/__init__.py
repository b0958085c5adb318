"""Benchmarks: each against a named peer, in the same run on the same input, as ratios. What `fde bench` runs."""
