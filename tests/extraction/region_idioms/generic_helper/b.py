import json
import os
from pathlib import Path


def batched(seq, n):
    for i in range(0, len(seq), n):
        yield seq[i : i + n]


def read_config(path):
    with open(path) as f:
        return json.load(f)


def required(key):
    if key not in os.environ:
        raise SystemExit(f"set {key}")
    return os.environ[key]


def archive(folder):
    for batch in batched(sorted(Path(folder).glob("*.csv")), 100):
        for path in batch:
            path.rename(path.with_suffix(".done"))
