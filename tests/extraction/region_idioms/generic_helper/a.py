import json
import os


def chunks(items, size):
    for start in range(0, len(items), size):
        yield items[start : start + size]


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def env(name, default=None):
    value = os.environ.get(name, default)
    if value is None:
        raise RuntimeError(f"{name} is not set")
    return value


def publish(rows, queue):
    for batch in chunks(rows, 10):
        queue.send_batch([{"Id": str(n), "Body": json.dumps(row)} for n, row in enumerate(batch)])
